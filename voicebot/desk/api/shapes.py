"""What goes over the interface for programs. A field here is a promise: it is added, never renamed, within /api/v1."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from voicebot.clinic.tables import AppointmentStatus
from voicebot.records.dialogs import Who
from voicebot.records.numbers import Step
from voicebot.records.search import Said

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0)]


class Shape(BaseModel):
    """Nothing is sent that is not described, and nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Problem(Shape):
    """Why there is no answer."""

    detail: str
    fields: list[str] = Field([], description="what was wrong of the request")


# -- dialogs ----------------------------------------------------------------------------------------------------------------


class DialogFilter(Shape):
    """Every field that is set must hold."""

    since: datetime | None = Field(None, description="from this moment on; without an offset it is the clinic's time")
    until: datetime | None = Field(None, description="before this moment")
    channel: str = Field("", max_length=16)
    outcome: str = Field("", max_length=32)
    reason: str = Field("", max_length=64)
    dialplan: str = Field("", max_length=64)
    confidence_below: Share | None = Field(None, description="of the dialog's least sure turn")
    seconds_from: float | None = Field(None, ge=0, description="handling time")
    seconds_to: float | None = Field(None, ge=0)
    transferred: bool | None = Field(None, description="whether a transfer was tried")
    marked: bool | None = Field(None, description="whether QA marked a turn")
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=100, description="`next` of the page before")


class DialogSearch(DialogFilter):
    """The filter with what must not stand in an address: words and numbers of patients."""

    words: str = Field("", max_length=200, description="all of them were said, in any form")
    words_by: Said = Field(Said.ANYBODY, description="who said them")
    phone: str = Field("", max_length=20, description="part of the caller's number; ignored for keys that see masked numbers")


class DialogLine(Shape):
    """A dialog in a list. What follows `transfer_result` is null until the dialog is over and digested."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    channel: str
    dialplan: str
    caller_phone: str
    outcome: str = Field(description='"" while it goes on')
    reason: str
    handling_seconds: float | None
    transfer_result: str
    caller_turns: int | None
    unclear_turns: int | None
    least_confidence: Share | None
    is_marked: bool


class DialogPage(Shape):
    """Newest first."""

    items: list[DialogLine]
    next: str | None = Field(description="cursor of the next page; null on the last one")


class DialogDetails(Shape):
    """What is known of one dialog, apart from its words."""

    id: str
    channel: str
    started_at: datetime
    ended_at: datetime | None
    caller_phone: str
    called: str
    dialplan: str
    outcome: str
    reason: str
    ended_by: str
    handling_seconds: float | None
    transfer_target: str
    transfer_result: str
    notice_version: str = Field(description='which announcement of the recording was heard to its end; "": none')
    summary: dict[str, Any] = Field(description="what was told, for the human who takes over")
    versions: dict[str, Any]
    has_recording: bool


class HeardAs(Shape):
    """One hypothesis of the recogniser."""

    text: str = ""
    confidence: float = 0.0
    source: str = ""


class Latency(Shape):
    """From the caller's last sound to the robot's first, by stage."""

    endpoint_ms: Milliseconds | None = None
    recognise_ms: Milliseconds | None = None
    think_ms: Milliseconds | None = None
    speak_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None


class Turn(Shape):
    """One thing said or done. Offsets count from the call's first frame."""

    number: int
    who: Who
    text: str
    at: datetime | None
    offset_start_ms: int | None
    offset_end_ms: int | None
    played_text: str | None = Field(description="of the robot's text, what left for the caller")
    played_ms: int | None
    alternatives: list[HeardAs]
    confidence: Share | None
    intent: str
    slots: dict[str, Any]
    prompt: str
    latency_ms: Latency
    is_bargein: bool
    digits: str


class Transcript(Shape):
    """All turns so far, in order."""

    dialog_id: str
    is_running: bool
    turns: list[Turn]


# -- queue ------------------------------------------------------------------------------------------------------------------


class Waiting(Shape):
    """A contact that needs a human, or is looked after by one, and is not settled."""

    dialog_id: str
    started_at: datetime
    is_running: bool
    channel: str
    caller_phone: str
    reason: str
    transfer_result: str
    outcome: str
    summary: dict[str, Any]
    taken_by: str
    taken_at: datetime | None


class Queue(Shape):
    """Those on the line first, then the oldest first."""

    items: list[Waiting]


# -- numbers ----------------------------------------------------------------------------------------------------------------


class Counts(Shape):
    """docs/numbers.md defines each."""

    contacts: int
    answered: int
    lost: int
    contained: int
    transferred: int
    booked: int
    off_topic: int
    within_budget: int
    timed: int
    caller_turns: int
    unclear_turns: int


class Piece(Counts):
    """A day, week or month of the period, named by its first day."""

    first: date


class Percentiles(Shape):
    p50: float
    p90: float
    p95: float
    count: int


class Recognition(Shape):
    """On the turns whose right words QA wrote."""

    turns: int
    words: int
    errors: int
    error_rate: float | None


class Visits(Shape):
    due: int
    came: int
    missed: int
    cancelled: int
    missed_share: Share | None


class Phrase(Shape):
    phrase: str
    count: int


class Numbers(Shape):
    """The figures of a period, both days included."""

    first: date
    last: date
    step: Step
    channel: str
    total: Counts
    pieces: list[Piece]
    channels: dict[str, int]
    hours: list[int] = Field(min_length=24, max_length=24)
    channel_hours: dict[str, list[int]]
    outcomes: dict[str, int]
    transfer_reasons: dict[str, int]
    handling_seconds: Percentiles | None
    latency_ms: dict[str, Percentiles]
    recognition: Recognition
    visits: Visits
    not_understood: list[Phrase] | None = Field(description="the most frequent phrases; null for keys that read no dialogs")


# -- bookings ---------------------------------------------------------------------------------------------------------------


class BookingFilter(Shape):
    """Visits that begin on these days, in the clinic's zone."""

    first: date | None = Field(None, description="null: today")
    last: date | None = Field(None, description="null: the same day")
    branch: str = Field("", max_length=64, description="its ID")
    doctor: str = Field("", max_length=64, description="its ID")
    status: AppointmentStatus | Literal[""] = ""
    limit: int = Field(200, ge=1, le=500)
    offset: int = Field(0, ge=0, le=100_000)


class BookingSearch(BookingFilter):
    """The filter with what must not stand in an address."""

    phone: str = Field("", max_length=20, description="whole number")


class Booking(Shape):
    """A visit of a patient."""

    id: int
    start: datetime
    duration_minutes: int
    status: AppointmentStatus
    doctor_id: str
    doctor: str
    branch_id: str
    branch: str
    service_id: str | None
    service: str
    speciality_id: str
    price_rub: int | None
    phone: str
    surname: str
    given: str
    patronymic: str
    birth_date: date | None
    replaces_id: int | None
    reason: str = Field(description="why it was cancelled")


class Bookings(Shape):
    items: list[Booking]
