"""models/manifest.toml: which models there are, from where, under which licence."""

import os
import tomllib
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from voicebot.supplies.errors import SupplyError

MANIFEST_VARIABLE = "VOICEBOT_MODELS_MANIFEST"
"""Names another manifest: for an installed package without the repository's `models` folder, or a clinic's own models."""


class ModelEntry(BaseModel):
    """One model. Checksums are lower-case hexadecimal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["vosk", "silero"]
    purpose: str = Field("", description="what it is for, in a few words")
    url: str = Field("", description="empty: it is shipped beside the manifest")
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
        address = urlsplit(value)
        if value and (address.scheme not in ("https", "http") or not PurePosixPath(address.path).name):
            raise ValueError("an http(s) address of a file is needed")
        return value

    @field_validator("folder")
    @classmethod
    def _folder(cls, value: str | None) -> str | None:
        if value is not None and (PurePosixPath(value).name != value or value in (".", "..")):
            raise ValueError("a plain folder name is needed")
        return value

    @model_validator(mode="after")
    def _is_somewhere(self) -> "ModelEntry":
        if not self.url and not self.folder:
            raise ValueError("url is needed, or the folder of what is shipped")
        return self

    @property
    def is_shipped(self) -> bool:
        return not self.url

    @property
    def file_name(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def installed_name(self) -> str:
        """What lies in the cache's `models` folder in the end: a folder or a file."""
        return self.folder or self.file_name


def load_manifest(path: Path | None = None) -> dict[str, ModelEntry]:
    """Return the models by name; raise SupplyError naming what is wrong."""
    path = path or manifest_path()
    try:
        return TypeAdapter(dict[str, ModelEntry]).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SupplyError(f"There is no manifest {path}.", f"Run from the repository, or set {MANIFEST_VARIABLE}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SupplyError(f"{path} is not TOML: {error}.", "Correct it.") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SupplyError(f"{path} is wrong: {wrong}.", "Correct it.") from None


def manifest_path() -> Path:
    named = os.environ.get(MANIFEST_VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[2] / "models" / "manifest.toml"
