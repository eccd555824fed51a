"""Whether what a contact form brings is a patient's message: its fields, its page, its text. Pure."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from voicebot.russian.phones import parse_phone_digits

NAME_LENGTH = 100
TEXT_LENGTH = 2000
#: A field that people do not see and programs fill in.
HONEYPOT = "website"
#: A text with so many points is no patient's.
SPAM_SCORE = 3.0

_LINK = re.compile(r"https?://|www\.|\b[\w-]+\.(?:ru|com|net|org|info|biz|top|xyz|club|shop|site|online|рф)\b", re.IGNORECASE)
_MARKUP = re.compile(r"</?[a-z]+[^>]*>|\[/?(?:url|link)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\b[\w.+-]+@[\w-]+\.\w+")
_REPEATED = re.compile(r"(\S)\1{9,}")
_WORD = re.compile(r"\w+")
_LEAST_LETTERS = 15  # fewer tell nothing of a language
_SIGNATURE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that can be answered. `phone` is E.164."""

    name: str
    phone: str
    text: str


class WrongFields(ValueError):
    """What is wrong, field by field, in words for whoever fills it in."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(fields))
        self.fields = dict(fields)


def checked(fields: Mapping[str, str]) -> Filled:
    """Return what was filled in; raise WrongFields."""
    name = _line(fields.get("name", ""))
    text = _text(fields.get("message", ""))
    phone = parse_phone_digits(fields.get("phone", "")[:40])
    wrong: dict[str, str] = {}
    if not any(character.isalpha() for character in name):
        wrong["name"] = "Напишите, как к вам обращаться."
    elif len(name) > NAME_LENGTH or _LINK.search(name):
        wrong["name"] = "Слишком длинное имя или не имя."
    if phone is None:
        wrong["phone"] = "Напишите номер телефона целиком, например +7 912 345-67-89."
    if len(text) > TEXT_LENGTH:
        wrong["message"] = f"Сообщение длиннее {TEXT_LENGTH} знаков: сократите его."
    if fields.get("consent", "").lower() not in ("on", "true", "yes", "1", "да"):
        wrong["consent"] = "Без согласия мы не можем принять сообщение."
    if wrong or phone is None:
        raise WrongFields(wrong)
    return Filled(name, phone, text)


def _line(text: str) -> str:
    return " ".join(_text(text).split())


def _text(text: str) -> str:
    """Without what cannot be seen: control and formatting characters."""
    kept = (c for c in text.replace("\r\n", "\n") if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return "".join(kept).strip()


def spam_score(filled: Filled) -> float:
    """How much a text is like what programs send: links, markup, odd scripts, noise. 0 is a patient's; see SPAM_SCORE."""
    text = f"{filled.name}\n{filled.text}"
    score = (
        2.0 * len(_LINK.findall(_ADDRESS.sub(" ", text))) + 3.0 * bool(_MARKUP.search(text)) + 1.0 * bool(_ADDRESS.search(text))
    )
    scripts = Counter(_script(character) for character in filled.text if character.isalpha())
    letters = scripts.total()
    if letters >= _LEAST_LETTERS:
        others = letters - scripts["CYRILLIC"] - scripts["LATIN"]
        score += 3.0 * (others / letters > 0.3) + 2.0 * (scripts["CYRILLIC"] == 0)
    score += 1.5 * min(2, sum(_is_mixed(word) for word in _WORD.findall(text)))
    score += 1.5 * bool(_REPEATED.search(text))
    symbols = sum(unicodedata.category(character) in ("So", "Sk", "Sm") for character in text)
    return score + 1.5 * (symbols > 8)


def _script(character: str) -> str:
    return unicodedata.name(character, "?").split()[0]


def _is_mixed(word: str) -> bool:
    """Letters of both alphabets in one word: how a filter is tricked. Abbreviations and typing slips have one or two."""
    scripts = Counter(_script(character) for character in word if character.isalpha())
    return min(scripts["CYRILLIC"], scripts["LATIN"]) >= 2


# -- the page's token ----------------------------------------------------------------------------------------------------


class BadToken(ValueError):
    """The page is not ours, too old, or was filled in faster than anybody can. `kind`: forged, old, fast."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that was opened by somebody who has read it."""

    nonce: str
    at: datetime


def new_token(secret: bytes, now: datetime) -> str:
    """Return what a fresh page carries: when it was opened and a number of its own, signed."""
    body = f"{int(now.timestamp() * 1000):x}.{secrets.token_hex(8)}"
    return f"{body}.{_signature(secret, body)}"


def opened(secret: bytes, token: str, now: datetime, least_seconds: float, valid_seconds: float) -> Opened:
    """Return when the page of a token was opened; raise BadToken."""
    body, _, signature = token[:200].rpartition(".")
    expected = _signature(secret, body)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        raise BadToken("forged")
    moment, _, nonce = body.partition(".")
    at = datetime.fromtimestamp(int(moment, 16) / 1000, UTC)
    age = now - at
    if age > timedelta(seconds=valid_seconds) or age < timedelta(0):
        raise BadToken("old")
    if age < timedelta(seconds=least_seconds):
        raise BadToken("fast")
    return Opened(nonce, at)


def _signature(secret: bytes, body: str) -> str:
    return hmac.new(secret, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_SIGNATURE_LENGTH]
