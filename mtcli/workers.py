"""Processes beside this one: forked, so that they share what is loaded, and ended with it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from mtcli.errors import MtcliError

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, see prctl(2)


def pool(workers: int, begin: Callable[..., None], *arguments: Any) -> ProcessPoolExecutor:
    """So many processes, each of which first calls `begin` with the arguments; nothing of these is copied."""
    fork = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(workers, fork, _begin, (os.getpid(), begin, arguments))


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    begin(*arguments)


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def called(command: Sequence[str | Path], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What another program did that reads nothing, and that ends when this process does."""
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=env,
        preexec_fn=_end_with_parent,
    )


@contextlib.contextmanager
def noticing_the_dead(error: type[MtcliError], remedy: str) -> Iterator[None]:
    """Raises the error when a process was killed."""
    try:
        yield
    except BrokenProcessPool as broken:
        raise error(f"a worker process was killed, perhaps for want of memory{remedy}") from broken
