"""Files that must not be read by others, and certificates that end one day."""

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import SecretStr

from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.settings import Section, Settings
from voicebot.settings.basis import without_secrets

_SOON = timedelta(days=21)
_SECRET_ENDINGS = ("_file", "private_key")


def check_secret_files(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Every file that the settings name as secret: there, and nobody else's to read."""
    for name, path in _secret_files(settings):
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield wrong("secrets", f"{name}: {path}: {error.strerror}.", "Correct the path, or let the robot's user read it.")
            continue
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield doubtful("secrets", f"{name}: {path} can be read by others.", f"chmod 600 {path}")
        else:
            yield fine("secrets", f"{name} is the robot's alone.")
    file = Path(os.environ.get("VOICEBOT_CONFIG", "voicebot.toml"))
    in_it = [name for name in _secret_values(settings) if _variable(name) not in os.environ]
    if in_it and file.is_file() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        cure = f"chmod 600 {file}, or give them as files (..._file)."
        yield doubtful("secrets", f"{file} holds {', '.join(in_it)} and can be read by others.", cure)
    if settings.recordings.is_enabled and not settings.recordings.recipients:
        cure = "`voicebot privacy new-key` makes a key; docs/privacy.md says where it belongs."
        yield doubtful("recordings", "Recordings are not sealed.", cure)


def check_certificates(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """The certificates of the settings: whole, of their key, and not about to end."""
    for name, certificate, key in _certificates(settings):
        try:
            found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
            private = load_pem_private_key(key.read_bytes(), None) if key is not None else None
        except (OSError, ValueError, TypeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not PEM, or the key has a passphrase"
            yield wrong("certificates", f"{name}: {certificate}: {why}.", "Give PEM files, the key without a passphrase.")
            continue
        if private is not None and _public(private.public_key()) != _public(found.public_key()):
            yield wrong("certificates", f"{name}: {key} is not the key of {certificate}.", "Give those that belong together.")
            continue
        left = found.not_valid_after_utc - clock.now()
        if left <= timedelta(0):
            yield wrong("certificates", f"{name}: {certificate} ended on {found.not_valid_after_utc:%Y-%m-%d}.", "Renew it.")
        elif found.not_valid_before_utc > clock.now():
            yield wrong("certificates", f"{name}: {certificate} is not valid yet.", "Is the clock right?")
        elif left < _SOON:
            yield doubtful("certificates", f"{name}: {certificate} ends in {left.days} days.", "Renew it.")
        else:
            yield fine("certificates", f"{name}: valid for {left.days} days.")


def _public(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]


def _sections(settings: Settings) -> Iterator[tuple[str, Section]]:
    waiting: list[tuple[str, object]] = [(name, getattr(settings, name)) for name in type(settings).model_fields]
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, Section):
            yield name, value
            waiting += [(f"{name}.{inner}", getattr(value, inner)) for inner in type(value).model_fields]


def _secret_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    for name, section in _sections(settings):
        for field in type(section).model_fields:
            value = getattr(section, field)
            if field.endswith(_SECRET_ENDINGS) and isinstance(value, Path):
                yield f"{name}.{field}", value


def _secret_values(settings: Settings) -> Iterator[str]:
    """The names of secrets that are given as values, and of addresses with a password in them."""
    for name, section in _sections(settings):
        for field in type(section).model_fields:
            value = getattr(section, field)
            is_secret = isinstance(value, SecretStr) and value.get_secret_value()
            if is_secret or (isinstance(value, str) and without_secrets(value) != value):
                yield f"{name}.{field}"


def _variable(name: str) -> str:
    return "VOICEBOT_" + name.upper().replace(".", "__")


def _certificates(settings: Settings) -> Iterator[tuple[str, Path, Path | None]]:
    for name, section in _sections(settings):
        certificate = getattr(section, "certificate", None)
        if isinstance(certificate, Path):
            key = getattr(section, "private_key", None)
            yield name, certificate, key if isinstance(key, Path) else None
