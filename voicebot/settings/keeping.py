"""What is kept, where, and for how long."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from voicebot.settings.basis import Days, Section, word_of


class Database(Section):
    url: str = Field("", description="empty: SQLite in data_dir; postgresql+psycopg://... for PostgreSQL")


class RecordingStore(Section):
    """An S3-compatible store that recordings go to after the call (`pip install 'voicebot[s3]'`)."""

    bucket: str = Field("", description="empty: recordings stay in their folder")
    endpoint: str = Field("", description="https://s3.example:9000; empty: Amazon's")
    region: str = "us-east-1"
    prefix: str = Field("recordings", description="in the bucket, before every name")
    is_path_style: bool = Field(True, description="https://host/bucket/...; false: https://bucket.host/...")
    access_key: SecretStr = SecretStr("")
    access_key_file: Path | None = None
    secret_key: SecretStr = SecretStr("")
    secret_key_file: Path | None = None
    ca_file: Path | None = Field(None, description="PEM: whom to trust where the store's certificate is the clinic's own")

    @property
    def access_word(self) -> str:
        """The access key. Raises OSError where its file cannot be read."""
        return word_of(self.access_key, self.access_key_file)

    @property
    def secret_word(self) -> str:
        """The secret key. Raises OSError where its file cannot be read."""
        return word_of(self.secret_key, self.secret_key_file)


class Recordings(Section):
    is_enabled: bool = True
    folder: Path | None = Field(None, description="empty: data_dir/recordings")
    minimum_free_mb: int = 200
    recipients: list[str] = Field([], description="public keys (age1...) that recordings are sealed for; empty: not sealed")
    key_file: Path | None = Field(None, description="secret keys, one a line, to play sealed recordings; not in data_dir")
    store: RecordingStore = RecordingStore()


class Retention(Section):
    """How many days what is kept; 0: for ever. docs/privacy.md says what the law wants and why these."""

    audio_days: Days = Field(90, description="recordings of calls")
    text_days: Days = Field(365, description="dialogs: what was said, marks, notes, call-backs, numbers of callers")
    figures_days: Days = Field(1826, description="figures of dialogs and latencies; nothing personal is in them")
    audit_days: Days = Field(1096, description="who looked at, changed or took away what")
    messages_days: Days = Field(90, description="messages to patients")
    waiting_days: Days = Field(180, description="places in the waiting list")
    visits_days: Days = Field(0, description="visits, without name, number and birth date from then on; 0: the clinic decides")
    leftovers_days: Days = Field(30, description="what the database refused for good (spool/*.rejected.jsonl)")
    purge_hour: int = Field(3, ge=0, le=23, description="the clinic's hour from which the day's purge is done")

    @model_validator(mode="after")
    def _sound_needs_its_dialog(self) -> "Retention":
        if self.text_days and (not self.audio_days or self.audio_days > self.text_days):
            raise ValueError("audio_days may not exceed text_days: a recording without its dialog could not be found")
        return self
