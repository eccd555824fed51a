"""The main loop's work: SIP events, link events and time, brought to the calls they belong to. One thread."""

from typing import Any

import structlog

from voicebot import dialog_id, status
from voicebot.clock import Clock
from voicebot.line.admission import Verdict, decide, lines_of, may_call_out
from voicebot.line.binding import Binding
from voicebot.line.brainless import Brainless
from voicebot.line.callbook import CallBook
from voicebot.line.caller import CallRules, Farewell
from voicebot.line.dialling import rules_of
from voicebot.line.dials import Dialled, Dials
from voicebot.line.endpoint import Invited, SipEndpoint
from voicebot.line.farewell import load_farewell, save_farewell
from voicebot.line.headers import called_of, caller_of, can_refer, check_target, header, source_host
from voicebot.line.left_calls import LeftCalls, say_goodbye
from voicebot.line.leg import Ended, Established, Leg, hang_up
from voicebot.line.media import MediaSession
from voicebot.line.reception import Held, Reception
from voicebot.line.wire import CallWire
from voicebot.link.messages import CallStarted, Dial, DialState, Load, SoundsReady, TransferMode
from voicebot.link.server import Joined, LinkServer, Lost, Said
from voicebot.settings import Settings
from voicebot.trouble import where

log = structlog.get_logger(__name__)

POLL_MS = 5  # what a tick or an order waits at most; a fraction of a frame
_STATUS_SECONDS = 1.0


class Switchboard:
    """Calls `step` for ever. Opens the link first, then SIP: an INVITE finds everything in place."""

    def __init__(self, settings: Settings, binding: Binding, clock: Clock) -> None:
        self._settings = settings
        self._binding = binding
        self._clock = clock
        self.lines = lines_of(binding, settings.sip.lines)
        for name, uri in settings.transfer.targets.items():
            check_target(name, uri)
        dial_rules = rules_of(settings.calls)
        self._networks = settings.sip.allowed_networks()
        self._rules = CallRules(
            mode=TransferMode(settings.transfer.mode),
            ring_seconds=settings.transfer.ring_seconds,
            silent_peer_seconds=settings.sip.silent_peer_seconds,
            hold_limit_seconds=settings.sip.hold_limit_seconds,
            target_names=frozenset(settings.transfer.targets),
        )
        self._legs: set[Leg] = set()  # every leg that holds one of the library's slots
        self._count = 0  # of calls either way, for their IDs
        self._taken = 0  # of calls that came
        self._next_status = 0.0
        self.is_draining = False
        self._link = LinkServer(
            settings.link_socket,
            clock,
            ping_seconds=settings.link.ping_seconds,
            dead_after_seconds=settings.link.dead_after_seconds,
        )
        self._reception = Reception(
            settings.admission,
            settings.waiting_sounds,
            self.lines,
            has_operator=self._rules.operator in self._rules.target_names,
            now=clock.monotonic_seconds(),
            goes=lambda started, reason: brainless.waits(started, reason),
        )
        self._roster = self._reception.roster
        brainless = Brainless(self._roster, self._link.send)
        self._book = CallBook(
            self._rules, self._reception, brainless, self._link.send, self._wire_of, load_farewell(settings.cache)
        )
        self._left = LeftCalls(settings.run_dir / "legs")
        try:
            say_goodbye(self._left.take(), settings.sip)
            self._endpoint = SipEndpoint(settings.sip, binding)
        except BaseException:
            self._link.close()
            raise
        self._dials = Dials(self._endpoint, dial_rules, settings.sip.transport, self._link.send, self._roster.release)

    @property
    def calls(self) -> int:
        """Lines in use: calls, those that wait among them, and legs that ring somewhere."""
        return len(self._book) + len(self._dials)

    def step(self) -> None:
        """Run everything once; takes about POLL_MS."""
        self._endpoint.poll(POLL_MS)
        now = self._clock.monotonic_seconds()
        for event in self._link.poll():
            match event:
                case Joined():
                    self._brain_joined(event)
                case Lost():
                    self._brain_lost(event.link, now)
                case Said(link, Dial() as order):
                    self._call_out(link, order, now)
                case Said(link, Load() as load):
                    self._roster.told(link, load, now)
                case Said(_, SoundsReady()):
                    self._reception.reload_sounds()
                case Said(link, message):
                    self._book.order(link, message, now)
        while self._endpoint.events:
            self._take(self._endpoint.events.popleft(), now)
        self._book.step(len(self._dials), now)
        self._dials.step(now)
        self._link.flush()
        if now >= self._next_status:
            self._next_status = now + _STATUS_SECONDS
            self._reception.measured(now, self._book.late_frames, self.calls)
            self.write_status()

    def drain(self) -> None:
        """Take no more calls; those in progress go on."""
        if not self.is_draining:
            self.is_draining = True
            log.info("draining", calls=self.calls)
            self._endpoint.withdraw()
            self._book.close_queue(self._clock.monotonic_seconds())

    def hang_up_all(self) -> None:
        self._book.hang_up_all(self._clock.monotonic_seconds())
        self._dials.hang_up_all()

    def close(self) -> None:
        """End everything in the order that the library survives: calls, references, library."""
        self._book.close(self._clock.monotonic_seconds())
        self._link.close()
        self._dials.clear()
        self._legs.clear()
        self._left.close()
        self._endpoint.stop()
        status.withdraw(self._settings.run_dir, "line")

    # -- SIP ------------------------------------------------------------------------------------------------------------

    def _take(self, event: Any, now: float) -> None:
        """A SIP event. What breaks ends the leg that it is about, and nothing else."""
        try:
            self._take_in(event, now)
        except Exception as error:  # noqa: BLE001 - there are two hundred other calls in this process
            log.error("sip_event_failed", kind=type(event).__name__, error=type(error).__name__, where=where(error))
            if isinstance(event, Invited):
                event.leg.refuse(500)
            else:
                hang_up(event.leg)
        if isinstance(event, Ended):
            self._legs.discard(event.leg)
            self._left.forget(event.leg)

    def _take_in(self, event: Any, now: float) -> None:
        match event:
            case Invited():
                self._invited(event, now)
            case Established(leg, dialog):
                self._left.keep(leg, dialog)
            case _:
                if not self._book.take(event, now) and (answered := self._dials.take(event)) is not None:
                    self._answered(answered, now)

    def _held(self) -> Held:
        waiting = self._book.waiting
        return Held(
            served=self.calls - waiting,
            waiting=waiting,
            has_leg=self._has_free_leg(),
            has_apology=bool(self._book.farewell.apology),
            is_draining=self.is_draining,
        )

    def _invited(self, event: Invited, now: float) -> None:
        leg = event.leg
        self._legs.add(leg)
        host = source_host(event.source)
        verdict = decide(
            host, self._networks, self._reception.situation(self._held(), now, takes_refer=can_refer(event.message))
        )
        match verdict:
            case Verdict.FORBIDDEN:
                log.warning("invite_forbidden", source=host, cure="add its network to sip.allow if it is yours")
                leg.refuse(403)
            case Verdict.UNAVAILABLE:
                log.warning("invite_refused", calls=self.calls, lines=self.lines, brains=len(self._roster))
                leg.refuse(503, {"Retry-After": str(self._settings.sip.retry_after_seconds)})
            case _:
                self._answer(leg, host, event.message, verdict, now)

    def _answer(self, leg: Leg, host: str, message: str, verdict: Verdict, now: float) -> None:
        self._taken += 1
        leg.call_id = self._next_call_id()
        started = CallStarted(
            call_id=leg.call_id,
            dialog_id=dialog_id.new(),
            caller=caller_of(message),
            called=called_of(message),
            source_host=host,
            sip_call_id=header(message, "Call-ID"),
        )
        if verdict in (Verdict.QUEUE, Verdict.OPERATORS):
            started.came_at = self._clock.now().timestamp()
        call = self._book.enter(leg, started, verdict, now, takes_refer=can_refer(message)).call
        if verdict is Verdict.ANSWER:
            call.brain = self._reception.take(now)
        if not leg.accept():
            call.hang_up_now(now)

    def _next_call_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def _wire_of(self, leg: Leg, media: MediaSession) -> CallWire:
        return CallWire(self._endpoint, self._settings, leg, media, self._has_free_leg, self._legs.add)

    def _call_out(self, link: int, order: Dial, now: float) -> None:
        """A brain wants somebody called."""
        calls = self._settings.calls
        if not self._dials.is_allowed(order):
            log.error(
                "number_not_allowed", dialog=order.dialog_id, cure="see calls.target, calls.allow_prefixes, calls.deny_prefixes"
            )
            self._dials.refuse(link, order, DialState.FORBIDDEN)
            return
        outgoing = len(self._dials) + self._book.outgoing
        situation = self._reception.situation(self._held(), now)
        has_line = may_call_out(outgoing, calls.share, calls.spare, situation) and self._has_free_leg()
        if has_line and self._dials.has_room(now) and self._reception.take_this(link, situation.calls, now):
            self._legs.add(self._dials.dial(link, order, self._next_call_id(), now))
        else:
            self._dials.refuse(link, order, DialState.NO_LINE)

    def _answered(self, dialled: Dialled, now: float) -> None:
        leg, order = dialled.leg, dialled.order  # which may have hung up already: the library is not asked about it
        started = CallStarted(
            call_id=leg.call_id,
            dialog_id=order.dialog_id,
            caller=order.phone,
            called=self._settings.calls.caller_id or self._settings.sip.user,
            source_host="",
            sip_call_id=leg.sip_call_id,
            order=order.order,
        )
        if dialled.link is not None:
            self._book.answered(leg, started, dialled.link, now)

    def _has_free_leg(self) -> bool:
        return len(self._legs) < self._binding.calls

    # -- brains ---------------------------------------------------------------------------------------------------------

    def _brain_joined(self, event: Joined) -> None:
        hello = event.hello
        self._roster.join(event.link, hello)
        log.info("brain_joined", brain=hello.brain_id, capacity=hello.capacity_calls)
        if hello.apology:
            self._book.farewell = Farewell(apology=hello.apology, goodbye=hello.goodbye or self._book.farewell.goodbye)
            save_farewell(self._settings.cache, self._book.farewell)
        self._reception.reload_sounds()
        self._book.tell_again()

    def _brain_lost(self, link: int, now: float) -> None:
        hello = self._roster.hello(link)
        self._roster.leave(link)
        self._dials.brain_lost(link)
        farewell = self._book.farewell
        if hello is not None and hello.apology:
            farewell = Farewell(apology=hello.apology, goodbye=hello.goodbye or farewell.goodbye)
        self._book.brain_lost(link, farewell, now)

    # -- status ---------------------------------------------------------------------------------------------------------

    def write_status(self) -> None:
        """Replace the status file that the supervisor and /health read."""
        facts = {
            "calls": self.calls,
            "lines": self.lines,
            "legs": len(self._legs),
            "binding": f"{self._binding.kind} {self._binding.version}",
            "binding_calls": self._binding.calls,
            "registered": self._endpoint.is_registered,
            "draining": self.is_draining,
            "answered": self._taken,
            "calling_out": len(self._dials),
            "brains": self._roster.summary(),
            "late_frames": self._book.late_frames,
            "broken_calls": self._book.broken,
            "can_apologise": bool(self._book.farewell.apology),
            **self._endpoint.door.facts(),
            **self._reception.facts(),
        }
        try:
            status.publish(self._settings.run_dir, "line", self._clock, **facts)
        except OSError as error:
            log.error("status_not_written", problem=error.strerror)
