"""A brain: holds conversations. One shared Vosk model, the voice, the dialogs; a conversation for each call.

Crash-only: it may be killed at any moment. Line then takes its callers to a human; what was said is stored already.
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from functools import partial

import structlog

from voicebot import status
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.outgoing_calls import OutgoingCalls
from voicebot.clinic.services import ClinicServices
from voicebot.clock import Clock, SystemClock
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.version import version_of
from voicebot.heap import give_back
from voicebot.hearing.ear import Ear
from voicebot.hearing.orders import CAREFUL
from voicebot.link import messages as line
from voicebot.link import waiting_sounds
from voicebot.link.client import LineLink
from voicebot.link.load import available_cores
from voicebot.records.presence import BEAT_SECONDS, Presence
from voicebot.records.sealing import read_recipients
from voicebot.records.store import RecordStore
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.talk.brainless_records import BrainlessRecords
from voicebot.talk.calling_out import CallingOut, holder_of, result_of
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.clinic_calls import ClinicCalls
from voicebot.talk.conversation import Conversation
from voicebot.talk.edition import Edition, load_edition
from voicebot.talk.greeting import Greeting
from voicebot.talk.load_watch import LoadWatch
from voicebot.talk.opening import Opening
from voicebot.talk.reloading import Reloading
from voicebot.talk.shared import Shared
from voicebot.talk.speech import Prepared
from voicebot.talk.waiting_words import music_of, sounds_of
from voicebot.threads import named_pool
from voicebot.trouble import where
from voicebot.voice.choose import open_voice
from voicebot.voice.speaker import Speaker, VoiceFacts

log = structlog.get_logger(__name__)

_IDLE_BEATS = 3  # seconds without a call

APOLOGY = "Извин+ите, у нас технич+еская непол+адка. Соедин+яю вас с опер+атором."
GOODBYE = "Извин+ите, опер+атор сейч+ас не отвеч+ает. Пож+алуйста, перезвон+ите нам чуть п+озже."
_LAST_WORDS_SECONDS = 6.0
_RECORDS_PATIENCE_SECONDS = 0.3  # a turn that the database does not take at once goes to the spool
_RECORDS_LIMIT_SECONDS = 1.5  # a server that says nothing at all for so long hangs
_RELOADING_SWITCH_SECONDS = 0.001  # the thread that loads must not hold up those that talk (Python's default is 5 ms)


def voice_line(facts: VoiceFacts) -> str:
    """One line for people: which voice speaks, and what is wrong with it."""
    text = f"{facts.engine} {facts.version}, {facts.speaker} ({facts.licence}): {facts.reason}"
    return f"{text}. WARNING: {facts.warning}" if facts.warning else text


def _tell_rendering(done: int, total: int) -> None:
    """The first start renders every prompt, some twenty seconds: say how far it is."""
    if done % 50 == 0 or done == total:
        log.info("prompts ready", done=done, of=total)


class Brain:
    """Everything a brain holds. Building it takes seconds; nothing is heavy afterwards."""

    def __init__(self, settings: Settings, name: str, clock: Clock | None = None) -> None:
        self.settings = settings
        self.name = name
        self.clock = clock or SystemClock()
        self.alarms: dict[str, int] = {}
        self.conversations: dict[str, Conversation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.speaker: Speaker = open_voice(settings)
        self.edition: Edition = load_edition(settings, self.speaker, on_progress=_tell_rendering)
        self._reloading = Reloading(self.edition.version, self._load_edition, self._use)
        self._link: LineLink | None = None
        self.apology = Prepared(APOLOGY, self.speaker.render(APOLOGY, is_personal=False))
        self.goodbye = Prepared(GOODBYE, self.speaker.render(GOODBYE, is_personal=False))
        database = open_database(settings.database_url, may_create=False)
        self._clinic_database = database
        self._make_waiting_sounds(self.edition)
        records = open_database(
            settings.database_url,
            busy_seconds=_RECORDS_PATIENCE_SECONDS,
            retry_seconds=_RECORDS_PATIENCE_SECONDS,
            may_create=False,
        )
        limit_seconds = None if records.is_sqlite else _RECORDS_LIMIT_SECONDS
        self.store = RecordStore(records, settings.data_dir / "spool", self.clock, self._alarm, limit_seconds)
        cores = os.cpu_count() or 1
        self._disk_pool = named_pool("disk", 4)
        self.shared = Shared(
            engine=self.edition.engine,
            new_ear=partial(self._new_ear, self.edition),
            say=self.speaker.say,
            services=self._services_of(self.edition),
            clock=self.clock,
            zone=settings.zoneinfo,
            operator_hours=settings.transfer.hours,
            hearing_pool=named_pool("hearing", cores + 1),
            dialog_pool=named_pool("dialog", 2),  # Python's own work: more threads would only wait for each other
            voice_pool=named_pool("voice", max(2, cores)),
            disk_pool=self._disk_pool,
            service_pool=named_pool("service", 8),
            apology=self.apology,
            goodbye=self.goodbye,
            on_alarm=self._alarm,
            on_answer=lambda milliseconds: self._load.answered(milliseconds),
        )
        self._load = LoadWatch(self.clock, available_cores() / settings.brain.processes, self._frames_waiting)
        self.presence = Presence(records, self.clock, settings.node_name, name)
        self._brainless = BrainlessRecords(self.store, self.clock, settings.dialog.folder.name, self.presence.id, self._alarm)
        self._calling = self._calling_out(database)
        self._recipients = read_recipients(settings.recordings.recipients)

    @property
    def catalogue(self) -> Catalogue:
        return self.edition.catalogue

    @property
    def dialplans(self) -> Dialplans:
        return self.edition.dialplans

    @property
    def understanding(self) -> Understanding:
        return self.edition.understanding

    def _services_of(self, edition: Edition) -> ClinicCalls:
        bookings = Bookings(self._clinic_database, edition.catalogue, self.clock)
        return ClinicCalls(ClinicServices(bookings, edition.catalogue, self.clock))

    def _versions(self) -> dict[str, str]:
        edition = self.edition
        voice = voice_line(self.speaker.describe())
        return {"recogniser": edition.model.name, "voice": voice, "dialplan": edition.version}

    def _make_waiting_sounds(self, edition: Edition) -> None:
        """What line says and plays to callers who wait; without a disk for it line keeps what it has."""
        admission = self.settings.admission
        sounds = sounds_of(
            edition.waiting_words,
            partial(self.speaker.render, is_personal=False),
            admission.places,
            music_of(admission.music),
        )
        try:
            waiting_sounds.save(self.settings.waiting_sounds, sounds)
        except OSError as error:
            log.error("waiting sounds not kept", problem=error.strerror, cure="Free the disk of data_dir.")

    def _calling_out(self, database: Database) -> CallingOut | None:
        """None where the robot calls nobody."""
        if not self.settings.calls.target:
            return None
        capacity = self.settings.brain.capacity_calls
        return CallingOut(
            OutgoingCalls(database, self.clock),
            holder_of(self.name),
            self._disk_pool,
            self.settings.calls.poll_seconds,
            self.dialplans.application.also_start,
            lambda: len(self.conversations) < capacity,
        )

    def _new_ear(self, edition: Edition) -> Ear:
        return Ear(
            edition.model,
            edition.understanding.fits,
            edition.understanding.is_complete,
            vad_mode=self.settings.hearing.vad_mode,
            limits=CAREFUL,  # Mouth pauses on suspicion, so belief may take its time
        )

    def _alarm(self, name: str) -> None:
        self.alarms[name] = self.alarms.get(name, 0) + 1

    def _frames_waiting(self) -> int:
        """Of the call that is furthest behind."""
        return max((one.inbox.qsize() for one in self.conversations.values()), default=0)

    # -- running --------------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve line until SIGTERM; connects again when line was restarted."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloading.begin)
        heart = asyncio.create_task(self._heartbeat())
        replay = asyncio.create_task(self._replay())
        if version_of(self.settings.dialog.folder) != self.edition.version:
            self._reloading.begin()  # they changed while we were starting
        try:
            while not stopping.is_set():
                serving = asyncio.create_task(self._serve())
                stop = asyncio.create_task(stopping.wait())
                await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
                stop.cancel()
                if stopping.is_set():
                    serving.cancel()
                await asyncio.gather(serving, return_exceptions=stopping.is_set())
        finally:
            if self._tasks:  # line has taken their callers over; what came of them is still to be stored
                await asyncio.wait(self._tasks, timeout=_LAST_WORDS_SECONDS)
            for task in (heart, replay, *self._tasks):
                task.cancel()
            await asyncio.gather(heart, replay, *self._tasks, return_exceptions=True)
            if self._calling is not None:
                await self._calling.close()
            self._reloading.cancel()
            status.withdraw(self.settings.run_dir, self.name)
            self._brainless.close()
            self.store.close()
        return 0

    async def _serve(self) -> None:
        hello = line.Hello(
            brain_id=self.name,
            pid=os.getpid(),
            capacity_calls=self.settings.brain.capacity_calls,
            apology=self.apology.sound.to_bytes(),
            goodbye=self.goodbye.sound.to_bytes(),
        )
        link = await LineLink.connect(self.settings.link_socket, hello, self.clock)
        log.info("connected to line")
        self._link = link
        telling = asyncio.create_task(self._load.run(link.send))
        calling = asyncio.create_task(self._calling.run(link.send)) if self._calling is not None else None
        try:
            async for message in link:
                self._dispatch(link, message)
        finally:
            telling.cancel()
            if calling is not None and self._calling is not None:
                calling.cancel()
                self._calling.link_lost()
            await link.close()
            for call_id, conversation in list(self.conversations.items()):
                conversation.inbox.put_nowait(line.CallEnded(call_id=call_id, ended_by=line.EndedBy.ERROR))

    # -- a new edition of the dialogs -----------------------------------------------------------------------------------

    def _load_edition(self) -> Edition:
        """Read the dialogs as they are on disk now. In a thread, which must not hold up those that talk."""
        switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(min(switch_seconds, _RELOADING_SWITCH_SECONDS))
        try:
            edition = load_edition(self.settings, self.speaker, self.edition)
            self._make_waiting_sounds(edition)
        finally:
            sys.setswitchinterval(switch_seconds)
        return edition

    def _use(self, edition: Edition) -> str:
        """Calls that begin from now on are held by it; return its version."""
        self.edition = edition
        self.shared = replace(
            self.shared,
            engine=edition.engine,
            new_ear=partial(self._new_ear, edition),
            services=self._services_of(edition),
        )
        if self._calling is not None:
            self._calling.can_begin = edition.dialplans.application.also_start
        if self._link is not None:
            self._link.send(line.SoundsReady())
        return edition.version

    # -- calls ------------------------------------------------------------------------------------------------------------

    def _dispatch(self, link: LineLink, message: line.FromLine) -> None:
        if isinstance(message, line.Orphaned | line.Waiting):
            self._brainless.tell(message)
            return
        if isinstance(message, line.Dialing):
            if self._calling is not None:
                self._calling.dialing(message)
            return
        if isinstance(message, line.CallStarted):
            conversation = self._converse(link, message)
            self.conversations[message.call_id] = conversation
            task = asyncio.create_task(conversation.run(), name=message.call_id)
            self._tasks.add(task)
            task.add_done_callback(partial(self._forget, message.call_id, conversation))
            return
        call_id = getattr(message, "call_id", None)
        target = self.conversations.get(call_id) if call_id is not None else None
        if target is not None:
            target.deliver(message)

    def _converse(self, link: LineLink, started: line.CallStarted) -> Conversation:
        recordings = self.settings.recordings
        chronicle = Chronicle(
            store=self.store,
            executor=self._disk_pool,
            clock=self.clock,
            dialplan=self.settings.dialog.folder.name,
            versions=self._versions(),
            rename=lambda new: link.send(line.Rename(call_id=started.call_id, dialog_id=new)),
            recordings_folder=self.settings.recordings_folder if recordings.is_enabled else None,
            minimum_free_mb=recordings.minimum_free_mb,
            recipients=self._recipients,
            notice_prompts=self.dialplans.application.notice,
            on_alarm=self._alarm,
            served_by=self.presence.id,
        )
        call = self._calling.answered(started) if self._calling is not None else None
        if call is None:
            return Conversation(self.shared, started, chronicle, link.send)
        greeting = Greeting(self.settings.calls.machine, self.edition.model, self.settings.hearing.vad_mode)
        return Conversation(self.shared, started, chronicle, link.send, Opening(call.form, call.given), greeting)

    def _forget(self, call_id: str, conversation: Conversation, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self.conversations.get(call_id) is conversation:  # a restarted line counts its calls anew
            del self.conversations[call_id]
        order = conversation.started.order
        if self._calling is not None and order is not None:
            self._calling.settle(order, result_of(conversation.outcome, was_heard=conversation.was_heard))
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("conversation broke", error=type(error).__name__, where=where(error))
            self._alarm("conversation_broke")

    async def _heartbeat(self) -> None:
        is_written = True
        idle_beats = 0
        while True:
            idle_beats = 0 if self.conversations else idle_beats + 1
            if idle_beats == _IDLE_BEATS:  # once in each quiet time: what the busy one took is not wanted for a while
                self.edition.model.forget_spares()
                await asyncio.to_thread(give_back)
            try:
                self._publish()
                is_written = True
            except OSError as error:
                if is_written:
                    log.error("status not written", problem=error.strerror, cure="Free the disk of data_dir.")
                is_written = False
            await asyncio.sleep(1.0)

    def _publish(self) -> None:
        status.publish(
            self.settings.run_dir,
            self.name,
            self.clock,
            calls=len(self.conversations),
            recogniser=self.edition.model_choice.describe(),
            voice=voice_line(self.speaker.describe()),
            clinic=self.catalogue.clinic.name,
            alarms=self.alarms,
            **self._reloading.facts,
            is_database_refusing=self.store.is_degraded,
            spooled_writes=self.store.spooled_count,
        )

    async def _replay(self) -> None:
        """Say that we live; bring into the database what waits on disk, also from a brain that was killed."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._disk_pool, self.presence.beat)
                await asyncio.get_running_loop().run_in_executor(self._disk_pool, self.store.replay_spool)
                self._brainless.try_again()
            except Exception as error:  # noqa: BLE001 - tried again; without this task nothing would ever be replayed
                log.warning("spool waits on", problem=type(error).__name__)
            await asyncio.sleep(BEAT_SECONDS)


def run(settings: Settings, name: str) -> int:
    """Run one brain; returns the exit status."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until we listen to it; what it tells is looked for then
    return asyncio.run(Brain(settings, name).run())
