"""What an answer costs the processor, without the wire: `python -m bench.chat.cost`.

The same patients as of `bench.chat`, in one process and one thread: the engine, the clinic's diary and the storing of each
message. Processor time, so other work on the machine matters little. `--profile` prints where it goes.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.chat.patient import Patient
from voicebot.channels import store
from voicebot.channels.clinic import TextClinic
from voicebot.channels.contact import Incoming, Mode
from voicebot.channels.rules import Rules
from voicebot.channels.steps import Steps
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.setup import prepare
from voicebot.clock import SystemClock
from voicebot.conversation_stage import diary
from voicebot.logs import quiet
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

DEMO = Path("dialplans/demo")
MOST_MESSAGES = 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chat.cost", description=__doc__.splitlines()[0])
    parser.add_argument("--dialogs", type=int, default=200)
    parser.add_argument("--warm", type=int, default=40, help="dialogs before the measuring")
    parser.add_argument("--profile", default="", metavar="FILE", help="cProfile's figures, for pstats or a viewer")
    parser.add_argument("--database", default="", help="URL; empty: SQLite in a folder of its own")
    arguments = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory(prefix="bench-cost-") as folder:
        clock = SystemClock()
        catalogue = load_catalogue(DEMO / "clinic")
        if arguments.database:
            database = open_database(arguments.database)
            upgrade(database)
            prepare(database, catalogue, clock)
        else:
            database = diary(catalogue, Path(folder) / "voicebot.db", clock)
        settings = Settings(data_dir=Path(folder))
        clinic = TextClinic(settings, clock, database, catalogue)
        steps = clinic.conversations({"web": Rules(True, 0, 0)}).steps
        for seed in range(arguments.warm):
            talked(steps, database, Patient(10_000 + seed))
        profile = cProfile.Profile() if arguments.profile else None
        began, cpu = time.perf_counter(), time.process_time()
        if profile is not None:
            profile.enable()
        answers = sum(talked(steps, database, Patient(seed)) for seed in range(arguments.dialogs))
        if profile is not None:
            profile.disable()
        cpu, took = time.process_time() - cpu, time.perf_counter() - began
        database.close()
    print(f"{answers} answers, {cpu * 1000 / answers:.2f} ms of processor each, {took * 1000 / answers:.2f} ms by the clock")
    if profile is not None:
        profile.dump_stats(arguments.profile)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


def talked(steps: Steps, database: Database, patient: Patient) -> int:
    """One dialog to its end; how many answers it took."""
    address = f"{patient.seed:064d}"
    place = store.load(database, "web", address)
    lines: list[str] = []
    buttons: dict[str, str] = {}
    wants_phone = False
    while patient.asked < MOST_MESSAGES:
        answer = patient.answer(lines, buttons, wants_phone=wants_phone)
        message = Incoming("web", address, f"{patient.seed}-{patient.asked:08d}", answer.text, answer.button)
        reply, change = steps.receive(message, place)
        if change is not None:
            place = database.run(partial(store.write, change=change))
        lines, buttons = [one.text for one in reply.messages], {one.label: one.payload for one in reply.buttons}
        wants_phone = reply.wants_phone
        if reply.mode is not Mode.ROBOT:
            break
    return patient.asked


if __name__ == "__main__":
    main()
