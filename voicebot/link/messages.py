"""Everything line and brain say to each other.

line is the server: it outlives its brains. Audio is 8 kHz mono int16 little-endian in 20 ms frames (320 bytes).
All offsets count from the first frame of the call on its media clock, which both sides share.
"""

from enum import StrEnum

import msgspec


class TransferMode(StrEnum):
    """How a call reaches the operator (sip.md: consult first is the default)."""

    CONSULT = "consult"  # dial the operator, on answer REFER with Replaces; bridge where refused
    BRIDGE = "bridge"  # dial the operator, on answer join both calls here
    BLIND = "blind"  # REFER at once, the PBX takes the call away


class TransferState(StrEnum):
    RINGING = "ringing"  # the operator's phone rings
    COMPLETED = "completed"  # REFER succeeded: the caller and the operator talk without us
    BRIDGED = "bridged"  # both legs are joined here; CallEnded follows when one hangs up
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    WRONG_EXTENSION = "wrong_extension"  # 404, 484, 410
    UNREACHABLE = "unreachable"  # timeout, 5xx, network
    FAILED = "failed"  # anything else

    @property
    def is_final(self) -> bool:
        return self is not TransferState.RINGING

    @property
    def is_success(self) -> bool:
        return self in (TransferState.COMPLETED, TransferState.BRIDGED)


class DialState(StrEnum):
    """What a call of ours comes to before anybody answers."""

    RINGING = "ringing"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    WRONG_NUMBER = "wrong_number"  # 404, 410, 484, 604
    UNREACHABLE = "unreachable"  # timeout, 5xx, network
    FAILED = "failed"  # anything else
    FORBIDDEN = "forbidden"  # such a number is not dialled by this line
    NO_LINE = "no_line"  # patients need the lines now: try again later

    @property
    def is_final(self) -> bool:
        return self is not DialState.RINGING


class EndedBy(StrEnum):
    CALLER = "caller"
    ROBOT = "robot"
    OPERATOR = "operator"
    TRANSFERRED = "transferred"
    SILENT_PEER = "silent_peer"  # the RTP watchdog
    ERROR = "error"


class Message(msgspec.Struct, tag=True, kw_only=True):
    """Base of all messages; the tag is the class name."""


# -- line to brain ------------------------------------------------------------------------------------------------------


class Ping(Message):
    sequence: int


class CallStarted(Message):
    """A caller was answered; media flows. `caller` is the number or name part of P-Asserted-Identity, else From.

    Or somebody answered whom a brain had us dial: then `order` is that of its Dial, and `caller` the number dialled.
    """

    call_id: str  # line's own, unique in its life
    dialog_id: str
    caller: str
    called: str
    source_host: str
    sip_call_id: str
    order: int | None = None
    waited_seconds: float | None = None
    """In line's queue, before a brain had room; None: it did not wait."""

    came_at: float | None = None
    """When a caller was answered who had to wait or to be passed on: seconds since the epoch. His dialog began then."""


class Waiting(Message):
    """A caller waits in line's queue, or goes from there to the operators: told to a brain, so that his dialog is known.

    Told again when that brain is gone. A CallStarted or an Orphaned of the same dialog follows.
    """

    started: CallStarted
    reason: str = ""  # goes to the operators: why


class Dialing(Message):
    """News of a Dial; after a final state nothing more comes of it. An answer is a CallStarted."""

    order: int
    state: DialState
    sip_status: int = 0


class Tick(Message):
    """20 ms of a call, both directions as they were on the wire.

    `caller` is 320 bytes, or empty when nothing came. `robot` is what was sent to the caller in the same frame (the
    robot's voice, or the operator's when bridged), empty for silence.
    """

    call_id: str
    frame: int  # counts from 0; offset_ms = frame * 20
    caller: bytes
    robot: bytes


class Digit(Message):
    """One DTMF key (RFC 4733 or SIP INFO): 0-9, *, #, A-D."""

    call_id: str
    digit: str
    frame: int


class PlayStarted(Message):
    """The first frame of an utterance left for the caller."""

    call_id: str
    utterance: int
    frame: int


class PlayEnded(Message):
    """An utterance was played to its end, or was cut: `played_samples` of it left for the caller."""

    call_id: str
    utterance: int
    frame: int
    played_samples: int
    is_complete: bool


class Transferring(Message):
    """News of an ordered transfer."""

    call_id: str
    state: TransferState
    sip_status: int = 0


class Held(Message):
    """The caller's side put the call on hold, or took it back."""

    call_id: str
    is_held: bool


class CallEnded(Message):
    call_id: str
    ended_by: EndedBy
    sip_status: int = 0


class Orphaned(Message):
    """A call ended that had lost its brain (or never had one): told to whichever brain lives, so that it gets its outcome.

    `reason`: why it had none.
    """

    started: CallStarted  # with the dialog ID in use at the end
    ended_by: EndedBy
    transfer: TransferState | None  # the last that was heard of reaching an operator
    reason: str = "brain_died"


# -- brain to line ------------------------------------------------------------------------------------------------------


class Pong(Message):
    sequence: int


class Hello(Message):
    """First word of a brain. `apology` is 8 kHz PCM that line plays if this brain dies in mid-call."""

    brain_id: str
    pid: int
    capacity_calls: int
    apology: bytes
    goodbye: bytes = b""  # played when neither brain nor operator can be had


class Load(Message):
    """How much a brain has to do, each second. Line decides what it means."""

    busy_share: float  # processor time of its share of the cores
    behind_ms: float  # p95 of how far it is behind its calls
    answer_ms: float  # p95 of recognising, thinking and beginning to speak


class SoundsReady(Message):
    """What line says in its queue lies on disk, perhaps anew."""


class Rename(Message):
    """The store knows this dialog ID already: use another from now on."""

    call_id: str
    dialog_id: str


class Play(Message):
    """A piece of an utterance, appended to what is queued. `is_last` closes the utterance (pcm may be empty then)."""

    call_id: str
    utterance: int
    pcm: bytes
    is_last: bool


class StopPlaying(Message):
    """Drop everything queued, at once (barge-in). PlayEnded follows for the utterance that was cut."""

    call_id: str


class Transfer(Message):
    """Hand the caller to `target` (a SIP URI from line's own configured targets, by name) after the queue is played."""

    call_id: str
    target: str  # a name in settings.transfer.targets; line dials nothing else
    reason: str = ""


class CancelTransfer(Message):
    call_id: str


class Hangup(Message):
    """End the call after the queue is played."""

    call_id: str


class Dial(Message):
    """Call a patient. `order` is the brain's own number for it. Line decides where such numbers go, and which never."""

    order: int
    phone: str  # E.164
    dialog_id: str


FromLine = (
    Ping | CallStarted | Waiting | Dialing | Tick | Digit | PlayStarted | PlayEnded | Transferring | Held | CallEnded | Orphaned
)
FromBrain = Pong | Hello | Load | SoundsReady | Rename | Play | StopPlaying | Transfer | CancelTransfer | Hangup | Dial
