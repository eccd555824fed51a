"""Receipts of a text that went in parts: it has arrived when all its parts have. Pure.

Kept in memory. After a restart the first part's receipt, which carries the message's ID, speaks for all of them.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from voicebot.messages.senders.sender import Receipt, ReceiptStatus

_KEPT_GROUPS = 20_000
_KEPT_RECEIPTS = 5_000


@dataclass(slots=True)
class _Group:
    ids: tuple[str, ...]
    receipts: dict[str, Receipt] = field(default_factory=dict)
    told: ReceiptStatus | None = None

    def verdict(self) -> Receipt | None:
        """What is known of the whole text now; None: nothing that was not told before."""
        found = list(self.receipts.values())
        failed = [one for one in found if one.status.is_final and not one.status.has_reached]
        reached = [one for one in found if one.status.has_reached]
        if failed:
            whole = min(failed, key=lambda one: one.at)
        elif len(reached) == len(self.ids):
            whole = max(reached, key=lambda one: one.at)
            if any(one.status is ReceiptStatus.DELIVERED for one in reached):
                whole = replace(whole, status=ReceiptStatus.DELIVERED)
        else:
            whole = replace(found[-1], status=ReceiptStatus.SENT)
        if whole.status is self.told or (self.told is not None and self.told.is_final and not whole.status.is_final):
            return None
        self.told = whole.status
        return replace(whole, provider_id=self.ids[0])


class Groups:
    """Which part belongs to which text."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, _Group] = OrderedDict()  # by the ID of each part
        self._early: OrderedDict[str, Receipt] = OrderedDict()

    def add(self, ids: list[str]) -> list[Receipt]:
        """A text has gone in these parts. Returns what is known already: a receipt may come before the last response."""
        group = _Group(tuple(ids))
        for one in ids:
            self._groups[one] = group
            if (early := self._early.pop(one, None)) is not None:
                group.receipts[one] = early
        while len(self._groups) > _KEPT_GROUPS:
            self._groups.popitem(last=False)
        verdict = group.verdict() if group.receipts else None
        return [] if verdict is None else [verdict]

    def take(self, receipt: Receipt) -> list[Receipt]:
        """Return what is to be told: the receipt itself, or what became of the text that it is a part of."""
        group = self._groups.get(receipt.provider_id)
        if group is None:
            self._early[receipt.provider_id] = receipt
            while len(self._early) > _KEPT_RECEIPTS:
                self._early.popitem(last=False)
            return [receipt]
        before = group.receipts.get(receipt.provider_id)
        if before is not None and before.status.is_final and not receipt.status.is_final:
            return []  # late news
        group.receipts[receipt.provider_id] = receipt
        verdict = group.verdict()
        return [] if verdict is None else [verdict]
