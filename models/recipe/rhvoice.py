"""RHVoice in process, through ctypes: voices are loaded once and a phrase costs about 2 % of its length.

The packages of Debian's non-free section are unpacked into the work folder, so nothing is installed in the system and no
root is needed. Only the voices whose licence allows shipping a derived model are kept.
"""

from __future__ import annotations

import ctypes as c
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: LGPL 2.1 and, Aleksandr-hq, CC BY-SA 4.0; the other Russian voices are non-commercial or forbid derivatives
TRAINING_VOICES = ("Anna", "Elena", "Aleksandr", "Aleksandr-hq")
#: never trained on: the evaluation speaks with it
HELD_OUT_VOICE = "Irina"
_PACKAGES = ("librhvoice5", "librhvoice-core7", "rhvoice-russian")
_PLUS = re.compile(r"\+([аеёиоуыэюя])")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class RHVoiceError(RuntimeError):
    """RHVoice could not be fetched, loaded or refused a text."""


def unpack(folder: Path) -> Path:
    """Fetches the packages with apt's own sources plus the non-free section; returns the unpacked root."""
    root = folder / "root"
    if (root / "usr/share/RHVoice/languages").exists():
        return root
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"],
        check=True, capture_output=True, text=True,
    ).stdout.split("\n")  # fmt: skip
    main = [line.split() for line in targets if line.endswith(" main") and "-" not in line.split()[1]]
    if not main:
        raise RHVoiceError("apt knows no Debian main section: cannot tell where the non-free section is")
    uri, codename, _ = main[0]
    for name in ("lists/partial", "debs", "root"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    source = folder / "rhvoice.list"
    source.write_text(f"deb [signed-by={_KEYRING}] {uri} {codename} main non-free\n", encoding="utf-8")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={source}", "-o", "Dir::Etc::sourceparts=-",
           "-o", f"Dir::State::lists={folder / 'lists'}"]  # fmt: skip
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *_PACKAGES], check=True, cwd=folder / "debs")
    for package in (folder / "debs").glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    permitted = {voice.lower() for voice in (*TRAINING_VOICES, HELD_OUT_VOICE)}
    for voice in (root / "usr/share/RHVoice/voices").iterdir():
        if voice.name not in permitted:
            shutil.rmtree(voice)
    return root


_SAMPLE_RATE = c.CFUNCTYPE(c.c_int, c.c_int, c.c_void_p)
_PLAY = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_uint, c.c_void_p)
_STRING = c.CFUNCTYPE(c.c_int, c.c_char_p, c.c_void_p)
_POSITION = c.CFUNCTYPE(c.c_int, c.c_uint, c.c_uint, c.c_void_p)
_DONE = c.CFUNCTYPE(None, c.c_void_p)


class _Callbacks(c.Structure):
    _fields_ = [("set_sample_rate", _SAMPLE_RATE), ("play_speech", _PLAY), ("process_mark", _STRING),
                ("word_starts", _POSITION), ("word_ends", _POSITION), ("sentence_starts", _POSITION),
                ("sentence_ends", _POSITION), ("play_audio", _STRING), ("done", _DONE)]  # fmt: skip


class _InitParameters(c.Structure):
    _fields_ = [("data_path", c.c_char_p), ("config_path", c.c_char_p), ("resource_paths", c.POINTER(c.c_char_p)),
                ("callbacks", _Callbacks), ("options", c.c_uint)]  # fmt: skip


class _SynthesisParameters(c.Structure):
    _fields_ = [("voice_profile", c.c_char_p)] + [
        (name, c.c_double) for name in ("absolute_rate", "absolute_pitch", "absolute_volume", "relative_rate",
                                        "relative_pitch", "relative_volume")
    ] + [("punctuation_mode", c.c_int), ("punctuation_list", c.c_char_p), ("capitals_mode", c.c_int),
         ("flags", c.c_int)]  # fmt: skip


class RHVoice:
    """One engine; not for use from several threads."""

    def __init__(self, root: Path) -> None:
        libraries = next((root / "usr/lib").glob("*/libRHVoice.so.5")).parent
        c.CDLL(str(libraries / "libRHVoice_core.so.7"), mode=c.RTLD_GLOBAL)
        self._library = library = c.CDLL(str(libraries / "libRHVoice.so.5"))
        library.RHVoice_new_tts_engine.restype = c.c_void_p
        library.RHVoice_new_tts_engine.argtypes = [c.POINTER(_InitParameters)]
        library.RHVoice_new_message.restype = c.c_void_p
        library.RHVoice_new_message.argtypes = [c.c_void_p, c.c_char_p, c.c_uint, c.c_int,
                                                c.POINTER(_SynthesisParameters), c.c_void_p]  # fmt: skip
        library.RHVoice_speak.argtypes = [c.c_void_p]
        library.RHVoice_delete_message.argtypes = [c.c_void_p]
        self._rate_hz = 24000
        self._chunks: list[NDArray[np.int16]] = []
        null = c.cast(None, c.c_void_p)
        self._keep = _Callbacks(_SAMPLE_RATE(self._set_rate), _PLAY(self._play), c.cast(null, _STRING),
                                c.cast(null, _POSITION), c.cast(null, _POSITION), c.cast(null, _POSITION),
                                c.cast(null, _POSITION), c.cast(null, _STRING), c.cast(null, _DONE))  # fmt: skip
        data, config = root / "usr/share/RHVoice", root / "etc/RHVoice"
        parameters = _InitParameters(str(data).encode(), str(config).encode(), None, self._keep, 0)
        self._engine = library.RHVoice_new_tts_engine(c.byref(parameters))
        if not self._engine:
            raise RHVoiceError(f"RHVoice found no voices in {data}")

    def _set_rate(self, rate_hz: int, _user: object) -> int:
        self._rate_hz = rate_hz
        return 1

    def _play(self, samples: object, count: int, _user: object) -> int:
        self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[arg-type]
        return 1

    def say(self, text: str, voice: str, rate: float = 1.0, pitch: float = 1.0) -> tuple[NDArray[np.int16], int]:
        """Samples and their rate in Hz. A `+` before a vowel sets the stress: RHVoice is given its own mark, U+0301.

        It would take the `+` for the end of a word: "мен+я" becomes two words.
        """
        self._chunks = []
        data = _PLUS.sub("\\1\u0301", text).replace("+", "").encode()
        parameters = _SynthesisParameters(voice.encode(), 0, 0, 0, rate, pitch, 1.0, 0, None, 0, 0)
        message = self._library.RHVoice_new_message(self._engine, data, len(data), 0, c.byref(parameters), None)
        if not message:
            raise RHVoiceError(f"RHVoice refuses the text or the voice {voice}")
        try:
            self._library.RHVoice_speak(message)
        finally:
            self._library.RHVoice_delete_message(message)
        if not self._chunks:
            raise RHVoiceError("RHVoice said nothing")
        return np.concatenate(self._chunks), self._rate_hz
