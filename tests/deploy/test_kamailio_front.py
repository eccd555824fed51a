"""Our Kamailio configuration on a real Kamailio: whom it lets in, where calls go, and what happens when robots are gone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kamailio import FakeRobot, Front
from sip_peers import RawSip, wait_until


@pytest.fixture
def robots() -> Iterator[list[FakeRobot]]:
    robots = [FakeRobot(), FakeRobot()]
    yield robots
    for robot in robots:
        robot.stop()


def _uri(robot: FakeRobot, load: int = 60) -> str:
    return f"sip:127.0.0.1:{robot.port} maxload={load}"


def _call(front: Front) -> tuple[RawSip, str]:
    """Place a call; return the caller and the final answer."""
    caller = RawSip(front.port)
    caller.send(caller.invite())

    def final() -> str:
        return next((text for text in caller.receive(0.1) if re.match(r"SIP/2\.0 [2-6]", text)), "")

    return caller, wait_until(final, "a final answer")


def _robot_of(answer: str) -> int:
    found = re.search(r"Contact: <sip:robot@127\.0\.0\.1:(\d+)>", answer)
    assert found, answer
    return int(found[1])


def _within(caller: RawSip, answer: str, method: str, cseq: int) -> str:
    """A request of the dialog that the answer made, along its route."""
    route = re.search(r"(?im)^Record-Route:\s*(.+?)\r", answer)
    assert route
    text = caller.message(method, cseq, f"Route: {route[1]}")
    return text.replace(f"{method} sip:100@127.0.0.1:{caller.far_port}", f"{method} sip:robot@127.0.0.1:{_robot_of(answer)}", 1)


def test_calls_are_spread_and_ends_are_counted(tmp_path: Path, robots: list[FakeRobot]) -> None:
    with Front(tmp_path, [_uri(robot) for robot in robots]) as front:
        calls = [_call(front) for _ in range(6)]
        assert [answer.split("\r\n", 1)[0] for _, answer in calls] == ["SIP/2.0 200 OK"] * 6
        assert [robot.seen["INVITE"] for robot in robots] == [3, 3]  # the least busy each time
        for caller, answer in calls:
            if _robot_of(answer) == robots[0].port:
                caller.send(_within(caller, answer, "BYE", 2))
                assert caller.wait_for("SIP/2.0 200")
        assert robots[0].seen["BYE"] == 3
        for _ in range(3):  # the first is empty again
            _call(front)[0]._sock.close()
        assert [robot.seen["INVITE"] for robot in robots] == [6, 3]
        for caller, _ in calls:
            caller.__exit__()


def test_a_robot_that_refuses_or_is_silent_is_passed_over(tmp_path: Path, robots: list[FakeRobot]) -> None:
    busy, good = robots
    busy.invite_status = "503 Draining"
    with Front(tmp_path, [_uri(robot) for robot in robots]) as front:
        for _ in range(3):
            caller, answer = _call(front)
            assert answer.startswith("SIP/2.0 200")
            assert _robot_of(answer) == good.port
            caller.__exit__()
        assert busy.seen["INVITE"] >= 1
        busy.is_mute = True  # dead now: no answer to OPTIONS either
        wait_until(lambda: "FLAGS: IP" in front.command("dispatcher.list").replace('"', ""), "the dead robot is noticed", 20)
        before = busy.seen["INVITE"]
        caller, answer = _call(front)
        assert _robot_of(answer) == good.port
        caller.__exit__()
        busy.is_mute, busy.invite_status = False, "200 OK"
        wait_until(lambda: "FLAGS: IP" not in front.command("dispatcher.list").replace('"', ""), "it is back", 20)
        caller, answer = _call(front)
        assert (_robot_of(answer), busy.seen["INVITE"]) == (busy.port, before + 1)  # the least busy, and awake
        caller.__exit__()


def test_when_no_robot_is_left_the_operators_are(tmp_path: Path, robots: list[FakeRobot]) -> None:
    robot, operators = robots
    with Front(tmp_path, [_uri(robot, load=1)], overflow=f"sip:200@127.0.0.1:{operators.port}") as front:
        first, answer = _call(front)
        assert _robot_of(answer) == robot.port
        second, answer = _call(front)  # the robot holds one call
        assert answer.startswith("SIP/2.0 200")
        assert (_robot_of(answer), operators.seen["INVITE"], robot.seen["INVITE"]) == (operators.port, 1, 1)
        robot.invite_status = "503 Draining"
        first.__exit__()
        second.__exit__()


def test_without_operators_the_caller_is_told_when_to_try_again(tmp_path: Path, robots: list[FakeRobot]) -> None:
    robots[0].invite_status = "503 Draining"
    with Front(tmp_path, [_uri(robots[0])]) as front:
        caller, answer = _call(front)
        assert answer.startswith("SIP/2.0 503")
        assert "Retry-After: 5" in answer
        caller.__exit__()


def test_strangers_are_refused(tmp_path: Path, robots: list[FakeRobot]) -> None:
    with Front(tmp_path, [_uri(robots[0])], allow="127.0.0.1") as front, RawSip(front.port, host="127.0.0.2") as stranger:
        stranger.send(stranger.invite())
        assert stranger.wait_for("SIP/2.0 403")
        assert robots[0].seen["INVITE"] == 0


def test_a_flood_is_dropped_and_ends(tmp_path: Path, robots: list[FakeRobot]) -> None:
    with Front(tmp_path, [_uri(robots[0])]) as front, RawSip(front.port) as flood:
        for number in range(400):
            flood.send(flood.message("REGISTER", number + 1, branch=f"flood{number}"))
        answers = flood.receive(0.5)
        assert 0 < len(answers) < 400
        assert "flood from 127.0.0.1" in front.log()


def test_malformed_requests_reach_no_robot(tmp_path: Path, robots: list[FakeRobot]) -> None:
    with Front(tmp_path, [_uri(robots[0])]) as front, RawSip(front.port) as raw:
        good = raw.invite()
        for bad in (
            good.replace("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE"),
            good.replace("INVITE sip:100@", "INVITE http:100@", 1),
            re.sub(r"Content-Length: \d+", "Content-Length: 9999", good),
            re.sub(r"(?m)^Via:.*\r\n", "", good),
        ):
            raw.send(bad)
        raw.receive(0.5)
        assert robots[0].seen["INVITE"] == 0
        raw.key, raw.to_tag = raw.key + "1", ""
        raw.send(raw.invite())
        assert raw.wait_for("SIP/2.0 200")


def test_cancel_finds_the_robot(tmp_path: Path, robots: list[FakeRobot]) -> None:
    robots[0].invite_status = "180 Ringing"
    with Front(tmp_path, [_uri(robots[0])]) as front, RawSip(front.port) as caller:
        caller.send(caller.invite())
        assert caller.wait_for("SIP/2.0 180")
        caller.send(caller.message("CANCEL", branch=caller.key + "INVITE"))
        wait_until(lambda: robots[0].seen["CANCEL"] > 0, "the robot hears of it")
