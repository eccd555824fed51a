"""What callers name is found as a telephone recogniser writes it: inflected, colloquial, misheard; and nothing else is."""

from pathlib import Path

import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.dialog.understanding.subjects import SubjectFinder

HERE = Path(__file__).parent
SHARE_FOUND = 0.95


@pytest.fixture(scope="module")
def demo() -> Catalogue:
    return load_catalogue(DEMO / "clinic")


@pytest.fixture(scope="module")
def finder(demo: Catalogue) -> SubjectFinder:
    return SubjectFinder(demo)


def lines(name: str) -> list[str]:
    text = (HERE / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_misheard_names_are_found(finder: SubjectFinder, demo: Catalogue) -> None:
    missed, wrong, several = [], [], lines("knowledge_misheard.tsv")
    assert len(several) >= 150
    for line in several:
        phrase, _, wanted = line.partition("\t")
        kind, _, identifier = wanted.partition(":")
        assert identifier in demo.entries(kind), wanted  # type: ignore[arg-type]
        found = finder.find(phrase)
        if found.slots.get(kind) != identifier:
            missed.append(f"{phrase!r}: {found.slots} instead of {wanted}")
            if found.slots and found.score >= 0.9:
                wrong.append(missed[-1])
    assert len(missed) <= (1 - SHARE_FOUND) * len(several), "\n".join(missed)
    assert not wrong, "\n".join(wrong)


def test_nothing_is_found_where_nothing_is_named(finder: SubjectFinder) -> None:
    several = lines("knowledge_no_subject.txt")
    assert len(several) >= 100
    found = {phrase: finder.find(phrase) for phrase in several}
    wrong = [f"{phrase!r}: {one.slots} {one.ambiguous}" for phrase, one in found.items() if one.slots or one.ambiguous]
    assert not wrong, "\n".join(wrong)


def test_every_name_of_every_entry_finds_it(finder: SubjectFinder, demo: Catalogue) -> None:
    """A synonym that another entry's name shadows helps nobody: the data's own words all work as they stand."""
    lost = []
    for kind in ("test", "service", "speciality", "faq"):
        for identifier, names in demo.forms(kind).items():  # type: ignore[arg-type]
            for name in names:
                found = finder.find(name)
                said = (found.slots.get(kind), *found.several.get(kind, ()), *found.ambiguous.get(kind, ()))
                if identifier not in said:
                    lost.append(f"{name!r} of the {kind} {identifier}: {found.slots} {found.ambiguous}")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize(
    ("phrase", "kind", "wanted"),
    [
        ("сколько стоит общий анализ крови и сахар", "test", ("cbc", "glucose")),
        ("хочу сдать ферритин витамин дэ и железо", "test", ("ferritin", "vitamin_d", "iron")),
        ("узи почек и узи щитовидки", "service", ("uzi_kidneys", "uzi_thyroid")),
    ],
)
def test_things_named_side_by_side_are_all_meant(
    finder: SubjectFinder, phrase: str, kind: str, wanted: tuple[str, ...]
) -> None:
    found = finder.find(phrase)
    assert found.several[kind] == wanted
    assert found.slots[kind] == wanted[0]
    assert not found.ambiguous


@pytest.mark.parametrize(
    ("phrase", "kind", "members"),
    [
        ("мне бы сдать анализ крови", "test", {"cbc", "biochemistry"}),
        ("анализ на гормоны", "test", {"thyroid_panel", "female_hormones"}),
        ("запишите на узи", "service", {"uzi_abdomen", "uzi_kidneys"}),
    ],
)
def test_a_name_of_many_things_asks_which(finder: SubjectFinder, phrase: str, kind: str, members: set[str]) -> None:
    found = finder.find(phrase)
    assert not found.slots
    assert members <= set(found.ambiguous[kind])
    assert len(found.ambiguous[kind]) <= 4


def test_a_longer_name_takes_the_words_of_a_shorter(finder: SubjectFinder) -> None:
    assert finder.find("биохимический анализ крови").slots == {"test": "biochemistry"}
    assert finder.find("приём кардиолога").slots == {"service": "visit_cardiologist"}
    assert finder.find("справка для налоговой").slots == {"faq": "tax_deduction"}


@pytest.mark.parametrize(
    ("phrase", "kind", "key"),
    [
        ("щитовидка у меня шалит узи бы её", "service", "uzi_thyroid"),
        ("от гриппа уколоться хочу", "service", "flu_shot"),
        ("бумажка нужна для бассейна", "service", "pool_certificate"),
        ("кариес бы мне полечить", "service", "caries"),
        ("гастроскопию без всякого сна", "service", "gastroscopy"),
        ("хочу сделать экг", "service", "ecg"),
        ("мазок мой на цитологию готов", "test", "pap_smear"),
        ("клеща сняли хочу кровь проверить на боррелиоз", "test", "lyme"),
        ("вены на узи проверить ноги по вечерам гудят", "service", "uzi_legs"),
        ("гастроскопию хочу но только чтоб уснуть", "service", "gastroscopy_sleep"),
        ("хеликобактер дыханием проверить в трубочку дуть", "service", "breath_test"),
        ("отбелить зубы", "service", "whitening"),
        ("пазуху проколоть велели", "service", "sinus_puncture"),
        ("линзы хочу примерить", "service", "lenses"),
        ("водительская медкомиссия почём", "service", "driver_certificate"),
        ("ээг сделать надо", "service", "eeg"),
        ("днк на отцовство долго готовится", "test", "paternity"),
    ],
)
def test_words_of_a_name_apart_and_in_everyday_use(finder: SubjectFinder, phrase: str, kind: str, key: str) -> None:
    assert finder.find(phrase).slots.get(kind) == key


@pytest.mark.parametrize(
    ("phrase", "key"),
    [
        ("сердечко мне послушать надо", "cardiologist"),
        ("лёгкие бы послушать", "therapist"),
        ("шея колом встала боком сижу", "neurologist"),
        ("спину сорвал в гараже", "neurologist"),
        ("колено после футбола раздуло как мяч", "orthopedist"),
        ("кусок зуба откололся", "dentist"),
        ("желудок огнём горит", "gastroenterologist"),
        ("ушко болит у дочки", "ent"),
        ("глазки красные у ребёнка", "ophthalmologist"),
        ("ножка болит у внука", "orthopedist"),
    ],
)
def test_what_hurts_finds_the_doctor_also_said_fondly(finder: SubjectFinder, phrase: str, key: str) -> None:
    assert finder.find(phrase).slots == {"speciality": key}


@pytest.mark.parametrize("phrase", ["соколова во сколько начинает", "доктор соколова принимает в субботу"])
def test_of_namesakes_the_one_who_does_something_is_in_the_nominative(finder: SubjectFinder, phrase: str) -> None:
    assert finder.find(phrase).slots["doctor"] == "sokolova"
    assert set(finder.find("расписание соколова").ambiguous["doctor"]) == {"sokolova", "sokolov"}


def test_what_is_done_at_home_is_no_service(finder: SubjectFinder) -> None:
    assert finder.find("можно ли чистить зубы утром").slots == {}


@pytest.mark.parametrize("phrase", ["завтра рано", "что показал анализ моей мамы", "категория бэ двадцать восьмого"])
def test_words_that_tell_when_and_whose_are_no_names(finder: SubjectFinder, phrase: str) -> None:
    assert finder.find(phrase).slots == {}


def test_words_of_another_name_between_stay_its_own(finder: SubjectFinder) -> None:
    found = finder.find("холестерин развёрнутый с фракциями на парковой сдам")
    assert found.slots == {"branch": "parkovaya", "test": "lipid_panel"}
