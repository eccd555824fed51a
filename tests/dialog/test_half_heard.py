"""Whom a half-heard name may mean: as the recogniser's hypotheses have it, or by its sound."""

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.half_heard import MOST_NAMES, doctors_in
from voicebot.dialog.hypotheses import Hypothesis
from voicebot.dialog.talking import Expect
from voicebot.dialog.understanding import Understood


def heard(text: str, doctor: str = "", sure: float = 1.0, *several: str) -> Hypothesis:
    slots = {"doctor": doctor} if doctor else {}
    ambiguous = {"doctor": several} if several else {}
    return Hypothesis(text, Understood("book", slots, sure, sure, ambiguous=ambiguous))


def test_the_hypotheses_name_them_the_likeliest_first(catalogue: Catalogue) -> None:
    several = [heard("к соколовой", "sokolova", 0.1), heard("к соколову", "sokolov", 0.12)]
    assert list(doctors_in(several, None, catalogue)) == ["sokolov", "sokolova"]


def test_the_unlikely_are_left_out(catalogue: Catalogue) -> None:
    several = [heard("к громову", "gromov", 0.2), heard("к морозову", "morozov", 0.05)]
    assert doctors_in(several, None, catalogue) == {"gromov": 0.2}


def test_one_who_may_be_several_is_each_of_them_less_surely(catalogue: Catalogue) -> None:
    assert doctors_in([heard("соколову", "", 0.4, "sokolov", "sokolova")], None, catalogue) == {"sokolov": 0.2, "sokolova": 0.2}


def test_no_more_than_the_ear_can_tell_apart(catalogue: Catalogue) -> None:
    several = [heard(f"к {key}", key, 0.5) for key in list(catalogue.doctors)[:5]]
    assert len(doctors_in(several, None, catalogue)) == MOST_NAMES


def test_a_name_that_sounds_like_ours(catalogue: Catalogue) -> None:
    assert list(doctors_in([heard("когда принимает доктор громочев")], None, catalogue)) == ["gromov"]
    assert doctors_in([heard("к доктору пупкину")], None, catalogue) == {}


def test_a_short_answer_is_a_name_only_where_one_is_asked_for(catalogue: Catalogue) -> None:
    assert list(doctors_in([heard("громочев")], Expect(type="subject"), catalogue)) == ["gromov"]
    assert doctors_in([heard("громочев")], Expect(type="datetime"), catalogue) == {}
    assert doctors_in([heard("да")], Expect(type="doctor"), catalogue) == {}
