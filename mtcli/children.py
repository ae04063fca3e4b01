"""Processes that are forked to share this one's work, and end with it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, see prctl(2)


def begin_child(parent: int) -> None:
    """What a forked process does first: it leaves Ctrl-C, which reaches the whole group, to `parent`, and ends when that does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
