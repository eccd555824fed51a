"""What is to be done with a message now: decided, and written down before anybody is asked to do it."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from voicebot.clinic.contact_points import address_for, mark_refused, points_of
from voicebot.clinic.tables import MessageRow, MessageStatus
from voicebot.clock import Clock
from voicebot.errors import StorageError, VoicebotError
from voicebot.messages import progress
from voicebot.messages.cascade import (
    Away,
    Drop,
    Event,
    Interrupted,
    Look,
    Refused,
    Send,
    State,
    Throttled,
    Unsure,
    Unusable,
    advance,
)
from voicebot.messages.claims import Claim, is_ours, release, renew
from voicebot.messages.guards import Guard, Stop, visit_guard
from voicebot.messages.planning import consider, first_state
from voicebot.messages.rendered import Rendered
from voicebot.messages.senders import sender as ways
from voicebot.messages.senders.bot_http import Gone
from voicebot.messages.tables import DeliveryRow, DeliveryStatus
from voicebot.settings import Cascade

log = structlog.get_logger(__name__)


class Route(Protocol):
    """The providers of a channel."""

    def order(self) -> Sequence[ways.Sender]:
        """Return them, the one to try first first."""
        ...

    def begin(self, provider: str) -> None:
        """Be told that a try begins."""
        ...

    def note(self, provider: str, failure: ways.SendFailure | None, seconds: float) -> None:
        """Be told how it went."""
        ...


class Texts(Protocol):
    """messages.templates.Templates."""

    def channels(self, template: str, /) -> Collection[ways.Channel]: ...

    def render(
        self, template: str, channel: ways.Channel, values: Mapping[str, Any], *, dialog_id: str = "", is_detailed: bool = False
    ) -> Rendered: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a courier works with. `zone_of`: the name of a branch's time zone. `guards`: by template; else `visit_guard`."""

    routes: Mapping[ways.Channel, Route]
    texts: Texts
    price: progress.Price
    zone_of: Callable[[str], str]
    guards: Mapping[str, Guard]


@dataclass(frozen=True, slots=True)
class Work:
    """An intent that is written down and now to be carried out."""

    claim: Claim
    delivery_id: int
    attempt: int
    sender: ways.Sender
    outgoing: ways.Outgoing
    other_providers: bool
    began_seconds: float  # monotonic


class Intents:
    """Decides in the caller's transaction; asks nobody outside."""

    def __init__(self, clock: Clock, settings: Cascade, means: Means) -> None:
        self._clock = clock
        self._settings = settings
        self._means = means
        self._lease = timedelta(seconds=settings.lease_seconds)

    def begin(self, session: Session, one: Claim) -> Work | None:
        """Decide what is to be done with a claimed message now; an order is written down before it is returned."""
        row = progress.locked(session, one.message_id)
        if row is None or row.done_at is not None or not is_ours(row, one):
            return None
        now = self._clock.now()
        try:
            with session.begin_nested():
                work = self._decide(session, row, one)
        except (StorageError, DBAPIError):
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be decided now cannot be later, and others wait behind it
            problem = error.message if isinstance(error, VoicebotError) else type(error).__name__
            log.error("message_cannot_be_sent", message_id=row.id, template=row.template, problem=problem)
            row.status, row.reason, row.done_at = MessageStatus.FAILED.value, "no_template", now
            work = None
        if work is None:
            release(row)
        else:
            renew(row, now, self._lease)
        return work

    def _decide(self, session: Session, row: MessageRow, one: Claim) -> Work | None:
        now = self._clock.now()
        points = points_of(session, row.phone)
        state = progress.state_of(row)
        if state is None:
            texts = {channel.value for channel in self._means.texts.channels(row.template)}
            channels = consider(row, self._settings, points, texts, {channel.value for channel in self._means.routes})
            state = first_state(row, self._settings, channels, self._means.zone_of(row.branch_id), now)
        event = self._found(session, row, state)
        verdict = self._means.guards.get(row.template, visit_guard)(session, row, now)
        if isinstance(verdict, Stop):
            state, _ = advance(state, Drop(verdict.reason), now)
            log.info("message_dropped", message_id=row.id, template=row.template, reason=verdict.reason)
        while True:
            after, order = advance(state, event, now)
            if order is None:
                progress.write(row, after, now)
                return None
            ready = self._ready(session, row, after, order, verdict.values if not isinstance(verdict, Stop) else {}, points)
            if not isinstance(ready, str):
                break
            log.info("channel_left_out", message_id=row.id, channel=order.step.channel, reason=ready)
            state, event = advance(state, Unusable(ready), now)[0], Look()
        progress.write(row, after, now)
        sender, delivery, outgoing, other_providers = ready
        session.flush()
        return Work(one, delivery.id, order.attempt, sender, outgoing, other_providers, self._clock.monotonic_seconds())

    def _found(self, session: Session, row: MessageRow, state: State) -> Event:
        """What a claimed message's state says: an intent without a result is of a process that died."""
        if state.phase.value != "sending":
            return Look()
        delivery = _attempt(session, row.id, state.attempt)
        sender = None if delivery is None else self._sender(delivery.channel, delivery.provider)
        if delivery is not None and delivery.status == DeliveryStatus.SENDING:
            delivery.status = DeliveryStatus.UNCERTAIN.value
        log.warning("intent_without_result", message_id=row.id, is_repeated=sender is not None and sender.is_idempotent)
        return Interrupted(sender is not None and sender.is_idempotent)

    def _ready(
        self, session: Session, row: MessageRow, state: State, order: Send, values: Mapping[str, Any], points: Sequence[Any]
    ) -> tuple[ways.Sender, DeliveryRow, ways.Outgoing, bool] | str:
        """Return all that sending takes, or why the channel cannot be used after all."""
        step, now = order.step, self._clock.now()
        channel = ways.Channel(step.channel)
        point = address_for(points, step.channel, row.phone)
        if point is None or point.value != step.address:
            return "withdrawn"
        delivery = _attempt(session, row.id, order.attempt) if order.is_repeat else None
        senders = self._means.routes[channel].order() if channel in self._means.routes else ()
        if order.is_repeat:
            left = [one for one in senders if delivery is not None and one.provider == delivery.provider]
        else:
            left = [one for one in senders if one.provider not in state.away]
        if not left:
            return "no_provider"
        if channel not in self._means.texts.channels(row.template):
            return "no_text"
        sender = left[0]
        try:
            text = self._means.texts.render(
                row.template, channel, values, dialog_id=row.dialog_id, is_detailed=point.allows_details
            )
        except VoicebotError as error:
            log.error("message_not_rendered", message_id=row.id, template=row.template, problem=error.message, cure=error.cure)
            return "bad_text"
        if delivery is None:
            delivery = _new_delivery(row, order, sender, text, state)
            delivery.created_at = now
            session.add(delivery)
        else:
            delivery.tries += 1
        outgoing = ways.Outgoing(
            key=delivery.key,
            address=step.address,
            text=text.text,
            channel=channel,
            buttons=text.buttons,
            link=text.link,
            message_id=row.id,
            dialog_id=row.dialog_id,
            template=row.template,
            values=text.values,
            expires_at=state.expires_at,
        )
        return sender, delivery, outgoing, len(left) > 1

    def _sender(self, channel: str, provider: str) -> ways.Sender | None:
        route = self._means.routes.get(ways.Channel(channel))
        return None if route is None else next((one for one in route.order() if one.provider == provider), None)


def event_of(work: Work, failure: ways.SendFailure) -> Event:
    match failure:
        case ways.Refused():
            return Refused(work.attempt, failure.code or "refused")
        case ways.Throttled():
            return Throttled(work.attempt, failure.after_seconds)
        case ways.Unavailable():
            return Away(work.attempt, work.sender.provider, work.other_providers)
        case _:
            return Unsure(work.attempt, work.sender.is_idempotent)


def note_failure(session: Session, delivery: DeliveryRow, failure: ways.SendFailure, now: Any) -> None:
    if delivery.status not in (DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN):
        return  # a receipt told already
    was_unsure = delivery.status == DeliveryStatus.UNCERTAIN
    delivery.reason = (failure.code or type(failure).__name__.lower())[:64]
    match failure:
        case ways.Refused():
            delivery.status, delivery.ended_at = DeliveryStatus.REFUSED.value, now
            if isinstance(failure, Gone):
                mark_refused(session, delivery.channel, delivery.address, now)
        case ways.Throttled() | ways.Unavailable() if not was_unsure:
            delivery.status, delivery.ended_at = DeliveryStatus.UNSENT.value, now
        case _:
            delivery.status = DeliveryStatus.UNCERTAIN.value


def _new_delivery(row: MessageRow, order: Send, sender: ways.Sender, text: Rendered, state: State) -> DeliveryRow:
    return DeliveryRow(
        message_id=row.id,
        template=row.template,
        attempt=order.attempt,
        channel=order.step.channel,
        address=order.step.address,
        provider=sender.provider,
        # Random: a database that begins anew must not repeat the keys of the old one.
        key=f"{row.id}-{order.attempt}-{secrets.token_hex(6)}",
        status=DeliveryStatus.SENDING.value,
        parts=text.parts,
        tries=1,
        price_kopecks=0,
        deadline_at=state.step_until,
    )


def _attempt(session: Session, message_id: int, attempt: int) -> DeliveryRow | None:
    query = select(DeliveryRow).where(DeliveryRow.message_id == message_id, DeliveryRow.attempt == attempt)
    return session.scalar(query)
