"""A clinic's own words of the channels; a wrong file is named with the line."""

from pathlib import Path

import pytest

from voicebot.channels.texts import Texts, load_texts
from voicebot.errors import ConfigurationError


def test_a_clinic_may_have_its_own_words(tmp_path: Path) -> None:
    assert load_texts(tmp_path) == Texts()
    file = tmp_path / "channels.yaml"
    file.write_text("")
    assert load_texts(tmp_path) == Texts()
    file.write_text("title: Клиника на Лесной\n")
    assert load_texts(tmp_path) == Texts(title="Клиника на Лесной")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("title: Чат\ntitel: Чат\n", "channels.yaml:2: titel"),
        ("title: Чат\n\nclosed: [1]\n", "channels.yaml:3: closed"),
        ("title: Чат\nclosed: 'нет\n", "channels.yaml:"),
        ("- title\n", "channels.yaml:1: the file"),
    ],
)
def test_wrong_words_are_named_by_file_and_line(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "channels.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_texts(tmp_path)
    assert where in caught.value.message
