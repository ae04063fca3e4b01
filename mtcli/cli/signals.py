"""What a signal does to a command that has nothing to save."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from mtcli.lines import remove_vanishing


def end_on_signals() -> None:
    """From now on SIGINT and SIGTERM end the process at once, with 128 + n. Nothing half written is left.

    No exception is raised for them: it would come out of whatever runs, such as a library that is just being loaded.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    remove_vanishing()
    os._exit(128 + number)
