"""A small torch.package with the interface of Silero's models, made on the spot."""

from pathlib import Path

SOURCE = '''
import torch


class Model:
    """Tones instead of speech; the refusals of the real models."""

    speakers = ["en_0", "ru_one", "ru_two"]

    def __init__(self):
        self.weight = torch.tensor([440.0, 660.0])
        self.calls = []

    def to(self, device):
        self.weight = self.weight.to(device)

    def apply_tts(self, text=None, ssml_text=None, speaker="ru_one", sample_rate=48000, put_accent=True, put_yo=True):
        said = text if text is not None else ssml_text
        self.calls.append({"text": text, "ssml_text": ssml_text, "speaker": speaker, "sample_rate": sample_rate})
        if sample_rate not in (8000, 24000, 48000):
            raise ValueError("sample rate")
        if "немо" in said:
            raise ValueError("nothing to say")
        if len(said) > 800 or ("трудно" in said and len(said) > 60):
            raise Exception("Model couldn't generate your text, probably it's too long")
        if "сломано" in said:
            raise RuntimeError("broken")
        if "пусто" in said:
            return torch.full((100,), float("nan"))
        letters = sum(c.isalpha() for c in said)
        times = torch.arange(letters * sample_rate // 20) / sample_rate
        hz = self.weight[self.speakers.index(speaker) % 2]
        return 1.5 * torch.sin(2 * torch.pi * hz * times)
'''


def make_package(path: Path) -> Path:
    """Write a package that `PackageImporter(path).load_pickle("tts_models", "model")` opens, as the real ones do."""
    import importlib.util
    import sys

    import torch

    module_file = path.with_suffix(".py")
    module_file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("silero_like", module_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["silero_like"] = module
    try:
        spec.loader.exec_module(module)
        with torch.package.PackageExporter(str(path)) as exporter:
            exporter.extern("torch.**")
            exporter.save_source_string("silero_like", SOURCE)
            exporter.save_pickle("tts_models", "model", module.Model())
    finally:
        del sys.modules["silero_like"]
    return path
