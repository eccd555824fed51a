"""Messages to patients: reminders, the channels they go through, and who sends them."""

import re
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator

from voicebot.settings.basis import Port, Seconds, Section, word_of


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
        return word_of(self.password, self.password_file)


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
