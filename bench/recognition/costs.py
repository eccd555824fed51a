"""What a model costs: load time, memory of a live recogniser, processor time. In a process of its own: see `measured`.

`python -m bench.recognition.costs MODEL SPEECH.npy` prints one line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.recognition.texts import read
from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.errors import ModelError
from voicebot.hearing.recogniser import SpeechModel

LIVE = 50
RTF_AIM, MEMORY_AIM_MB, LOAD_AIM_SECONDS = 0.03, 10.0, 0.5
_PIECE = TELEPHONE_HZ // 10
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def measured(model: Path, speech: NDArray[np.int16], folder: Path) -> dict[str, Any]:
    """Return the costs of a model: RSS, load and factors of a fresh process. `speech`: some minutes at 8 kHz."""
    sample = folder / "costs-speech.npy"
    np.save(sample, speech)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bench.recognition.costs", str(model), str(sample)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ModelError(f"The costs of {model.name} could not be measured: {done.stderr.strip()[-300:]}", "See above.")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6


def _measure(path: Path, speech: NDArray[np.int16]) -> dict[str, dict[str, float | None]]:
    import vosk  # noqa: F401 -- importing it is not loading the model

    before_mb, begun, processor = resident_mb(), time.perf_counter(), time.process_time()
    model = SpeechModel(path, is_trusted=True)
    load_seconds, model_mb = time.perf_counter() - begun, resident_mb() - before_mb
    processor_seconds = time.process_time() - processor
    figures: dict[str, dict[str, float | None]] = {
        "load, s": {"value": round(load_seconds, 3), "aim": LOAD_AIM_SECONDS},
        "load, processor, s": {"value": round(processor_seconds, 3)},
        "memory of the model, MB": {"value": round(model_mb, 1)},
    }
    factor, wall = _factor(model, speech, None)
    figures["real-time factor, open, processor"] = {"value": factor, "aim": RTF_AIM}
    figures["real-time factor, open, wall clock"] = {"value": wall}
    figures["memory of a live recogniser, open, MB"] = {"value": _live_mb(model, speech, None), "aim": MEMORY_AIM_MB}
    if model.is_grammar_supported:
        grammar = [line.written for line in read("grammar.txt")]
        factor, wall = _factor(model, speech, grammar)
        figures["real-time factor, 30-phrase grammar, processor"] = {"value": factor}
        figures["memory of a live recogniser, 30-phrase grammar, MB"] = {
            "value": _live_mb(model, speech, grammar),
            "aim": MEMORY_AIM_MB,
        }
    return figures


def _factor(model: SpeechModel, speech: NDArray[np.int16], grammar: list[str] | None) -> tuple[float, float]:
    """Processor and wall-clock seconds for a second of sound, in turns of ten seconds."""
    processor, wall = time.process_time(), time.perf_counter()
    for begin in range(0, len(speech), 10 * TELEPHONE_HZ):
        turn = model.turn(grammar)
        for at in range(begin, min(begin + 10 * TELEPHONE_HZ, len(speech)), _PIECE):
            turn.accept(speech[at : at + _PIECE].tobytes())
        turn.final()
    seconds = len(speech) / TELEPHONE_HZ
    return round((time.process_time() - processor) / seconds, 4), round((time.perf_counter() - wall) / seconds, 4)


def _live_mb(model: SpeechModel, speech: NDArray[np.int16], grammar: list[str] | None) -> float:
    """Growth of resident memory for each of 50 recognisers in the middle of a caller's ten seconds."""
    before_mb = resident_mb()
    turns = [model.turn(grammar) for _ in range(LIVE)]
    for number, turn in enumerate(turns):
        start = number * _PIECE * 37 % max(1, len(speech) - 10 * TELEPHONE_HZ)
        for at in range(start, start + 10 * TELEPHONE_HZ, _PIECE):
            turn.accept(speech[at : at + _PIECE].tobytes())
    return round((resident_mb() - before_mb) / LIVE, 2)


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]), np.load(sys.argv[2]))))
