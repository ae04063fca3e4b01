"""Options that several commands have."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Annotated

import typer

from mtcli.errors import DataError

Model = Annotated[str, typer.Option("-m", "--model", metavar="MODEL", help="Name or folder of a model package.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute; auto takes a GPU when there is one.")]
Threads = Annotated[int, typer.Option(min=0, max=1024, help="Processor threads, each for sentences of its own; 0 takes all.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def say(text: str) -> None:
    """Print to standard output, and end without a word when its reader goes away. Raises DataError when it is closed."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if sys.stdout is None:
        raise DataError("standard output is closed: nothing can be printed")
    try:
        print(text, flush=True)
    except OSError as error:
        raise DataError(f"standard output: cannot be written ({error.strerror})") from error


def one_line(text: str) -> str:
    """The text on one line, with escapes for what could steer a terminal; undecoded bytes of file names as UTF-8, if they are."""
    text = " ".join(os.fsencode(text).decode("utf-8", "surrogateescape").split())
    return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else c.encode("unicode_escape").decode() for c in text)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def set_up(quiet: bool) -> None:
    """Send the notices of this library, and the warnings of others, to stderr, or nowhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("mtcli: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.ERROR if quiet else logging.WARNING)
    logging.getLogger("mtcli").setLevel(logging.ERROR if quiet else logging.INFO)  # other libraries tell what only they care for
