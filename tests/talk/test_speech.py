"""The mouth: order is kept, interruption is immediate, and what was really played is known."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.line.playqueue import PlayQueue
from voicebot.link import messages as line
from voicebot.talk.speech import Mouth, VoiceFailed


def one_second_a_word(text: str) -> Iterator[Pcm]:
    for word in text.split():
        if word == "сбой":
            raise RuntimeError("the voice broke")
        yield Pcm.silence(TELEPHONE_HZ, 1000)


class Stage:
    def __init__(self) -> None:
        self.sent: list[line.FromBrain] = []
        self.failures: list[Exception] = []
        self.mouth = Mouth("c1", one_second_a_word, self.sent.append, ThreadPoolExecutor(1), self.failures.append)
        self.mouth.start()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.sent) < count and not self.failures:
                await asyncio.sleep(0.005)

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.sent]


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def test_the_last_order_never_overtakes_the_last_word(stage: Stage) -> None:
    texts = [stage.mouth.new_utterance("добрый день"), stage.mouth.new_utterance("до свидания")]
    stage.mouth.order(texts, line.Hangup(call_id="c1"))
    await stage.until(7)
    assert stage.kinds() == ["Play"] * 6 + ["Hangup"]
    assert [m.utterance for m in stage.sent[:6]] == [1, 1, 1, 2, 2, 2]
    assert [m.is_last for m in stage.sent[:6]] == [False, False, True, False, False, True]
    assert texts[0].total_samples == 2 * TELEPHONE_HZ
    await stage.mouth.close()


async def test_stop_drops_what_waits_and_tells_what_was_played(stage: Stage) -> None:
    first, second = stage.mouth.new_utterance("раз два"), stage.mouth.new_utterance("три")
    stage.mouth.order([first, second])
    await stage.until(5)
    stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=10))
    assert stage.mouth.is_speaking
    assert stage.mouth.current_text == "раз два три"
    assert stage.mouth.stop(20) == []
    assert stage.kinds()[-1] == "StopPlaying"
    assert second.is_cut
    assert second.played_samples == 0
    assert stage.mouth.is_speaking  # line has not said yet how much of the first was played
    stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=1, frame=60, played_samples=8000, is_complete=False))
    assert not stage.mouth.is_speaking
    assert first.is_cut
    assert first.played_samples == 8000
    await stage.mouth.close()


async def test_an_order_after_stop_is_spoken(stage: Stage) -> None:
    stage.mouth.order([stage.mouth.new_utterance("раз")])
    await stage.until(2)
    stage.mouth.stop(5)
    stage.mouth.order([stage.mouth.new_utterance("два")])
    await stage.until(5)
    assert stage.kinds() == ["Play", "Play", "StopPlaying", "Play", "Play"]
    assert stage.sent[-1].utterance == 2
    await stage.mouth.close()


async def test_a_failing_voice_is_reported_not_swallowed(stage: Stage) -> None:
    stage.mouth.order([stage.mouth.new_utterance("это сбой")], line.Hangup(call_id="c1"))
    await stage.until(99)
    assert isinstance(stage.failures[0], VoiceFailed)
    assert "Hangup" not in stage.kinds()
    assert not stage.mouth.is_speaking
    await stage.mouth.close()


def played(stage: Stage) -> dict[int, int]:
    """Bytes of sound sent for each utterance after the last StopPlaying."""
    last = max(n for n, message in enumerate(stage.sent) if isinstance(message, line.StopPlaying))
    found: dict[int, int] = {}
    for message in stage.sent[last:]:
        if isinstance(message, line.Play):
            found[message.utterance] = found.get(message.utterance, 0) + len(message.pcm)
    return found


async def test_a_pause_goes_on_from_the_same_sample(stage: Stage) -> None:
    first, second = stage.mouth.new_utterance("раз два"), stage.mouth.new_utterance("три")
    stage.mouth.order([first, second])
    await stage.until(5)
    stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=10))
    stage.mouth.pause()
    assert stage.kinds()[-1] == "StopPlaying"
    stage.mouth.resume()  # line has not answered yet: nothing can be sent
    assert stage.kinds()[-1] == "StopPlaying"
    assert (
        stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=1, frame=35, played_samples=4000, is_complete=False))
        is None
    )
    assert stage.kinds()[-1] == "StopPlaying"  # line tells of the second next: sent again now, it would be taken for cut
    stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=2, frame=35, played_samples=0, is_complete=False))
    assert not second.is_over
    assert played(stage) == {1: 2 * (16000 - 4000), 2: 16000}
    assert not first.is_over
    assert stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=60)) is None  # it had begun long ago
    over = stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=1, frame=99, played_samples=12000, is_complete=True))
    assert over is first
    assert first.started_frame == 10
    assert first.played_samples == 16000
    assert not first.is_cut
    await stage.mouth.close()


async def test_a_pause_that_becomes_an_interruption_is_over_at_once(stage: Stage) -> None:
    first = stage.mouth.new_utterance("раз два")
    stage.mouth.order([first])
    await stage.until(3)
    stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=10))
    stage.mouth.pause()
    stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=1, frame=35, played_samples=4000, is_complete=False))
    assert stage.mouth.stop(50) == [first]
    assert first.is_cut
    assert first.played_samples == 4000
    assert stage.kinds().count("StopPlaying") == 1
    assert not stage.mouth.is_speaking
    await stage.mouth.close()


async def test_a_pause_that_nobody_ends_does_not_mute_the_next_answer(stage: Stage) -> None:
    stage.mouth.order([stage.mouth.new_utterance("раз")])
    await stage.until(2)
    stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=10))
    stage.mouth.pause()
    # It had just ended by itself when line was told to stop.
    assert stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=1, frame=60, played_samples=8000, is_complete=True))
    stage.mouth.order([stage.mouth.new_utterance("два")], line.Hangup(call_id="c1"))
    await stage.until(6)
    assert stage.kinds() == ["Play", "Play", "StopPlaying", "Play", "Play", "Hangup"]
    await stage.mouth.close()


async def test_an_order_waits_for_the_sound_that_a_pause_holds_back(stage: Stage) -> None:
    stage.mouth.order([stage.mouth.new_utterance("раз")])
    await stage.until(2)
    stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=10))
    stage.mouth.pause()
    stage.mouth.order([stage.mouth.new_utterance("соединяю")], line.Transfer(call_id="c1", target="operator"))
    for _ in range(50):
        await asyncio.sleep(0.002)
    assert stage.kinds() == ["Play", "Play", "StopPlaying"]
    stage.mouth.on_ended(line.PlayEnded(call_id="c1", utterance=1, frame=35, played_samples=4000, is_complete=False))
    await stage.until(8)
    assert stage.kinds()[3:] == ["Play"] * 4 + ["Transfer"]
    assert played(stage) == {1: 2 * 4000, 2: 2 * 8000}
    await stage.mouth.close()


async def test_a_pause_before_the_voice_has_finished_loses_no_sound(stage: Stage) -> None:
    """Line drops late pieces of what it cut until that is closed: the real queue tells whether it was."""
    queue = PlayQueue()

    def play_on() -> None:
        while stage.sent:
            message = stage.sent.pop(0)
            if isinstance(message, line.Play):
                queue.add(message.utterance, message.pcm, message.is_last, 0)
            elif isinstance(message, line.StopPlaying):
                for ended in queue.stop(0):
                    told = line.PlayEnded(
                        call_id="c1", utterance=ended.utterance, frame=0, played_samples=ended.played_samples,
                        is_complete=ended.is_complete,
                    )  # fmt: skip
                    assert stage.mouth.on_ended(told) is None

    gate = threading.Event()

    def slowly(text: str) -> Iterator[Pcm]:
        yield Pcm.silence(TELEPHONE_HZ, 1000)
        gate.wait(5)
        yield Pcm.silence(TELEPHONE_HZ, 1000)

    stage.mouth.say = slowly
    stage.mouth.order([stage.mouth.new_utterance("раз два")])
    await stage.until(1)
    play_on()
    stage.mouth.on_started(line.PlayStarted(call_id="c1", utterance=1, frame=0))
    stage.mouth.pause()
    play_on()
    assert queue.left_bytes == 0
    stage.mouth.resume()
    gate.set()
    await stage.until(3)
    play_on()
    assert queue.left_bytes == 2 * 2 * TELEPHONE_HZ
    await stage.mouth.close()
