"""What callers in line's queue hear: defaults, and a clinic's own words in `waiting.yaml`; made into sound for line."""

from collections.abc import Callable
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, field_validator

from voicebot.audio.hold_music import at_level, hold_music
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.audio.wav import SoundError, read_sound
from voicebot.dialog.own_words import load_own_words
from voicebot.link.waiting_sounds import WaitingSounds
from voicebot.russian.numbers import say_ordinal

log = structlog.get_logger(__name__)

FILE = "waiting.yaml"
_PAUSE_MS = 350  # after each phrase
LONGEST_MUSIC_SECONDS = 600


class WaitingWords(BaseModel):
    """{place} is an ordinal, in the nominative, as of a masculine noun: «звонок ... в очереди»."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    greeting: str = "Здр+авствуйте! Сейч+ас все л+инии з+аняты. Пож+алуйста, ост+аньтесь на л+инии."
    place: str = "Ваш звон+ок {place} в +очереди."
    more: str = "Ваш звон+ок в +очереди."
    hint: str = "Чт+обы поговор+ить с опер+атором, нажм+ите ноль."
    no_operator: str = "Опер+атор сейч+ас не отвеч+ает. Вы ост+аётесь в +очереди."
    served: str = "Спас+ибо за ожид+ание."
    to_operator: str = "Сейч+ас все л+инии з+аняты. Соедин+яю вас с опер+атором."
    call_back: str = "К сожал+ению, опер+аторы сейч+ас з+аняты. М+ы об+язательно вам перезвон+им. Всег+о д+оброго!"
    goodbye: str = "К сожал+ению, опер+аторы сейч+ас з+аняты. Пож+алуйста, перезвон+ите нам ч+уть п+озже. Всег+о д+оброго!"

    @field_validator("place")
    @classmethod
    def _told(cls, value: str) -> str:
        if "{place}" not in value:
            raise ValueError("has no {place}: say where the place goes")
        return value


def load_waiting_words(folder: Path) -> WaitingWords:
    """Read the clinic's own words, if there are any. Raises ConfigurationError with file and line."""
    return load_own_words(folder / FILE, WaitingWords)


def sounds_of(words: WaitingWords, render: Callable[[str], Pcm], places: int, music: Pcm) -> WaitingSounds:
    """Return the words as sound, so many places told. Blocks for as long as the voice needs."""
    pause = Pcm.silence(TELEPHONE_HZ, _PAUSE_MS)

    def said(text: str) -> bytes:
        return (render(text) + pause).to_bytes()

    texts = {name: text for name, text in words.model_dump().items() if name != "place"}
    told = [said(words.place.replace("{place}", say_ordinal(number))) for number in range(1, places + 1)]
    return WaitingSounds(**{name: said(text) for name, text in texts.items()}, places=tuple(told), music=music.to_bytes())


def music_of(file: Path | None) -> Pcm:
    """Return the clinic's own sound, made as loud as ours; the built-in loop where there is none, or it cannot be read."""
    if file is None:
        return hold_music()
    try:
        own = read_sound(file, TELEPHONE_HZ)
    except SoundError as error:
        log.error("own_music_not_played", problem=error.message, cure=error.cure, instead="the built-in loop")
        return hold_music()
    return at_level(Pcm(TELEPHONE_HZ, own.samples[: LONGEST_MUSIC_SECONDS * TELEPHONE_HZ]))
