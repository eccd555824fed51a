"""An SMS provider by SMPP 3.4: keeps one session up, sends texts in parts, hands receipts and answers on."""

import asyncio
import hashlib
import itertools
import random
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from voicebot.clock import Clock
from voicebot.messages.senders.pace import BackOff, Pace
from voicebot.messages.senders.sender import (
    Accepted,
    Channel,
    IncomingText,
    Listener,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Refused,
    SendFailure,
    Throttled,
    Unavailable,
    Uncertain,
)
from voicebot.messages.senders.smpp.building import LongTexts, short_messages
from voicebot.messages.senders.smpp.groups import Groups
from voicebot.messages.senders.smpp.incoming import Joiner, read_part
from voicebot.messages.senders.smpp.pdu import Bind, PduError, ShortMessage, Status
from voicebot.messages.senders.smpp.receipt import IdForm, is_receipt, read_receipt, receipted_id, submitted_id
from voicebot.messages.senders.smpp.session import BindRefused, NotSent, Response, Session, Timing, Unanswered
from voicebot.messages.sms_text import count_parts
from voicebot.russian.phones import parse_phone_digits

log = structlog.get_logger(__name__)

_REFUSED = (Status.INVALID_DESTINATION, Status.INVALID_DESTINATION_TON, Status.INVALID_DESTINATION_NPI)
_THROTTLED = (Status.THROTTLED, Status.QUEUE_FULL)
_BIND_WAIT_SECONDS = 3.0
_PART_TRIES_SECONDS = 8.0
_ANSWER_BUCKET_SECONDS = 120


@dataclass(frozen=True, slots=True)
class SmppAccount:
    """Where and as whom. `source`: the sender's name or number that patients see. `zone`: of the provider's receipts."""

    provider: str
    host: str
    port: int
    system_id: str
    password: str
    source: str
    system_type: str = ""
    window: int = 10
    per_second: float = 10.0
    id_form: IdForm = "same"
    long_texts: LongTexts = "parts"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Moscow"))
    is_tls: bool = False
    ca_file: Path | None = None
    timing: Timing = field(default_factory=Timing)


class SmppSender:
    """A Sender. A repeated key is another SMS: the protocol has no idempotency."""

    is_idempotent = False
    channel = Channel.SMS

    def __init__(self, account: SmppAccount, clock: Clock, jitter: Callable[[], float] = random.random) -> None:
        self._account = account
        self._clock = clock
        self._jitter = jitter
        self._listener: Listener | None = None
        self._session: Session | None = None
        self._bound = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._reconnecting = BackOff(0.5, 60.0)
        self._throttling = BackOff(1.0, 60.0)
        self._paused_until_seconds = 0.0
        self._pace = Pace(account.per_second)
        self._parts = itertools.count(self._clock.now().second + 1)
        self._groups = Groups()
        self._joiner = Joiner()

    @property
    def provider(self) -> str:
        return self._account.provider

    @property
    def is_bound(self) -> bool:
        return self._session is not None and self._session.is_open

    async def open(self, listener: Listener) -> None:
        self._listener = listener
        self._keeper = asyncio.create_task(self._keep_bound())

    async def close(self) -> None:
        if self._session is not None:
            await self._session.unbind()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def send(self, outgoing: Outgoing) -> Accepted:
        session = await self._when_bound()
        try:
            messages = short_messages(outgoing, self._account.source, self._clock.now(), self._account.long_texts, self._parts)
        except PduError as error:
            raise Refused(f"{self.provider}: the message cannot be sent: {error}.") from None
        ids: list[str] = []
        for number, message in enumerate(messages):
            ids.append(await self._submit(session, message, outgoing.key if number == 0 else "", is_first=number == 0))
        if len(ids) > 1:
            for receipt in self._groups.add(ids):
                await self._tell(receipt)
        return Accepted(self.provider, ids[0], count_parts(outgoing.text))

    # -- one part -------------------------------------------------------------------------------------------------------

    async def _submit(self, session: Session, message: ShortMessage, token: str, *, is_first: bool) -> str:
        """Send one part; where the first ones have gone, try for long: half a text is worse than a late one."""
        give_up_seconds = self._now() + _PART_TRIES_SECONDS
        while True:
            try:
                return await self._try_submit(session, message, token)
            except Throttled as throttled:
                if is_first or self._now() + throttled.after_seconds > give_up_seconds:
                    raise self._of_later_part(throttled) if not is_first else throttled from None
                await asyncio.sleep(throttled.after_seconds)
            except Unavailable as failure:
                raise failure if is_first else self._of_later_part(failure) from None

    @staticmethod
    def _of_later_part(failure: SendFailure) -> Uncertain:
        return Uncertain("Only the first parts of a message were taken.", code=failure.code)

    async def _try_submit(self, session: Session, message: ShortMessage, token: str) -> str:
        paused = self._paused_until_seconds - self._now()
        if paused > 0:
            raise Throttled("The provider asked to wait.", paused)
        await self._pace.wait()
        try:
            response = await session.submit(message, token)
        except NotSent:
            raise Unavailable(f"{self.provider}: the connection is closed.") from None
        except Unanswered:
            raise Uncertain(f"{self.provider} did not answer.") from None
        except PduError as error:
            raise Refused(f"{self.provider}: the message cannot be sent: {error}.") from None
        return self._accepted(response)

    def _accepted(self, response: Response) -> str:
        code = f"0x{response.status:08x}"
        if response.status == Status.OK:
            self._throttling.reset()
            if not response.message_id:
                raise Uncertain(f"{self.provider} took a message and gave no ID.", code=code)
            return submitted_id(response.message_id, self._account.id_form)
        if response.status in _THROTTLED:
            after = self._throttling.fail()
            self._paused_until_seconds = max(self._paused_until_seconds, self._now() + after)
            raise Throttled(f"{self.provider} asks to send slower.", after, code=code)
        if response.status in _REFUSED:
            raise Refused(f"{self.provider} refuses the number.", code=code)
        # Wrong settings, no money, a broken switch: another provider may do better.
        raise Unavailable(f"{self.provider} answered {code}.", code=code)

    # -- the session ----------------------------------------------------------------------------------------------------

    async def _when_bound(self) -> Session:
        if not self.is_bound:
            with suppress(TimeoutError):
                async with asyncio.timeout(_BIND_WAIT_SECONDS):
                    await self._bound.wait()
        session = self._session
        if session is None or not session.is_open:
            raise Unavailable(f"{self.provider} is not connected.", "See the log: smpp_not_bound.")
        return session

    async def _keep_bound(self) -> None:
        account = self._account
        bind = Bind(account.system_id, account.password, account.system_type)
        while True:
            started = self._now()
            try:
                self._session = await Session.bind(
                    account.host,
                    account.port,
                    bind,
                    self._on_message,
                    self._on_late,
                    timing=account.timing,
                    window=account.window,
                    tls=self._tls(),
                )
            except (OSError, TimeoutError, BindRefused, PduError) as error:
                status = error.status if isinstance(error, BindRefused) else None
                log.warning("smpp_not_bound", provider=self.provider, kind=type(error).__name__, status=status)
            else:
                log.info("smpp_bound", provider=self.provider)
                self._bound.set()
                try:
                    await self._session.run()
                finally:
                    self._bound.clear()
                log.warning("smpp_session_ended", provider=self.provider)
                if self._now() - started > self._account.timing.enquire_seconds:
                    self._reconnecting.reset()
            await asyncio.sleep(self._reconnecting.fail() * (0.5 + self._jitter()))

    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self._account.ca_file) if self._account.is_tls else None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    # -- what comes back ------------------------------------------------------------------------------------------------

    async def _on_message(self, message: ShortMessage) -> None:
        now = self._clock.now()
        if is_receipt(message):
            await self._on_receipt(message, now)
            return
        text = self._joiner.add(message.source.number, read_part(message), self._now())
        number = parse_phone_digits(message.source.number)
        if text is None or number is None or self._listener is None:
            return  # more to come, or from a name that nobody can answer
        await self._listener.answer(IncomingText(self.provider, self.channel, number, text, now, self._key(message, text, now)))

    async def _on_receipt(self, message: ShortMessage, now: datetime) -> None:
        found = read_receipt(message, now, self._account.zone)
        if found is None:
            log.info("smpp_receipt_not_understood", provider=self.provider)
            return
        message_id = receipted_id(found.message_id, self._account.id_form)
        receipt = Receipt(self.provider, message_id, found.status, found.at or now, found.error)
        for one in self._groups.take(receipt):
            await self._tell(one)

    async def _on_late(self, token: str, message_id: str) -> None:
        """A response after we had given up: the message was taken after all, and this is its ID."""
        found = submitted_id(message_id, self._account.id_form)
        await self._tell(Receipt(self.provider, found, ReceiptStatus.SENT, self._clock.now(), key=token))

    async def _tell(self, receipt: Receipt) -> None:
        if self._listener is not None:
            await self._listener.receipt(receipt)

    def _key(self, message: ShortMessage, text: str, now: datetime) -> str:
        """The same for a text that is delivered again soon; SMPP gives no ID to what patients send."""
        bucket = int(now.timestamp()) // _ANSWER_BUCKET_SECONDS
        content = f"{self.provider}|{message.source.number}|{message.destination.number}|{bucket}|{text}"
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
