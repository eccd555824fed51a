"""Which recogniser model is in use, where it lies, and which words of the clinic it was given."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from voicebot.errors import ModelError
from voicebot.hearing.grammar import Vocabulary
from voicebot.settings import Settings
from voicebot.supplies.progress import OnProgress, unseen
from voicebot.vocabulary.errors import FixedVocabulary, UnknownWord, UnpronounceableWord
from voicebot.vocabulary.prepared import Prepared, prepare
from voicebot.vocabulary.pronounce import plain
from voicebot.vocabulary.pronounce import problem as why_unsayable
from voicebot.vocabulary.wanted import clinic_files, wanted

log = structlog.get_logger(__name__)

PRODUCTION_PATTERN = "vosk-model-small-ru-*"
EMBEDDED_NAME = "vosk-embedded-ru"
EMBEDDED_VARIABLE = "VOICEBOT_EMBEDDED_MODEL"
"""Where the embedded model lies, for an installed package without the repository's `models` folder."""

SPOKEN = "Write it as it is spoken, in Russian words, among the synonyms."
_TOLD_WORDS = 30


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """`path`: what to load. `added`: words of the clinic that it was given beside its own."""

    path: Path
    kind: str  # "configured", "production" or "embedded"
    added: int = 0

    def describe(self) -> str:
        """One line for people: which model hears the callers."""
        name = self.path.name + (f", {self.added} words added" if self.added else "")
        if self.kind == "embedded":
            return f"{name} (embedded; `make models` fetches the production model, which hears free speech better)"
        return f"{name} ({self.kind})"


def choose_model(settings: Settings) -> ModelChoice:
    """The configured model, else the production model if it was fetched, else the embedded one; else ModelError."""
    if settings.hearing.model is not None:
        return ModelChoice(settings.hearing.model, "configured")
    fetched = sorted(path for path in (settings.cache / "models").glob(PRODUCTION_PATTERN) if (path / "am").is_dir())
    if fetched:
        return ModelChoice(fetched[-1], "production")
    embedded = embedded_model()
    if embedded is not None:
        return ModelChoice(embedded, "embedded")
    raise ModelError(
        "There is no recogniser model.",
        f"Run `make models`, set hearing.model, or name the embedded model's folder in {EMBEDDED_VARIABLE}.",
    )


def embedded_model() -> Path | None:
    """Where the model that is shipped lies, None where it does not."""
    places = [Path(__file__).resolve().parents[2] / "models" / EMBEDDED_NAME]  # the repository
    if named := os.environ.get(EMBEDDED_VARIABLE):
        places.insert(0, Path(named))
    return next((folder for folder in places if folder.is_dir()), None)


def default_model_path(settings: Settings) -> Path:
    return choose_model(settings).path


def with_clinic_words(
    settings: Settings, phrases: Sequence[str], names: Iterable[Sequence[str]], on_progress: OnProgress = unseen
) -> ModelChoice:
    """Choose a model and give it the clinic's words that it lacks; what it cannot hear is logged with place and cure.

    `phrases`: what questions listen for; `names`: for each thing of the clinic all its names. The second start with the
    same words takes no time. A model that takes no words (the official ones) is returned as it is.
    """
    choice = choose_model(settings)
    words = wanted(phrases, names, clinic_files(settings.dialog.folder), added_words(settings))
    for one in words.unsayable[:_TOLD_WORDS]:
        log.warning("word_cannot_be_heard", word=one.word, why=one.why, place=one.place, cure=SPOKEN)
    try:
        made = prepare(choice.path, words, words_cache(settings), on_progress)
    except FixedVocabulary as error:  # which words lack, `prove_grammar` tells
        log.info("model_takes_no_words", model=choice.path.name, cure=error.cure)
        return choice
    except ModelError as error:  # badly heard is better than no robot; loading tells of a model that is damaged
        log.error("clinic_words_not_added", model=choice.path.name, problem=error.message, cure=error.cure)
        return choice
    except OSError as error:
        cure = "Free some space, or set cache_dir."
        log.error("clinic_words_not_added", model=choice.path.name, problem=f"{error.strerror}", cure=cure)
        return choice
    if made.unsaid:
        log.warning("words_cannot_be_said", words=list(made.unsaid[:_TOLD_WORDS]), count=len(made.unsaid), cure=SPOKEN)
    return replace(choice, path=made.path, added=len(made.added))


def add_words(settings: Settings, words: Sequence[str], on_progress: OnProgress = unseen) -> Prepared:
    """Add an engineer's words for good, stress by `+` or U+0301; raise UnpronounceableWord or FixedVocabulary, adding none.

    They are kept in `data_dir`; the robot takes them from its next start.
    """
    bad = {word: why for word in words if (why := why_unsayable(word))}
    if bad:
        told = "; ".join(f"{word}: {why}" for word, why in bad.items())
        raise UnpronounceableWord(f"These words cannot be said: {told}.", SPOKEN, tuple(bad))
    choice = choose_model(settings)
    everything = {plain(word): word for word in (*added_words(settings), *words)}  # a new stress replaces an old one
    own = list(everything.values())
    made = prepare(choice.path, wanted((), (), (), own), words_cache(settings), on_progress)
    if made.unsaid:
        raise UnpronounceableWord(
            f"{choice.path.name} was trained without sounds of: {', '.join(made.unsaid)}.", SPOKEN, made.unsaid
        )
    file = _words_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text("".join(f"{word}\n" for word in sorted(own)), encoding="utf-8")
    part.replace(file)
    return made


def added_words(settings: Settings) -> list[str]:
    """The words that `add_words` keeps, as they were given."""
    try:
        return _words_file(settings).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"{_words_file(settings)} cannot be read.", "Write it anew: one word a line, in UTF-8.") from None


def words_cache(settings: Settings) -> Path:
    """Where models with a clinic's words are kept; it may be removed at any time, and is made again."""
    return settings.cache / "words"


def require_words(model: Vocabulary, words: Iterable[str]) -> None:
    """Raise UnknownWord naming the words that the model cannot hear: libvosk would drop them from a grammar in silence."""
    missing = tuple(sorted({plain(word) for word in words if not model.has_word(plain(word))}))
    if missing:
        raise UnknownWord(
            f"{model.name} does not know: {', '.join(missing)}.",
            "Add them (voicebot models add-word), or say it by other words among the synonyms.",
            missing,
        )


def _words_file(settings: Settings) -> Path:
    return settings.data_dir / "recogniser-words.txt"
