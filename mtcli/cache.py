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

from mtcli.errors import DataError
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
    folder = Path(asked or platformdirs.user_cache_dir("mtcli"))
    try:
        with writing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except DataError as error:
        if asked:
            raise
        log.warning("%s", error)
        temporary = ExitStack()
        folder = temporary.enter_context(vanishing(Path(tempfile.mkdtemp(prefix="mtcli-"))))
        atexit.register(temporary.close)
    return folder


def cached(kind: str, depends_on: object, make: Callable[[Path], None]) -> Path:
    """The folder that `make` has filled for a `kind` of thing and all that it `depends_on`, as JSON; made if it is not there.

    What `make` leaves when it is interrupted it finds there the next time. Raises DataError when nothing can be written.
    """
    key = hashlib.sha256(json.dumps([LAYOUT, kind, depends_on]).encode()).hexdigest()[:32]
    folder = root() / f"{kind}-{key}"
    with writing(root()):
        if not folder.exists():
            _forget_old()
            part = folder.with_name(f".{folder.name}.part")
            with _alone(part):
                if not folder.exists():  # another process may have been faster
                    make(part)
                    part.rename(folder)
        os.utime(folder)
    return folder


@contextmanager
def passing(kind: str) -> Iterator[Path]:
    """A new folder that is gone after the block. Raises DataError when the block cannot write."""
    with writing(root()), vanishing(Path(tempfile.mkdtemp(".tmp", f".{kind}-", root()))) as folder:
        yield folder


@contextmanager
def writing(folder: Path) -> Iterator[None]:
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
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise DataError(f"{folder}: is damaged: remove it, and it is made again") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder, and wait until no other process fills it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _forget_old() -> None:
    with contextlib.suppress(OSError):
        for folder in root().iterdir():
            if _OURS.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)
