"""`voicebot messages ...`: are the templates right, what do they say, does a provider take a message."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from voicebot import dialog_id as dialog_ids
from voicebot import logs
from voicebot import settings as settings_module
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.entries import Catalogue
from voicebot.clock import SystemClock
from voicebot.errors import VoicebotError
from voicebot.messages.links import PATH, TOKEN_LETTERS
from voicebot.messages.loading import load_templates
from voicebot.messages.providers import FILES, answered_channels, open_senders, writes_to_files
from voicebot.messages.samples import samples
from voicebot.messages.senders.sender import Channel, IncomingText, Outgoing, Receipt
from voicebot.messages.sms_text import alphabet_of, count_parts
from voicebot.messages.templates import Templates
from voicebot.russian.phones import parse_phone_digits
from voicebot.settings import Settings

app = typer.Typer(help="Message templates and providers.", no_args_is_help=True)

_RECEIPT_SECONDS = 20.0
_TEST = "Проверка связи: это сообщение можно удалить."


@app.callback()
def _group() -> None:
    """Message templates and providers."""


@app.command()
def check() -> None:
    """Read all templates and provider settings; say what is wrong, or what there is."""
    settings, catalogue, templates = _load()
    routes = open_senders(settings, SystemClock())
    for name in templates.names():
        channels = ", ".join(sorted(channel.value for channel in templates.channels(name)))
        parts = _parts(templates, catalogue, name)
        typer.echo(f"{name:18} {channels:40} {parts}")
    typer.echo("")
    for channel, route in sorted(routes.items()):
        typer.echo(f"{channel.value:18} {', '.join(sender.provider for sender in route.order())}")
    if writes_to_files(settings):
        typer.echo(f"No SMS provider is set: messages go to files in {settings.data_dir / 'outbox'}, to no patient.")


@app.command()
def render(
    template: Annotated[str, typer.Argument(help="its name")],
    channel: Annotated[Channel | None, typer.Option(help="only this one; all that it has otherwise")] = None,
    values: Annotated[str, typer.Option(help="JSON with values of your own; others are made up")] = "{}",
    detailed: Annotated[bool, typer.Option("--detailed", help="as to a patient who allowed details")] = False,
) -> None:
    """Show what a template says."""
    _, catalogue, templates = _load()
    given = _json(values)
    known = samples(templates.spec(template), catalogue) | given
    wanted = [channel] if channel is not None else sorted(templates.channels(template))
    for one in wanted:
        shown = templates.render(template, one, known, dialog_id=given.get("dialog_id", dialog_ids.new()), is_detailed=detailed)
        size = f"{shown.parts} SMS, {alphabet_of(shown.text).name}" if one is Channel.SMS else f"{len(shown.text)} letters"
        kind = ", detailed" if shown.is_detailed else ""
        typer.echo(f"--- {one.value} ({shown.form or size}{kind})")
        typer.echo(shown.text or f"the dialplan's form {shown.form!r} speaks")
        for button in shown.buttons:
            typer.echo(f"    [{button.title}] {button.url or button.payload}")


@app.command("send-test")
def send_test(
    phone: Annotated[str, typer.Argument(help="your own number, +7...")],
    provider: Annotated[str, typer.Option(help="its name in [messages.providers]; the main SMS provider otherwise")] = "",
    text: Annotated[str, typer.Option(help="what is sent; it costs what a message costs")] = _TEST,
) -> None:
    """Send one message past all queues and say what the provider answers, and its receipt if one comes soon."""
    settings = settings_module.load()
    logs.quiet()
    number = parse_phone_digits(phone)
    if number is None:
        raise VoicebotError("That is no phone number.", "Write it as +79161234567.")
    routes = open_senders(settings, SystemClock())
    senders = [sender for route in routes.values() for sender in route.order()]
    wanted = provider or next(sender.provider for sender in routes[Channel.SMS].order())
    chosen = next((sender for sender in senders if sender.provider == wanted), None)
    if chosen is None:
        raise VoicebotError(f"There is no provider {wanted!r}.", f"Known: {', '.join(s.provider for s in senders)}.")
    outgoing = Outgoing(key=f"test-{secrets.token_hex(6)}", address=number, text=text, channel=chosen.channel)

    async def run() -> None:
        ear = _Ear()
        await chosen.open(ear)
        try:
            accepted = await chosen.send(outgoing)
            typer.echo(f"{wanted} took it: ID {accepted.provider_id}, {count_parts(text)} part(s).")
            async with asyncio.timeout(_RECEIPT_SECONDS):
                typer.echo(f"Receipt: {await ear.final.get()}.")
        except TimeoutError:
            typer.echo(f"No receipt within {_RECEIPT_SECONDS:.0f} s; it may still come (by the webhook, or later).")
        finally:
            await chosen.close()

    asyncio.run(run())
    if wanted == FILES:
        typer.echo(f"It is a file in {settings.data_dir / 'outbox'}: no provider is set, nobody was sent anything.")


class _Ear:
    """Waits for a final receipt."""

    def __init__(self) -> None:
        self.final: asyncio.Queue[str] = asyncio.Queue()

    async def receipt(self, receipt: Receipt) -> None:
        if receipt.status.is_final:
            self.final.put_nowait(receipt.status.value)

    async def answer(self, incoming: IncomingText) -> None:
        """Not for us."""


def _load() -> tuple[Settings, Catalogue, Templates]:
    settings = settings_module.load()
    logs.quiet()
    folder: Path = settings.dialog.folder
    catalogue = load_catalogue(folder / "clinic")
    base = settings.channels.public_url.rstrip("/")
    link = f"{base}{PATH}{'x' * TOKEN_LETTERS}" if base else ""
    templates = load_templates(
        folder / "messages",
        catalogue,
        link_of=lambda _visit: link,
        link_letters=len(link),
        answered=answered_channels(settings),
    )
    return settings, catalogue, templates


def _parts(templates: Templates, catalogue: Catalogue, name: str) -> str:
    """How long the SMS is with made up values."""
    if Channel.SMS not in templates.channels(name):
        return ""
    parts = templates.render(name, Channel.SMS, samples(templates.spec(name), catalogue), dialog_id=dialog_ids.new()).parts
    return f"{parts} SMS"


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise VoicebotError("--values is no JSON object.", 'Write it as \'{"branch": "lesnaya"}\'.')
    return found
