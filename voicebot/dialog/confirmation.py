"""When a value is believed, when it is asked back, when it is thrown away: by confidence and by what a mistake costs."""

from enum import Enum

from voicebot.dialog.budget import Stage
from voicebot.dialog.schema import Application, FieldItem


class Policy(Enum):
    ACCEPT = "accept"
    CONFIRM = "confirm"
    REJECT = "reject"


def policy(one: FieldItem, confidence: float, stage: Stage, application: Application) -> Policy:
    """Return what to do with an understood value. Optional confirmations are left out when time runs short."""
    if confidence < application.reject_below:
        return Policy.REJECT
    if one.confirm == "always":
        return Policy.CONFIRM
    if one.confirm == "auto" and confidence < application.confirm_below and stage < Stage.SHORT:
        return Policy.CONFIRM
    return Policy.ACCEPT
