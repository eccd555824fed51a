"""Models over a real server on loopback, with manifests of our own and the one that is shipped."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from supply_server import FileServer, Served

from voicebot.clock import VirtualClock
from voicebot.settings import Settings
from voicebot.supplies import download as downloading
from voicebot.supplies.errors import SupplyError
from voicebot.supplies.manifest import ModelEntry, load_manifest
from voicebot.supplies.models import PRODUCTION, fetch, installed, read_verified, verify
from voicebot.supplies.progress import unseen

VOICE = b"a voice that is no pickle" * 1000


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
    return buffer.getvalue()


EARS = zipped({"ears-1/am/final.mdl": b"model", "ears-1/conf/mfcc.conf": b"--x"})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("VOICEBOT_MODELS_MIRROR", raising=False)
    return Settings(cache_dir=tmp_path / "cache", data_dir=tmp_path / "var")


def entries(url: str, **voice: object) -> dict[str, ModelEntry]:
    common = {"licence": "MIT", "may_clinics_use": True, "rate_hz": 8000}
    ears = {"kind": "vosk", "url": f"{url}/ears-1.zip", "folder": "ears-1", "expects": ["am/final.mdl"], **common}
    return {
        "ears": ModelEntry.model_validate(ears),
        "voice": ModelEntry.model_validate({"kind": "silero", "url": f"{url}/voice.pt", **common, **voice}),
    }


@pytest.fixture
def manifest(server: FileServer) -> dict[str, ModelEntry]:
    server.files["/ears-1.zip"] = Served(EARS)
    server.files["/voice.pt"] = Served(VOICE)
    return entries(server.url)


def test_models_are_fetched_once(server: FileServer, settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    folder = settings.cache / "models"
    assert installed("ears", settings, manifest) is None
    for _ in range(2):
        assert fetch(["ears", "voice"], settings, unseen, manifest=manifest) == [folder / "ears-1", folder / "voice.pt"]
    assert len(server.ranges) == 2
    assert installed("ears", settings, manifest) == folder / "ears-1"
    assert (folder / "ears-1" / "am" / "final.mdl").read_bytes() == b"model"
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
        "ears-1",
        "lock.json",
        "voice.pt",
    ]


def test_the_first_download_is_recorded(settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    fetch(["voice"], settings, unseen, manifest=manifest, clock=VirtualClock())
    lock = json.loads((settings.cache / "models" / "lock.json").read_text())
    assert lock["voice"] == {
        "sha256": hashlib.sha256(VOICE).hexdigest(),
        "url": manifest["voice"].url,
        "fetched_at": "2026-11-23T06:00:00+00:00",
    }


def test_a_file_that_changed_at_its_author_is_refused_until_accepted(
    server: FileServer, settings: Settings, manifest: dict[str, ModelEntry]
) -> None:
    (path,) = fetch(["voice"], settings, unseen, manifest=manifest)
    path.unlink()
    server.files["/voice.pt"] = Served(VOICE + b"!", etag='"two"')
    with pytest.raises(SupplyError, match="instead of") as refused:
        fetch(["voice"], settings, unseen, manifest=manifest)
    assert "--accept-changed" in refused.value.cure
    assert not path.exists()
    fetch(["voice"], settings, unseen, manifest=manifest, is_changed_accepted=True)
    assert read_verified(path, settings, manifest) == VOICE + b"!"


def test_a_file_that_changed_on_the_disk_is_not_given_out(settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    (path,) = fetch(["voice"], settings, unseen, manifest=manifest)
    assert read_verified(path, settings, manifest) == VOICE
    path.write_bytes(VOICE[:-1] + b"?")
    with pytest.raises(SupplyError, match="has changed"):
        read_verified(path, settings, manifest)


def test_a_checksum_of_the_manifest_binds_even_the_first_download(server: FileServer, settings: Settings) -> None:
    server.files["/voice.pt"] = Served(VOICE)
    strict = entries(server.url, sha256="0" * 64)
    with pytest.raises(SupplyError, match="SHA-256"):
        fetch(["voice"], settings, unseen, manifest=strict)
    right = entries(server.url, sha256=hashlib.sha256(VOICE).hexdigest(), size_bytes=len(VOICE))
    assert fetch(["voice"], settings, unseen, manifest=right)


def test_a_file_of_the_clinic_is_trusted_once(settings: Settings, manifest: dict[str, ModelEntry], tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"first")
    assert read_verified(own, settings, manifest) == b"first"
    assert read_verified(own, settings, manifest) == b"first"
    own.write_bytes(b"second")
    with pytest.raises(SupplyError, match="has changed"):
        read_verified(own, settings, manifest)


def test_a_lost_lock_is_not_taken_for_an_empty_one(settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    (path,) = fetch(["voice"], settings, unseen, manifest=manifest)
    (settings.cache / "models" / "lock.json").write_text("{")
    with pytest.raises(SupplyError, match=r"lock\.json cannot be read"):
        read_verified(path, settings, manifest)


def test_a_model_that_clinics_may_not_use_is_fetched_only_on_request(server: FileServer, settings: Settings) -> None:
    server.files["/voice.pt"] = Served(VOICE)
    closed = entries(server.url, licence="CC-BY-NC-4.0", may_clinics_use=False)
    with pytest.raises(SupplyError, match="CC-BY-NC") as refused:
        fetch(["voice"], settings, unseen, manifest=closed)
    assert "--accept-noncommercial" in refused.value.cure
    assert server.ranges == []
    assert fetch(["voice"], settings, unseen, manifest=closed, is_licence_accepted=True)


def test_one_failure_does_not_hold_up_the_others(
    server: FileServer, settings: Settings, manifest: dict[str, ModelEntry]
) -> None:
    server.files["/ears-1.zip"].faults = ["403"]
    with pytest.raises(SupplyError, match="403") as refused:
        fetch(["ears", "voice"], settings, unseen, manifest=manifest)
    assert "VOICEBOT_MODELS_MIRROR" in refused.value.cure
    assert manifest["ears"].url in refused.value.cure
    assert installed("voice", settings, manifest) is not None


def test_a_mirror_folder_serves_without_network(
    settings: Settings, manifest: dict[str, ModelEntry], server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "ears-1.zip").write_bytes(EARS)
    monkeypatch.setenv("VOICEBOT_MODELS_MIRROR", str(mirror))
    fetch(["ears"], settings, unseen, manifest=manifest)
    assert server.ranges == []
    assert (mirror / "ears-1.zip").exists()
    with pytest.raises(SupplyError, match=r"voice\.pt cannot be read"):
        fetch(["voice"], settings, unseen, manifest=manifest)


def test_a_mirror_address_replaces_the_authors(settings: Settings, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/mirror/voice.pt"] = Served(VOICE)
    monkeypatch.setenv("VOICEBOT_MODELS_MIRROR", f"{server.url}/mirror/")
    (path,) = fetch(["voice"], settings, unseen, manifest=entries("https://models.invalid"))
    assert path.read_bytes() == VOICE


def test_an_archive_that_is_no_model_leaves_nothing(server: FileServer, settings: Settings) -> None:
    server.files["/ears-1.zip"] = Served(zipped({"ears-1/readme": b"no model"}))
    manifest = entries(server.url)
    with pytest.raises(SupplyError, match=r"lacks am/final\.mdl"):
        fetch(["ears"], settings, unseen, manifest=manifest)
    assert installed("ears", settings, manifest) is None


def test_an_unknown_name_is_told_with_the_known_ones(settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    with pytest.raises(SupplyError, match="nose") as refused:
        fetch(["nose"], settings, unseen, manifest=manifest)
    assert refused.value.cure == "Known: ears, voice."


def test_the_shipped_manifest_lets_clinics_use_what_production_fetches() -> None:
    manifest = load_manifest()
    assert set(PRODUCTION) <= set(manifest)
    assert all(manifest[name].may_clinics_use for name in PRODUCTION)
    assert {entry.kind for name, entry in manifest.items() if name in PRODUCTION} == {"vosk", "silero"}
    assert all(entry.may_clinics_use is ("NC" not in entry.licence) for entry in manifest.values())


def test_the_shipped_manifest_has_every_model_the_product_can_use() -> None:
    manifest = load_manifest()
    files = {entry.installed_name for entry in manifest.values()}
    assert {
        "vosk-embedded-ru",
        "vosk-model-small-ru-0.22",
        "vosk-model-ru-0.42",
        "v5_cis_base.pt",
        "v5_cis_base_nostress.pt",
    } <= files
    assert all(entry.purpose and entry.licence and entry.rate_hz for entry in manifest.values())
    assert [name for name, entry in manifest.items() if entry.is_shipped] == ["vosk-embedded-ru"]
    noncommercial = {name for name, entry in manifest.items() if not entry.may_clinics_use}
    assert noncommercial
    assert all(name.startswith("silero") and "NC" in manifest[name].licence for name in noncommercial)


def test_what_is_shipped_is_here_and_never_fetched(settings: Settings, server: FileServer) -> None:
    manifest = load_manifest()
    (path,) = fetch(["vosk-embedded-ru"], settings, unseen, manifest=manifest)
    assert path == installed("vosk-embedded-ru", settings, manifest)
    assert (path / "am/final.mdl").is_file()
    assert server.ranges == []


def test_models_are_verified_file_by_file(settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    with pytest.raises(SupplyError, match="was not fetched"):
        verify("ears", settings, manifest)
    ears, voice = fetch(["ears", "voice"], settings, unseen, manifest=manifest)
    assert verify("ears", settings, manifest) is True
    assert verify("voice", settings, manifest) is True
    (ears / "conf/mfcc.conf").write_bytes(b"--y")
    (ears / "stranger").write_bytes(b"?")
    with pytest.raises(SupplyError, match=r"changed: conf/mfcc\.conf, stranger"):
        verify("ears", settings, manifest)
    (ears / "am/final.mdl").unlink()
    with pytest.raises(SupplyError, match=r"lacks am/final\.mdl"):
        verify("ears", settings, manifest)
    voice.write_bytes(VOICE[:-1])
    with pytest.raises(SupplyError, match=r"voice\.pt") as refused:
        verify("voice", settings, manifest)
    assert "voicebot models fetch voice" in refused.value.cure


def test_a_model_put_there_by_hand_is_not_called_verified(settings: Settings, manifest: dict[str, ModelEntry]) -> None:
    folder = settings.cache / "models" / "ears-1" / "am"
    folder.mkdir(parents=True)
    (folder / "final.mdl").write_bytes(b"model")
    assert verify("ears", settings, manifest) is None


def test_a_server_that_falls_silent_is_given_up_and_told(
    server: FileServer, settings: Settings, manifest: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(downloading, "FIRST_WAIT_SECONDS", 0.0)
    server.files["/voice.pt"].faults = ["hang"] * downloading.ATTEMPTS
    with pytest.raises(SupplyError, match="ReadTimeout") as refused:
        fetch(["voice"], settings, unseen, manifest=manifest)
    assert "VOICEBOT_MODELS_MIRROR" in refused.value.cure
    assert installed("voice", settings, manifest) is None


def test_a_server_that_falls_silent_once_is_resumed(
    server: FileServer, settings: Settings, manifest: dict[str, ModelEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(downloading, "FIRST_WAIT_SECONDS", 0.0)
    server.files["/voice.pt"].faults = ["hang"]
    (path,) = fetch(["voice"], settings, unseen, manifest=manifest)
    assert path.read_bytes() == VOICE
    assert server.ranges == [None, f"bytes={len(VOICE) // 2}-"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[a]\nkind = 'vosk'\n", "a.licence"),
        ("[a]\nkind='vosk'\nlicence='MIT'\nmay_clinics_use=true\nrate_hz=1\n", "url is needed"),
        ("[a\n", "is not TOML"),
        ("[a]\nkind='silero'\nurl='https://x.invalid/'\nlicence='MIT'\nmay_clinics_use=true\nrate_hz=1\n", "file is needed"),
        (
            "[a]\nkind='vosk'\nurl='https://x.invalid/a.zip'\nfolder='..'\nlicence='MIT'\nmay_clinics_use=true\nrate_hz=1\n",
            "plain folder",
        ),
    ],
)
def test_a_wrong_manifest_says_where(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text)
    with pytest.raises(SupplyError, match=what):
        load_manifest(path)
