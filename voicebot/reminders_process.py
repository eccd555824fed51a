"""`voicebot reminders run` as a process: plans reminders, sends all messages, hears what comes back."""

import asyncio
import os
import signal
import socket

import structlog

from voicebot import status
from voicebot.channels.conversations import TextConversations
from voicebot.channels.sms_answers import CHANNELS, RULES, SmsAnswers
from voicebot.clock import Clock, SystemClock
from voicebot.errors import StorageError
from voicebot.messages.senders.sender import IncomingText, Receipt
from voicebot.reminders.service import Service, open_service
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

log = structlog.get_logger(__name__)

NAME = "reminders"
_AGAIN_SECONDS = (0.5, 2.0, 10.0)


def run(settings: Settings) -> int:
    """Work until SIGTERM; returns the exit status."""
    clock = SystemClock()
    database = open_database(settings.database_url, may_create=False)
    try:
        upgrade(database)
        service = open_service(settings, database, clock, f"{socket.gethostname()[:40]}:{os.getpid()}")
        asyncio.run(_serve(service, settings, clock))
    finally:
        database.close()
    return 0


async def _serve(service: Service, settings: Settings, clock: Clock) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    heart = asyncio.create_task(_heartbeat(service, settings, clock))
    try:
        await service.run(stop, Ear(service))
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        status.withdraw(settings.run_dir, NAME)


async def _heartbeat(service: Service, settings: Settings, clock: Clock) -> None:
    while True:
        conditions = {name: state for route in service.routes.values() for name, state in route.conditions().items()}
        try:
            status.publish(settings.run_dir, NAME, clock, providers=conditions)
        except OSError as error:
            log.error("status not written", problem=error.strerror, cure="Free the disk of data_dir.")
        await asyncio.sleep(1.0)


class Ear:
    """A Listener: receipts go to their messages, patients' texts to the same dialogs that the chat has."""

    def __init__(self, service: Service) -> None:
        self._service = service
        hours = service.settings.reminders.answer_hours
        self._answers = SmsAnswers(service.database, service.clock, self._conversations, hours)

    async def receipt(self, receipt: Receipt) -> None:
        """Return when it is stored: the provider forgets it then. Tries for a while where the database is away."""
        for pause_seconds in (*_AGAIN_SECONDS, None):
            try:
                await asyncio.to_thread(self._service.receipts.record, receipt)
                return
            except StorageError as error:
                if pause_seconds is None:
                    log.error("receipt_lost", provider=receipt.provider, problem=error.message, cure=error.cure)
                    return
                await asyncio.sleep(pause_seconds)

    async def answer(self, incoming: IncomingText) -> None:
        await self._answers.take(incoming)

    def _conversations(self) -> TextConversations:
        from voicebot.channels.clinic import TextClinic  # loads the dialogs' understanding: only when somebody writes

        service = self._service
        clinic = TextClinic(service.settings, service.clock, service.database, service.catalogue)
        return clinic.conversations(dict.fromkeys(CHANNELS, RULES))
