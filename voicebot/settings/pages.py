"""What browsers, Alice and messengers reach: the desk and the text channels."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from voicebot.settings.basis import Port, Seconds, Section, word_of


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
        return word_of(self.secret, self.secret_file)


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
        return word_of(self.token, self.token_file)


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
