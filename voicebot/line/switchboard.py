"""The main loop's work: SIP events, link events and time, brought to the calls they belong to. One thread."""

from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from voicebot import dialog_id, status
from voicebot.clock import Clock
from voicebot.line.admission import Verdict, decide, lines_of, may_call_out
from voicebot.line.binding import Binding
from voicebot.line.brainless import Brainless
from voicebot.line.caller import CallerCall, CallRules, Farewell
from voicebot.line.dialling import rules_of
from voicebot.line.dials import Dialled, Dials
from voicebot.line.endpoint import Invited, SipEndpoint
from voicebot.line.farewell import load_farewell, save_farewell
from voicebot.line.headers import called_of, caller_of, can_refer, check_target, header, source_host
from voicebot.line.left_calls import LeftCalls, say_goodbye
from voicebot.line.leg import Confirmed, Ended, Established, Leg, MediaChanged, Pressed, Progressed, Referred
from voicebot.line.media import MediaSession
from voicebot.line.reception import Held, Reception
from voicebot.line.waiting_room import CLOSED, FULL
from voicebot.line.wire import CallWire
from voicebot.link.messages import (
    CallStarted,
    Dial,
    DialState,
    Load,
    Orphaned,
    SoundsReady,
    TransferMode,
)
from voicebot.link.server import Joined, LinkServer, Lost, Said
from voicebot.settings import Settings

log = structlog.get_logger(__name__)

POLL_MS = 5  # what a tick or an order waits at most; a fraction of a frame
_STATUS_SECONDS = 1.0


@dataclass(slots=True)
class _Entry:
    """A call and what belongs to it."""

    call: CallerCall
    wire: CallWire
    media: MediaSession
    started: CallStarted
    verdict: Verdict = Verdict.ANSWER
    is_started: bool = False
    alone: str = ""
    """Why it has no brain, where none was lost."""


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
        self._farewell = load_farewell(settings.cache)
        self._entries: dict[str, _Entry] = {}
        self._legs: set[Leg] = set()  # every leg that holds one of the library's slots
        self._count = 0  # of calls either way, for their IDs
        self._taken = 0  # of calls that came
        self._late_frames = 0
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
            goes=lambda started, reason: self._brainless.waits(started, reason),
        )
        self._room, self._roster = self._reception.room, self._reception.roster
        self._brainless = Brainless(self._roster, self._link.send)
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
        return len(self._entries) + len(self._dials)

    @property
    def _waiting(self) -> int:
        """Calls in the queue, and those that will be once their ACK has come."""
        return sum(
            entry.verdict is Verdict.QUEUE and (not entry.is_started or call_id in self._room)
            for call_id, entry in self._entries.items()
        )

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
                    call_id = getattr(message, "call_id", "")
                    entry = self._entries.get(call_id)
                    if entry is not None and entry.call.brain == link:
                        entry.call.order(message, now)
        while self._endpoint.events:
            self._take(self._endpoint.events.popleft(), now)
        self._look_after_queue(now)
        for entry in list(self._entries.values()):
            entry.wire.guard_sound(now)
            entry.call.step(now)
            self._flush(entry)
        self._dials.step(now)
        self._brainless.report()
        self._link.flush()
        if now >= self._next_status:
            self._next_status = now + _STATUS_SECONDS
            self._reception.measured(now, self._late(), self.calls)
            self.write_status()

    def drain(self) -> None:
        """Take no more calls; those in progress go on."""
        if not self.is_draining:
            self.is_draining = True
            log.info("draining", calls=self.calls)
            self._endpoint.withdraw()
            self._mark_alone(self._room.give_all_away(CLOSED, self._clock.monotonic_seconds()))

    def hang_up_all(self) -> None:
        now = self._clock.monotonic_seconds()
        for entry in self._entries.values():
            entry.call.hang_up_now(now)
        self._dials.hang_up_all()

    def close(self) -> None:
        """End everything in the order that the library survives: calls, references, library."""
        now = self._clock.monotonic_seconds()
        for entry in list(self._entries.values()):
            entry.call.hang_up_now(now)
            entry.call.ended(0, now)
            self._flush(entry)
            for leg in (entry.wire.operator, entry.wire.caller):
                if leg is not None:
                    entry.wire.leg_ended(leg)
        self._entries.clear()
        self._link.close()
        self._dials.clear()
        self._legs.clear()
        self._left.close()
        self._endpoint.stop()
        status.withdraw(self._settings.run_dir, "line")

    # -- SIP ------------------------------------------------------------------------------------------------------------

    def _take(self, event: Any, now: float) -> None:
        if isinstance(event, Invited):
            self._invited(event, now)
            return
        leg = event.leg
        if isinstance(event, Established):
            self._left.keep(leg, event.dialog)
            return
        entry = self._entries.get(leg.call_id)
        if entry is not None:
            if leg is entry.wire.caller:
                self._caller_event(entry, event, now)
            elif leg is entry.wire.operator:
                self._operator_event(entry, event, now)
            self._flush(entry)
        elif (answered := self._dials.take(event)) is not None:
            self._answered(answered, now)
        if isinstance(event, Ended):
            self._legs.discard(leg)
            self._left.forget(leg)

    def _held(self) -> Held:
        waiting = self._waiting
        return Held(
            served=self.calls - waiting,
            waiting=waiting,
            has_leg=self._has_free_leg(),
            has_apology=bool(self._farewell.apology),
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
        entry = self._enter(leg, started, now, takes_refer=can_refer(message))
        entry.verdict = verdict
        if verdict in (Verdict.QUEUE, Verdict.OPERATORS):
            started.came_at = self._clock.now().timestamp()
        if verdict is Verdict.ANSWER:
            entry.call.brain = self._reception.take(now)
        if not leg.accept():
            entry.call.hang_up_now(now)

    def _next_call_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def _enter(self, leg: Leg, started: CallStarted, now: float, *, takes_refer: bool) -> _Entry:
        call_id = started.call_id
        media = MediaSession(call_id)
        wire = CallWire(self._endpoint, self._settings, leg, media, self._has_free_leg, self._legs.add)
        call = CallerCall(call_id, started.dialog_id, wire, media, self._rules, takes_refer=takes_refer, now=now)
        entry = self._entries[call_id] = _Entry(call, wire, media, started)
        return entry

    def _call_out(self, link: int, order: Dial, now: float) -> None:
        """A brain wants somebody called."""
        calls = self._settings.calls
        if not self._dials.is_allowed(order):
            log.error(
                "number_not_allowed", dialog=order.dialog_id, cure="see calls.target, calls.allow_prefixes, calls.deny_prefixes"
            )
            self._dials.refuse(link, order, DialState.FORBIDDEN)
            return
        outgoing = len(self._dials) + sum(entry.started.order is not None for entry in self._entries.values())
        situation = self._reception.situation(self._held(), now)
        has_line = may_call_out(outgoing, calls.share, calls.spare, situation) and self._has_free_leg()
        if has_line and self._dials.has_room(now) and self._reception.take_this(link, situation.calls, now):
            self._legs.add(self._dials.dial(link, order, self._next_call_id(), now))
        else:
            self._dials.refuse(link, order, DialState.NO_LINE)

    def _answered(self, dialled: Dialled, now: float) -> None:
        """Somebody picked up. What was heard before that is early media, nobody's word."""
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
        # A REFER would take the patient to the operator through a PBX that did not call him: the legs stay joined here.
        entry = self._enter(leg, started, now, takes_refer=False)
        entry.call.brain = dialled.link
        self._start(entry, now)
        entry.call.held(entry.wire.connect(leg, now))
        self._flush(entry)

    def _caller_event(self, entry: _Entry, event: Any, now: float) -> None:
        call = entry.call
        match event:
            case Confirmed():
                self._start(entry, now)
            case MediaChanged(leg):
                call.held(entry.wire.connect(leg, now))
            case Pressed(_, digit):
                if call.call_id in self._room:
                    self._room.pressed(call.call_id, digit)
                call.digit(digit)
            case Referred(_, sip_status, is_final):
                call.refer_status(sip_status, is_final, now)
            case Ended(leg, sip_status):
                call.ended(sip_status, now)
                entry.wire.leg_ended(leg)
                self._close_call(entry)

    def _operator_event(self, entry: _Entry, event: Any, now: float) -> None:
        call = entry.call
        match event:
            case Progressed(_, sip_status):
                call.operator_progress(sip_status, now)
            case Confirmed():
                call.operator_answered(now)
            case MediaChanged(leg):
                entry.wire.connect(leg, now)
            case Ended(leg, sip_status):
                call.operator_ended(sip_status, now)
                entry.wire.leg_ended(leg)

    def _start(self, entry: _Entry, now: float) -> None:
        """ACK came: the caller certainly hears us."""
        if entry.is_started:
            return
        entry.is_started = True
        call = entry.call
        if entry.verdict is Verdict.QUEUE and not self.is_draining:
            self._room.enter(call, entry.media, entry.started, now)
            self._brainless.waits(entry.started)
            return
        if entry.verdict in (Verdict.QUEUE, Verdict.OPERATORS):
            entry.alone = FULL
            self._room.passed += 1
            log.info("call_passed_on", dialog=call.dialog_id, calls=self.calls)
            self._brainless.waits(entry.started, FULL)
            call.alone(self._room.farewell(entry.started), now)
            return
        if call.brain is None:
            call.brain = self._reception.take(now)
        log.info("call_started", dialog=call.dialog_id, calls=self.calls)
        if call.brain is None:
            call.brain_lost(self._farewell, now)
        else:
            self._link.send(call.brain, entry.started)

    def _close_call(self, entry: _Entry) -> None:
        call = entry.call
        self._flush(entry)
        self._late_frames += entry.media.late_frames
        if call.brain is not None:
            self._roster.release(call.brain)
        elif entry.is_started and call.final_ended_by is not None:
            now = self._clock.monotonic_seconds()
            started = msgspec.structs.replace(entry.started, dialog_id=call.dialog_id)
            orphan = Orphaned(started=started, ended_by=call.final_ended_by, transfer=call.transfer_state)
            orphan.reason = self._room.ended(call.call_id, now) or entry.alone or orphan.reason
            self._brainless.ended(orphan)
            self._reception.operators_answered(call.transfer_state, now)
        self._entries.pop(call.call_id, None)

    def _has_free_leg(self) -> bool:
        return len(self._legs) < self._binding.calls

    # -- callers who wait -------------------------------------------------------------------------------------------------

    def _look_after_queue(self, now: float) -> None:
        if not len(self._room):
            return
        while not self.is_draining and (found := self._reception.serve_next(self.calls - self._waiting, now)) is not None:
            call_id, link, waited_seconds = found
            entry = self._entries[call_id]
            entry.started.waited_seconds = waited_seconds
            entry.call.serve(link)
            log.info("call_started", dialog=entry.call.dialog_id, calls=self.calls)
            self._link.send(link, entry.started)
        self._mark_alone(self._room.step(now))

    def _mark_alone(self, gone: list[tuple[str, str]]) -> None:
        for call_id, reason in gone:
            self._entries[call_id].alone = reason

    def _tell_again(self) -> None:
        """Whoever knew of the calls without a brain may be gone."""
        self._brainless.again((waiter.started, "") for waiter in self._room.waiters)
        self._brainless.again((entry.started, entry.alone) for entry in self._entries.values() if entry.alone)

    # -- brains ---------------------------------------------------------------------------------------------------------

    def _brain_joined(self, event: Joined) -> None:
        hello = event.hello
        self._roster.join(event.link, hello)
        log.info("brain_joined", brain=hello.brain_id, capacity=hello.capacity_calls)
        if hello.apology:
            self._farewell = Farewell(apology=hello.apology, goodbye=hello.goodbye or self._farewell.goodbye)
            save_farewell(self._settings.cache, self._farewell)
        self._reception.reload_sounds()
        self._tell_again()

    def _brain_lost(self, link: int, now: float) -> None:
        hello = self._roster.hello(link)
        self._roster.leave(link)
        self._dials.brain_lost(link)
        farewell = self._farewell
        if hello is not None and hello.apology:
            farewell = Farewell(apology=hello.apology, goodbye=hello.goodbye or farewell.goodbye)
        for entry in self._entries.values():
            if entry.call.brain == link:
                if entry.is_started:
                    entry.call.brain_lost(farewell, now)
                else:
                    entry.call.brain = self._reception.take(now)
        if len(self._roster):
            self._tell_again()
        else:
            self._mark_alone(self._room.give_all_away("brain_died", now))

    def _flush(self, entry: _Entry) -> None:
        call = entry.call
        if not entry.is_started:
            if call.is_ended:
                call.outbox.clear()
            return
        if call.brain is not None:
            for message in call.outbox:
                self._link.send(call.brain, message)
        call.outbox.clear()

    # -- status ---------------------------------------------------------------------------------------------------------

    def _late(self) -> int:
        return self._late_frames + sum(entry.media.late_frames for entry in self._entries.values())

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
            "late_frames": self._late(),
            "can_apologise": bool(self._farewell.apology),
            **self._endpoint.door.facts(),
            **self._reception.facts(),
        }
        try:
            status.publish(self._settings.run_dir, "line", self._clock, **facts)
        except OSError as error:
            log.error("status_not_written", problem=error.strerror)
