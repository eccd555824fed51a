"""What a conversation must show: pure comparisons of what the robot did with what the file expects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from voicebot.dialog.conversation_files import Conversation, Turn
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.talking import Act, End, HandOver, Listen, Say


@dataclass(slots=True)
class Seen:
    """All that the robot did after one turn of the caller. `is_left_in_silence`: it should have, but did nothing."""

    acts: list[Act] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    meaning: Meaning | None = None
    is_left_in_silence: bool = False

    @property
    def said(self) -> list[Say]:
        return [act for act in self.acts if isinstance(act, Say)]

    def last(self, kind: type[Act]) -> Any:
        return next((act for act in reversed(self.acts) if isinstance(act, kind)), None)


class Done(Protocol):
    """A service that was carried out in the conversation."""

    @property
    def service(self) -> str: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def value(self) -> Any: ...


def check_turn(turn: Turn, seen: Seen) -> list[str]:
    """Return what differs from the file, each as a diff: `-` is expected, `+` is what was found."""
    words = " ".join(say.text for say in seen.said).replace("+", "").lower()
    listen, over, end = seen.last(Listen), seen.last(HandOver), seen.last(End)
    failures = [
        *_order("prompts", turn.robot, [say.prompt for say in seen.said]),
        *_order("services", turn.calls, seen.calls),
        *(_diff("words", f"... {part} ...", words) for part in turn.says if part.lower() not in words),
        *(f"{part!r} was said\n  + {words}" for part in turn.never_says if part.lower() in words),
    ]
    if turn.listens is not None and (listen is None or listen.expect.type != turn.listens):
        failures.append(_diff("listens for", turn.listens, listen.expect.type if listen else "nothing"))
    if turn.understood is not None:
        failures += _check_understood(turn, seen.meaning)
    if (turn.hands_over or "") != (over.reason if over else ""):
        failures.append(_diff("hands over", turn.hands_over or "nothing", over.reason if over else "nothing"))
    for label, part in turn.summary.items():
        if over is None or part.lower() not in over.summary.get(label, "").lower():
            failures.append(_diff("the operator is told", f"{label}: {part}", str(dict(over.summary)) if over else "nothing"))
    if (turn.ends or "") != (end.outcome if end else ""):
        failures.append(_diff("ends", turn.ends or "not yet", end.outcome if end else "not yet"))
    if seen.is_left_in_silence:
        failures.append("the robot left the caller in silence")
    return failures


def _check_understood(turn: Turn, meaning: Meaning | None) -> list[str]:
    assert turn.understood is not None
    if meaning is None:
        return [_diff("understood", str(turn.understood.intent or turn.understood.slots), "nothing")]
    failures = []
    if turn.understood.intent not in (None, meaning.intent):
        failures.append(_diff("understood", str(turn.understood.intent), meaning.intent))
    for slot, part in turn.understood.slots.items():
        if part.lower() not in meaning.slots.get(slot, "").lower():
            failures.append(_diff("understood", f"{slot}: {part}", str(dict(meaning.slots))))
    return failures


def check_whole(conversation: Conversation, done: Sequence[Done], caller_turns: int, seconds: float) -> list[str]:
    """Return what differs in the conversation as a whole. `done`: the services carried out, in order."""
    failures = []
    for service, wanted in (
        ("book", conversation.booked),
        ("cancel", conversation.cancelled),
        ("reschedule", conversation.moved),
        ("confirm_visit", conversation.confirmed),
        ("join_waiting_list", conversation.waiting),
    ):
        values = [one.value for one in done if one.service == service]
        if len(wanted) == 1 and values:
            wanted = wanted * len(values)  # what holds for all of them
        if len(values) != len(wanted):
            failures.append(_diff(f"{service} done", f"{len(wanted)} times", f"{len(values)} times"))
        for value, attributes in zip(values, wanted, strict=False):
            for attribute, part in attributes.items():
                text = _text(getattr(value, attribute, None))
                if part.lower() not in text.lower():
                    failures.append(_diff(f"{service}: {attribute}", part, text))
    queued = [str(one.arguments.get("template", "")) for one in done if one.service == "queue_message"]
    if queued != conversation.messages:
        failures.append(_diff("messages", ", ".join(conversation.messages) or "none", ", ".join(queued) or "none"))
    limits = conversation.limits
    if limits.caller_turns is not None and caller_turns > limits.caller_turns:
        failures.append(_diff("turns of the caller", f"at most {limits.caller_turns}", str(caller_turns)))
    if limits.seconds is not None and seconds > limits.seconds:
        failures.append(_diff("seconds", f"at most {limits.seconds:.0f}", f"{seconds:.0f}"))
    return failures


def _text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _diff(what: str, wanted: str, found: str) -> str:
    return f"{what}\n  - {wanted}\n  + {found}"


def _order(what: str, wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    """All of `wanted` occur in `found`, in that order; others may stand between."""
    rest = iter(found)
    missing = {index for index, one in enumerate(wanted) if not any(one == other for other in rest)}
    if not missing:
        return []
    lines = [f"  {'-' if index in missing else ' '} {one}" for index, one in enumerate(wanted)]
    return ["\n".join([what, *lines, *(f"  + {one}" for one in found if one not in wanted)])]
