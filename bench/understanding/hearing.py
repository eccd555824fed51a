"""The phrases as the embedded recogniser hears them from a voice it was not trained on, with noise. Kept between runs."""

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.recognition.channel import Samples, on_the_line
from bench.recognition.listening import Listener
from bench.recognition.voices import UNSEEN
from bench.understanding.cases import Case
from voicebot.audio.pcm import Pcm
from voicebot.dialog.talking import Alternative, Expect, Profile
from voicebot.dialog.understanding import Understanding
from voicebot.errors import ModelError
from voicebot.hearing.choose import choose
from voicebot.hearing.grammar import prove_grammar
from voicebot.patient.sound import white_noise
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.understand_command import EXPECTED
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.telephone import gain_for, to_telephone

_PROFILES = {
    "yes_no": Profile.YES_NO,
    "datetime": Profile.DATE,
    "phone": Profile.DIGITS,
    "birth_date": Profile.DIGITS,
    "name": Profile.NAME,
    "choice": Profile.CHOICE,
}
_KEPT = 6
_NOISE_DB, _NOISE_SECONDS = -23.0, 60.0


def asked(expected: str) -> Expect:
    """The question that a case answers, as the dialog asks it; an open one ("what can I do for you?") where none is named."""
    kind = EXPECTED.get(expected, "request")
    return Expect(type=kind, profile=_PROFILES.get(kind, Profile.FREE))


class Ears:
    """Says and hears. What was heard is kept in `folder` under the model, the grammar and the phrase."""

    def __init__(self, model: Path, cache: Path, folder: Path, understanding: Understanding, snr_db: float) -> None:
        self._model, self._cache, self._folder, self._snr_db = model, cache, folder, snr_db
        self._understanding = understanding
        self._file = folder / f"heard-{digest_of(model)}-{snr_db:.0f}db.json"
        self._known: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        self._voice: RhvoiceEngine | None = None
        self._listener: Listener | None = None
        self._noise: Pcm = white_noise(_NOISE_DB, _NOISE_SECONDS)
        self._grammars: dict[str, tuple[str, ...]] = {}
        self._fitting: dict[tuple[str, str], float] = {}

    def heard(self, cases: Sequence[Case], say: Callable[[str], None]) -> list[tuple[Alternative, ...]]:
        """Return the hypotheses that the dialog would get of each phrase, best first; () where no word was heard."""
        found = []
        for number, case in enumerate(cases):
            found.append(self._taken(case))
            if number % 50 == 49 and self._listener is not None:
                say(f"heard {number + 1} of {len(cases)}")
                self._keep()
        self._keep()
        if self._voice is not None:
            self._voice.close()
            self._voice = None
        return found

    def _keep(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self._known, ensure_ascii=False), encoding="utf-8")
        part.replace(self._file)

    def _taken(self, case: Case) -> tuple[Alternative, ...]:
        expect = asked(case.expect)
        grammar = self._understanding.grammar_for(expect.type)
        openly = self._hypotheses(case.text, expect.type, ())
        by_grammar = self._hypotheses(case.text, expect.type, grammar) if grammar else []
        expect = replace(expect, grammar=grammar)
        return choose(openly, by_grammar, "", expect, self._fits)

    def _fits(self, text: str, expect: Expect) -> float:
        """The same words are asked about several times while hypotheses are weighed."""
        key = (text, expect.type)
        if key not in self._fitting:
            self._fitting[key] = self._understanding.fits(text, expect)
        return self._fitting[key]

    def _hypotheses(self, text: str, kind: str, grammar: tuple[str, ...]) -> list[Alternative]:
        key = hashlib.sha256("\n".join((text, *grammar)).encode()).hexdigest()[:24]
        if key not in self._known:
            listener, samples = self._sound(text)
            usable = self._proven(listener, kind, grammar) if grammar else None
            heard = [] if grammar and not usable else listener.hear(samples, usable)
            self._known[key] = [(one.text, one.confidence, one.source) for one in heard[:_KEPT]]
        return [Alternative(*one) for one in self._known[key]]

    def _sound(self, text: str) -> tuple[Listener, Samples]:
        if self._voice is None or self._listener is None:
            files = find_rhvoice(self._cache)
            if files is None or UNSEEN.lower() not in files.voices:
                raise ModelError("RHVoice is not in the cache.", "Run `make voice`.")
            self._voice = RhvoiceEngine(files, UNSEEN, 1.0)
            self._listener = Listener(self._model, is_trusted=True)
        native = self._voice.synthesise(text)
        speech = to_telephone([native], gain_for(native))
        place = zlib.crc32(text.encode()) % 1000  # another stretch of noise for each
        return self._listener, on_the_line(speech, self._noise, self._snr_db, place=place)

    def _proven(self, listener: Listener, kind: str, grammar: tuple[str, ...]) -> tuple[str, ...]:
        if kind not in self._grammars:
            self._grammars[kind] = prove_grammar(listener.model, grammar, f"bench.{kind}").usable
        return self._grammars[kind]


def digest_of(model: Path) -> str:
    """What tells one model from another: the names and sizes of the files it hears with, and its network's content."""
    state = hashlib.sha256()
    for path in sorted(path for part in ("am", "conf", "graph") for path in (model / part).rglob("*") if path.is_file()):
        state.update(f"{path.relative_to(model)} {path.stat().st_size}".encode())
        if path.suffix in (".mdl", ".fst"):
            state.update(path.read_bytes())
    return state.hexdigest()[:12]
