"""Processes beside this one: forked, so that they share what is loaded, and ended with it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from mtcli.errors import DataError, MtcliError

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4
"""Items on which each process works ahead of what is taken."""
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, see prctl(2)


def pool(workers: int, function: Callable[..., Any], ready: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """So many processes, in which `apply` calls `function`; nothing that it knows is copied. Each first calls `ready`."""
    fork = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(workers, fork, _begin, (os.getpid(), _take, (function, ready)))


def beside(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that does this while this one goes on, with what this one has; it ends with it."""
    process = multiprocessing.get_context("fork").Process(target=_begin, args=(os.getpid(), function, arguments), daemon=True)
    process.start()
    return process


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):  # what a terminal sends reaches the whole group; the parent ends its workers
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGUSR1, look)  # which also comes when it was a thread that ended, the one that forked this process
    _ask_for_end_of_parent(signal.SIGUSR1)
    look()
    begin(*arguments)


def _ask_for_end_of_parent(number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, number)


def cores() -> int:
    """Processors that this process may use; all there are where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[tuple[T, R]]:
    """Each item and what `function` makes of it, in their order. Several processes work ahead; one alone would be this one.

    They are forked when the first item is asked for: the function knows all that it knew then, and nothing of it is copied.
    """
    if workers < 2:
        for item in items:
            yield item, function(item)
        return
    waiting: deque[tuple[T, Future[R]]] = deque()
    with (
        noticing_the_dead(DataError, ": close other programs, or give less text at a time"),
        pool(workers, function) as executor,
    ):
        try:
            for item in items:
                waiting.append((item, executor.submit(apply, item)))
                if len(waiting) > AHEAD * workers:
                    done, job = waiting.popleft()
                    yield done, job.result()
            for done, job in waiting:
                yield done, job.result()
        finally:  # after an error nobody wants the rest
            executor.shutdown(cancel_futures=True)


_function: Callable[..., Any]


def _take(function: Callable[..., Any], ready: Callable[[], None] | None) -> None:
    global _function  # noqa: PLW0603
    _function = function
    if ready:
        ready()


def apply(*arguments: Any) -> Any:
    """In a process of a `pool`: what its function makes of the arguments."""
    return _function(*arguments)


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
        preexec_fn=_ask_for_end_of_parent,
    )


@contextlib.contextmanager
def noticing_the_dead(error: type[MtcliError], remedy: str) -> Iterator[None]:
    """Raises the error when a process was killed."""
    try:
        yield
    except BrokenProcessPool as broken:
        raise error(f"a worker process was killed, perhaps for want of memory{remedy}") from broken
