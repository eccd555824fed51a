"""Small dialplans for tests of the engine itself: a root in few words, and understanding by a table instead of by ear."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.talking import Expect
from voicebot.dialog.understanding import Understanding, Understood

ROOT = """
application:
  start: menu
  after: menu
  transfer_failed: nobody
  unserved: unserved
  reject_below: 0.2
  limits: {off_topic: 2}
  confirm_below: {low: 0.3, normal: 0.5, high: 0.8}
  messages:
    noinput: Не слышу.
    nomatch: Не поняла.
    hold_on: Жду.
    nothing_to_repeat: Слушаю.
    back: Вернёмся.
    nothing_back: Начало.
    changed: Хорошо.
    which: "Что из этого: {options|either}?"
    confirm: "{value|text}, верно?"
    unknown_doctor: Такого врача нет.
    operator: {text: Соединяю., cond: operators_open}
    handover: {text: Передаю человеку., cond: operators_open}
    upset: Простите.
    emergency: Звоните сто три.
    goodbye: До свидания.
    budget_offer: Можно позвать человека.
    budget_over: Время вышло.
    service_failed: Не работает.
    off_topic: Я только о клинике.
    off_topic_goodbye: Это не к нам.
    stopped: Хорошо, не будем.
forms:
  - form: menu
    items:
      - {field: wish, type: request, prompt: Чем помочь?, dtmf: {"1": book}}
  - form: nobody
    items:
      - block: told
        prompt: Никого нет.
      - field: phone
        type: phone
        expr: caller_phone
        prompt: Ваш номер?
      - block: promised
        prompt: Перезвоним.
        filled: {disconnect: callback}
  - form: unserved
    items:
      - block: sorry
        prompt: Не умею.
        filled: {transfer: {reason: unserved}}
"""


class Nothing(BaseModel):
    """A service without arguments."""


class Slotted(BaseModel):
    slot: Any = None


SERVICES: Mapping[str, type[BaseModel]] = {"look": Nothing, "keep": Slotted, "give_back": Slotted, "book": Slotted}


class ByTable:
    """Understands the phrases of a table; asks the real understanding for everything else."""

    def __init__(self, real: Understanding, meanings: Mapping[str, Understood]) -> None:
        self._real = real
        self._meanings = meanings

    def understand(self, text: str, expect: Expect | None, now: datetime) -> Understood:
        known = self._meanings.get(text)
        return self._real.understand(text, expect, now) if known is None else known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def small_plans(folder: Path, forms: str) -> Dialplans:
    """Load the root and a document of forms."""
    (folder / "root.yaml").write_text(ROOT, encoding="utf-8")
    (folder / "own.yaml").write_text(forms, encoding="utf-8")
    return load_dialplans(folder, SERVICES)


def small_engine(
    folder: Path, forms: str, catalogue: Catalogue, understanding: Understanding, meanings: Mapping[str, Understood]
) -> Engine:
    table = cast("Understanding", ByTable(understanding, meanings))
    return Engine(small_plans(folder, forms), catalogue, table)
