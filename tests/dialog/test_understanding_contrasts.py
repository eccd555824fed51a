"""Values put right inside a phrase, and whose name is said."""

from datetime import datetime

import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import load_catalogue
from voicebot.dialog.understanding.values import Values
from voicebot.russian.names import PersonName
from voicebot.russian.text import normalise

NOW = datetime(2026, 11, 23, 9)


@pytest.fixture(scope="module")
def values() -> Values:
    return Values(load_catalogue(DEMO / "clinic"))


@pytest.mark.parametrize(
    ("said", "kind", "slot", "value"),
    [
        ("нет не инсулин гликированный гемоглобин", "test", "test", "hba1c"),
        ("нет не на садовую на парковую", "branch", "branch", "parkovaya"),
        ("вместо лесной запишите на садовую", "", "branch", "sadovaya"),
        ("перепишите с громова на белову", "", "doctor", "belova"),
        ("к терапевту меня записали так что лебедеву отмените", "", "doctor", "lebedeva"),
        ("консультация с терапевтом на завтра", "", "service", "visit_therapist"),
        ("то что в конце назвали", "choice", "ordinal", -1),
        ("то что в начале сказали", "choice", "ordinal", 1),
        ("гаврилов нет не гаврилин а гаврилов", "name", "name", PersonName("Гаврилов")),
        ("смирнова елена нет не елена а алёна", "name", "name", PersonName("Смирнова", "Алёна")),
        ("иванова ой нет петрова", "name", "name", PersonName("Петрова")),
        ("нет не петров а сидоров", "yes_no", "name", PersonName("Сидоров")),
        ("не иванов а петров", "correction", "name", PersonName("Петров")),
        ("нет не кузьмин а волков", "yes_no", "doctor", "volkov"),
        ("нет не садовая а лесная", "yes_no", "branch", "lesnaya"),
        ("нет не завтра а послезавтра", "yes_no", "name", None),
        ("есть ли у васильевой моя фамилия", "", "doctor", "vasileva"),
        ("меня зовут тамара у меня приём у козлова в среду", "", "doctor", "kozlov"),
        ("меня зовут тамара у меня приём у козлова в среду", "", "name", PersonName("", "Тамара")),
    ],
)
def test_put_right(values: Values, said: str, kind: str, slot: str, value: object) -> None:
    assert values.of(normalise(said), kind, NOW).slots.get(slot) == value


@pytest.mark.parametrize(
    ("said", "several"),
    [
        ("сколько стоит общий анализ крови и ттг", ("cbc", "tsh")),
        ("на ковид сдать хочу сколько стоит", None),
        ("кровь из пальца сдать и мочу", ("cbc", "urine")),
    ],
)
def test_tests_side_by_side(values: Values, said: str, several: tuple[str, ...] | None) -> None:
    """One that only sounds like another, or like two of them, is neither dropped for it nor added to it."""
    assert values.of(said, "", NOW).several.get("test") == several


def test_a_question_whether_one_is_listed_names_nobody(values: Values) -> None:
    assert "name" not in values.of("есть ли у васильевой моя фамилия на этой неделе", "", NOW).slots
