"""What a signal does to a command."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from mtcli.lines import remove_vanishing

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_signals(handler: Callable[[int, FrameType | None], object], signals: tuple[signal.Signals, ...] = SIGNALS) -> None:
    """Have signals handled, unless who started the process wants them ignored, as shells and nohup do."""
    for number in signals:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def end_on_signals(saying: str = "") -> None:
    """From now on a signal ends the process at once, with 128 + n, and a line on stderr. Nothing half written is left.

    No exception is raised for it: it would come out of whatever runs, such as a library that is just being loaded.
    """

    def end(number: int, frame: FrameType | None) -> NoReturn:
        remove_vanishing()
        if saying:
            with contextlib.suppress(OSError):
                os.write(2, f"\nmtcli: {saying}\n".encode())
        os._exit(128 + number)

    on_signals(end, (*SIGNALS, signal.SIGQUIT))
