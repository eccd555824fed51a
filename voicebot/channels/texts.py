"""What the channels themselves say, apart from the dialplans: defaults, and a clinic's own words in `channels.yaml`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from voicebot.dialog.own_words import load_own_words


class Texts(BaseModel):
    """Words of the channels. {minutes} is how long the robot waits for an operator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    waiting: str = "Позвала оператора. Он ответит прямо здесь, обычно в течение нескольких минут. Пока можно писать дальше."
    still_waiting: str = "Оператор отошёл, ищу другого. Ваши сообщения сохранены."
    taken: str = "Оператор подключился и читает ваш разговор."
    given_back: str = "С вами снова робот-администратор."
    closed: str = "Оператор завершил разговор. Если появятся вопросы, просто напишите."
    remind: str = "Вы ещё здесь? Если нужно, продолжим с того же места."
    inactive: str = "Завершаю разговор: от вас долго нет сообщений. Напишите, когда будет удобно, и начнём заново."
    stale_button: str = "Эта кнопка уже не действует. Ответьте, пожалуйста, на последний вопрос."
    too_long: str = "Сообщение слишком длинное. Напишите, пожалуйста, короче, в двух-трёх предложениях."
    too_fast: str = "Слишком много сообщений подряд. Подождите, пожалуйста, минуту."
    unavailable: str = "Сейчас не получается ответить. Попробуйте через минуту или позвоните в клинику."
    not_heard: str = "Не удалось разобрать голосовое сообщение. Напишите, пожалуйста, текстом."
    voice_too_long: str = "Голосовое сообщение слишком длинное. Запишите, пожалуйста, короче или напишите текстом."
    consent: str = "Отправляя сообщение, вы соглашаетесь на обработку персональных данных."
    greeting: str = "Здравствуйте! Напишите, чем помочь: запишу к врачу, подскажу цены, адреса и подготовку."
    title: str = "Чат клиники"


def load_texts(folder: Path) -> Texts:
    """Read the clinic's own words (`channels.yaml` of its folder). Raises ConfigurationError with file and line."""
    return load_own_words(folder / "channels.yaml", Texts)
