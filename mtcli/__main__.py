"""The command `mtcli`, and `python -m mtcli`."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """See `cli.main`. While it is being loaded, a signal ends the process as it ends any other, without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    from mtcli import cli

    cli.main()


if __name__ == "__main__":
    main()
