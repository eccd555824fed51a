"""Two wishes of one phrase: "сколько стоит узи почек и как готовиться", "запишите к лору и сколько стоит приём"."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from voicebot.dialog.confirmation import Policy, policy_of_wish
from voicebot.dialog.state import Wish
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood
from voicebot.dialog.understanding.intents import topic
from voicebot.russian.text import normalise

_BETWEEN = re.compile(r" (?:и|а|а также|и еще|а еще|и заодно) ")
_LEAST_WORDS = 2
_SURE = 0.75
_MOST_JOINTS = 3  # each costs the understanding of two phrases
#: Their answers may be mere beginnings: "да, а парковка есть?".
_LOOSE = frozenset({"request", "free", "subject", "yes_no"})
_SUBJECT = frozenset({"doctor", "speciality", "service", "test"})


def of(turn: Turn, text: str) -> tuple[Wish, Wish] | None:
    """Return the two in the order in which they are to be served, at least the first a question in between; None: not two.

    What only one half names, both are about.
    """
    for halves in _halves(normalise(text)):
        found = [_wish(turn, half) for half in halves]
        one, other = found
        if one is None or other is None or _is_same(one, other) or not (_is_question(turn, one) or _is_question(turn, other)):
            continue
        one, other = _about(one, other), _about(other, one)
        return (one, other) if _leads_on(turn, one) <= _leads_on(turn, other) else (other, one)
    return None


def beside_answer(turn: Turn, text: str) -> tuple[tuple[Understood, str], Wish] | None:
    """Return what answers the question asked, with its words, and the question in between that follows it; None: not both."""
    expect = turn.state.expect
    if expect is None or expect.type in _LOOSE or turn.is_in_doubt:
        return None
    for answer, question in _halves(normalise(text)):
        wish = _wish(turn, question)
        if wish is None or not _is_question(turn, wish) or wish.understood.intent_confidence < _SURE:
            continue
        understood = turn.understanding.understand(answer, expect, turn.now)
        if understood.intent == "none" and turn.understanding.answers(understood, expect, answer):
            return (understood, answer), wish
    return None


def _halves(plain: str) -> Iterator[tuple[str, str]]:
    """From the last joint on: those before it may join names ("ттг и ферритин и сколько делается")."""
    for between in islice(reversed(list(_BETWEEN.finditer(plain))), _MOST_JOINTS):
        halves = plain[: between.start()], plain[between.end() :]
        if len(halves[1].split()) >= _LEAST_WORDS:
            yield halves


def _wish(turn: Turn, text: str) -> Wish | None:
    """What half a phrase surely wants by itself."""
    understood = turn.understanding.understand(text, None, turn.now)
    form = turn.plans.form_for(understood.intent) if len(text.split()) >= _LEAST_WORDS else None
    if form is None or form.form == turn.state.form or understood.ambiguous:
        return None
    if not form.digression and not topic(text):
        return None  # "сколько стоит ттг и витамин дэ": a bare name wants nothing else
    decision = policy_of_wish(form, understood.intent_confidence, turn.stage(), turn.plans.application)
    return Wish(form.form, understood, text) if decision is Policy.ACCEPT else None


def _is_same(one: Wish, other: Wish) -> bool:
    """Whether both are one question; two of the knowledge base are not."""
    return one.form == other.form and one.understood.slots.get("faq") == other.understood.slots.get("faq")


def _is_question(turn: Turn, wish: Wish) -> bool:
    return turn.plans.forms[wish.form].digression


def _leads_on(turn: Turn, wish: Wish) -> int:
    """How far a form leads away from what was said beside it: an answer, one that ends with an offer, a request."""
    form = turn.plans.forms[wish.form]
    return 2 if not form.digression else int(any(one.type == "yes_no" and not one.cond for one in form.fields()))


def _about(wish: Wish, other: Wish) -> Wish:
    slots = {name: value for name, value in other.understood.slots.items() if name in _SUBJECT}
    if wish.understood.slots.keys() & (_SUBJECT | {"faq"}) or not slots:
        return wish
    sureness = {name: other.understood.sure_of(name) for name in slots}
    own = wish.understood
    told = replace(own, slots={**slots, **own.slots}, sureness={**sureness, **own.sureness})
    return replace(wish, understood=told)
