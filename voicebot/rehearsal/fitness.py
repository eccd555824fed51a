"""Which conversation files can be spoken, and the patient's script of those that can."""

import re

from voicebot.dialog.conversation_files import Conversation
from voicebot.patient.scenario import Scenario, Step

YES, NO = "да", "нет"
_LONGEST_WAIT_SECONDS = 30.0
_WITHHELD = "anonymous"


def why_not(conversation: Conversation) -> str:
    """Return why a file can be played over text only, "" if it can be spoken."""
    turns = conversation.turns
    if conversation.start is not None or conversation.channel != "phone":
        return "no patient calls in it"
    if any(turn.transfer for turn in turns):
        return "it prescribes how a transfer ends"
    if any(turn.noise for turn in turns):
        return "it prescribes noise"
    if any(len(turn.caller) > 1 or turn.confidence < 1 for turn in turns):
        return "it prescribes what the recogniser hears"
    if sum(turn.wait_seconds or 0.0 for turn in turns) > _LONGEST_WAIT_SECONDS:
        return "it waits for long"
    if any(re.search(r"[0-9A-Za-z]", text) for turn in turns for text in turn.caller):
        return "it has digits or Latin letters, which are not for a voice"
    return ""


def scenario_of(conversation: Conversation, name: str) -> Scenario:
    """Return the patient's steps: one a turn of the caller, then "да" and "нет" for questions that were not foreseen."""
    steps = [
        Step(digits=turn.keys) if turn.keys else Step(say=turn.caller[0])
        for turn in conversation.turns
        if turn.keys or turn.caller
    ]
    return Scenario(
        name=name,
        caller=conversation.caller_phone or _WITHHELD,
        turn_end_ms=900,
        limit_seconds=conversation.budget_seconds + 120,
        steps=(*steps, Step(say=YES), Step(say=NO)),
    )
