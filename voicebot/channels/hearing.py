"""The phone's recogniser for voice notes: one model a process, a recogniser a note."""

from voicebot.audio.pcm import FRAME_BYTES
from voicebot.channels.voice_notes import Recognise
from voicebot.clinic.catalogue import KINDS, Catalogue
from voicebot.dialog.talking import Alternative
from voicebot.hearing.models import with_clinic_words
from voicebot.hearing.recogniser import SpeechModel
from voicebot.hearing.transcriber import Transcriber
from voicebot.settings import Settings

_PIECE_BYTES = 5 * FRAME_BYTES
_LONGEST_STRETCH_BYTES = 500 * FRAME_BYTES  # 10 s: the recogniser's search grows with what it has to keep open


def open_recogniser(settings: Settings, catalogue: Catalogue, phrases: list[str]) -> Recognise:
    """Load the model with the clinic's words, as a brain does; takes seconds. Raises ModelError."""
    names = [name for kind in KINDS for name in catalogue.forms(kind).values()]
    model = SpeechModel(with_clinic_words(settings, phrases, names).path)

    def recognise(sound: bytes) -> tuple[Alternative, ...]:
        transcriber = Transcriber(model.turn())
        fed = 0
        for start in range(0, len(sound), _PIECE_BYTES):
            piece = sound[start : start + _PIECE_BYTES]
            transcriber.feed(piece)
            fed += len(piece)
            if fed >= _LONGEST_STRETCH_BYTES:
                transcriber.settle()
                transcriber.resume(pause_ms=10_000)
                fed = 0
        heard = transcriber.settle().openly
        transcriber.release()
        return heard

    return recognise
