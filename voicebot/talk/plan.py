"""The engine's acts, sorted by who carries them out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from voicebot.dialog.talking import Act, End, Expect, HandOver, Invoke, Listen, Say


@dataclass(slots=True)
class Plan:
    """What is to be done after a step: speak, then listen, hand over or end; services are called meanwhile."""

    says: list[Say] = field(default_factory=list)
    invokes: list[Invoke] = field(default_factory=list)
    expect: Expect | None = None
    hand_over: HandOver | None = None
    end: End | None = None


def plan_of(acts: Sequence[Act]) -> Plan:
    """Sort acts; the order among the texts is kept."""
    plan = Plan()
    for act in acts:
        match act:
            case Say():
                plan.says.append(act)
            case Invoke():
                plan.invokes.append(act)
            case Listen():
                plan.expect = act.expect
            case HandOver():
                plan.hand_over = act
            case End():
                plan.end = act
    return plan
