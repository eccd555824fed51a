"""The speaker over an engine of tones."""

from pathlib import Path

import pytest
from voice_fakes import ToneEngine

from voicebot.voice import telephone
from voicebot.voice.cache import PromptCache
from voicebot.voice.engine import VoiceError
from voicebot.voice.sentences import SENTENCE_PAUSE_MS
from voicebot.voice.speaker import Speaker

TEXT = "Здр+авствуйте! Сл+ушаю вас."


def speaker(engine: ToneEngine, folder: Path | None = None) -> Speaker:
    made = Speaker(engine, PromptCache(folder))
    engine.said.clear()
    engine.chunks_given = 0
    return made


def test_sentences_are_spoken_with_a_pause_between() -> None:
    engine = ToneEngine()
    sound = speaker(engine).render(TEXT)
    assert engine.said == ["Здр+авствуйте!", "Сл+ушаю вас."]
    letters_ms = 60 * len("ЗдравствуйтеСлушаювас")
    edges_ms = 2 * (telephone.LEADING_MS + telephone.TRAILING_MS)
    assert sound.duration_ms == pytest.approx(letters_ms + SENTENCE_PAUSE_MS, abs=edges_ms)
    assert sound.rate_hz == 8000
    assert telephone.speech_level_db(sound) == pytest.approx(telephone.SPEECH_LEVEL_DB, abs=0.5)


def test_the_first_sound_comes_before_the_sentence_is_made() -> None:
    engine = ToneEngine()
    parts = speaker(engine).say("Скаж+ите, пож+алуйста, к как+ому врач+у вас запис+ать?")
    first = next(parts)
    assert first.duration_ms >= 40
    assert engine.chunks_given <= 2
    total = first.duration_ms + sum(part.duration_ms for part in parts)
    assert total > 2000


def test_who_stops_listening_stops_the_work() -> None:
    engine = ToneEngine()
    parts = speaker(engine).say("Скаж+ите, пож+алуйста, к как+ому врач+у вас запис+ать? " * 5)
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert len(engine.said) == 1
    assert engine.chunks_given <= 2


def test_an_engine_that_makes_pieces_whole_gets_a_short_first_one() -> None:
    engine = ToneEngine(is_streaming=False)
    text = "Есть вр+емя во вт+орник, двадц+ать четвёртого ноябр+я, в пятн+адцать тр+идцать, у д+октора Иван+овой, на Сад+овой."
    list(speaker(engine).say(text))
    assert engine.said[0] in text
    assert len(engine.said[0]) < 80
    assert " ".join(engine.said) == text


def test_a_prompt_is_made_once_and_kept_for_the_next_process(tmp_path: Path) -> None:
    engine = ToneEngine()
    one = speaker(engine, tmp_path)
    first = one.render(TEXT, is_personal=False)
    assert (one.render(TEXT, is_personal=False).samples == first.samples).all()
    assert engine.said == ["Здр+авствуйте!", "Сл+ушаю вас."]
    later = ToneEngine()
    assert (speaker(later, tmp_path).render(TEXT).samples == first.samples).all()
    assert later.said == []


def test_what_is_personal_stays_in_memory(tmp_path: Path) -> None:
    engine = ToneEngine()
    one = speaker(engine, tmp_path)
    one.render(TEXT)
    one.render(TEXT)
    assert len(engine.said) == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_another_speaker_does_not_find_the_prompts_of_this_one(tmp_path: Path) -> None:
    speaker(ToneEngine(speaker="a"), tmp_path).render(TEXT, is_personal=False)
    other = ToneEngine(speaker="b")
    speaker(other, tmp_path).render(TEXT, is_personal=False)
    assert len(other.said) == 2


def test_a_damaged_prompt_is_made_again(tmp_path: Path) -> None:
    good = speaker(ToneEngine(), tmp_path).render("Сл+ушаю вас.", is_personal=False)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-10])
    engine = ToneEngine()
    assert (speaker(engine, tmp_path).render("Сл+ушаю вас.", is_personal=False).samples == good.samples).all()
    assert engine.said == ["Сл+ушаю вас."]
    assert path.exists()


def test_prompts_are_prepared_with_progress(tmp_path: Path) -> None:
    engine = ToneEngine()
    one = speaker(engine, tmp_path)
    steps: list[tuple[int, int]] = []
    assert one.prepare([TEXT, "Сл+ушаю вас. Говор+ите.", ""], lambda done, total: steps.append((done, total))) == 3
    assert steps == [(1, 3), (2, 3), (3, 3)]
    engine.said.clear()
    assert one.prepare([TEXT]) == 0
    one.render(TEXT)
    assert engine.said == []


def test_a_half_made_sentence_is_not_kept(tmp_path: Path) -> None:
    engine = ToneEngine()
    one = speaker(engine, tmp_path)
    parts = one.say("Скаж+ите, пож+алуйста, как вас зов+ут?", is_personal=False)
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_failure_reaches_the_caller_after_what_was_said_before() -> None:
    engine = ToneEngine()
    one = speaker(engine)
    engine.fails_at = "вас"
    parts = one.say(TEXT)
    heard = []
    with pytest.raises(VoiceError, match="broke"):
        heard.extend(parts)
    assert sum(part.duration_ms for part in heard) > 500
    engine.fails_at = ""
    assert one.render(TEXT).duration_ms > sum(part.duration_ms for part in heard)


def test_a_silent_voice_is_refused_at_start() -> None:
    with pytest.raises(VoiceError, match="silent"):
        Speaker(ToneEngine(amplitude=0), PromptCache(None))


@pytest.mark.parametrize("text", ["", "...", "<pause 500>"])
def test_a_text_without_words_is_silence(text: str) -> None:
    engine = ToneEngine()
    assert list(speaker(engine).say(text)) == []
    assert engine.said == []


def test_it_says_who_speaks() -> None:
    engine = ToneEngine()
    one = Speaker(engine, PromptCache(None), reason="a test.", warning="Only tones.")
    assert str(one.describe()) == "tones 1, tone, MIT (a test). Only tones."
    one.close()
    assert engine.is_closed
