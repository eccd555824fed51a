"""A clinic's dialogs made ready to talk, in one place: the phone, the chat, the tests and the tools open them alike."""

from pathlib import Path

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding


def understanding_of(
    catalogue: Catalogue, plans: Dialplans, folder: Path | None = None, cache: Path | None = None
) -> Understanding:
    """Return the understanding of this clinic's callers, taught by its phrases and by the dialplans' own examples.

    `folder`: the clinic's; without it only the rules answer. `cache`: where what was learnt is kept between starts.
    """
    cache_folder = cache / "understanding" if cache is not None else None
    return Understanding(catalogue, plans.examples(), folder=folder, cache_folder=cache_folder)
