"""When `voicebot reload` is done, and who refused. Pure; the whole of it with calls is in end_to_end."""

from typing import Any

from voicebot.reload_command import is_done, readers, refused

OLD: dict[str, dict[str, Any]] = {
    "supervisor": {"pid": 1, "is_alive": True, "reloads": 0, "reload_problem": ""},
    "brain-1": {"pid": 2, "is_alive": True, "reloads": 0, "reload_problem": "", "dialplan": "old"},
    "channels-1": {"pid": 3, "is_alive": True, "reloads": 4, "reload_problem": "", "dialplan": "old"},
    "line": {"pid": 4, "is_alive": True},
}


def after(**changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**facts, **changes.get(name.replace("-", "_"), {})} for name, facts in OLD.items()}


def test_it_is_done_when_all_have_read_them() -> None:
    assert readers(OLD) == ["brain-1", "channels-1"]
    assert not is_done(OLD, OLD)
    told = {"supervisor": {"reloads": 1}, "brain_1": {"reloads": 1}}
    assert not is_done(OLD, after(**told))
    assert is_done(OLD, after(**told, channels_1={"reloads": 5}))
    assert not refused(OLD, after(**told))


def test_a_process_that_was_started_anew_has_read_them_then() -> None:
    assert is_done(OLD, after(supervisor={"reloads": 1}, brain_1={"pid": 9}, channels_1={"reloads": 5}))


def test_whoever_refuses_is_named_and_an_old_refusal_is_forgotten() -> None:
    bad = "main.yaml:7: an unknown word"
    assert refused(OLD, after(supervisor={"reloads": 1, "reload_problem": bad})) == f"supervisor: {bad}"
    assert refused(OLD, after(brain_1={"reloads": 1, "reload_problem": bad})) == f"brain-1: {bad}"
    stale = after(brain_1={"reload_problem": bad})
    assert refused(stale, stale) == ""
