"""What a caller rules out: "только не к Орлову", "к любому, кроме Орлова", "на Парковую не поеду"."""

import re
from collections.abc import Callable

from voicebot.dialog.understanding.subjects import Subjects

_WHERE = r"(?:к|ко|на|в|во|у)"
_WILL = r"(?:хочу|хотел\w*|пойду|поеду|надо|нужно|буду)(?: (?:идти|ходить|ехать|ездить))?"
#: What follows is ruled out. A name alone is not: "Лебедев, а не Орлов" puts the patient's name right.
_BEFORE = re.compile(
    rf"(?:^|(?<= ))(?:(?:только|но) не(?: {_WHERE})?|(?:(?:а|да) )?не(?: {_WILL})? {_WHERE}|(?:кроме|помимо)(?: {_WHERE})?) "
)
_AFTER = re.compile(rf"(?:^|(?<= )){_WHERE} (\w+(?: \w+)?) (?:я |мне )?не {_WILL}(?= |$)")
#: "Почему не к Орлову?" and "ни к кому, кроме Орлова" rule nothing out, nor does "вы не на Парковой?".
_ASKED = re.compile(r"(?:^| )(?:почему|вы|это|он|она|ни \w+|ни \w+ кому|никого|никому|никуда|никто|ничего) $")
_AND = re.compile(rf"^(?:и|или) (?:{_WHERE} )?")
_KINDS = ("doctor", "branch")
_LONGEST = 2  # words
_SURE = 0.9


def ruled_out(plain: str, find: Callable[[str], Subjects]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the doctors and branches that a normalised phrase rules out, as (kind, ID), and the phrase without them."""
    unwanted: list[tuple[str, str]] = []
    while (found := _first(plain, find)) is not None:
        several, plain = found
        unwanted += several
    return tuple(dict.fromkeys(unwanted)), plain


def _first(plain: str, find: Callable[[str], Subjects]) -> tuple[list[tuple[str, str]], str] | None:
    for said in _AFTER.finditer(plain):
        if several := _named(said.group(1), find):
            return several, _joined(plain[: said.start()], plain[said.end() :])
    for said in _BEFORE.finditer(plain):
        if _ASKED.search(plain[: said.start()]):
            continue
        several, rest = _beginning(plain[said.end() :], find)
        if several:
            while following := _AND.match(rest):
                more, left = _beginning(rest[following.end() :], find)
                if not {kind for kind, _ in more} & {kind for kind, _ in several}:
                    break
                several, rest = several + more, left
            return several, _joined(plain[: said.start()], rest)
    return None


def _beginning(text: str, find: Callable[[str], Subjects]) -> tuple[list[tuple[str, str]], str]:
    """What the first words name, and the words after them."""
    tokens = text.split()
    for length in range(1, min(_LONGEST, len(tokens)) + 1):
        if several := _named(" ".join(tokens[:length]), find):
            return several, " ".join(tokens[length:])
    return [], text


def _named(text: str, find: Callable[[str], Subjects]) -> list[tuple[str, str]]:
    """The doctors and branches that words surely name; of doctors called alike all."""
    subjects = find(text)
    kinds = [kind for kind in _KINDS if subjects.scores.get(kind, 1.0) >= _SURE]
    return [
        (kind, identifier)
        for kind in kinds
        for identifier in ((subjects.slots[kind],) if kind in subjects.slots else subjects.ambiguous.get(kind, ()))
    ]


def _joined(*parts: str) -> str:
    return " ".join(" ".join(parts).split())
