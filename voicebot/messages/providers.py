"""The providers of the settings as routes: channel -> the senders to try."""

from zoneinfo import ZoneInfo

from voicebot.clock import Clock
from voicebot.errors import ConfigurationError
from voicebot.messages.routes import Route
from voicebot.messages.senders.bots import open_bot_senders
from voicebot.messages.senders.file import FileSender
from voicebot.messages.senders.http import HttpSender
from voicebot.messages.senders.sender import Channel, Sender
from voicebot.messages.senders.smpp.sender import SmppAccount, SmppSender
from voicebot.messages.senders.smpp.session import Timing
from voicebot.messages.webhook import Webhook
from voicebot.settings import AnyProvider, FileProvider, HttpProvider, Settings, SmppProvider

FILES = "files"


def open_senders(settings: Settings, clock: Clock) -> dict[Channel, Route]:
    """Return what the settings name, not yet opened. SMS goes to files where nothing is set. Raises ConfigurationError."""
    senders: dict[Channel, list[Sender]] = {}
    for name, provider in settings.messages.providers.items():
        senders.setdefault(Channel(provider.channel), []).append(_sender(name, provider, settings, clock))
    if Channel.SMS not in senders:
        senders[Channel.SMS] = [_sender(FILES, FileProvider(), settings, clock)]
    for channel, bot in open_bot_senders(settings, clock).items():
        senders[channel] = [bot]
    return {channel: Route(found, clock) for channel, found in senders.items()}


def writes_to_files(settings: Settings) -> bool:
    """Whether patients get no SMS at all: for start pages and /ready."""
    of_sms = [one for one in settings.messages.providers.values() if one.channel == "sms"]
    return all(isinstance(one, FileProvider) for one in of_sms)


def answered_channels(settings: Settings) -> frozenset[Channel]:
    """Where a patient can write back."""
    return frozenset({Channel.TELEGRAM, Channel.MAX, *(Channel(name) for name in settings.messages.answered)})


def webhooks(settings: Settings) -> dict[str, Webhook]:
    """Return the providers that tell by a webhook: name -> its reader. Raises ConfigurationError."""
    found: dict[str, Webhook] = {}
    for name, provider in settings.messages.providers.items():
        if isinstance(provider, HttpProvider) and provider.webhook_secret_file is not None:
            try:
                found[name] = Webhook(name, provider)
            except OSError as error:
                raise ConfigurationError(
                    f"messages.providers.{name}: {error.filename}: {error.strerror}.", "Create it."
                ) from None
    return found


def _sender(name: str, provider: AnyProvider, settings: Settings, clock: Clock) -> Sender:
    try:
        match provider:
            case SmppProvider():
                return SmppSender(_account(name, provider, settings), clock)
            case HttpProvider():
                return HttpSender(name, provider, clock)
            case FileProvider():
                folder = settings.data_dir / "outbox"
                return FileSender(name, Channel(provider.channel), folder, clock, provider.keep_files)
    except OSError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"messages.providers.{name}: {error.filename}: {error.strerror}.", "Create it.")


def _account(name: str, provider: SmppProvider, settings: Settings) -> SmppAccount:
    return SmppAccount(
        provider=name,
        host=provider.host,
        port=provider.port,
        system_id=provider.system_id,
        password=provider.word(),
        source=provider.source,
        system_type=provider.system_type,
        window=provider.window,
        per_second=provider.per_second,
        id_form=provider.id_form,
        long_texts=provider.long_texts,
        zone=ZoneInfo(provider.receipts_zone or settings.zone),
        is_tls=provider.is_tls,
        ca_file=provider.ca_file,
        timing=Timing(enquire_seconds=provider.enquire_seconds),
    )
