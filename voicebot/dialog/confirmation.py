"""When a value or a wish is believed, asked back or thrown away: by confidence and by what a mistake costs."""

from enum import Enum

from voicebot.dialog.budget import Stage
from voicebot.dialog.schema import Application, Cost, FieldItem, Form


class Policy(Enum):
    ACCEPT = "accept"
    CONFIRM = "confirm"
    REJECT = "reject"


def policy(form: Form, one: FieldItem, confidence: float, stage: Stage, application: Application) -> Policy:
    """Return what to do with an understood value of a field."""
    if confidence < application.reject_below:
        return Policy.REJECT
    if one.confirm == "always":
        return Policy.CONFIRM
    if one.confirm == "auto" and _is_doubtful(one.cost or form.cost, confidence, stage, application):
        return Policy.CONFIRM
    return Policy.ACCEPT


def policy_of_wish(form: Form, confidence: float, stage: Stage, application: Application) -> Policy:
    """Return what to do with a wish that a form would serve: a form without words to ask back opens at once."""
    if confidence < application.reject_below:
        return Policy.REJECT
    if form.confirm_prompt and _is_doubtful(form.cost, confidence, stage, application):
        return Policy.CONFIRM
    return Policy.ACCEPT


def _is_doubtful(cost: Cost, confidence: float, stage: Stage, application: Application) -> bool:
    """Questions about the answer are left out when time runs short; where a mistake is dear, only at the very end."""
    latest = Stage.OFFER if cost == "high" else Stage.SHORT
    return stage < latest and confidence < application.confirm_below.of(cost)
