"""Calls that lost their brain get an outcome all the same: line tells how they ended."""

from voicebot.clock import Clock
from voicebot.link.messages import Orphaned, TransferState
from voicebot.records.dialogs import Dialog
from voicebot.records.store import DuplicateDialogId, RecordStore
from voicebot.talk.waiting_calls import began_at

LEFT = "queue_left"  # line's word for who hung up while waiting; nobody was rung for him


def outcome_of(message: Orphaned) -> str:
    """A human took the caller, or nobody did: then QA finds it as lost, and somebody calls back."""
    state = message.transfer
    return "transferred" if state in (TransferState.COMPLETED, TransferState.BRIDGED) else "lost"


def store_orphan(store: RecordStore, clock: Clock, dialplan: str, message: Orphaned) -> None:
    """Finish the dialog that the dead brain opened, or open and finish one that never had a brain. Blocks."""
    started = message.started
    known = store.get(started.dialog_id)
    if known is not None and known.outcome:
        return  # its brain had settled it before it died
    if known is None:
        head = Dialog(
            id=started.dialog_id,
            direction="in" if started.order is None else "out",
            started_at=began_at(started, clock.now()),
            caller_phone=started.caller,
            called=started.called,
            sip_call_id=started.sip_call_id,
            dialplan=dialplan,
        )
        try:
            store.open_dialog(head)
        except DuplicateDialogId:
            return  # another brain was told of it, too
    store.finish_dialog(
        started.dialog_id,
        outcome_of(message),
        message.reason,
        ended_by=message.ended_by.value,
        transfer_target="" if message.transfer is None and message.reason == LEFT else "operator",
        transfer_result=message.transfer.value if message.transfer is not None else "",
    )
