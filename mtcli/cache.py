"""What is made once and kept for the next time: in folders named after all that their content depends on."""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mtcli.errors import DataError, PackageError
from mtcli.lines import vanishing

log = logging.getLogger("mtcli")

LAYOUT = 1
"""To be raised when a folder of the same name comes to hold something else, as when lines are normalised otherwise."""
KEPT = 30 * 24 * 3600
"""Seconds after which what was not used is removed."""
_OURS = re.compile(r"\.?[a-z]+-[0-9a-f]{32}(\.part)?|\.[a-z]+-\w{8}\.tmp")


@functools.cache
def root() -> Path:
    """Where all of it is; it may be removed at any time.

    Where the user's own cache cannot be written, nothing is kept beyond this process.
    """
    import platformdirs

    asked = os.environ.get("MTCLI_CACHE")
    try:
        folder = Path(asked or platformdirs.user_cache_dir("mtcli"))
        with _writing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (DataError, RuntimeError) as error:  # the latter for a user without a home
        if asked:
            raise
        log.warning("%s", error)
        temporary = ExitStack()
        folder = temporary.enter_context(vanishing(Path(tempfile.mkdtemp(prefix="mtcli-"))))
        atexit.register(temporary.close)
    return folder


def cached(kind: str, depends_on: object, make: Callable[[Path], None], *, goes_on: bool = False) -> Path:
    """The folder that `make` has filled for a `kind` of thing and all that it `depends_on`, as JSON; made if it is not there.

    If `make` goes on, it finds what it left when it was interrupted; else that is removed. Raises DataError when nothing can
    be written.
    """
    key = hashlib.sha256(json.dumps([LAYOUT, kind, depends_on]).encode()).hexdigest()[:32]
    folder = root() / f"{kind}-{key}"
    part = folder.with_name(f".{folder.name}.part")
    with _writing(root()):
        if not _used(folder):
            _forget_old()
            with _alone(part) as handle, contextlib.nullcontext() if goes_on else vanishing(part):
                if _used(folder):  # another process was faster
                    shutil.rmtree(part, ignore_errors=True)
                else:
                    _fill(part, make, goes_on)
                    if not _is(handle, part):
                        raise DataError(f"{root()}: was emptied while it was being filled: give the command again")
                    part.rename(folder)
    return folder


def _used(folder: Path) -> bool:
    """Whether it is there; then it has been used just now."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder)
        return True
    return False


def _fill(part: Path, make: Callable[[Path], None], goes_on: bool) -> None:
    for left in part.iterdir() if not goes_on else ():
        left.unlink()
    make(part)
    for file in part.iterdir():  # what has its name must also survive a power failure
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


@contextmanager
def passing(kind: str) -> Iterator[Path]:
    """A new folder that is gone after the block. Raises DataError when the block cannot write."""
    with _writing(root()):
        root().mkdir(mode=0o700, parents=True, exist_ok=True)
        with vanishing(Path(tempfile.mkdtemp(".tmp", f".{kind}-", root()))) as folder:
            yield folder


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Raises DataError when the block cannot write."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}): make room, or set MTCLI_CACHE to another folder"
        ) from error


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Raises DataError when the block cannot read what `cached` has given, as after a disk has lost something."""
    try:
        yield
    except (FileNotFoundError, EOFError, ValueError, TypeError, PackageError) as error:
        raise DataError(f"{folder}: is damaged: remove it, and it is made again") from error
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Make the folder, and wait until no other process fills it; gives a handle of it."""
    while True:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True)
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # another process has just given it its name
            continue
        try:
            _lock(handle)
            if _is(handle, folder):
                yield handle
                return
        finally:
            os.close(handle)


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("waiting for another process that prepares the same text")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is(handle: int, folder: Path) -> bool:
    """Whether what is open still has this name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), folder.stat())
    return False


def _forget_old() -> None:
    with contextlib.suppress(OSError):
        for folder in root().iterdir():
            if _OURS.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)
