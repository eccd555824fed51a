"""Zip archives from elsewhere: unpacked without leaving the folder, within a size, and whole or not at all."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from voicebot.supplies.errors import SupplyError
from voicebot.supplies.progress import OnProgress, unseen


def unpack_zip(
    archive: Path,
    folder_name: str,
    into: Path,
    *,
    expects: Sequence[str],
    limit_bytes: int,
    on_progress: OnProgress = unseen,
) -> Path:
    """Unpack the folder `folder_name` of `archive` to `into/folder_name`; what was there before is replaced at the end.

    Refused: paths that leave the folder, links, other top folders, more than `limit_bytes`, damaged members, missing
    `expects`.
    """
    into.mkdir(parents=True, exist_ok=True)
    cure = "Fetch it again; if it stays so, do not use it."
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=into) as name:
        work = Path(name)
        try:
            with zipfile.ZipFile(archive) as source:
                _check(source, folder_name, limit_bytes)
                total = sum(member.file_size for member in source.infolist())
                done = 0
                for member in source.infolist():
                    # extract() reads no more than the declared size and checks the CRC
                    source.extract(member, work)
                    done += member.file_size
                    on_progress(f"unpack {folder_name}", done, total)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise SupplyError(f"{archive.name} is damaged: {error}.", cure) from None
        except (FileExistsError, NotADirectoryError, IsADirectoryError):  # one name is a file and a folder
            raise SupplyError(f"{archive.name} is damaged: its names contradict each other.", cure) from None
        except OSError as error:
            raise SupplyError(f"{into} cannot be written: {error.strerror}.", "Free some space, or set cache_dir.") from None
        missing = [path for path in expects if not (work / folder_name / path).is_file()]
        if missing:
            raise SupplyError(f"{archive.name} lacks {', '.join(missing)}.", cure)
        target = into / folder_name
        if target.exists():
            shutil.rmtree(target)
        (work / folder_name).rename(target)
    return target


def _check(source: zipfile.ZipFile, folder_name: str, limit_bytes: int) -> None:
    cure = "Do not use this file."
    total = 0
    for member in source.infolist():
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename or path.parts[:1] != (folder_name,):
            raise SupplyError("An archive holds a path outside its folder.", cure)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise SupplyError("An archive holds a link.", cure)
        total += member.file_size
    if total > limit_bytes:
        raise SupplyError(f"An archive would unpack to {total / 1e6:.0f} MB instead of at most {limit_bytes / 1e6:.0f}.", cure)
