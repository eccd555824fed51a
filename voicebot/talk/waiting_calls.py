"""A call that waits in line's queue is a dialog already: an operator who takes it finds its ID, and none is forgotten."""

import contextlib
from datetime import UTC, datetime

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.link.messages import CallStarted, Waiting
from voicebot.records.dialogs import Dialog, DialogChanges
from voicebot.records.store import DuplicateDialogId, RecordStore

WAITS = "queue"


def began_at(started: CallStarted, now: datetime) -> datetime:
    """When the dialog began: whoever stores it says the same, so that storing it twice is storing it once."""
    return now if started.came_at is None else datetime.fromtimestamp(started.came_at, UTC)


def store_waiting(store: RecordStore, clock: Clock, dialplan: str, served_by: str, message: Waiting) -> None:
    """Open the dialog, or take it over from a process that is gone. Blocks; raises StorageError."""
    started = message.started
    head = Dialog(
        id=started.dialog_id,
        started_at=began_at(started, clock.now()),
        caller_phone=started.caller,
        called=started.called,
        sip_call_id=started.sip_call_id,
        dialplan=dialplan,
        reason=message.reason or WAITS,
        transfer_target="operator" if message.reason else "",
        served_by=served_by,
    )
    known = _known(store, started)
    if known is None:
        with contextlib.suppress(DuplicateDialogId):  # another call drew the same ID: this one gets another from its brain
            store.open_dialog(head)
        return
    if known.sip_call_id == started.sip_call_id and known.reason and not known.outcome:  # without a reason a brain serves it
        changes: DialogChanges = {"served_by": served_by}
        if message.reason:
            changes |= {"transfer_target": "operator", "reason": message.reason}
        store.update_dialog(started.dialog_id, **changes)


def take_over(store: RecordStore, head: Dialog) -> None:
    """A brain serves a call that has waited: the dialog, opened already, is its own now."""
    store.update_dialog(
        head.id, served_by=head.served_by, dialplan=head.dialplan, versions=head.versions, reason="", transfer_target=""
    )


def _known(store: RecordStore, started: CallStarted) -> Dialog | None:
    try:
        return store.get(started.dialog_id)
    except StorageError:  # what is written goes to the spool then
        return None
