"""The engineer's tools: what `dialplan check` finds, what `dialplan graph` draws, `dialplan chat` over real services."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from demo_clinic import ServicesAt
from small_dialog import SERVICES, small_plans

from voicebot.clinic.catalogue import Catalogue
from voicebot.clock import VirtualClock
from voicebot.dialog import graph
from voicebot.dialog.chat import Chat, Tone
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_with_places
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.state import State
from voicebot.dialog.survey import survey, unserved
from voicebot.dialog.transitions import Kind, Transition, reachable, transitions
from voicebot.dialog.understanding import Understanding
from voicebot.errors import ConfigurationError, VoicebotError

OWN = """
forms:
  - form: lonely
    items:
      - {block: said, prompt: Меня никто не слышит.}
  - form: parking
    examples: [до свидания, где у вас оставить машину]
    intents: [parking, operator]
    items:
      - field: kind
        type: choice
        prompt: Большая или маленькая?
        options:
          - {value: big, phrases: [большая, джип]}
          - {value: small, phrases: [маленькая, Джип]}
      - {field: phone, type: phone, prompt: Телефон?, nomatch: Ещё раз?, noinput: Не слышу.}
      - block: told
        prompt: "Ждём. {phone|doctor}"
        filled:
          - if: kind == 'big'
            then: {transfer: {reason: big}}
            else: {goto: menu}
"""


@pytest.fixture
def plans(tmp_path: Path) -> Dialplans:
    return small_plans(tmp_path, OWN)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("nothing leads to the form 'lonely'", 3),
        ("the intent 'operator' never reaches a form", 8),
        ("'джип' means both 'big' and 'small'", 15),
        ("after a noinput parking.kind asks in the same words again", 10),
        ("after a nomatch parking.kind asks in the same words again", 10),
        ("the prompt parking.told speaks of {phone}, a phone, as a doctor", 6),
        ("the example 'до свидания' is understood as 'goodbye'", 7),
    ],
)
def test_check_names_what_disappoints_callers(
    tmp_path: Path, plans: Dialplans, understanding: Understanding, message: str, line: int
) -> None:
    loaded = load_with_places(tmp_path, SERVICES)
    found = [one for one in survey(plans, understanding) if message in one.message]
    assert len(found) == 1
    assert loaded.place(found[0].form, found[0].path) == f"{tmp_path / 'own.yaml'}:{line}"
    assert found[0].cure


def test_an_intent_that_no_phrase_teaches(tmp_path: Path, understanding: Understanding) -> None:
    own = "forms:\n  - form: yoga\n    intents: [yoga]\n    items:\n      - {block: told, prompt: Ом.}\n"
    messages = [one.message for one in survey(small_plans(tmp_path, own), understanding, ["book"])]
    assert "no phrase teaches the intent 'yoga'" in messages
    assert unserved(small_plans(tmp_path, own), ["yoga", "waitlist", "operator", "yes"]) == ["waitlist"]


def test_the_demo_clinic_leads_everywhere(dialplans: Dialplans) -> None:
    assert reachable(dialplans) == frozenset(dialplans.forms)


def test_ways_out_of_a_form(plans: Dialplans) -> None:
    ways = transitions(plans)
    assert Transition("parking", "told", Kind.TRANSFER, "operator", "big") in ways
    assert Transition("parking", "told", Kind.GOTO, "menu") in ways
    assert not any(way.form == "parking" and way.kind is Kind.DONE for way in ways)
    assert Transition("lonely", "said", Kind.DONE, "menu") in ways


def test_every_file_with_mistakes_is_named(tmp_path: Path) -> None:
    small_plans(tmp_path, OWN)
    (tmp_path / "one.yaml").write_text("forms: [{form: one, itmes: []}]", encoding="utf-8")
    (tmp_path / "two.yaml").write_text("forms:\n  - form: [\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_with_places(tmp_path, SERVICES)
    assert "one.yaml:1" in caught.value.message
    assert "two.yaml:" in caught.value.message


def test_the_graph_shows_forms_items_and_ways(plans: Dialplans) -> None:
    dot = graph.to_dot(plans)
    for name in plans.forms:
        assert f'"{name}" [label=' in dot
    assert "? kind · choice: Большая или маленькая?" in dot
    assert '"parking":"told":e -> "human" [color="#bb3333" label="big"]' in dot
    assert '"parking":"told":e -> "menu"' in dot
    only = graph.to_dot(plans, ["parking"])
    assert '"menu" [label=' in only
    assert '"lonely" [label=' not in only
    with pytest.raises(VoicebotError, match="no form 'nowhere'"):
        graph.to_dot(plans, ["nowhere"])


def test_the_graph_of_the_demo_clinic_is_drawn(dialplans: Dialplans) -> None:
    if graph.find_program() is None:
        pytest.skip("no Graphviz program is installed (dot or graphviz-pure)")
    root = ElementTree.fromstring(graph.lay_out(graph.to_dot(dialplans)))
    titles = {element.text for element in root.iter("{http://www.w3.org/2000/svg}title")}
    assert titles >= set(dialplans.forms)
    width, height = (float(root.get(name, "").removesuffix("pt")) for name in ("width", "height"))
    assert width > 300
    assert height > 300


def test_without_a_program_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "PROGRAMS", ("no-such-program",))
    with pytest.raises(VoicebotError) as caught:
        graph.lay_out("digraph {}")
    assert "graphviz-pure" in caught.value.cure


def test_a_program_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "PROGRAMS", ("false",))
    with pytest.raises(VoicebotError, match="could not draw"):
        graph.lay_out("digraph {}")


def chat(
    engine: Engine, catalogue: Catalogue, services_at: ServicesAt, lines: list[str], answer: str = "closed"
) -> tuple[State, list[str]]:
    clock = VirtualClock()
    written: list[str] = []

    def write(tone: Tone, text: str) -> None:
        written.append(f"{tone.value}: {text}")

    talk = Chat(
        engine, services_at(clock), write, lambda: clock.now().astimezone(catalogue.zone), "7A3KM05X", "+79161234567", answer
    )
    return talk.run(lines), written


def test_terminal_chat_shows_what_was_understood(engine: Engine, catalogue: Catalogue, services_at: ServicesAt) -> None:
    state, written = chat(engine, catalogue, services_at, ["Запишите к терапевту", "/state", "", "~", "/quit", "никогда"])
    assert state.form == "booking"
    assert any(line.startswith("meaning: book") and "speciality" in line for line in written)
    assert any(line.startswith("note: form booking, asks") for line in written)
    assert not any("+" in line for line in written if line.startswith("robot"))
    assert not any("никогда" in line for line in written)


def test_terminal_chat_comes_back_from_operators_or_ends_there(
    engine: Engine, catalogue: Catalogue, services_at: ServicesAt
) -> None:
    back, written = chat(engine, catalogue, services_at, ["оператор", "до свидания"], "busy")
    assert back.phase == "ended"
    assert any(line.startswith("note: [to operator: requested]") for line in written)
    taken, _ = chat(engine, catalogue, services_at, ["оператор", "да"], "")
    assert taken.phase == "transferring"
