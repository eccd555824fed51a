"""The clinic's dialogs as they were at one time, made ready to talk: loaded beside those in use, then used for new calls.

A call keeps the edition it began with; the last call of an old edition takes it along.
"""

from collections.abc import Callable
from dataclasses import dataclass

from voicebot.clinic.catalogue import KINDS, Catalogue, load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.dialog import inventory
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.version import version_of
from voicebot.errors import ConfigurationError
from voicebot.hearing.grammar import prove_grammar
from voicebot.hearing.models import ModelChoice, with_clinic_words
from voicebot.hearing.recogniser import SpeechModel
from voicebot.settings import Settings
from voicebot.talk.waiting_words import WaitingWords, load_waiting_words
from voicebot.voice.speaker import Speaker


@dataclass(frozen=True, slots=True)
class Edition:
    """One state of the folder of dialogs. `version` is a hash of its files."""

    version: str
    catalogue: Catalogue
    dialplans: Dialplans
    understanding: Understanding
    engine: Engine
    model_choice: ModelChoice
    model: SpeechModel
    waiting_words: WaitingWords


def load_edition(
    settings: Settings,
    speaker: Speaker,
    before: Edition | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Edition:
    """Read, check and make everything that calls will need, prompts among it. Takes seconds; changes nothing in use.

    Raises ConfigurationError with file and line, ModelError. `before`: a recogniser that is loaded already is used again.
    """
    folder = settings.dialog.folder
    version = version_of(folder)
    catalogue = load_catalogue(folder / "clinic")
    dialplans = load_dialplans(folder / "dialplans", SERVICES)
    waiting_words = load_waiting_words(folder)
    understanding = understanding_of(catalogue, dialplans, folder, settings.cache)
    understanding.warm_up()
    grammars = inventory.grammars(dialplans, understanding)
    phrases = list(dict.fromkeys(phrase for grammar in grammars.values() for phrase in grammar))
    choice = with_clinic_words(settings, phrases, [n for kind in KINDS for n in catalogue.forms(kind).values()])
    is_known = before is not None and before.model_choice.path == choice.path
    model = before.model if before is not None and is_known else SpeechModel(choice.path)
    prove_grammar(model, phrases, "all")
    speaker.prepare(inventory.fixed_sentences(dialplans), on_progress)
    if version_of(folder) != version:
        raise ConfigurationError(f"Files of {folder} changed while they were read.", "Reload once they are all there.")
    engine = Engine(dialplans, catalogue, understanding, settings.dialog.budget_seconds)
    return Edition(version, catalogue, dialplans, understanding, engine, choice, model, waiting_words)
