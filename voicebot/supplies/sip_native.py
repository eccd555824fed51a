"""Our own build of pjproject's pjsua2 for this Python: 1024 calls instead of the wheel's 4. Built once a machine.

Source: the release that Debian ships as a component of asterisk in sid, looked up in sid's signed source index. The
result is a folder with pjsua2.py and _pjsua2.so; put it first on sys.path.

Only the line's codecs are built: PCMA and PCMU. Debian's tarball leaves the resampler out, so a wide-band codec would
have no way to the 8 kHz bridge.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from voicebot.settings import Settings
from voicebot.supplies.debian import SourceFile, private_apt
from voicebot.supplies.errors import SupplyError
from voicebot.supplies.lock import only_one
from voicebot.supplies.progress import OnProgress, told, unseen
from voicebot.supplies.shell import read, run

log = structlog.get_logger(__name__)

SOURCE_PACKAGE = "asterisk"
SOURCE_COMPONENT = re.compile(r"\.orig-Xpjproject\.tar\.\w+$")

# a file that each Debian package brings -> the package
NEEDS = {
    "g++": "build-essential",
    "make": "build-essential",
    "swig": "swig",
    "openssl/ssl.h": "libssl-dev",
    "srtp2/srtp.h": "libsrtp2-dev",
    "uuid/uuid.h": "uuid-dev",
}

CONFIG_SITE = """\
#define NDEBUG 1 /* an assertion of pjlib would end the process, and with it every call */
#define PJMEDIA_HAS_VIDEO 0
#define PJSUA_HAS_VIDEO 0
#define PJSUA_MAX_CALLS 1024
#define PJSUA_MAX_ACC 64
#define PJSUA_MAX_PLAYERS 1100
#define PJSUA_MAX_RECORDERS 1100
#define PJSUA_MAX_CONF_PORTS (1024*4+8)
#define PJ_IOQUEUE_MAX_HANDLES 8192
#define PJSIP_MAX_TSX_COUNT 8191
#define PJSIP_MAX_DIALOG_COUNT 4095
#define PJSIP_UDP_SO_RCVBUF_SIZE (4*1024*1024)
"""

CONFIGURE = (
    "--disable-shared",
    "--disable-sound",
    "--disable-video",
    "--enable-epoll",
    "--disable-upnp",
    "--disable-resample",
    "--disable-libsamplerate",
    "--disable-libwebrtc",
    "--disable-libwebrtc-aec3",
    "--disable-libyuv",
    "--disable-speex-aec",
    "--disable-speex-codec",
    "--disable-gsm-codec",
    "--disable-ilbc-codec",
    "--disable-g722-codec",
    "--disable-g7221-codec",
    "--disable-l16-codec",
    "--disable-opencore-amr",
    "--disable-silk",
    "--disable-opus",
    "--disable-bcg729",
    "--disable-lyra",
    "--with-external-srtp",
)

# Named by the Makefiles, but stripped from Debian's tarball; with the options above nothing of it is compiled.
STRIPPED = ("pjmedia/src/pjmedia-audiodev/bdimad_dev.c",)

OPTIMISE = "-O2 -fPIC -DNDEBUG"


def python_tag() -> str:
    """Return the tag of this Python's extension modules, for example "cp311"."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


def find_sip_native(cache: Path) -> Path | None:
    """Return the folder of the newest build for this Python, or None. `sys.path.insert(0, folder)` makes it `pjsua2`."""
    built = [
        folder
        for folder in (cache / "sip-native").glob(f"pjproject-*-{python_tag()}")
        if (folder / "_pjsua2.so").is_file() and (folder / "pjsua2.py").is_file()
    ]
    return max(built, key=lambda folder: _numbers(folder.name), default=None)


def build(settings: Settings, on_progress: OnProgress | None = None, *, is_rebuild: bool = False) -> Path:
    """Return the folder of the build; build it first where it is missing (minutes). Raises SupplyError with the cure.

    Progress is shown on the console where `on_progress` is None.
    """
    cache = settings.cache
    folder = cache / "sip-native"
    with only_one(folder, "build"):
        found = find_sip_native(cache)
        if found is not None and not is_rebuild:
            return found
        with told(on_progress) as progress, tempfile.TemporaryDirectory(prefix="build-", dir=folder) as name:
            install_needs(progress)
            work = Path(name)
            log_file = cache / "log" / "sip-native.log"
            log_file.parent.mkdir(parents=True, exist_ok=True)
            log_file.unlink(missing_ok=True)
            tree = unpack_source(fetch_source(cache, work, progress), work / "source")
            made = _build(tree, work / "made", log_file, progress)
            target = folder / f"pjproject-{version_of(tree)}-{python_tag()}"
            _replace(made, target)
    return target


def missing_needs(has_header: Callable[[str], bool] | None = None) -> list[str]:
    """Return the Debian packages that the build lacks."""
    has_header = has_header or _has_header
    lacking = {
        package
        for what, package in NEEDS.items()
        if not (has_header(what) if what.endswith(".h") else shutil.which(what) is not None)
    }
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        lacking.add("python3-dev")
    return sorted(lacking)


def install_needs(on_progress: OnProgress = unseen) -> None:
    """Install what the build lacks where we are root; else tell what to install."""
    lacking = missing_needs()
    if not lacking:
        return
    command = f"apt-get install {' '.join(lacking)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SupplyError(
            f"The build needs Debian packages that are not installed: {', '.join(lacking)}.", f"As root: {command}"
        )
    on_progress("SIP library: Debian packages for the build", 0, None)
    with tempfile.TemporaryDirectory() as name:
        log_file = Path(name) / "apt.log"
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "-q", "update"], log_file=log_file, cure=f"As root: {command}", environment=environment)
        install = ["apt-get", "-q", "install", "--yes", "--no-install-recommends", *lacking]
        run(install, log_file=log_file, cure=f"As root: {command}", environment=environment)
    still = missing_needs()
    if still:
        raise SupplyError(f"The build still lacks {', '.join(still)}.", "Install what provides them for this Python.")


def fetch_source(cache: Path, into: Path, on_progress: OnProgress = unseen) -> Path:
    """Download pjproject's source; it is verified by the signed source index of sid."""
    on_progress("SIP library: source", 0, 1)
    with private_apt(cache, "sid", "main", is_source=True) as apt:
        component = choose_component(apt.source_files(SOURCE_PACKAGE))
        target = into / component.name
        apt.fetch(component, target)
    on_progress("SIP library: source", 1, 1)
    log.info("source of pjproject", file=component.name, sha256=component.sha256)
    return target


def choose_component(files: Sequence[SourceFile]) -> SourceFile:
    """Return pjproject among the files of asterisk's source package."""
    found = [file for file in files if SOURCE_COMPONENT.search(file.name)]
    if len(found) != 1:
        raise SupplyError(
            "Debian's asterisk source has no pjproject component any more.", "Use the wheel (4 calls), and report this."
        )
    return found[0]


def unpack_source(tarball: Path, folder: Path) -> Path:
    """Unpack safely; return the root of the source tree."""
    folder.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        archive.extractall(folder, filter="data")
    roots = [path.parent for path in folder.glob("*/version.mak")] + [path.parent for path in folder.glob("version.mak")]
    if not roots:
        raise SupplyError(f"{tarball.name} holds no pjproject.", "Report this.")
    return roots[0]


def version_of(tree: Path) -> str:
    """Return the version of a source tree, for example "2.17"."""
    text = (tree / "version.mak").read_text()
    parts = [re.search(rf"PJ_VERSION_{part}[ \t]*:=[ \t]*(\S*)", text) for part in ("MAJOR", "MINOR", "REV", "SUFFIX")]
    major, minor, revision, suffix = (match[1] if match else "" for match in parts)
    if not major or not minor:
        raise SupplyError("The version of pjproject cannot be read.", "Report this.")
    return f"{major}.{minor}" + (f".{revision}" if revision else "") + suffix


def _build(tree: Path, made: Path, log_file: Path, on_progress: OnProgress) -> Path:
    cure = f"Read {log_file}."
    for name in STRIPPED:
        if not (tree / name).exists():
            (tree / name).touch()
    (tree / "pjlib/include/pj/config_site.h").write_text(CONFIG_SITE)
    environment = {"CFLAGS": OPTIMISE, "CXXFLAGS": OPTIMISE, "LC_ALL": "C.UTF-8"}
    jobs = str(len(os.sched_getaffinity(0)))
    bindings = tree / "pjsip-apps/src/swig/python"

    def step(number: int, what: str, command: Sequence[str | Path], cwd: Path) -> None:
        on_progress(f"SIP library: {what}", 0, 1)
        log.debug("build step", number=number, what=what)
        run(command, log_file=log_file, cure=cure, cwd=cwd, environment=environment)
        on_progress(f"SIP library: {what}", 1, 1)

    step(1, "configure", ["./configure", *CONFIGURE], tree)
    step(2, "dependencies", ["make", "dep"], tree)
    step(3, "compile", ["make", f"-j{jobs}", "lib"], tree)
    step(4, "bindings", ["make", "pjsua2_wrap.cpp"], bindings)
    compile_bindings = [
        *("g++", "-shared", "-fno-strict-aliasing", "-w", "-s", f"-I{sysconfig.get_paths()['include']}"),
        *_make_says(bindings, "cflags"),
        *("pjsua2_wrap.cpp", "-o", "_pjsua2.so"),
        *_make_says(bindings, "ldflags"),
        *(f"-l{name}" for name in _make_says(bindings, "libs")),
    ]
    step(5, "compile the bindings", compile_bindings, bindings)
    made.mkdir()
    for name in ("_pjsua2.so", "pjsua2.py"):
        shutil.copy2(bindings / name, made / name)
    shutil.copy2(tree / "COPYING", made / "COPYING")
    step(6, "check", [sys.executable, "-c", CHECK, made], made)
    return made


# In a process of its own: a broken build may crash whoever loads it.
CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
import pjsua2 as pj
assert pj.__file__.startswith(sys.argv[1]), pj.__file__
endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.uaConfig.threadCnt = 0
config.uaConfig.maxCalls = 1024
config.logConfig.level = config.logConfig.consoleLevel = 1
config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
endpoint.libInit(config)
endpoint.audDevManager().setNullDev()
endpoint.libStart()
codecs = sorted(codec.codecId for codec in endpoint.codecEnum2())
print("pjproject", endpoint.libVersion().full, codecs, config.uaConfig.maxCalls, "calls")
assert codecs == ["PCMA/8000/1", "PCMU/8000/1"], codecs
endpoint.libDestroy()
"""


def _make_says(bindings: Path, target: str) -> list[str]:
    return read(["make", "--no-print-directory", "-C", bindings, "-f", "helper.mak", target], cure="Report this.").split()


def _replace(made: Path, target: Path) -> None:
    """Put the finished build in place. A process that has the old one loaded keeps it: its files are only unlinked."""
    if target.exists():
        shutil.rmtree(target)
    made.rename(target)


def _has_header(name: str) -> bool:
    """Whether the C compiler finds a header."""
    compiler = shutil.which("g++")
    if compiler is None:
        return False
    code = f"#include <{name}>\n".encode()
    done = subprocess.run([compiler, "-E", "-x", "c++", "-o", os.devnull, "-"], input=code, capture_output=True, check=False)
    return done.returncode == 0


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name.removesuffix(python_tag()))]


def main() -> None:
    """Build into the cache: `python -m voicebot.supplies.sip_native [--rebuild]`."""
    from rich.console import Console

    from voicebot.settings import load

    console = Console()
    try:
        folder = build(load(), is_rebuild="--rebuild" in sys.argv[1:])
    except SupplyError as error:
        console.print(f"[red]{error.message}[/red]\n{error.cure}", highlight=False)
        raise SystemExit(1) from None
    console.print(
        f"pjsua2 for 1024 calls is in {folder}; the line uses it from its next start.", highlight=False, soft_wrap=True
    )


if __name__ == "__main__":
    main()
