"""Broken SIP, RTP and RTCP by a seed against a line of our own build, over which two talk: they talk on, nothing is left."""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sip_fuzz import key_event, mutants, rtcp_mutants, rtp, rtp_mutants
from sip_peers import native_cache, wait_until
from under_attack import NUMBER, Attacker, Conversation, Flooder, conversation, memory_mb, paced

pytestmark = pytest.mark.call

SEED = 4475
_NO_ACK_SECONDS = 32  # RFC 3261, 13.3.1.4: so long an answer waits for its ACK


def all_is_over(talk: Conversation, attackers: list[Attacker]) -> None:
    """Every call that the attack began has its end."""

    def is_over() -> bool:
        for attacker in attackers:
            attacker.settle()
        return talk.is_alone()

    time.sleep(1.5)  # a status file is a second old at most
    wait_until(is_over, f"only the conversation is left\n{talk.line.log[-3000:]}", 2 * _NO_ACK_SECONDS + 10)
    talk.outcomes_are_whole()


def attack_signalling(talk: Conversation, seed: int, count: int, a_second: int = 250) -> None:
    """Messages of an allowed peer and, every fifth, of a stranger."""
    with Attacker(talk.line.port) as peer, Attacker(talk.line.port, "127.0.0.2") as second:
        both = [peer, second]
        chance = random.Random(seed)

        def send(data: bytes) -> None:
            (second if chance.random() < 0.2 else peer).send(data)

        def settle() -> None:
            for attacker in both:
                attacker.settle()

        assert paced(send, mutants(seed, peer.whole, count), a_second, settle) == count
        all_is_over(talk, both)
        assert peer.answers, "line answered nothing at all"


def attack_sound(talk: Conversation, seed: int, count: int, a_second: int = 300) -> None:
    """Broken packets and floods of foreign SSRCs at the conversation's own ports, from the patient's address: others' never
    reach the stack (test_line_sound_guard)."""
    with Flooder(talk.rtp_port(), "127.0.0.1") as peer:
        assert paced(peer.send, rtp_mutants(seed, count), a_second, peer.read) == count
        assert paced(lambda data: peer.send(data, 1), rtcp_mutants(seed, count // 2), a_second, peer.read) == count // 2


def attack_own_call(talk: Conversation, seed: int, count: int) -> None:
    """A caller who is answered, and then sends broken sound and keys from where his sound is expected."""
    with Attacker(talk.line.port) as peer, Flooder(1, "127.0.0.1") as sound:
        invite = peer.invite().replace(
            "m=audio 9 RTP/AVP 8", f"m=audio {sound.port} RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000"
        )
        head, _, body = invite.partition("\r\n\r\n")
        peer.send(head.rpartition("Content-Length:")[0] + f"Content-Length: {len(body)}\r\n\r\n{body}")
        answer = peer.wait_for("SIP/2.0 200")
        sound.aim(int(answer.partition("m=audio ")[2].split()[0]))
        peer.send(peer.message("ACK", branch=f"{peer.key}ack"))
        assert paced(sound.send, _sound_and_keys(seed, count), 400, sound.read) > count
        assert sound.got > 0, "the robot's sound came"
        peer.send(peer.message("BYE", cseq=2))
        peer.wait_for("SIP/2.0 200")
        all_is_over(talk, [])


def _sound_and_keys(seed: int, count: int) -> Iterator[bytes]:
    yield from (rtp(8, n, n * 160, 0x51515151, b"\xd5" * 160) for n in range(50))
    yield from rtp_mutants(seed, count)
    for number, duration in enumerate((0, 1, 160, 65535, 160, 80, 0)):  # ends without a start, and backwards
        for is_end in (True, False, True):
            yield rtp(101, 60_000 + number, 99, 0x51515151, key_event(number + 8, duration, is_end=is_end), mark=is_end)


def test_two_talk_on_and_nothing_is_left_over(tmp_path: Path) -> None:
    with conversation(tmp_path, native_cache(tmp_path)) as talk:
        attack_sound(talk, SEED, 1200)
        talk.goes_on()
        attack_own_call(talk, SEED, 400)
        attack_signalling(talk, SEED, 1500)
        assert NUMBER not in talk.line.log


@pytest.mark.heavy
@pytest.mark.timeout(1500)
def test_for_minutes_and_memory_stands_still(tmp_path: Path) -> None:
    """Eight rounds of other seeds; after the first three memory may not grow by more than noise."""
    with conversation(tmp_path, native_cache(tmp_path)) as talk:
        sizes = []
        for turn in range(8):
            attack_sound(talk, SEED + turn, 2000)
            attack_own_call(talk, SEED + turn, 1000)
            attack_signalling(talk, 10 * SEED + turn, 4000, a_second=400)
            talk.goes_on()
            talk.forget_ticks()
            sizes.append(memory_mb(talk.line.process.pid))
        sys.stderr.write(f"memory of line after each round, MB: {[round(size, 1) for size in sizes]}\n")
        assert sizes[-1] - sizes[2] < 12, sizes
