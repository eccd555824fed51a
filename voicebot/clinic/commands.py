"""`voicebot clinic ...`: what other systems of the clinic hand over."""

from pathlib import Path
from typing import Annotated

import typer

from voicebot import logs
from voicebot import settings as settings_module
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.contact_import import COLUMNS as CONTACT_COLUMNS
from voicebot.clinic.contact_import import import_contacts, read_contacts
from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.lab_import import COLUMNS, read_orders
from voicebot.clinic.lab_orders import LabOrders
from voicebot.clinic.visit_import import COLUMNS as VISIT_COLUMNS
from voicebot.clinic.visit_import import import_marks, read_marks
from voicebot.clock import SystemClock
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

app = typer.Typer(help="Take over what other systems of the clinic know.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Take over what other systems of the clinic know."""


@app.command("import-lab-orders")
def import_lab_orders(
    file: Annotated[Path, typer.Argument(help=f"CSV, UTF-8, with a first line of columns: {', '.join(COLUMNS)}")],
    check: Annotated[bool, typer.Option("--check", help="only read the file and say what is wrong")] = False,
) -> None:
    """Import which laboratory orders are ready, and when the others will be: whole files or nothing.

    An order that is known already (by its number) is brought up to date, so the same file may come again and again.
    """
    settings = settings_module.load()
    logs.quiet()
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    orders = read_orders(file, catalogue.zone, catalogue.branches)
    if check:
        typer.echo(f"{len(orders)} orders are right; nothing was imported.")
        return
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        count = LabOrders(database, catalogue, SystemClock()).put(orders)
    finally:
        database.close()
    typer.echo(f"{count} orders imported.")


@app.command("import-visits")
def import_visits(
    file: Annotated[Path, typer.Argument(help=f"CSV, UTF-8, with a first line of columns: {', '.join(VISIT_COLUMNS)}")],
    check: Annotated[bool, typer.Option("--check", help="only look whether all lines are right; mark nothing")] = False,
) -> None:
    """Import who came (arrived, fulfilled) and who did not (noshow): whole files or nothing.

    A line names a visit by its id, or by phone and start (and doctor, where a family comes at once). The same file may come
    again and again.
    """
    settings = settings_module.load()
    logs.quiet()
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    marks = read_marks(file, catalogue.zone, catalogue.doctors)
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        found = import_marks(database, SystemClock(), file, marks, is_trial=check)
    finally:
        database.close()
    verb = "would be marked" if check else "marked"
    typer.echo(f"{found.marked} visits {verb}, {found.same} were so already.")


@app.command("import-contacts")
def import_contact_points(
    file: Annotated[Path, typer.Argument(help=f"CSV, UTF-8, with a first line of columns: {', '.join(CONTACT_COLUMNS)}")],
    check: Annotated[bool, typer.Option("--check", help="only read the file and say what is wrong")] = False,
) -> None:
    """Import where patients can be reached (push tokens, chats) and what they agreed to (calls by the robot).

    consent no: the patient wants nothing there. The same file may come again and again.
    """
    settings = settings_module.load()
    logs.quiet()
    contacts = read_contacts(file)
    if check:
        typer.echo(f"{len(contacts)} lines are right; nothing was imported.")
        return
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        count = import_contacts(ContactPoints(database, SystemClock()), contacts, "import")
    finally:
        database.close()
    typer.echo(f"{count} lines imported.")
