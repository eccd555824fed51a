"""PostgreSQL stops, hangs, or is gone for good while patients speak: the caller is served or reaches a human, all is stored."""

from collections.abc import Iterator

import pytest
from bad_day import Day, a_day
from postgres import Server, need_psycopg
from sip_peers import wait_until

from voicebot.records.dialogs import Dialog, Who
from voicebot.records.spool import waiting_entries

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    need_psycopg()
    server = Server()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def day(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    settings = {"database": {"url": server.create("robot")}}
    with a_day(tmp_path_factory.mktemp("postgresql"), settings) as day:
        yield day


def is_whole(dialog: Dialog) -> bool:
    """No turn is missing."""
    return [turn.number for turn in dialog.turns] == list(range(1, len(dialog.turns) + 1))


def test_a_server_that_stops_and_comes_back(day: Day, server: Server) -> None:
    with day.caller("+79160000001") as patient:
        dialog_id = day.begin(patient)
        server.stop()
        patient.say_now("Сколько стоит приём терапевта?")
        patient.wait_robot()
        assert day.robot.status()["brain-1"]["is_database_refusing"]
        server.start()
        patient.hang_up()
    dialog = day.ended(dialog_id)
    assert is_whole(dialog), day.story(dialog_id)
    assert "терапевт" in day.said(dialog_id, Who.CALLER)
    assert dialog.outcome == "informed", day.story(dialog_id)


def test_a_server_that_hangs_makes_nobody_wait(day: Day, server: Server) -> None:
    with day.caller("+79160000002") as patient:
        dialog_id = day.begin(patient)
        server.freeze()
        try:
            patient.say_now("Сколько стоит приём терапевта?")
            patient.wait_robot()
            assert "does not answer" in day.robot.log  # the engineer is told
        finally:
            server.freeze(False)
        patient.hang_up()
    dialog = day.ended(dialog_id)
    assert is_whole(dialog), day.story(dialog_id)
    assert "терапевт" in day.said(dialog_id, Who.CALLER)
    assert dialog.outcome == "informed", day.story(dialog_id)
    assert not any(turn.prompt == "apology" for turn in dialog.turns), day.story(dialog_id)
    assert not list((day.robot.data_dir / "spool").glob("*.rejected.jsonl"))


def test_a_server_that_is_gone_for_good(day: Day, server: Server) -> None:
    server.stop()
    spool = day.robot.data_dir / "spool"
    with day.caller("+79160000003") as patient:  # the call begins without it
        patient.dial(day.robot.uri)
        patient.say("Запишите меня к терапевту на завтра.")
        patient.wait_robot()
        if "CALL_ESTABLISHED" not in day.human.types():
            patient.say_now("В любой филиал, в любое время.")
        day.hears_operator(patient, 40)
        day.human.hang_up()
    wait_until(lambda: waiting_entries(spool) > 5, "the spool holds the dialog", 10)
    server.start()  # what the engineer does in the end
    wait_until(lambda: waiting_entries(spool) == 0, "the spool is replayed", 40)
    dialog = day.robot.dialogs()[0]
    dialog = day.ended(dialog.id)
    assert is_whole(dialog), day.story(dialog.id)
    assert (dialog.outcome, dialog.caller_phone) == ("transferred", "+79160000003"), day.story(dialog.id)
    assert "терапевт" in day.said(dialog.id, Who.CALLER)
