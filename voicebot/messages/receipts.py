"""What providers tell of accepted messages: from webhooks in any process, or over a connection that is kept open."""

from datetime import timedelta

import structlog
from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.messages.progress import Price, locked, state_of, told, write
from voicebot.messages.senders.sender import Receipt, ReceiptStatus
from voicebot.messages.tables import DeliveryRow, EarlyReceiptRow
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: A receipt whose message is not known by then is of another program's message, or a wrong one.
KEPT = timedelta(days=3)
_SOME = 200
_MOST_EARLY = 100_000  # a provider, or whoever pretends to be one, does not fill the disk


class Receipts:
    """Takes receipts in. Safe to use from many threads and processes. Raises StorageError: the provider is to tell again."""

    def __init__(self, database: Database, clock: Clock, price: Price) -> None:
        self._database = database
        self._clock = clock
        self._price = price

    def record(self, receipt: Receipt) -> bool:
        """Note what became of a message; return whether it is one of ours. An unknown one is kept for a while."""

        def work(session: Session) -> bool:
            found = _delivery(session, receipt)
            if found is None:
                self._keep(session, receipt)
                return False
            self._tell(session, found, receipt.status, receipt, receipt.provider_id)
            return True

        is_ours = self._database.run(work)
        log.info("receipt", provider=receipt.provider, status=receipt.status.value, is_known=is_ours)
        return is_ours

    def settle_early(self) -> int:
        """Give receipts that were quicker than their acceptance to their messages; return how many."""

        def work(session: Session) -> int:
            query = (
                select(EarlyReceiptRow, DeliveryRow.id)
                .join(
                    DeliveryRow,
                    and_(
                        DeliveryRow.provider == EarlyReceiptRow.provider, DeliveryRow.provider_id == EarlyReceiptRow.provider_id
                    ),
                )
                .order_by(EarlyReceiptRow.id)
                .limit(_SOME)
            )
            found = session.execute(query).all()
            for early, delivery_id in found:
                receipt = Receipt(early.provider, early.provider_id, ReceiptStatus(early.status), early.at, early.reason)
                self._tell(session, delivery_id, receipt.status, receipt, early.provider_id)
            session.execute(delete(EarlyReceiptRow).where(EarlyReceiptRow.id.in_({early.id for early, _ in found})))
            return len(found)

        if not self._database.run(_has_early, is_readonly=True):
            return 0
        return self._database.run(work)

    def forget_strangers(self) -> int:
        """Delete receipts of messages that nobody knows after days; return how many."""
        before = self._clock.now() - KEPT

        def work(session: Session) -> int:
            result = session.execute(delete(EarlyReceiptRow).where(EarlyReceiptRow.received_at < before))
            return int(result.rowcount)  # type: ignore[attr-defined]

        return self._database.run(work)

    def _tell(self, session: Session, delivery_id: int, status: ReceiptStatus, receipt: Receipt, provider_id: str) -> None:
        now = self._clock.now()
        message_id = session.scalar(select(DeliveryRow.message_id).where(DeliveryRow.id == delivery_id))
        row = None if message_id is None else locked(session, message_id)  # the message first: always in this order
        delivery = session.get_one(DeliveryRow, delivery_id, with_for_update=True, populate_existing=True)
        delivery.provider_id = delivery.provider_id or provider_id
        state = None if row is None else state_of(row)
        if row is None or state is None:
            return  # the message is purged: nothing is left to decide
        after = told(delivery, state, status, receipt.at, receipt.reason, self._price, now)
        if after != state:
            write(row, after, now)

    def _keep(self, session: Session, receipt: Receipt) -> None:
        if not receipt.provider_id or not receipt.status.is_final:
            return
        last = session.scalar(select(EarlyReceiptRow.id).order_by(EarlyReceiptRow.id.desc()).limit(1)) or 0
        first = session.scalar(select(EarlyReceiptRow.id).order_by(EarlyReceiptRow.id).limit(1)) or last
        if last - first >= _MOST_EARLY:
            log.error("receipts_of_strangers", cure="Look who sends to the webhook of receipts.")
            return
        session.add(
            EarlyReceiptRow(
                provider=receipt.provider, provider_id=receipt.provider_id[:128], status=receipt.status.value,
                reason=receipt.reason[:64], at=receipt.at, received_at=self._clock.now(),
            )
        )  # fmt: skip


def _has_early(session: Session) -> bool:
    return session.scalar(select(EarlyReceiptRow.id).limit(1)) is not None


def _delivery(session: Session, receipt: Receipt) -> int | None:
    """The delivery that a receipt is of: by our own key where the provider echoes it, else by the provider's ID."""
    of_provider = select(DeliveryRow.id).where(DeliveryRow.provider == receipt.provider)
    if receipt.key:
        found = session.scalar(of_provider.where(DeliveryRow.key == receipt.key))
        if found is not None:
            return found
    if not receipt.provider_id:
        return None
    query = of_provider.where(DeliveryRow.provider_id == receipt.provider_id)
    return session.scalar(query.order_by(DeliveryRow.id.desc()).limit(1))  # some count from 1 again after a restart
