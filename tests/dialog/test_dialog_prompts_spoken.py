"""Every prompt of the demo clinic with sample values: only words reach the voice, and nothing it would stumble over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.offers import Offer
from voicebot.dialog import placeholders
from voicebot.dialog.rendering import Renderer
from voicebot.dialog.schema import Dialplans, FieldItem, Prompt
from voicebot.russian.names import PersonName
from voicebot.russian.when import When

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 9, tzinfo=MOSCOW)
AT = datetime(2026, 11, 25, 10, 30, tzinfo=MOSCOW)
_SPOKEN = re.compile(r"[А-Яа-яЁё+ ,.?!:;«»—()-]+")
_WORD = re.compile(r"[А-Яа-яЁё+]+")
_STRESSED_VOWEL = re.compile(r"\+(?![аеёиоуыэюяАЕЁИОУЫЭЮЯ])")
_ENDING = re.compile(r"[.?!]»?$")
_PATH = re.compile(r"\{([a-z_][a-z0-9_.]*)")
_HOLDER = re.compile(r"\{[^{}]*\}")
# An answer from the clinic's data is spoken as sentences of its own.
_STANDS_ALONE = re.compile(r"(?:^|[.?!] |\} ?)$")
_GOES_ON = re.compile(r" *(?:$|[А-ЯЁ{+])")
#: A value whose type no filter tells is a text in the dialog, too.
_TEXT = "общий анализ крови"
_SENTENCE = "Сдают её утром, натощак."


@dataclass(frozen=True)
class _Ready:
    least: int = 1
    most: int = 3
    unit: str = "days"


def _offer(doctor: str, hour: int) -> Offer:
    return Offer(1, AT.replace(hour=hour), 30, doctor, "lesnaya", "cardiologist")


def samples(catalogue: Catalogue) -> dict[str, Any]:
    """A value for every filter."""
    doctor, test, faq = "orlov", next(iter(catalogue.tests)), next(iter(catalogue.faq))
    visit = SimpleNamespace(start=AT, doctor_id=doctor, branch_id="lesnaya", service_id=None)
    return {
        **dict.fromkeys(("when", "brief"), AT),
        **dict.fromkeys(("date", "day", "birth"), date(1985, 3, 25)),
        "time": time(11),
        "wish": When(dates=(AT.date(),), time_from=time(15)),
        **dict.fromkeys(("doctor", "surname", "polite"), doctor),
        "gender": PersonName("Смирнова", "Анна", "Сергеевна"),
        "name": PersonName("Смирнова", "Анна", "Сергеевна"),
        "speciality": "cardiologist",
        "service": next(iter(catalogue.services)),
        "price": "cardiologist",
        "test": test,
        "faq": faq,
        **dict.fromkeys(("branch", "address", "hours"), "lesnaya"),
        "where": tuple(catalogue.branches),
        "phone": "+79161234567",
        **dict.fromkeys(("money", "number", "count", "duration"), 45),
        "span": (1, 3),
        "ready": _Ready(),
        "digits": "4821",
        "spelled": "7A3KM05X",
        "offers": (_offer(doctor, 10), _offer("ivanov", 12)),
        "visits": (visit, visit),
        **dict.fromkeys(("either", "list"), ("терапевт", "кардиолог")),
        "text": _TEXT,
    }


_FIELD_FILTERS = {"datetime": "wish", "birth_date": "birth", "offer": "when"}


def prompts_of(model: object, path: str = "") -> Iterator[tuple[str, Prompt]]:
    """Every prompt in a dialplan, with where it stands."""
    if isinstance(model, Prompt):
        yield path, model
    elif isinstance(model, BaseModel):
        for name in type(model).model_fields:
            yield from prompts_of(getattr(model, name), f"{path}.{name}")
    elif isinstance(model, dict):
        for key, value in model.items():
            yield from prompts_of(value, f"{path}.{key}")
    elif isinstance(model, list | tuple):
        for index, value in enumerate(model):
            yield from prompts_of(value, f"{path}.{index}")


def _field_types(model: object) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(model, FieldItem):
        found[model.field] = model.type
    if isinstance(model, BaseModel):
        for name in type(model).model_fields:
            found |= _field_types(getattr(model, name))
    elif isinstance(model, dict | list | tuple):
        for value in model.values() if isinstance(model, dict) else model:
            found |= _field_types(value)
    return found


def rendered(text: str, types: dict[str, str], values: dict[str, Any], renderer: Renderer) -> str:
    """The prompt with a sample of the right type in every placeholder."""
    of_name: dict[str, str] = {}
    sample_of: dict[str, Any] = {}
    for n, (holder, place) in enumerate(zip(placeholders.find(text), _HOLDER.finditer(text), strict=True)):
        of_field = types.get(holder.path, "text")
        known = _FIELD_FILTERS.get(of_field, of_field)
        name = holder.filter or (known if known in placeholders.FILTERS else "text")
        of_name[f"v{n}"] = name
        is_sentence = name == "text" and _STANDS_ALONE.search(text[: place.start()]) and _GOES_ON.match(text[place.end() :])
        sample_of[f"v{n}"] = _SENTENCE if is_sentence else values[name]
    names = iter(of_name)
    return renderer.render(_PATH.sub(lambda _: f"{{{next(names)}", text), sample_of.get, of_name, NOW)


def stumbles(spoken: str) -> list[str]:
    """What a voice would stumble over."""
    found = []
    if not _SPOKEN.fullmatch(spoken):
        found.append(f"not only Russian words: {sorted(set(_SPOKEN.sub('', spoken)))}")
    if "  " in spoken or spoken != spoken.strip() or re.search(r" [,.?!:;]", spoken):
        found.append("spaces")
    if re.search(r"[.,:;]{2,}|[?!]\.", spoken):
        found.append("punctuation twice")
    if not _ENDING.search(spoken):
        found.append("no end of the sentence")
    if _STRESSED_VOWEL.search(spoken):
        found.append("a + that stands before no vowel")
    found += [f"two stresses in {word}" for word in _WORD.findall(spoken) if word.count("+") > 1]
    if spoken.count("«") != spoken.count("»"):
        found.append("quotes")
    if re.search(r"(?:^|[.?!] )\+?[а-яё]", spoken):
        found.append("a sentence begins with a small letter")
    return found


def test_every_prompt_is_fit_to_be_spoken(dialplans: Dialplans, catalogue: Catalogue) -> None:
    renderer, values, types = Renderer(catalogue), samples(catalogue), _field_types(dialplans)
    problems, count = [], 0
    for path, prompt in prompts_of(dialplans):
        for text in prompt.texts():
            count += 1
            spoken = rendered(text, types, values, renderer)
            problems += [f"{path}: {problem}: {spoken}" for problem in stumbles(spoken)]
    assert not problems, "\n".join(problems)
    assert count > 150


def test_every_filter_has_a_sample_and_speaks(catalogue: Catalogue) -> None:
    renderer, values = Renderer(catalogue), samples(catalogue)
    assert values.keys() == placeholders.FILTERS.keys()
    arguments = {placeholders.Takes.NOUN: ":час", placeholders.Takes.FORMS: ":был/была"}
    for name, one in placeholders.FILTERS.items():
        spoken = renderer.render(f"{{x|{name}{arguments.get(one.takes, '')}}}", {"x": values[name]}.get, {}, NOW)
        assert spoken, name
        if name != "faq":  # a title, for people who read
            assert not stumbles(spoken.rstrip(".") + "."), (name, spoken)


def test_everything_the_clinic_says_is_fit_to_be_spoken(catalogue: Catalogue) -> None:
    """Names, addresses, answers: sentences end, words are Russian, stresses stand before vowels."""
    problems = []
    for kind in ("branches", "specialities", "doctors", "services", "tests", "faq"):
        for entry in getattr(catalogue, kind).values():
            for name in type(entry).model_fields:
                value = getattr(entry, name)
                is_spoken = name.startswith("spoken") or name in ("preparation", "directions", "answer", "short")
                if not is_spoken or not isinstance(value, str) or not value:
                    continue
                problems += [
                    f"{kind}.{entry.id}.{name}: {problem}: {value}"
                    for problem in stumbles(value)
                    if problem.startswith(("not only", "spaces", "a +", "two stresses", "quotes", "punctuation"))
                ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Приём в 9 часов.", "not only Russian words: ['9']"),
        ("Сделайте ЭКГ", "no end of the sentence"),
        ("Ждём  вас.", "spaces"),
        ("Ждём в+ас, до св+идан+ия.", "two stresses in св+идан+ия"),
        ("Ждём +вас.", "a + that stands before no vowel"),
        ("Ждём. до встречи.", "a sentence begins with a small letter"),
        ("Скажите «да.", "quotes"),
        ("Это всё..", "punctuation twice"),
    ],
)
def test_what_is_found(text: str, problem: str) -> None:
    assert problem in stumbles(text)
