"""A call that waits in line's queue is a dialog already: an operator who takes it finds its ID, and none is forgotten."""

import contextlib

from voicebot.clock import Clock
from voicebot.link.messages import CallStarted, Waiting
from voicebot.records.dialogs import Dialog, DialogChanges
from voicebot.records.store import DuplicateDialogId, RecordStore

WAITS = "queue"


def store_waiting(store: RecordStore, clock: Clock, dialplan: str, served_by: str, message: Waiting) -> None:
    """Open the dialog, or take it over from a process that is gone. Blocks; raises StorageError."""
    started = message.started
    head = Dialog(
        id=started.dialog_id,
        started_at=clock.now(),
        caller_phone=started.caller,
        called=started.called,
        sip_call_id=started.sip_call_id,
        dialplan=dialplan,
        reason=message.reason or WAITS,
        transfer_target="operator" if message.reason else "",
        served_by=served_by,
    )
    if store.get(started.dialog_id) is None:
        with contextlib.suppress(DuplicateDialogId):
            store.open_dialog(head)
            return
    if _is_known(store, started):  # else another call drew the same ID: this one gets another when a brain takes it
        changes: DialogChanges = {"served_by": served_by}
        if message.reason:
            changes |= {"transfer_target": "operator", "reason": message.reason}
        store.update_dialog(started.dialog_id, **changes)


def take_over(store: RecordStore, head: Dialog, started: CallStarted) -> bool:
    """A brain serves a call that has waited: the dialog is its own now. False where the ID is another call's."""
    if started.waited_seconds is None or not _is_known(store, started):
        return False
    store.update_dialog(
        head.id, served_by=head.served_by, dialplan=head.dialplan, versions=head.versions, reason="", transfer_target=""
    )
    return True


def _is_known(store: RecordStore, started: CallStarted) -> bool:
    known = store.get(started.dialog_id)
    return known is not None and known.sip_call_id == started.sip_call_id and not known.outcome
