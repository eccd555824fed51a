"""The records' words in Russian, for the pages. What is not known is shown as it is."""

from datetime import datetime

from voicebot.records.marks import Kind

_CHANNELS = {
    "phone": "телефон",
    "web": "чат",
    "chat": "чат",
    "alice": "Алиса",
    "telegram": "Telegram",
    "max": "MAX",
    "form": "форма",
    "sms": "СМС",
}
_OUTCOMES = {
    "": "идёт",
    "booked": "записан",
    "moved": "перенесён",
    "cancelled": "отменён",
    "informed": "получил ответ",
    "callback": "ждёт звонка",
    "waitlisted": "в листе ожидания",
    "off_topic": "не по теме",
    "transferred": "передан человеку",
    "referred": "направлен к людям",
    "abandoned": "положил трубку",
    "failed": "сбой",
    "lost": "потерян",
}
_REASONS = {
    "requested": "просил человека",
    "emergency": "опасно для жизни",
    "nomatch": "не понят",
    "noinput": "молчал",
    "trouble": "много непониманий",
    "budget": "вышло время",
    "upset": "недоволен",
    "unserved": "нет такого диалога",
    "nothing_free": "нет свободного времени",
    "not_identified": "не узнан",
    "appointment_closed": "приём уже прошёл",
    "age": "возраст не подходит",
    "retry": "повторная попытка",
    "taken": "взят у робота",
    "form": "просит связаться",
    "line": "решила линия",
    "brain_died": "сбой робота",
    "queue": "ждёт в очереди",
    "queue_left": "не дождался в очереди",
    "queue_full": "все линии заняты",
    "queue_too_long": "долго ждал в очереди",
    "queue_operator": "просил человека в очереди",
    "queue_closed": "робот останавливался",
    "robot_failed": "сбой робота",
    "during_transfer": "не дождался человека",
    "caller": "положил трубку",
    "caller_said_goodbye": "попрощался",
    "caller_said_stop": "просил прекратить",
    "off_topic": "не по теме",
    "error": "сбой связи",
    "dialplan_loop": "ошибка диалога",
}
_TRANSFERS = {
    "": "",
    "completed": "принят",
    "bridged": "принят",
    "busy": "занято",
    "no_answer": "не ответили",
    "declined": "отклонён",
    "unreachable": "недоступно",
    "closed": "не работают",
    "failed": "не удалось",
}
MARKS = {
    Kind.MISHEARD: "ослышался",
    Kind.MISUNDERSTOOD: "не так понял",
    Kind.BAD_PROMPT: "плохая фраза",
    Kind.WRONG_DATA: "неверные данные",
    Kind.FINE: "всё верно",
}
STAGES = {"endpoint": "конец фразы", "recognise": "распознавание", "think": "разбор", "speak": "голос", "total": "всего"}
_WHO = {"caller": "Пациент", "robot": "Робот", "operator": "Оператор", "system": "Событие"}


def channel(word: str) -> str:
    """The way a patient came."""
    return _CHANNELS.get(word, word)


def outcome(word: str) -> str:
    """What became of a contact; "" while it goes on."""
    return _OUTCOMES.get(word, word)


def transfer(word: str) -> str:
    """How a transfer ended."""
    return _TRANSFERS.get(word, word)


def who(word: str) -> str:
    """Who speaks."""
    return _WHO.get(word, word)


def reason(word: str) -> str:
    """A reason in words; "service:slot_taken" and its like name a service that failed."""
    if word.startswith("service:"):
        return "сбой записи"
    return _REASONS.get(word.split(":")[0], word)


_INTENTS = {
    "book": "записаться",
    "reschedule": "перенести запись",
    "cancel": "отменить запись",
    "appointments": "узнать о своей записи",
    "waitlist": "в лист ожидания",
    "schedule": "расписание врача",
    "price": "цена",
    "prepare": "подготовка",
    "ready": "когда готово",
    "results": "результаты анализов",
    "document": "справка, документ",
    "address": "адрес",
    "hours": "часы работы",
    "sms": "прислать сообщение",
    "operator": "позвать человека",
    "upset": "недоволен",
    "emergency": "опасно для жизни",
    "off_topic": "не по теме",
    "none": "сказано не нам, обрывки",
    "answer": "ответ на вопрос робота",
    "greeting": "приветствие",
    "goodbye": "прощание",
    "repeat": "повторить",
    "help": "помощь",
    "hold_on": "подождать",
    "back": "назад",
    "stop": "прекратить",
    "info": "справочная",
    "lab": "лаборатория",
    "complaint": "жалоба",
    "yes": "да",
    "no": "нет",
    "keys": "нажал кнопки",
    "inform": "ответил",
}


def intent(word: str) -> str:
    """What a caller wanted."""
    return _INTENTS.get(word, word)


_DELIVERIES = {
    "sms": "СМС",
    "telegram": "Telegram",
    "max": "MAX",
    "viber": "Viber",
    "push": "приложение",
    "call": "звонок робота",
}
_CONDITIONS = {"closed": "работает", "open": "не работает", "half-open": "проверяется"}
_MESSAGES = {
    "address": "адрес",
    "test_info": "об анализе",
    "results_ready": "результаты готовы",
    "pin": "код",
    "call_back": "обещали перезвонить",
    "dialog_number": "номер обращения",
    "alice_dialog_id": "номер обращения",
    "dialog_reply": "ответ робота",
    "booked": "подтверждение записи",
    "visit": "о визите",
    "moved": "запись перенесена",
    "cancelled": "запись отменена",
    "reminder_day": "напоминание за день",
    "reminder_hours": "напоминание за часы",
    "reminder_several": "напоминание о нескольких визитах",
    "waiting_offer": "освободилось время",
    "waiting_booked": "записан из листа ожидания",
    "waiting_gone": "время уже занято",
}
_SENT = {
    "queued": "ждёт отправки",
    "underway": "отправлено",
    "delivered": "доставлено",
    "read": "прочитано",
    "sent": "отправлено",
    "failed": "не доставлено",
    "dropped": "не понадобилось",
}
_ANSWERS = {"confirmed": "подтвердил", "moved": "перенёс", "cancelled": "отменил"}


def delivery_channel(word: str) -> str:
    """How a message went to a patient."""
    return _DELIVERIES.get(word, word)


def condition(word: str) -> str:
    """How a provider of messages is."""
    return _CONDITIONS.get(word, word)


def message(template: str) -> str:
    """What a message is about."""
    return _MESSAGES.get(template, template)


def sent(word: str) -> str:
    """What became of a message."""
    return _SENT.get(word, word)


def answer(word: str) -> str:
    """What a patient said to a message."""
    return _ANSWERS.get(word, word)


def rubles(kopecks: int) -> str:
    """1 234,50 ₽, without kopecks where there are none."""
    whole, rest = divmod(abs(kopecks), 100)
    number = f"{whole:,}".replace(",", "\u00a0") + (f",{rest:02}" if rest else "")
    return f"{'−' if kopecks < 0 else ''}{number}\u00a0₽"


def seconds(value: float | None) -> str:
    """4,2 с; a dash where nothing is known."""
    return "—" if value is None else f"{value:.1f}".replace(".", ",") + "\u00a0с"


_TARGETS = {"operator": "оператор", "emergency": "скорая помощь"}


def target(name: str) -> str:
    """Whom a call was handed to, by the name in the settings."""
    return _TARGETS.get(name, name)


_VERSIONS = {"recogniser": "распознавание", "voice": "голос", "dialplan": "диалоги", "dialplans": "диалоги"}


def version(name: str) -> str:
    """A part of the robot whose version is kept with each contact."""
    return _VERSIONS.get(name, name)


_SLOTS = {
    "doctor": "врач",
    "speciality": "специальность",
    "service": "услуга",
    "test": "анализ",
    "branch": "филиал",
    "datetime": "время",
    "date": "день",
    "time": "время",
    "choice": "выбор",
    "yes_no": "да или нет",
    "patient": "пациент",
    "number": "число",
    "name": "имя",
    "phone": "телефон",
    "birth_date": "дата рождения",
    "faq": "вопрос",
    "request": "просьба",
}


def slot(name: str) -> str:
    """What a slot holds."""
    return _SLOTS.get(name, name)


def ago(at: datetime, now: datetime) -> str:
    """How long ago something began: seconds matter to an operator only at first."""
    minutes = max(0, int((now - at).total_seconds())) // 60
    if minutes < 1:
        return "только что"
    return f"{minutes} мин назад" if minutes < 60 else f"{minutes // 60} ч {minutes % 60} мин назад"


def waited(since: datetime, now: datetime) -> str:
    """How long somebody has waited: "меньше минуты", "5 мин", "2 ч 5 мин"."""
    minutes = max(0, int((now - since).total_seconds())) // 60
    if minutes < 1:
        return "меньше минуты"
    return f"{minutes} мин" if minutes < 60 else f"{minutes // 60} ч {minutes % 60} мин"


def plain(word: str) -> str:
    """A name that is shown as it is."""
    return word


def duration(seconds: float | None) -> str:
    """1:05, or a dash."""
    return "—" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def share(value: float) -> str:
    """0.123 -> 12 %."""
    return f"{value * 100:.0f} %"


def in_spreadsheet(text: str) -> str:
    """A text that a spreadsheet will not take for a formula and run."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
