"""Every setting in one place: a TOML file (VOICEBOT_CONFIG, else ./voicebot.toml if present) and VOICEBOT_* variables.

Nested settings use a double underscore: VOICEBOT_SIP__PORT=5070. Secrets may come from files: `password_file`.
"""

import os
import re
import socket
from datetime import time
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voicebot.errors import ConfigurationError

Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sip(Section):
    """The line: where it listens, whom it answers, where it registers."""

    bind_host: str = "127.0.0.1"
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    certificate: Path | None = Field(None, description="PEM file, for transport tls")
    private_key: Path | None = None
    ca_file: Path | None = Field(
        None, description="PEM file of those who sign peers' certificates; given, peers without such a one are refused"
    )
    srtp: Literal["off", "optional", "required"] = Field(
        "off", description="encrypted sound (SRTP, SDES); its keys are in the signalling, which should be tls then"
    )
    public_host: str = Field("", description="address written into SDP and Contact behind NAT")
    rtp_port_first: Port = 14000
    rtp_port_count: int = Field(2000, ge=4)
    allow: list[str] = Field(["127.0.0.0/8"], description="networks whose INVITEs are answered; all others get 403")
    registrar: str = Field("", description='the PBX to register with, e.g. "sip:pbx.clinic.local"; empty: direct calls')
    user: str = "robot"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    registration_seconds: int = Field(300, ge=30)
    lines: int | None = Field(None, ge=1, description="calls at once; empty: as many as the pjsua2 build holds")
    retry_after_seconds: int = Field(5, ge=1)
    silent_peer_seconds: Seconds = Field(30, description="hang up when no RTP came for so long (not while on hold)")
    hold_limit_seconds: Seconds = Field(300, description="hang up a call held for longer")
    session_expires_seconds: int = Field(1800, ge=90)

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for item in value:
            ip_network(item)
        return value

    @model_validator(mode="after")
    def _tls_has_a_certificate(self) -> "Sip":
        if self.transport == "tls" and (self.certificate is None or self.private_key is None):
            raise ValueError("transport tls needs certificate and private_key")
        return self

    def allowed_networks(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(item) for item in self.allow]

    def secret(self) -> str:
        if self.password_file is not None:
            return self.password_file.read_text().strip()
        return self.password.get_secret_value()


class Transfer(Section):
    """Handing the caller to a human."""

    mode: Literal["consult", "bridge", "blind"] = "consult"
    targets: dict[str, str] = Field(
        {"operator": "sip:200@127.0.0.1:5080"}, description="names the dialplans use -> SIP URIs; nothing else is dialled"
    )
    ring_seconds: Seconds = 20
    id_in: list[Literal["headers", "refer_to", "user_part"]] = ["headers", "refer_to"]
    hours: dict[str, str] = Field(
        {"mon-sun": "00:00-24:00"}, description='when operators work: {"mon-fri": "08:00-20:00", "sat": "09:00-15:00"}'
    )


class Machine(Section):
    """Who answered a call of ours: a patient, or a machine. docs/telephony.md says what these were measured on."""

    long_speech_seconds: Seconds = Field(3.6, description="a greeting without a pause that goes on for so long is a machine's")
    pause_seconds: Seconds = Field(0.6, description="so much silence after a short greeting: a human waits for us")
    short_pause_seconds: Seconds = Field(0.24, description="the same after a word that humans answer with («алло», «да»)")
    silence_seconds: Seconds = Field(3.5, description="nobody said anything for so long")
    silence_is: Literal["machine", "human"] = Field("machine", description="human: we speak first, as to somebody who waits")
    beep_seconds: Seconds = Field(0.16, description="a steady tone of so long is a machine's")
    decide_seconds: Seconds = Field(12, description="whatever is not settled by then is a machine")
    phrases: list[str] = Field([], description="words of machines besides those known, in lower case")


class Calls(Section):
    """Calls that the robot makes (reminders). docs/telephony.md."""

    target: str = Field(
        "", description='"sip:{phone}@pbx.local": {phone} is +7..., {digits} the same without the +; empty: nobody is called'
    )
    allow_prefixes: list[str] = Field(["+7"], description="numbers that may be dialled, E.164; nothing else is")
    deny_prefixes: list[str] = Field(["+7803", "+7809"], description="of these not: numbers that cost whoever calls them")
    caller_id: str = Field("", description="user part of From, a number that the trunk lets us show; empty: sip.user")
    headers: dict[str, str] = Field(
        {}, description="of every such INVITE, e.g. the label that the operator's contract asks for"
    )
    ring_seconds: Seconds = 30
    share: float = Field(0.3, gt=0, le=1, description="of the lines, at most so many are used by such calls")
    spare: float = Field(
        0.2, ge=0, lt=1, description="of the lines, so many stay free for patients: no such call is begun into them"
    )
    poll_seconds: Seconds = Field(1.0, gt=0, description="how often a brain looks for calls to be made")
    machine: Machine = Machine()


class Link(Section):
    """Line and its brains."""

    ping_seconds: Seconds = 0.25
    dead_after_seconds: Seconds = Field(0.9, description="a brain silent for so long is dead")


class Hearing(Section):
    model: Path | None = Field(None, description="folder of a Vosk model; empty: production if fetched, else embedded")
    vad_mode: int = Field(3, ge=0, le=3)


class Voice(Section):
    engine: Literal["auto", "silero", "rhvoice", "espeak"] = "auto"
    speaker: str = Field("", description="empty: the engine's default")
    rate: float = Field(1.0, ge=0.5, le=2.0)
    silero_model: Path | None = None


class Dialog(Section):
    folder: Path = Path("dialplans/demo")
    budget_seconds: Seconds = 210


class Database(Section):
    url: str = Field("", description="empty: SQLite in data_dir; postgresql+psycopg://... for PostgreSQL")


class Recordings(Section):
    is_enabled: bool = True
    folder: Path | None = Field(None, description="empty: data_dir/recordings")
    minimum_free_mb: int = 200
    recipients: list[str] = Field([], description="public keys (age1...) that recordings are sealed for; empty: not sealed")
    key_file: Path | None = Field(None, description="secret keys, one a line, to play sealed recordings; not in data_dir")


Days = Annotated[int, Field(ge=0, le=36500)]


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


class Http(Section):
    """The desk. Reached from other machines only by HTTPS: by a certificate of its own, or behind a proxy that has one."""

    host: str = "127.0.0.1"
    port: Port = 8080
    certificate: Path | None = Field(None, description="PEM file: HTTPS without a proxy")
    private_key: Path | None = None
    trusted_proxies: list[str] = Field([], description="addresses whose X-Forwarded-For and -Proto are believed")
    metrics_allow: list[str] = Field([], description="networks that may read /metrics without a key; empty: by key only")
    silent_operator_seconds: Seconds = Field(
        300, description="a patient in a chat waits so long for a taken chat's operator; then others may take it"
    )

    @field_validator("metrics_allow")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for item in value:
            ip_network(item)
        return value


class Cascade(Section):
    """How a message reaches a patient: channel after channel until one delivers. docs/reminders.md."""

    is_enabled: bool = Field(True, description="serve reminds and sends messages; off: only another machine's does")
    order: list[str] = Field(
        ["push", "telegram", "max", "viber", "sms", "call"], description="of these, each patient's own; the next one when late"
    )
    wait_seconds: dict[str, Seconds] = Field(
        {"push": 600, "telegram": 900, "max": 900, "viber": 900, "sms": 3600, "call": 3600}, description="for delivery"
    )
    stop_on: dict[str, Literal["accepted", "delivered", "read"]] = Field({}, description="what is enough; else: delivered")
    day: str = Field("09:00-21:00", description="when a message nobody waits for may ring, on the branch's clock")
    call_day: str = Field("10:00-20:00", description="when the robot may call, on the branch's clock")
    when_unsure: Literal["again", "leave"] = Field(
        "again", description="last channel, no receipt, and whether the provider took it is not known: rather twice, or never"
    )
    message_hours: float = Field(24, gt=0, description="a message that was not sent by then is of no use")
    lease_seconds: float = Field(
        120, ge=10, description="a process that says nothing for so long is dead: others take its messages"
    )
    send_seconds: float = Field(20, gt=0, description="how long a provider's answer is waited for")
    at_once: int = Field(20, ge=1, le=500, description="messages a process hands over at the same time")

    @field_validator("day", "call_day")
    @classmethod
    def _day(cls, value: str) -> str:
        first, last = (time.fromisoformat(part) for part in value.split("-"))
        if first >= last:
            raise ValueError("a day begins before it ends: 09:00-21:00")
        return value


class Reminders(Section):
    """Visits patients are reminded of. docs/reminders.md."""

    is_enabled: bool = True
    steps: dict[str, str] = Field(
        {"24h": "reminder_day", "3h": "reminder_hours"}, description="how long before a visit (90m, 24h, 2d) -> template"
    )
    after_booking_minutes: float = Field(120, ge=0, description="who has just booked is not reminded yet")
    least_notice_minutes: float = Field(60, ge=0, description="reminders are planned for no later than so long before a visit")
    gap_minutes: float = Field(120, ge=0, description="between two reminders of one visit; else the later one is left out")
    answer_hours: float = Field(48, gt=0, description="so long after a message «да» is an answer to it")
    tells_results_ready: bool = Field(True, description="a message when a laboratory order is ready")

    @field_validator("steps")
    @classmethod
    def _steps(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not re.fullmatch(r"[1-9]\d{0,3}[mhd]", name):
                raise ValueError(f"{name!r} is no time before a visit: write 90m, 24h or 2d")
        return value


class WebChat(Section):
    """The chat on the clinic's pages."""

    is_enabled: bool = True
    origins: list[str] = Field([], description='pages that may show the chat, e.g. "https://clinic.ru"; empty: our own only')
    privacy_url: str = Field("", description="the clinic's page on personal data, linked below the chat")
    hellos_per_minute: int = Field(60, ge=1, description="connections of one network address; many patients may share one")
    connections_per_host: int = Field(200, ge=1, description="open at once, of one network address")
    voice_notes_per_minute: int = Field(10, ge=1, description="of one network address")
    has_demo_page: bool = Field(True, description="a page that shows the chat at /")
    has_voice: bool = Field(True, description="patients may send voice notes")
    remind_seconds: Seconds = Field(300, description="of silence, after which the patient is asked once; 0: never")
    close_seconds: Seconds = Field(1800, description="of silence, after which the dialog is closed; 0: never")

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/\s*]+", origin):
                raise ValueError(f"{origin!r} is no origin; write https://clinic.ru, without a path and without *")
        return value


class Alice(Section):
    """The skill of Yandex Alice; off without a secret. docs/alice.md."""

    secret: SecretStr = SecretStr("")  # the last part of the webhook's address
    secret_file: Path | None = None
    skills: list[str] = Field([], description="IDs of the skills that are answered; empty: all that know the address")
    answer_seconds: float = Field(2.2, gt=0, le=4, description="by then there is an answer, if only «ещё ищу»")
    chat_url: str = Field("", pattern=r"^(https://\S+)?$", description="the clinic's chat, offered where Alice cannot help")

    def word(self) -> str:
        return self.secret_file.read_text().strip() if self.secret_file is not None else self.secret.get_secret_value()


class Bot(Section):
    """A messenger's bot; off without a token. docs/messengers.md."""

    token: SecretStr = SecretStr("")
    token_file: Path | None = None
    updates: Literal["auto", "webhook", "polling"] = Field("auto", description="auto: webhook where channels.public_url is set")
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", description="of the bot API; empty: the messenger's own")
    ca_file: Path | None = Field(None, description="certificates trusted besides the usual ones (MAX: Минцифры)")
    proxy: str = Field("", description="http://host:port through which the messenger is reached")
    accepted_is_delivered: bool = Field(
        True, description="a notice that the messenger took counts as delivered; it never tells more"
    )

    def word(self) -> str:
        return self.token_file.read_text().strip() if self.token_file is not None else self.token.get_secret_value()


class ContactForm(Section):
    """The form on the clinic's site: a message and a number to call."""

    is_enabled: bool = True
    origins: list[str] = Field([], description='sites whose pages may send it: ["https://clinic.ru"]; empty: our own page only')
    least_seconds: Seconds = Field(3, description="who fills it in faster is a program")
    valid_seconds: Seconds = Field(7200, description="how long a page may stay open before it is sent")
    per_address_hour: int = Field(10, ge=1, description="messages of one address (IPv6: of one /64) in an hour")
    per_phone_day: int = Field(5, ge=1, description="messages with one number in a day")
    consent: str = Field(
        "Я согласен на обработку моих персональных данных, чтобы клиника ответила на это сообщение.", min_length=10
    )
    policy_url: str = Field("", description="the clinic's policy on personal data, linked beside the consent")
    secret: SecretStr = Field(SecretStr(""), description="signs the pages; the same on all machines; empty: a file in data_dir")


class Channels(Section):
    """Text dialogs: what patients' browsers, bots' webhooks and Alice reach. A port of its own, never the operators' pages."""

    is_enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8090
    public_url: str = Field("", description="how it is reached from outside, e.g. https://chat.clinic.ru")
    trusted_proxies: list[str] = Field([], description="addresses whose X-Forwarded-For and -Proto are believed")
    processes: int = Field(1, ge=1, description="on this machine, all at the same port: one holds some 1 000 dialogs at once")
    threads: int = Field(2, ge=1, description="of a process, that think about messages")
    operator_wait_seconds: Seconds = Field(300, description="how long a patient waits for an operator before the robot goes on")
    messages_per_minute: int = Field(20, ge=1, description="of one patient; more are asked to wait")
    poll_seconds: float = Field(0.5, gt=0, description="how often operators' words are looked for")
    voice_seconds: Seconds = Field(60, description="the longest voice note")
    voice_workers: int = Field(1, ge=1, description="voice notes recognised at once")
    web: WebChat = WebChat()
    form: ContactForm = ContactForm()
    alice: Alice = Alice()
    telegram: Bot = Bot()
    max: Bot = Bot()


class Provider(Section):
    """What every provider of messages has. Its name in [messages.providers] stands in the deliveries."""

    channel: Literal["sms", "viber", "push"] = "sms"
    price_rub: Decimal = Field(Decimal(0), ge=0, description="for a part of an SMS, for a message elsewhere")
    pays_undelivered: bool = Field(True, description="charged for although it was not delivered; messengers mostly are not")
    per_second: float = Field(10.0, gt=0, description="messages a second at most, as the contract says")


class SmppProvider(Provider):
    """An SMS provider by SMPP 3.4."""

    kind: Literal["smpp"]
    host: str
    port: Port = 2775
    system_id: str
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    system_type: str = ""
    source: str = Field(description="the sender that patients see: a registered name, or a number")
    window: int = Field(10, ge=1, le=1000, description="messages on their way without an answer")
    id_form: Literal["same", "decimal", "hex_then_decimal"] = Field("same", description="IDs in responses and in receipts")
    long_texts: Literal["parts", "payload"] = "parts"
    receipts_zone: str = Field("", description="zone of the times in receipts; empty: the clinic's")
    enquire_seconds: float = Field(30, gt=0)
    is_tls: bool = False
    ca_file: Path | None = None

    def word(self) -> str:
        return self.password_file.read_text().strip() if self.password_file is not None else self.password.get_secret_value()


class HttpProvider(Provider):
    """A provider by JSON over HTTP; also of push and of Viber. docs/messages.md has examples."""

    kind: Literal["http"]
    url: str = Field(pattern=r"^https?://\S+$")
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    secret_file: Path | None = Field(None, description="its content stands for {secret} in headers")
    body: dict[str, Any] = Field(
        {"to": "{phone}", "text": "{text}", "id": "{key}"},
        description="JSON; {phone} {digits} {text} {key} {link} {template} {source} {ttl_seconds} {buttons} are filled in",
    )
    source: str = ""
    id_path: str = Field("id", description="where in the answer the message's ID stands: data.messages.0.id")
    error_path: str = Field("", description="where an answer of status 200 tells of an error; there and not empty: not taken")
    refused_codes: list[str] = Field([], description="of those errors (or HTTP statuses): this address never")
    key_header: str = Field("Idempotency-Key", description="header with our key; empty: the provider knows no repetitions")
    timeout_seconds: float = Field(10, gt=0)
    ca_file: Path | None = None
    webhook_secret_file: Path | None = Field(None, description="receipts are taken from who knows it")
    webhook_signature: str = Field(
        "", description="header with HMAC-SHA256 of the body by that secret, in hex; empty: the secret is in the address"
    )
    receipts_path: str = Field(
        "", description="where in a webhook's body the receipts stand; empty: the body is one, or a list"
    )
    receipt_id_path: str = "id"
    receipt_status_path: str = "status"
    receipt_time_path: str = Field("", description="ISO 8601 or Unix seconds; empty: when it came")
    receipt_key_path: str = Field("", description="where our own key comes back")
    statuses: dict[str, str] = Field(
        {}, description="the provider's words -> queued, sent, delivered, read, undelivered, expired, rejected"
    )
    answer_from_path: str = Field("", description="in a webhook's body: who answered; empty: answers do not come this way")
    answer_text_path: str = "text"
    answer_id_path: str = ""


class FileProvider(Provider):
    """Writes each message into a file of data_dir/outbox: for trying the robot out. No patient gets anything."""

    kind: Literal["file"] = "file"
    keep_files: int = Field(1000, ge=1, description="the oldest are deleted")


AnyProvider = Annotated[SmppProvider | HttpProvider | FileProvider, Field(discriminator="kind")]


class Pins(Section):
    """Codes by SMS that prove that a number is the patient's."""

    digits: int = Field(5, ge=4, le=8)
    valid_seconds: int = Field(300, ge=60, le=3600)
    tries: int = Field(3, ge=1, le=10, description="wrong codes after which a new one is needed")
    per_number_an_hour: int = Field(3, ge=1, description="codes sent to one number")
    per_clinic_an_hour: int = Field(200, ge=1, description="codes sent in all: a bill somebody else runs up has an end")


class Messages(Section):
    """By whom messages to patients are sent. docs/messages.md"""

    providers: dict[str, AnyProvider] = Field(
        {}, description="several of one channel: the first is the main one; none for sms: messages go to files"
    )
    answered: list[Literal["sms", "viber"]] = Field([], description="where patients can answer (to a number, not a name)")
    pins: Pins = Pins()


class Brain(Section):
    count: int = Field(0, ge=0, description="processes; 0: one per core, less one")
    capacity_calls: int = Field(60, ge=1)


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
