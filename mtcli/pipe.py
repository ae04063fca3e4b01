"""`mtcli translate` without its options: a stream of lines in, a stream of lines out."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mtcli.errors import PackageError, UsageError
from mtcli.lines import LineReader, open_output
from mtcli.tags import tag, target_of

if TYPE_CHECKING:
    from mtcli.translator import Translation

log = logging.getLogger("mtcli")

Form = Literal["text", "n-best", "json"]
Found = Callable[[], "list[list[Translation]]"]


AHEAD = 4
"""Blocks of lines that are read and handed to the engine before the first of them has been written."""


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is to be translated."""

    form: Form = "text"
    device: str = "auto"
    engine: str = "auto"
    precision: str = "auto"
    threads: int = 0
    to: str = ""
    """Language that all lines are to be translated to, of a model that knows several."""


def translate_stream(model: str, source: str, output: str, options: StreamOptions, decoding: dict[str, float]) -> None:
    """Translate the lines of `source` to `output`; `-` is standard input or output.

    What was read is written before input is waited for. Notices about lines go to the log at the end.
    """
    if not model:
        raise PackageError("no model: give -m MODEL or set MTCLI_MODEL (`mtcli models` lists what there is)")
    reader = LineReader(source)
    if source == "-" and sys.stdin.isatty():
        log.info("reading from the terminal; Ctrl-D ends the text")
    from mtcli.translator import Translator

    translator = Translator.load(model, options.device, options.engine, options.precision, options.threads, **decoding)
    to = options.to
    if to and to not in translator.targets:
        known = ", ".join(translator.targets) or "one language alone"
        raise UsageError(f"--to {to}: the model translates to {known}")
    with contextlib.closing(translator.engine), open_output(output) as writer:
        first = 0
        for block, found in _overlapped(reader, lambda lines: translator.submit(_tagged(lines, to) if to else lines)):
            writer.write(list(_render(block, found, options.form, first)))
            first += len(block)
    for notice, count in translator.notices.items():
        log.warning("%d of %d lines %s", count, first, notice)
    if reader.invalid_lines:
        log.warning("%d of %d lines held invalid UTF-8, replaced by U+FFFD", reader.invalid_lines, first)


def _overlapped(reader: LineReader, submit: Callable[[list[str]], Found]) -> Iterator[tuple[list[str], list[list[Translation]]]]:
    """Blocks of lines and what is found for them, in order; while the engine works, the next blocks are read."""
    blocks: queue.Queue[list[str] | BaseException | None] = queue.Queue(maxsize=1)
    threading.Thread(target=_read, args=(reader, blocks), daemon=True).start()
    begun: deque[tuple[list[str], Found]] = deque()
    ended = False
    while begun or not ended:
        if begun and (ended or len(begun) >= AHEAD or blocks.empty()):
            lines, found = begun.popleft()
            yield lines, found()
            continue
        match blocks.get():
            case None:
                ended = True
            case BaseException() as error:
                raise error
            case block:
                begun.append((block, submit(block)))


def _read(reader: LineReader, blocks: queue.Queue[list[str] | BaseException | None]) -> None:
    try:
        for block in reader.blocks():
            blocks.put(block)
        blocks.put(None)
    except BaseException as error:
        blocks.put(error)


def _tagged(lines: list[str], to: str) -> list[str]:
    return [f"{tag(to)} {line}" if line.strip() and not target_of(line) else line for line in lines]


def _render(lines: list[str], translations: list[list[Translation]], form: Form, first: int) -> Iterator[str]:
    """Output lines; `first` is the number of the first of `lines`, counted from 0."""
    for number, (line, found) in enumerate(zip(lines, translations, strict=True), first):
        match form:
            case "text":
                yield found[0].text
            case "n-best":
                yield from (f"{number} ||| {each.text} ||| {each.score:.4f}" for each in found)
            case "json":
                hyps = [{"text": each.text, "score": round(each.score, 4)} for each in found]
                yield json.dumps({"src": line, "hyps": hyps}, ensure_ascii=False)
