"""`mtcli translate` without its options: a stream of lines in, a stream of lines out."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from mtcli.errors import PackageError, UsageError
from mtcli.lines import LineReader, open_output
from mtcli.tags import tag, target_of

if TYPE_CHECKING:
    from mtcli.translator import Translator

log = logging.getLogger("mtcli")

Form = Literal["text", "n-best", "json"]


def translate_stream(
    model: str,
    source: str,
    output: str,
    form: Form,
    device: str = "auto",
    threads: int = 0,
    decoding: dict[str, float] | None = None,
    to: str = "",
) -> None:
    """Translate the lines of `source` to `output`; `-` is standard input or output. `to` chooses one of several languages.

    Each block of lines is written before the next one is read. Notices about lines go to the log at the end.
    """
    if not model:
        raise PackageError("no model: give -m MODEL or set MTCLI_MODEL (`mtcli models` lists what there is)")
    reader = LineReader(source)
    if source == "-" and sys.stdin.isatty():
        log.info("reading from the terminal; Ctrl-D ends the text")
    import torch

    from mtcli.translator import Translator

    if threads:
        torch.set_num_threads(threads)
    translator = Translator.load(model, device, **(decoding or {}))
    if to and to not in translator.targets:
        known = ", ".join(translator.targets) or "one language alone"
        raise UsageError(f"--to {to}: the model translates to {known}")
    with open_output(output) as writer:
        first = 0
        for block in reader.blocks():
            writer.write(list(_render(translator, _tagged(block, to) if to else block, form, first)))
            first += len(block)
    for notice, count in translator.notices.items():
        log.warning("%d of %d lines %s", count, first, notice)
    if reader.invalid_lines:
        log.warning("%d of %d lines held invalid UTF-8, replaced by U+FFFD", reader.invalid_lines, first)


def _tagged(lines: list[str], to: str) -> list[str]:
    return [f"{tag(to)} {line}" if line.strip() and not target_of(line) else line for line in lines]


def _render(translator: Translator, lines: list[str], form: Form, first: int) -> Iterator[str]:
    """Output lines; `first` is the number of the first of `lines`, counted from 0."""
    for number, (line, found) in enumerate(zip(lines, translator.translate_n_best(lines), strict=True), first):
        match form:
            case "text":
                yield found[0].text
            case "n-best":
                yield from (f"{number} ||| {each.text} ||| {each.score:.4f}" for each in found)
            case "json":
                hyps = [{"text": each.text, "score": round(each.score, 4)} for each in found]
                yield json.dumps({"src": line, "hyps": hyps}, ensure_ascii=False)
