"""A copy of a model that knows a clinic's words too, kept in the cache under a hash of the model and the words.

The model itself stays as it is. Whoever comes first builds the copy, others wait; it is proven before it is put in place.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from voicebot.supplies.lock import only_one
from voicebot.supplies.progress import OnProgress, unseen
from voicebot.vocabulary import apart, graph
from voicebot.vocabulary.errors import FixedVocabulary
from voicebot.vocabulary.wanted import Wanted, ways_to_say

log = structlog.get_logger(__name__)

_VERSION = 1  # of what is built from the same words
_KEPT_COPIES = 4
_REPORT = "words.json"
_COPIED = ("am/final.mdl", "conf", "graph/phones", graph.UNITS_FILE)
_MODEL_FILES = (*_COPIED, *graph.GRAPH_FILES)


@dataclass(frozen=True, slots=True)
class Prepared:
    """`path`: the model to load. `added`: words it did not know; `unsaid`: words it still does not know."""

    path: Path
    added: tuple[str, ...]
    unsaid: tuple[str, ...]


def prepare(model: Path, words: Wanted, cache: Path, on_progress: OnProgress = unseen) -> Prepared:
    """Return a model that knows the wanted words: the given one where nothing lacks, else a copy in `cache`.

    Raise FixedVocabulary where the model takes no words, DamagedModel where its files are wrong.
    """
    if not (model / graph.UNITS_FILE).is_file():
        raise FixedVocabulary(
            f"Words cannot be added to {model.name}: it brings no {graph.UNITS_FILE}.",
            "Say it by words the model knows (synonyms), or use the embedded model.",
        )
    name = f"{model.name}+{_key(model, words)}"
    with only_one(cache, "words"):
        found = _kept(cache / name, model)
        if found is not None:
            return found
        return _build(model, words, cache, name, on_progress)


def _build(model: Path, words: Wanted, cache: Path, name: str, on_progress: OnProgress) -> Prepared:
    what = "recogniser: the clinic's words"
    on_progress(what, 0, 4)
    known = graph.load(model)
    unknown = [word for word in words.written if word not in known.words]
    # a word that is known gets a further pronunciation where an engineer gave its stress
    asked = [*unknown, *(word for word in words.stressed if word in known.words)]
    said = apart.pronounce({word: ways_to_say(words.written[word]) for word in asked})
    additions = {word: ways for word, ways in said.items() if known.can_say(ways)}
    added = tuple(sorted(set(additions) & set(unknown)))
    unsaid = tuple(sorted(set(unknown) - set(added)))
    on_progress(what, 1, 4)
    likely = graph.raisable(known, words.written)
    with tempfile.TemporaryDirectory(prefix=".words-", dir=cache) as folder:
        made = Path(folder) / name
        if additions or likely:
            for path in _files(model, _COPIED):
                target = made / path.relative_to(model)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            known.extended(additions, likely).save(made)
            on_progress(what, 2, 4)
            apart.try_words(made, additions)
        else:
            made.mkdir()
        on_progress(what, 3, 4)
        files = {str(path.relative_to(made)): _sha256(path) for path in sorted(made.rglob("*")) if path.is_file()}
        report = {"added": added, "unsaid": unsaid, "files": files}
        (made / _REPORT).write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
        target = cache / name
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    _prune(cache, model.name, keep=target)
    log.info("recogniser words added", model=model.name, added=len(added), likelier=len(likely), unsaid=len(unsaid))
    on_progress(what, 4, 4)
    return Prepared(target if files else model, added, unsaid)


def _kept(folder: Path, model: Path) -> Prepared | None:
    """The copy made before, if it is whole."""
    try:
        report = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
        is_whole = all(_sha256(folder / name) == sha256 for name, sha256 in report["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not is_whole:
        log.warning("a prepared model was damaged and is built anew", folder=folder.name)
        return None
    (folder / _REPORT).touch()  # in use: the last to be removed
    return Prepared(folder if report["files"] else model, tuple(report["added"]), tuple(report["unsaid"]))


def _key(model: Path, words: Wanted) -> str:
    digest = hashlib.sha256(f"{_VERSION}\n".encode())
    for path in _files(model, _MODEL_FILES):
        digest.update(f"{path.relative_to(model)} {_sha256(path)}\n".encode())
    for word in sorted(words.written):
        digest.update(f"{word}: {' '.join(words.written[word])}\n".encode())
    digest.update(json.dumps(sorted(words.stressed)).encode())
    return digest.hexdigest()[:12]


def _files(model: Path, names: Iterable[str]) -> Iterable[Path]:
    for name in names:
        path = model / name
        yield from sorted(path.iterdir()) if path.is_dir() else [path] if path.is_file() else []


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _prune(cache: Path, model_name: str, keep: Path) -> None:
    """Remove copies for words and models of the past; a process that has one loaded needs its files no more."""
    copies = [path for path in cache.glob(f"{model_name}+*") if path != keep]
    copies.sort(key=lambda path: (path / _REPORT).stat().st_mtime if (path / _REPORT).exists() else 0.0, reverse=True)
    for path in copies[_KEPT_COPIES - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
