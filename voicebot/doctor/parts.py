"""The parts that talk: dialplans and data, recogniser, voice, SIP binding."""

from collections.abc import Iterator

from voicebot.clinic.catalogue import KINDS, load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.clock import Clock
from voicebot.dialog import inventory
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.errors import ModelError, VoicebotError
from voicebot.hearing.models import added_words, choose_model
from voicebot.hearing.recogniser import check_model_folder, try_model
from voicebot.line.binding import NATIVE_LINES, WHEEL_CALLS, native_folder
from voicebot.settings import Settings
from voicebot.talk import hours
from voicebot.vocabulary.wanted import clinic_files, wanted
from voicebot.voice.choose import open_voice

_TOLD_WORDS = 5
_SENTENCE = "Здр+авствуйте."


def check_dialogs(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Dialplans and the clinic's data: do they load, and does a transfer have where to go?"""
    folder = settings.dialog.folder
    if not folder.is_dir():
        yield wrong("dialogs", f"There is no folder {folder}.", "Set dialog.folder to a clinic's folder.")
        return
    try:
        catalogue = load_catalogue(folder / "clinic")
        plans = load_dialplans(folder / "dialplans", SERVICES)
        hours.check(settings.transfer.hours)
    except VoicebotError as error:
        yield wrong("dialogs", error.message, error.cure)
        return
    named = sum(len(catalogue.forms(kind)) for kind in KINDS)
    yield fine("dialogs", f"{catalogue.clinic.name}: {len(plans.forms)} forms, {named} things to ask for.")
    if "operator" not in settings.transfer.targets:
        yield wrong("dialogs", "transfer.targets has no operator.", 'Give one: targets = {operator = "sip:200@pbx"}.')


def check_recogniser(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """The recogniser's model: whole, and does it load? Tried in a process of its own."""
    try:
        choice = choose_model(settings)
        check_model_folder(choice.path)
        try_model(choice.path)
    except ModelError as error:
        yield wrong("recogniser", error.message, error.cure)
        return
    if choice.kind == "embedded":
        cure = "`make models` fetches the production model, which hears free speech better."
        yield doubtful("recogniser", f"{choice.path.name} loads; it is the embedded one.", cure)
    else:
        yield fine("recogniser", f"{choice.path.name} loads ({choice.kind}).")


def check_grammar(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Words of questions and of the clinic's files that no recogniser could hear as they are written."""
    folder = settings.dialog.folder
    try:
        catalogue = load_catalogue(folder / "clinic")
        plans = load_dialplans(folder / "dialplans", SERVICES)
        understanding = understanding_of(catalogue, plans, folder, settings.cache)
        phrases = {phrase for grammar in inventory.grammars(plans, understanding).values() for phrase in grammar}
        names = [forms for kind in KINDS for forms in catalogue.forms(kind).values()]
        words = wanted(sorted(phrases), names, clinic_files(folder), added_words(settings))
    except VoicebotError as error:
        yield wrong("grammar", error.message, error.cure)
        return
    if words.unsayable:
        told = "; ".join(str(one) for one in words.unsayable[:_TOLD_WORDS])
        cure = "Write them as they are spoken, in Russian letters, or give another name."
        yield doubtful("grammar", f"{len(words.unsayable)} words cannot be heard: {told}.", cure)
    else:
        yield fine("grammar", f"{len(phrases)} phrases, {len(words.written)} words: all can be heard.")


def check_voice(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """The voice says a word."""
    try:
        speaker = open_voice(settings)
    except ModelError as error:
        yield wrong("voice", error.message, error.cure)
        return
    try:
        sound = speaker.render(_SENTENCE, is_personal=True)
        facts = speaker.describe()
    except VoicebotError as error:
        yield wrong("voice", error.message, error.cure)
        return
    finally:
        speaker.close()
    told = f"{facts.engine} {facts.version}, {facts.speaker} ({facts.licence})"
    if not len(sound.samples):
        yield wrong("voice", f"{told} says nothing.", "Fetch it again: `make voice`, or `voicebot models fetch`.")
    elif facts.warning:
        yield doubtful("voice", f"{told}: {facts.warning}", "`make voice` or `voicebot models fetch` gives a better one.")
    else:
        yield fine("voice", f"{told}.")


def check_binding(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Which pjsua2 the line will run, and whether it holds the lines that are wanted."""
    build = native_folder(settings.cache)
    wanted = settings.sip.lines
    if build is None:
        told = f"the wheel: {WHEEL_CALLS - 1} patients at once, and it dies of a burst of INVITEs"
        yield doubtful("sip binding", f"{told}.", "`make sip-native` builds the one for production.")
    elif wanted and wanted > NATIVE_LINES:
        told = f"{build.name}; {wanted} lines are set, {NATIVE_LINES} were measured without a late frame"
        yield doubtful("sip binding", f"{told}.", "Run more robots behind Kamailio rather than more lines.")
    else:
        yield fine("sip binding", f"{build.name}, {wanted or NATIVE_LINES} lines.")
