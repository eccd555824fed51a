"""What is wrong in a file of templates is told with file, line and cure, before anything is sent."""

from pathlib import Path

import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.entries import Catalogue
from voicebot.errors import ConfigurationError
from voicebot.messages.loading import load_templates
from voicebot.messages.senders.sender import Channel

HEAD = """
templates:
  - template: note
    about: A test.
    fields:
      start: when
      branch: branch
      doctor: {type: doctor, optional: true}
      remark: {type: text, max: 200, optional: true}
    texts:
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEMO / "clinic")


def problem_of(tmp_path: Path, catalogue: Catalogue, texts: str, head: str = HEAD) -> str:
    (tmp_path / "note.yaml").write_text(head.lstrip("\n") + texts, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_templates(tmp_path, catalogue)
    return raised.value.message.replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Ждём вас {{ strat }}.", "note.yaml:10: line 1 of the text: unknown field 'strat'. Did you mean 'start'?"),
        ("Ждём вас {{ start.hour }}.", "note.yaml:10: line 1 of the text: a field has no attribute 'hour'"),
        ("Врач {% if doctor %}{{ doctor }}{% endif %}", "the neutral text shows 'doctor', which is secret"),
        ("Вас ждут у кардиолога {{ start }}.", "the neutral text says 'кардиолога'. That tells why the patient comes"),
        ("{{ start }} {{ remark }}", "'remark' is undefined. Correct the name, or show it under {% if ... %} only."),
        ("{{ start }}{% if remark %} {{ remark }} {{ branch.address }} {{ remark }}{% endif %}", "the text may take 8 SMS"),
        ("{% for x in start %}{{ x }}{% endfor %}", "'for' is not for messages"),
        ("{{ start.__class__ }}", "access to attribute '__class__'"),
        ("{{ range(10) }}", "'call' is not for messages"),
        ("{{ start | upper }}", "there is no filter 'upper'. Known: sentence."),
        ("{{ start", "the text cannot be read: "),
        ("{% if start.time == '10:30' %}a{% endif %}", "'compare' is not for messages"),
        ("{% include '/etc/passwd' %}", "'include' is not for messages"),
    ],
)  # fmt: skip
def test_wrong_texts(tmp_path: Path, catalogue: Catalogue, text: str, told: str) -> None:
    problem = problem_of(tmp_path, catalogue, f'      sms: {{text: "{text}"}}\n')
    assert told in problem
    assert problem.startswith("note.yaml:10: ")


def test_line_of_a_block(tmp_path: Path, catalogue: Catalogue) -> None:
    block = "      messenger: |-\n        Здравствуйте!\n        Ждём {{ nobody }}\n"
    assert "note.yaml:10: line 2 of the text: unknown field 'nobody'" in problem_of(tmp_path, catalogue, block)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ("      sms: {text: Да, buttons: [{title: Да, payload: да}]}\n", "an SMS has no buttons"),
        ("      messenger: {text: Да, parts: 2}\n", "`parts` counts SMS"),
        ("      call: Здравствуйте\n", "`form` belongs to the channel call"),
        ("      sms: {detailed: Да}\n", "there is no text"),
        ("      fax: Да\n", "'fax' is not known here. Use 'sms', 'messenger'"),
        ("      messenger: {text: Да, buttons: [{title: Да}]}\n", "a button has either a payload or a url"),
        ("      sms: {text: Да, colour: red}\n", "'colour' is an unknown word"),
        ("      messenger: {text: Да, buttons: [{title: '{{ doctor }}', payload: да}]}\n", "'doctor', which is secret"),
    ],
)
def test_wrong_shapes(tmp_path: Path, catalogue: Catalogue, texts: str, told: str) -> None:
    problem = problem_of(tmp_path, catalogue, texts)
    assert told in problem
    assert problem.startswith("note.yaml:10: ")


def test_all_problems_at_once(tmp_path: Path, catalogue: Catalogue) -> None:
    problem = problem_of(
        tmp_path, catalogue, '      sms: "{{ one }}"\n      push: "{{ two }}"\n      telegram: "{{ start }}"\n'
    )
    assert len(problem.splitlines()) == 2
    assert "note.yaml:10" in problem
    assert "note.yaml:11" in problem


def test_a_text_without_a_limit_is_no_field(tmp_path: Path, catalogue: Catalogue) -> None:
    head = HEAD.replace("{type: text, max: 200, optional: true}", "text")
    assert "note.yaml:8: " in problem_of(tmp_path, catalogue, "      sms: Да\n", head)


def test_a_folder_without_templates(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(ConfigurationError, match="holds no message templates"):
        load_templates(tmp_path, catalogue)


def test_a_text_is_measured_with_both_answers_of_each_condition(tmp_path: Path, catalogue: Catalogue) -> None:
    """The long way round stands under `else`: it is found all the same."""
    text = "{% if remark %}Да{% else %}" + "ж" * 202 + "{% endif %}"
    assert "the text may take 4 SMS (202 letters), 3 are allowed" in problem_of(tmp_path, catalogue, f'      sms: "{text}"\n')


def test_own_text_of_a_messenger_goes_before_the_common_one(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "note.yaml").write_text(HEAD.lstrip("\n") + "      messenger: Общее\n      max: Своё\n", encoding="utf-8")
    templates = load_templates(tmp_path, catalogue)
    assert templates.channels("note") == {Channel.MAX, Channel.TELEGRAM, Channel.VIBER}
    assert templates.render("note", Channel.MAX, {}).text == "Своё"
    assert templates.render("note", Channel.VIBER, {}).text == "Общее"
