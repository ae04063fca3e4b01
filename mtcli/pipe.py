"""`mtcli translate` without its options: a stream of lines in, a stream of lines out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import os
import queue
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mtcli import checksums, ct2
from mtcli.alignment import pharaoh
from mtcli.errors import TranslationError, UsageError
from mtcli.files import check_files
from mtcli.heap import keep_memory
from mtcli.languages import AUTO, choose
from mtcli.lines import LineReader, LinesBeside, checksum, going_on, is_complete, open_output
from mtcli.markup import Markup
from mtcli.package import CT2, PARTS, WEIGHTS, open_package
from mtcli.treatment import USUAL, Treatment

if TYPE_CHECKING:
    from mtcli.translator import Scored, Translation, Translator

log = logging.getLogger("mtcli")

Form = Literal["text", "n-best", "json"]
Found = Callable[[], "list[list[Translation]]"]


AHEAD = 2
"""Blocks of lines that are read and handed to the engine before the first of them has been written."""


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is to be translated."""

    form: Form = "text"
    device: str = "auto"
    engine: str = "auto"
    precision: str = "auto"
    threads: int = 0
    prefix: str = ""
    """File whose lines the translations begin with."""
    score_target: str = ""
    """File with translations, which are to be scored instead."""
    src: str = ""
    """Language of the lines, for choosing a model; `auto` guesses it from the first of them."""
    resume: bool = False
    """Go on where an earlier run has left the output."""
    treatment: Treatment = USUAL
    mark: str = ""
    """What each translation begins with that is not blank."""


def translate_stream(models: list[str], source: str, output: str, options: StreamOptions, decoding: dict[str, float]) -> None:
    """Translate the lines of `source` to `output`, or score given translations; `-` is standard input or output.

    With no models, one is chosen by the languages. An output that is to be resumed, and is complete, stays as it is. What was
    read is written before input is waited for. Notices about lines go to the log at the end.
    """
    path = options.score_target or options.prefix
    check_files([source, path, options.treatment.glossary], [output])
    reader = LineReader(source)
    if source == "-" and sys.stdin.isatty():
        log.info("reading from the terminal; Ctrl-D ends the text")
    beside = LinesBeside(path, reader) if path else None
    if not models:
        seen = _first_text(reader, options.treatment.format) if options.src == AUTO else []
        models = [str(choose(options.src, options.treatment.to, seen).folder)]
    if output != "-":
        _check_no_part(models, Path(output))
    how = _how(models, source, options, decoding) if options.resume else ""
    if options.resume and is_complete(output, source, how):
        return
    keep_memory()
    translator = _load(models, options, decoding)
    opened = going_on(output, how) if options.resume else open_output(output)
    with contextlib.closing(translator.engine), opened as writer:
        reader.skip(writer.lines)
        if beside:
            beside.take(writer.lines)
        stream = _scored if options.score_target else _translated
        total = 0
        try:
            for count, lines in stream(translator, reader, beside, options):
                writer.write(lines)
                total += count
        except TranslationError as error:
            raise TranslationError(f"{reader.name}, from line {writer.lines + total + 1} on: {error}") from error
        if beside:
            beside.end()
    tell(translator, reader, total)


def _first_text(reader: LineReader, form: str) -> list[str]:
    """What is text in the first lines, up to some that hold any."""
    found: list[str] = []
    markup = Markup(form) if form != "text" else None

    def enough(lines: list[str]) -> bool:
        found.extend(markup.text_of(lines) if markup else lines)
        return any(map(str.strip, found))

    reader.peek(enough)
    return found


def _check_no_part(models: list[str], output: Path) -> None:
    parts = (open_package(model).folder / part for model in models for part in PARTS)
    if os.path.realpath(output) in map(os.path.realpath, parts):
        raise UsageError(f"-o {output}: is a file of the package that translates: write elsewhere")


def _how(models: list[str], source: str, options: StreamOptions, decoding: dict[str, float]) -> str:
    chosen = {key: value for key, value in dataclasses.asdict(options).items() if key not in ("threads", "device")}
    return how_made(models, [source, options.prefix, options.score_target, options.treatment.glossary], chosen, decoding)


def how_made(models: list[str], files: list[str], *wishes: Any) -> str:
    """What translations depend on: packages, the content of files, and wishes."""
    packages = [open_package(model) for model in models]
    folders = [str(package.folder.resolve()) for package in packages]
    weights = [checksums.known(folder, WEIGHTS) or checksums.known(folder, f"{CT2}/{ct2.FILE}") for folder in map(Path, folders)]
    sums = [checksum(file) for file in files if Path(file).is_file()]
    settings = dataclasses.asdict(packages[0].config.decoding)
    return json.dumps([folders, weights, sums, settings, *wishes], sort_keys=True)


def tell(translator: Translator, reader: LineReader, total: int) -> None:
    """What there is to say of the lines that were translated."""
    translator.tell(total)
    if translator.markup and translator.markup.open:
        log.warning(
            "the markup has not ended: a tag, a comment or a block of code is open, and what stands in it was left as it was"
        )
    if reader.invalid_lines:
        log.warning("%d of %d lines held invalid UTF-8, replaced by U+FFFD", reader.invalid_lines, total)


def _load(models: list[str], options: StreamOptions, decoding: dict[str, float]) -> Translator:
    from mtcli.translator import Translator

    try:
        translator = Translator.load(
            models, options.device, options.engine, options.precision, options.threads, options.treatment, **decoding
        )
    except UsageError as error:  # the user knows options, not the settings that they replace
        raise UsageError(re.sub(r"\bdecoding\.\w+", _option, str(error))) from error
    drawn = translator.config.temperature > 0
    if "seed" in decoding and not drawn:
        raise UsageError("--seed is for drawing at random: give --temperature, such as 1")
    if "beam_size" in decoding and drawn:
        raise UsageError("--beam-size is for searching, and this draws at random: leave it out, or give --temperature 0")
    return translator


def _option(setting: re.Match[str]) -> str:
    return setting[0].replace("decoding.", "--").replace("_", "-")


Written = Iterator[tuple[int, list[str]]]
"""For each block of input lines how many these are, and the output lines."""


def _translated(translator: Translator, reader: LineReader, prefixes: LinesBeside | None, options: StreamOptions) -> Written:
    def submit(lines: list[str]) -> Found:
        beside = prefixes.take(len(lines)) if prefixes else ()
        return translator.submit(lines, beside)

    first = 0
    for block, found in _overlapped(reader, submit):
        yield len(block), list(_render(block, found, options, first))
        first += len(block)


def _scored(translator: Translator, reader: LineReader, targets: LinesBeside | None, options: StreamOptions) -> Written:
    for block in reader.blocks():
        tgt = targets.take(len(block)) if targets else []
        scores = translator.score(list(zip(block, tgt, strict=True)))
        if options.form == "json":
            yield len(block), [_json(_scored_fields(*each)) for each in zip(block, tgt, scores, strict=True)]
        else:
            yield len(block), [f"{score.log_probability:.4f}" for score in scores]


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


def _scored_fields(src: str, tgt: str, score: Scored) -> dict[str, Any]:
    number = None if math.isnan(score.log_probability) else score.log_probability  # JSON knows no other
    return {"src": src, "tgt": tgt, "log_probability": number, "pieces": score.pieces}


def _render(lines: list[str], translations: list[list[Translation]], options: StreamOptions, first: int) -> Iterator[str]:
    """Output lines; `first` is the number of the first of `lines`, counted from 0."""
    for number, (line, found) in enumerate(zip(lines, translations, strict=True), first):
        match options.form:
            case "text":
                mark = options.mark if found[0].text else ""
                yield mark + " ||| ".join([found[0].text, *_aligned(found[0], options)])
            case "n-best":
                for each in found:
                    yield " ||| ".join([str(number), each.text, f"{each.score:.4f}", *_aligned(each, options)])
            case "json":
                yield _json({"src": line, "hyps": [_fields(each, options) for each in found]})


def _aligned(translation: Translation, options: StreamOptions) -> list[str]:
    return [pharaoh(translation.alignment)] if options.treatment.alignment else []


def _fields(translation: Translation, options: StreamOptions) -> dict[str, str | float]:
    numbers = {"score": round(translation.score, 4), "confidence": round(translation.confidence, 4)}
    aligned = {"alignment": pharaoh(translation.alignment)} if options.treatment.alignment else {}
    return {"text": translation.text, **numbers, **aligned}


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
