"""RFC 4475 against a line over which two talk: what is valid is served, what is not hurts nobody."""

import time
from pathlib import Path

import pytest
from sip_peers import wait_until
from torture_corpus import corpus
from under_attack import Attacker, conversation

pytestmark = pytest.mark.call

_SPACING_SECONDS = 0.15  # the wheel holds three calls


def test_the_corpus_is_whole() -> None:
    """Each message of RFC 4475, sections 3.1 to 3.4, once."""
    sections = {"3.1.1": 13, "3.1.2": 19, "3.2": 1, "3.3": 15, "3.4": 1}
    found = [torture.section for torture in corpus()]
    assert len(set(found)) == len(found) == sum(sections.values())
    for section, count in sections.items():
        assert [s for s in found if s.rpartition(".")[0] == section] == [f"{section}.{n}" for n in range(1, count + 1)]


def test_each_is_answered_as_its_file_says_and_two_talk_on(tmp_path: Path) -> None:
    with conversation(tmp_path) as talk:
        peers: dict[str, Attacker] = {}
        try:
            for number, torture in enumerate(corpus()):
                peer = peers[torture.name] = Attacker(talk.line.port)
                own = f"{peer.host}:{peer.port}"
                peer.send(torture.message(line=f"127.0.0.1:{talk.line.port}", own=own, key=f"t{number}k{peer.key}"))
                until = time.monotonic() + _SPACING_SECONDS
                while time.monotonic() < until:
                    peer.settle()
                    time.sleep(0.01)

            def is_over() -> bool:
                for one in peers.values():
                    one.settle()
                return talk.is_alone()

            time.sleep(1.5)  # a status file is a second old at most
            wait_until(is_over, f"all that was answered ends\n{talk.line.log[-3000:]}", 45)
        finally:
            for peer in peers.values():
                peer.close()
        talk.outcomes_are_whole()
        answered = {name: peer.final_status() for name, peer in peers.items()}
        assert answered == {torture.name: torture.robot_answers for torture in corpus()}
