"""What QA's marks teach and prove: training phrases, conversations, recordings with their words. Pure.

A turn's truth is its right text, or what was heard where QA found that right. Phrases with a phone number teach nothing and are
left out: a patient's number has no place in a file of phrases. Names stay: look the files over before they are shared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.marks import Kind, Mark
from voicebot.records.masking import masked_text
from voicebot.russian.text import normalise

#: What ends the talk or means nothing by itself cannot be shown by a conversation of one phrase.
_NO_CONVERSATION = frozenset({"goodbye", "stop", "answer", "none"})
#: Intents that every dialplan hands over at once, and the reason that the transfer then has.
_HANDED_OVER = {"operator": "requested", "emergency": "emergency", "upset": "upset"}
_MARGIN_MS = 300  # of the recording around a turn: its ends are where speech was proved, not where it began


@dataclass(frozen=True, slots=True)
class SoundCase:
    """A piece of a recording and the words in it; offsets are milliseconds of the call, `name` is the file's."""

    name: str
    dialog: Dialog
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What only a person can mend: a prompt, data of the clinic."""

    dialog_id: str
    number: int
    kind: Kind
    prompt: str
    text: str
    note: str


@dataclass(slots=True)
class Cases:
    """Everything that was found. `phrases`: phrase -> intent, the latest mark of a phrase counts."""

    phrases: dict[str, str] = field(default_factory=dict)
    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)  # file name -> content
    sounds: list[SoundCase] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)  # why -> how many marks

    def leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def training(self) -> dict[str, list[str]]:
        """Return intent -> phrases, both in order of the alphabet."""
        found: dict[str, list[str]] = {}
        for phrase, intent in sorted(self.phrases.items()):
            found.setdefault(intent, []).append(phrase)
        return dict(sorted(found.items()))


def cases_of(marked: Iterable[tuple[Mark, Dialog]]) -> Cases:
    """Return what marks are good for; each comes with its whole dialog, oldest marks first."""
    cases = Cases()
    for mark, dialog in marked:
        turn = next((one for one in dialog.turns if one.number == mark.number), None)
        if turn is None:
            cases.leave_out("the turn is gone")
        elif mark.kind in (Kind.BAD_PROMPT, Kind.WRONG_DATA):
            cases.remarks.append(remark_of(mark, dialog, turn))
        elif turn.who is not Who.CALLER:
            cases.leave_out("not a caller's turn")
        else:
            _caller(cases, mark, dialog, turn)
    return cases


def _caller(cases: Cases, mark: Mark, dialog: Dialog, turn: Turn) -> None:
    truth = normalise(mark.right_text or ("" if mark.kind is Kind.MISHEARD else turn.text))
    if not truth:
        cases.leave_out("nobody wrote what was really said")
        return
    if mark.kind is Kind.MISHEARD:
        sound = sound_of(mark, dialog, turn, truth)
        if sound is None:
            cases.leave_out("no recording of a misheard turn")
        else:
            cases.sounds.append(sound)
    if mark.kind is Kind.FINE:
        return  # it was understood: nothing to teach
    if not mark.right_intent:
        if mark.kind is Kind.MISUNDERSTOOD:
            cases.leave_out("nobody chose what was really wanted")
    elif normalise(masked_text(truth)) != truth:
        cases.leave_out("holds a phone number")
    else:
        cases.phrases.pop(truth, None)
        cases.phrases[truth] = mark.right_intent
        if mark.right_intent not in _NO_CONVERSATION:
            name = f"qa_{dialog.id}_{turn.number}"
            cases.conversations[name] = conversation_of(mark, dialog, turn, truth)


def sound_of(mark: Mark, dialog: Dialog, turn: Turn, truth: str) -> SoundCase | None:
    """Return where the turn lies in the recording, with a margin that other turns do not reach; None if it was not recorded."""
    if not dialog.recording_path or turn.offset_start_ms is None or turn.offset_end_ms is None:
        return None
    others = [one for one in dialog.turns if one.who is Who.CALLER and one.number != turn.number]
    before = max((one.offset_end_ms or 0 for one in others if one.number < turn.number), default=0)
    after = min(
        (one.offset_start_ms for one in others if one.number > turn.number and one.offset_start_ms is not None),
        default=turn.offset_end_ms + _MARGIN_MS,
    )
    start = max(turn.offset_start_ms - _MARGIN_MS, min(before, turn.offset_start_ms), 0)
    end = min(turn.offset_end_ms + _MARGIN_MS, max(after, turn.offset_end_ms))
    return SoundCase(f"{mark.dialog_id}-{mark.number}", dialog, start, end, truth)


def conversation_of(mark: Mark, dialog: Dialog, turn: Turn, truth: str) -> dict[str, Any]:
    """Return a conversation file: the robot greets, the phrase is said, and must be understood as QA says."""
    said: dict[str, Any] = {"caller": truth, "understood": {"intent": mark.right_intent}}
    if mark.right_intent in _HANDED_OVER:
        said["hands_over"] = _HANDED_OVER[mark.right_intent]
    about = f"QA, dialog {dialog.id}, turn {turn.number}: taken for {turn.intent or 'nothing'}, means {mark.right_intent}"
    return {"conversation": about, "turns": [{}, said]}


def remark_of(mark: Mark, dialog: Dialog, turn: Turn) -> Remark:
    """Return what somebody must look at; of the caller's turn the prompt is that of the question before."""
    asked = [one.prompt for one in dialog.turns if one.number <= turn.number and one.prompt]
    return Remark(dialog.id, turn.number, mark.kind, asked[-1] if asked else "", masked_text(turn.text), masked_text(mark.note))


def merged(known: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Phrase -> intent of earlier exports and this one; what QA says now counts."""
    return {**known, **found}
