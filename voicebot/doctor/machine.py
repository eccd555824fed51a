"""The machine: disk, memory, file descriptors, clock."""

import ctypes
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.settings import Settings

_CALL_MB_A_MINUTE = 0.6  # a stereo FLAC of 8 kHz speech
_WEEK_MB = 5_000
_BRAIN_MB = 700
_DESCRIPTORS_A_CALL = 8  # RTP and RTCP of two legs, a recording, some air
_DESCRIPTORS_BESIDE = 256
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def check_disk(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Free space where data and recordings lie, and whether it can be written."""
    seen: set[int] = set()
    for folder in (settings.data_dir, settings.recordings_folder):
        place = _existing(folder)
        if not os.access(place, os.W_OK):
            yield wrong("disk", f"{folder} cannot be written.", f"Give the robot's user {place}, or set data_dir.")
            continue
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free_mb = shutil.disk_usage(place).free // 1_000_000
        minutes = int(free_mb / _CALL_MB_A_MINUTE)
        told = f"{folder}: {free_mb} MB free, some {minutes} minutes of recordings"
        least_mb = settings.recordings.minimum_free_mb
        if free_mb < least_mb:
            yield wrong("disk", f"{told}; below {least_mb} MB nothing is recorded.", "Free the disk, or shorten retention.")
        elif free_mb < _WEEK_MB:
            yield doubtful("disk", f"{told}.", "Free some before it runs out; [retention] says what is kept how long.")
        else:
            yield fine("disk", f"{told}.")


def check_memory(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Memory for the brains: each holds a recogniser and a voice."""
    brains = settings.brain.processes
    meminfo = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available_mb = int(meminfo["MemAvailable"].split()[0]) // 1024
    needed_mb = brains * _BRAIN_MB
    told = f"{available_mb} MB available; brains: {brains}, some {needed_mb} MB together"
    if available_mb < needed_mb:
        yield doubtful("memory", f"{told}.", "Fine if the robot runs already; else set brain.count lower or add memory.")
    else:
        yield fine("memory", f"{told}.")


def check_descriptors(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Open files that the system allows, against what the lines need."""
    lines = settings.sip.lines or 200
    needed = lines * _DESCRIPTORS_A_CALL + _DESCRIPTORS_BESIDE
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{soft} open files allowed, {lines} lines need up to {needed}"
    if soft < needed:
        yield doubtful("descriptors", f"{told}.", f"Set LimitNOFILE={needed} in the systemd unit, or `ulimit -n {needed}`.")
    else:
        yield fine("descriptors", f"{told}.")


def check_clock(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Whether the kernel's clock is kept right by something, and what time the clinic has."""
    here = clock.now().astimezone(settings.zoneinfo)
    told = f"it is {here:%Y-%m-%d %H:%M} in {settings.zone}"
    state = _clock_state()
    if state is None:
        yield doubtful("clock", f"{told}; whether it is synchronised cannot be told.", "See that chrony or timesyncd runs.")
    elif state == _TIME_ERROR:
        yield doubtful("clock", f"{told}; nothing keeps it right.", "Install chrony: visits are booked by this clock.")
    else:
        yield fine("clock", f"{told}, synchronised.")


def _clock_state() -> int | None:
    """Return adjtimex(2)'s answer without setting anything, None where there is none."""
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = ctypes.create_string_buffer(512)  # struct timex with room to spare; all zero: modes = 0, read only
    state = int(call(timex))
    return None if state < 0 else state


def _existing(folder: Path) -> Path:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place
