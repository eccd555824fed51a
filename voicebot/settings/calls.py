"""The telephone call: line, ears, voice, dialog, humans behind it, and calls that the robot makes."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from voicebot.settings.basis import Port, Seconds, Section, word_of


class Sip(Section):
    """The line: where it listens, whom it answers, where it registers."""

    bind_host: str = Field("127.0.0.1", description="an address of this machine, IPv4")
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
    source_calls_a_second: float = Field(
        20, ge=0, description="new calls that one allowed address may bring in the long run, more get 503; 0: no limit"
    )
    source_calls_at_once: int = Field(200, ge=1, description="and so many in one go")
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

    @property
    def is_ipv6(self) -> bool:
        """Whether bind_host is an address of IPv6, which line cannot listen on."""
        return ":" in self.bind_host

    def allowed_networks(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(item) for item in self.allow]

    def secret(self) -> str:
        return word_of(self.password, self.password_file)


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
    deny_prefixes: list[str] = Field(
        ["+76", "+77", "+7803", "+7809", "+7840", "+7940"],
        description="of these not: other countries within +7 (Kazakhstan, Abkhazia), numbers that cost whoever calls them",
    )
    digits: list[int] = Field(
        [11], description="how many digits such a number has, country code included: nothing else is dialled"
    )
    per_hour: int = Field(1000, ge=1, description="calls begun by one line; what is beyond waits")
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


class Brain(Section):
    count: int = Field(0, ge=0, description="processes; 0: one per core, less one")
    capacity_calls: int = Field(60, ge=1)

    @property
    def processes(self) -> int:
        """How many of them this machine runs: by default one a core, less one for line."""
        return self.count or max(1, (os.cpu_count() or 2) - 1)
