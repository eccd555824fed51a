"""Every setting in one place: a TOML file (VOICEBOT_CONFIG, else ./voicebot.toml if present) and VOICEBOT_* variables.

Nested settings use a double underscore: VOICEBOT_SIP__PORT=5070. Secrets may come from files: `password_file`.
"""

import os
import socket
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voicebot.errors import ConfigurationError
from voicebot.settings.admission import Admission
from voicebot.settings.basis import Section
from voicebot.settings.calls import Brain, Calls, Dialog, Hearing, Link, Machine, Sip, Transfer, Voice
from voicebot.settings.keeping import Database, Recordings, RecordingStore, Retention
from voicebot.settings.messages import (
    AnyProvider,
    Cascade,
    FileProvider,
    HttpProvider,
    Messages,
    Pins,
    Provider,
    Reminders,
    SmppProvider,
)
from voicebot.settings.pages import Alice, Bot, Channels, ContactForm, Http, WebChat

__all__ = [
    "Admission",
    "Alice",
    "AnyProvider",
    "Bot",
    "Brain",
    "Calls",
    "Cascade",
    "Channels",
    "ContactForm",
    "Database",
    "Dialog",
    "FileProvider",
    "Hearing",
    "Http",
    "HttpProvider",
    "Link",
    "Machine",
    "Messages",
    "Pins",
    "Provider",
    "RecordingStore",
    "Recordings",
    "Reminders",
    "Retention",
    "Section",
    "Settings",
    "Sip",
    "SmppProvider",
    "Transfer",
    "Voice",
    "WebChat",
    "load",
]


class Settings(BaseSettings):
    """The whole configuration. Unknown keys are errors."""

    model_config = SettingsConfigDict(
        env_prefix="VOICEBOT_", env_nested_delimiter="__", extra="forbid", frozen=True, nested_model_default_partial_update=True
    )

    data_dir: Path = Path("var")
    cache_dir: Path | None = Field(None, description="models, voices, builds; empty: the user's cache folder")
    zone: str = "Europe/Moscow"
    node: str = Field("", max_length=64, description="this robot's name among several; empty: host and data_dir")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    sip: Sip = Sip()
    admission: Admission = Admission()
    transfer: Transfer = Transfer()
    calls: Calls = Calls()
    link: Link = Link()
    hearing: Hearing = Hearing()
    voice: Voice = Voice()
    dialog: Dialog = Dialog()
    database: Database = Database()
    recordings: Recordings = Recordings()
    retention: Retention = Retention()
    http: Http = Http()
    brain: Brain = Brain()
    channels: Channels = Channels()
    cascade: Cascade = Cascade()
    reminders: Reminders = Reminders()
    messages: Messages = Messages()

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except ZoneInfoNotFoundError:
            raise ValueError(f"{value!r} is no time zone; give one such as Europe/Moscow") from None
        return value

    @property
    def zoneinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def node_name(self) -> str:
        """What tells this robot from others that share the database."""
        return self.node or f"{socket.gethostname()[:24]}:{self.data_dir.absolute()}"[:64]

    @property
    def cache(self) -> Path:
        """Folder for things that can be fetched or built again."""
        if self.cache_dir is not None:
            return self.cache_dir
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voicebot"

    @property
    def run_dir(self) -> Path:
        """Sockets and status files of the running processes."""
        return self.data_dir / "run"

    @property
    def link_socket(self) -> Path:
        return self.run_dir / "line.sock"

    @property
    def waiting_sounds(self) -> Path:
        """What the line plays to callers who wait; a brain makes it."""
        return self.data_dir / "waiting"

    @property
    def recordings_folder(self) -> Path:
        return self.recordings.folder or self.data_dir / "recordings"

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.data_dir / 'voicebot.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get("VOICEBOT_CONFIG", "voicebot.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)


def load() -> Settings:
    """Read the settings; raise ConfigurationError naming each wrong key."""
    file = os.environ.get("VOICEBOT_CONFIG")
    if file and not Path(file).is_file():
        raise ConfigurationError(f"VOICEBOT_CONFIG names {file}, which is not a file.", "Correct the variable or unset it.")
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigurationError(
            f"Settings are wrong: {wrong}.", "Correct voicebot.toml or the VOICEBOT_* variables."
        ) from None
    except ValueError as error:  # TOML syntax
        raise ConfigurationError(f"voicebot.toml cannot be read: {error}.", "Correct its syntax.") from None
