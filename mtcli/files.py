"""The files that a command reads and writes: what can be read once is named once, and what is read is not overwritten."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from mtcli.errors import DataError, UsageError
from mtcli.lines import is_standard_output


def check_files(read: Iterable[str], written: Iterable[str] = ()) -> None:
    """Look at the names before anything is read; `-` is standard input or output, and an empty name none.

    Raises UsageError when standard input or a pipe is to be read twice, DataError when a file is to be read and written.
    """
    pipes = set()
    for name in filter(None, read):
        for output in written:
            _refuse_same(name, output)
        source = Path("/dev/stdin" if name == "-" else name)
        with contextlib.suppress(OSError):  # which is told when it is opened
            if name == "-" or source.is_fifo():
                pipe = source.stat()
                if (pipe.st_dev, pipe.st_ino) in pipes:
                    what = "standard input" if name == "-" else "a pipe"
                    raise UsageError(f"{name} is {what}, which can be read once: give files for the others")
                pipes.add((pipe.st_dev, pipe.st_ino))


def _refuse_same(source: str, output: str) -> None:
    with contextlib.suppress(OSError):  # there is no such file: that is told when it is opened, or it is new
        read = os.fstat(0) if source == "-" else Path(source).stat()
        out = os.fstat(1) if output == "-" else Path(output).stat()
        if stat.S_ISREG(out.st_mode) and os.path.samestat(out, read):
            name = "standard output" if output == "-" else output
            raise DataError(f"{name}: is the very file that is read: write to another")


def check_page(path: str) -> None:
    """Look at the name of a page before there is anything to put in; an empty name is none.

    Raises UsageError when it would go where the scores are printed, DataError when its folder cannot be written.
    """
    if not path:
        return
    if is_standard_output(path):
        raise UsageError("--report is a page for a browser, beside what is printed: name a file")
    place = Path(os.path.realpath(path))
    if not ((place.parent.is_dir() and os.access(place.parent, os.W_OK)) or place.is_fifo() or place.is_char_device()):
        raise DataError(f"{path}: cannot be written: name a file in a folder that is there and yours")
