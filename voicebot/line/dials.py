"""Calls of ours that nobody has answered yet: pjsua2's legs for `dialling`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj
import structlog

from voicebot.line.dialling import Dialling, DialRules, HourlyLimit
from voicebot.line.endpoint import SipEndpoint
from voicebot.line.headers import identity_headers, is_plain_id, with_transport
from voicebot.line.leg import Confirmed, Ended, Leg, Progressed, hang_up, options
from voicebot.link.messages import Dial, Dialing, DialState

log = structlog.get_logger(__name__)

_TELL_SECONDS = 600.0


@dataclass(slots=True)
class Dialled:
    """A leg that rings somewhere, and the brain that wants it. `link` None: the brain is gone, and so is the leg soon."""

    link: int | None
    order: Dial
    leg: Leg
    dialling: Dialling


class Dials:
    """The legs by their call ID, until they are answered or end."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        rules: DialRules,
        transport: str,
        tell: Callable[[int, Dialing], None],
        release: Callable[[int], None],
    ) -> None:
        self._endpoint = endpoint
        self._rules = rules
        self._transport = transport
        self._tell = tell
        self._release = release
        self._dialled: dict[str, Dialled] = {}
        self._hour = HourlyLimit(rules.per_hour)
        self._was_told_at: float | None = None

    def __len__(self) -> int:
        return len(self._dialled)

    def refuse(self, link: int, order: Dial, state: DialState) -> None:
        self._tell(link, Dialing(order=order.order, state=state))

    def is_allowed(self, order: Dial) -> bool:
        return bool(self._rules.uri(order.phone)) and is_plain_id(order.dialog_id)

    def has_room(self, now: float) -> bool:
        """Tell whether this hour takes one more call of ours."""
        if self._hour.has_room(now):
            return True
        if self._was_told_at is None or now - self._was_told_at > _TELL_SECONDS:
            self._was_told_at = now
            log.error("calls_of_an_hour_used_up", cure="calls.per_hour; is somebody calling who should not?")
        return False

    def dial(self, link: int, order: Dial, call_id: str, now: float) -> Leg:
        """Send the INVITE to a number that is allowed. What comes of it comes as the leg's events."""
        leg = Leg(self._endpoint.account, self._endpoint.events)
        leg.call_id = call_id
        self._dialled[call_id] = Dialled(link, order, leg, Dialling(self._rules.ring_seconds, now))
        self._hour.count(now)
        prm = options(headers={**identity_headers(order.dialog_id), **self._rules.headers})
        if self._rules.caller_id:
            prm.txOption.localUri = self._endpoint.uri_of(self._rules.caller_id)
        log.info("calling_out", dialog=order.dialog_id)
        try:
            leg.makeCall(f"<{with_transport(self._rules.uri(order.phone), self._transport)}>", prm)
        except pj.Error as error:
            log.error("patient_cannot_be_dialled", status=error.status)
            if not leg.is_ended:
                leg.is_ended = True
                self._endpoint.events.append(Ended(leg, 503))
        return leg

    def take(self, event: Any) -> Dialled | None:
        """Take an event of a leg that was dialled; return it when somebody answered, and know it no longer."""
        known = self._dialled.get(event.leg.call_id)
        if known is None or known.leg is not event.leg:
            return None
        match event:
            case Progressed(_, sip_status):
                self._news(known, known.dialling.progress(sip_status), sip_status)
            case Ended(leg, sip_status):
                del self._dialled[leg.call_id]
                self._news(known, known.dialling.ended(sip_status), sip_status)
                if known.link is not None:
                    self._release(known.link)
            case Confirmed(leg):
                del self._dialled[leg.call_id]
                if known.link is not None:
                    return known
                hang_up(leg)  # answered in the moment its brain died: nobody is there to talk
        return None

    def step(self, now: float) -> None:
        for one in self._dialled.values():
            if one.dialling.is_given_up(now):
                hang_up(one.leg)

    def brain_lost(self, link: int) -> None:
        """Nobody would talk: the calls it wanted are given up."""
        for one in self._dialled.values():
            if one.link == link:
                one.link = None
                hang_up(one.leg)

    def hang_up_all(self) -> None:
        for one in self._dialled.values():
            hang_up(one.leg)

    def clear(self) -> None:
        """Drop the legs, before the library goes."""
        self._dialled.clear()

    def _news(self, one: Dialled, state: DialState | None, sip_status: int) -> None:
        if state is None:
            return
        log.info("call_out", dialog=one.order.dialog_id, state=state.value, sip_status=sip_status)
        if one.link is not None:
            self._tell(one.link, Dialing(order=one.order.order, state=state, sip_status=sip_status))
