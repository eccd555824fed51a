"""What the audit notes, in Russian."""

import re

ACTIONS = {
    "logged_in": "вошёл",
    "logged_out": "вышел",
    "login_failed": "неверный вход",
    "login_throttled": "вход задержан",
    "refused": "отказано: нет прав",
    "password_changed": "сменил пароль",
    "password_reset": "выдан новый пароль",
    "user_added": "создан пользователь",
    "user_changed": "изменён пользователь",
    "user_disabled": "закрыт пользователь",
    "user_enabled": "открыт пользователь",
    "role_changed": "изменена роль",
    "key_added": "создан ключ",
    "key_revoked": "отозван ключ",
    "searched": "искал по словам или телефону",
    "dialog_opened": "открыл обращение",
    "dialogs_exported": "выгрузил обращения",
    "recording_played": "слушал запись",
    "recording_downloaded": "скачал запись",
    "recording_locked": "запись без ключа",
    "turn_marked": "отметил реплику",
    "contact_opened": "открыл обращение (оператор)",
    "contact_taken": "взял обращение",
    "contact_settled": "закрыл обращение",
    "chat_answered": "написал пациенту",
    "chat_given_back": "вернул разговор роботу",
    "call_backs_listed": "смотрел обратные звонки",
    "call_back_taken": "взял обратный звонок",
    "call_back_tried": "звонил, не ответили",
    "call_back_done": "закрыл обратный звонок",
    "visits_listed": "смотрел визиты",
    "visits_looked_up": "искал визиты пациента",
    "visit_marked": "отметил визит",
    "calls_allowed": "записал согласие на звонки",
    "calls_refused": "записал отказ от звонков",
    "unknown_dialog": "неверный номер обращения",
    "id_suggested": "неверный номер, есть похожий",
    "guessing_throttled": "подбор номеров задержан",
    "numbers_exported": "выгрузил показатели",
    "audit_exported": "выгрузил журнал",
    "patient_looked_up": "смотрел данные пациента",
    "patient_exported": "выгрузил данные пациента",
    "erasure_begun": "начал удаление данных пациента",
    "patient_erased": "удалил данные пациента",
    "purged": "удалено по срокам хранения",
}


def action(word: str) -> str:
    """An action in words; what is not known is shown as it is."""
    return ACTIONS.get(word, word)


_DETAILS = {
    "recordings": "записей",
    "dialogs": "обращений",
    "figures": "строк показателей",
    "audit": "строк журнала",
    "messages": "сообщений",
    "outgoing_calls": "звонков робота",
    "contact_points": "адресов и согласий",
    "waiting": "мест в листе ожидания",
    "visits": "визитов",
    "leftovers": "остатков",
    "lab_orders": "заказов анализов",
    "patients": "карточек пациента",
    "rejected": "отвергнутых записей",
    "stays: running": "осталось: идущих разговоров",
    "stays: coming_visits": "осталось: предстоящих визитов",
    "stays: past_visits": "осталось: прошедших визитов",
    "stays: lab_orders": "осталось: заказов анализов",
    "stays: others_dialogs": "осталось: обращений других людей",
    "stays: recordings_not_removed": "осталось: записей, которые не отдал диск",
    "stays: spooled_writes": "ждут базу данных: записей",
}
_COUNT = re.compile(r"((?:stays: )?[a-z_]+) (\d+)")


def detail(text: str) -> str:
    """What was removed and what stays, in words; other details are shown as they are."""
    return _COUNT.sub(lambda found: f"{_DETAILS.get(found.group(1), found.group(1))} {found.group(2)}", text)
