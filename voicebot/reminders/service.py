"""Everything that reminds and sends, together: what a process runs, and what the commands look at."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.waiting_offers import WaitingOffers
from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.messages.courier import Courier
from voicebot.messages.intents import Means
from voicebot.messages.opening import open_templates
from voicebot.messages.prices import prices_of
from voicebot.messages.providers import open_senders
from voicebot.messages.receipts import Receipts
from voicebot.messages.routes import Route
from voicebot.messages.senders.sender import Channel, Listener
from voicebot.messages.templates import Templates
from voicebot.reminders.call_sender import CallResults, CallSender
from voicebot.reminders.outcomes import Outcomes
from voicebot.reminders.planner import Planner
from voicebot.reminders.planning import rules_of
from voicebot.reminders.results import ReadyResults
from voicebot.reminders.several import SEVERAL, several_guard, several_of
from voicebot.settings import Settings
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is done again and again; `work` returns how much there was."""

    name: str
    every_seconds: float
    work: Callable[[], int]


@dataclass(frozen=True)
class Service:
    """The parts, made ready. Routes are not opened yet."""

    settings: Settings
    database: Database
    clock: Clock
    catalogue: Catalogue
    templates: Templates
    routes: Mapping[Channel, Route]
    receipts: Receipts
    planner: Planner
    courier: Courier
    chores: tuple[Chore, ...] = field(default=())

    async def run(self, stop: asyncio.Event, listener: Listener) -> None:
        """Remind and send until told to stop."""
        for route in self.routes.values():
            await route.open(listener)
        chores = [asyncio.create_task(_again_and_again(chore, stop)) for chore in self.chores]
        try:
            await self.courier.run(stop)
        finally:
            stop.set()
            await asyncio.gather(*chores, return_exceptions=True)
            for route in self.routes.values():
                await route.close()


def open_service(settings: Settings, database: Database, clock: Clock, name: str = "") -> Service:
    """Make everything ready. `name`: of this worker, among those of other processes. Raises ConfigurationError."""
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    templates = open_templates(settings, catalogue, database, clock)
    routes = open_senders(settings, clock)
    call = CallSender(database, clock, settings.cascade, catalogue.zone_of)
    routes[Channel.CALL] = Route((call,), clock)
    price = prices_of(settings.messages)
    receipts = Receipts(database, clock, price)
    rules = rules_of(settings.reminders, settings.cascade)
    planner = Planner(database, clock, rules, catalogue.zone_of, catalogue.zone, several_of(templates))
    means = Means(routes, templates, price, catalogue.zone_of, {SEVERAL: several_guard})
    results, offers = ReadyResults(database, clock), WaitingOffers(database, catalogue, clock)
    outcomes = Outcomes(database, clock)
    calls = CallResults(database, clock, receipts)
    chores = [
        Chore("early_receipts", 2.0, receipts.settle_early),
        Chore("calls", 3.0, calls.tick),
        Chore("waiting_offers", 10.0, offers.tick),
        Chore("outcomes", 30.0, outcomes.tick),
        Chore("strange_receipts", 3600.0, receipts.forget_strangers),
    ]
    if settings.reminders.is_enabled:
        chores.append(Chore("reminders", 15.0, planner.tick))
    if settings.reminders.tells_results_ready:
        chores.append(Chore("results_ready", 30.0, results.tick))
    courier = Courier(database, clock, settings.cascade, means, name)
    return Service(settings, database, clock, catalogue, templates, routes, receipts, planner, courier, tuple(chores))


async def _again_and_again(chore: Chore, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await asyncio.to_thread(chore.work)
        except StorageError as error:
            log.warning("chore_waits", chore=chore.name, problem=error.message, cure=error.cure)
        except Exception:
            log.exception("chore_failed", chore=chore.name)
        try:
            async with asyncio.timeout(chore.every_seconds):
                await stop.wait()
        except TimeoutError:
            continue
