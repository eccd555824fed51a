"""models/manifest.toml: which models there are, from where, under which licence."""

import os
import tomllib
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from voicebot.supplies.errors import SupplyError

MANIFEST_VARIABLE = "VOICEBOT_MODELS_MANIFEST"
"""Names another manifest: for an installed package without the repository's `models` folder, or a clinic's own models."""


class ModelEntry(BaseModel):
    """One model. Checksums are lower-case hexadecimal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vosk", "silero"]
    url: str
    size_bytes: int | None = Field(None, gt=0)
    md5: str | None = Field(None, pattern=r"^[0-9a-f]{32}$")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    licence: str
    may_clinics_use: bool
    rate_hz: int = Field(gt=0)
    folder: str | None = Field(None, description="the one folder inside a zip")
    expects: list[str] = Field([], description="files that the folder must hold")
    unpacked_limit_mb: int = Field(1000, gt=0)
    speaker: str = ""
    note: str = ""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        if urlsplit(value).scheme not in ("https", "http") or not PurePosixPath(urlsplit(value).path).name:
            raise ValueError("an http(s) address of a file is needed")
        return value

    @field_validator("folder")
    @classmethod
    def _folder(cls, value: str | None) -> str | None:
        if value is not None and (PurePosixPath(value).name != value or value in (".", "..")):
            raise ValueError("a plain folder name is needed")
        return value

    @property
    def file_name(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def installed_name(self) -> str:
        """What lies in the cache's `models` folder in the end: a folder or a file."""
        return self.folder or self.file_name


def load_manifest(path: Path | None = None) -> dict[str, ModelEntry]:
    """Return the models by name; raise SupplyError naming what is wrong."""
    path = path or _default_path()
    try:
        return TypeAdapter(dict[str, ModelEntry]).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SupplyError(f"There is no manifest {path}.", f"Run from the repository, or set {MANIFEST_VARIABLE}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SupplyError(f"{path} is not TOML: {error}.", "Correct it.") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SupplyError(f"{path} is wrong: {wrong}.", "Correct it.") from None


def _default_path() -> Path:
    named = os.environ.get(MANIFEST_VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[2] / "models" / "manifest.toml"
