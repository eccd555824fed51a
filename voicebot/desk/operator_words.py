"""The operator's pages in Russian: what is to be done, why something did not work, what a visit's state is called."""

from datetime import date, datetime

from voicebot.clinic.failures import ServiceFailure

_TODO = {
    "requested": "Пациент попросил соединить с человеком.",
    "emergency": "Опасно для жизни: прежде всего 103 или 112.",
    "nomatch": "Робот не понял пациента. Переспросите, чего он хочет.",
    "noinput": "Пациент молчал. Проверьте, слышит ли он вас.",
    "trouble": "Робот несколько раз не понял пациента. Закончите начатое.",
    "budget": "Разговор затянулся. Закончите начатое.",
    "upset": "Пациент недоволен. Выслушайте его.",
    "unserved": "Такой просьбы робот не умеет выполнять.",
    "nothing_free": "Свободного времени по пожеланию нет. Предложите другое время, врача или лист ожидания.",
    "not_identified": "Пациент не узнан. Сверьте телефон, имя и дату рождения.",
    "appointment_closed": "Приём уже прошёл или отменён, робот его не меняет.",
    "age": "Возраст пациента не подходит врачу. Помогите выбрать другого.",
    "retry": "Соединяем ещё раз: в прошлый раз никто не ответил.",
    "dialplan_loop": "Сбой диалога. Закончите начатое.",
    "form": "Пациент оставил сообщение на сайте. Свяжитесь с ним по телефону.",
    "taken": "Вы взяли разговор у робота. Пациент видит, что ему отвечает человек.",
    "service": "Сбой записи. Повторите запись здесь.",
}
_OTHER = "Выясните, чем помочь."

#: Why a service of the clinic refused: for people, with what to do next.
_FAILURES = {
    "slot_taken": "Это время только что заняли. Выберите другое.",
    "hold_expired": "Придержанное время вышло, и его заняли. Выберите другое.",
    "too_late": "Это время уже прошло. Выберите другое.",
    "not_found": "Такой записи или такого времени больше нет.",
    "not_offered": "Этот врач не оказывает такую услугу или не в этом филиале.",
    "appointment_closed": "Эту запись изменить уже нельзя: она отменена или приём начался.",
    "bad_phone": "Это не телефонный номер. Исправьте его.",
    "key_reused": "Эта форма уже отправлена. Проверьте список записей.",
    "unavailable": "База данных недоступна. Повторите через минуту.",
    "too_early": "Ещё рано: приём не начался.",
    "changed": "Другой сотрудник уже отметил этот визит. Проверьте.",
}
_FAILED = "Не получилось. Повторите."

STATUSES = {
    "booked": "ожидается",
    "arrived": "пришёл",
    "fulfilled": "принят",
    "cancelled": "отменён",
    "noshow": "не пришёл",
}
#: The reasons that the robot asks for, and one more.
CANCEL_REASONS = {
    "": "не названа",
    "ill": "болезнь",
    "recovered": "уже не нужно",
    "no_time": "не успевает",
    "elsewhere": "в другой клинике",
    "price": "дорого",
    "mistake": "ошибка записи",
}
_DAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "вс")
_MONTHS = ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря")


def todo(reason: str) -> str:
    """What a hand-over for this reason asks of the operator."""
    return _TODO.get(reason.split(":")[0], _OTHER)


def failure(error: ServiceFailure) -> str:
    """Why it did not work."""
    return _FAILURES.get(error.code, _FAILED)


def status(word: str) -> str:
    """A visit's state."""
    return STATUSES.get(word, word)


def day(at: date | datetime) -> str:
    """ "вт, 24 ноября"."""
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]}"


def moment(at: datetime) -> str:
    """ "вт, 24 ноября, 10:30"; `at` in the clinic's zone."""
    return f"{day(at)}, {at:%H:%M}"


def money(rub: int | None) -> str:
    """ "2 500 ₽", nothing when the price is unknown."""
    return "" if rub is None else f"{rub:,}\u00a0₽".replace(",", "\u00a0")
