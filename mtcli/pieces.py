"""What `mtcli tokenizer` does: begin a package with a tokenizer, and run text through it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from mtcli.config import languages_of, parse_config
from mtcli.data.reservoir import Reservoir
from mtcli.errors import PackageError, UsageError
from mtcli.files import check_files
from mtcli.lines import LineReader, open_output, pair_blocks
from mtcli.package import CONFIG, create, open_package, place, set_aside
from mtcli.tokenizer import FOR_TOKENIZER, Side, Tokenizer, default_vocab_size, load_tokenizer, train_tokenizer, with_sizes

log = logging.getLogger("mtcli")


def begin_package(name: str, src: list[str], tgt: list[str], tokenizer: dict[str, Any], fresh: bool) -> Path:
    """Learn a tokenizer from line-aligned text and begin a model package with it; returns its folder."""
    folder = place(name)
    if (folder / CONFIG).exists() and not fresh:
        raise PackageError(f"{folder} exists already: give --fresh to set it aside and begin again, or another -m")
    check_files([*src, *tgt])
    config = parse_config({"tokenizer": tokenizer}).tokenizer
    sample, total, odd = Reservoir(FOR_TOKENIZER), 0, 0
    for _, _, pairs in pair_blocks(src, tgt):
        sample.add(pairs)
        total += len(pairs)
        odd += sum("\ufffd" in line for pair in pairs for line in pair)
    if odd:
        log.warning("%d lines hold U+FFFD, which stands for invalid UTF-8: is the text in another encoding?", odd)
    asked = dataclasses.replace(config, vocab_size=config.vocab_size or default_vocab_size(total))
    models = train_tokenizer(asked, [s for s, _ in sample.chosen], [t for _, t in sample.chosen])
    found = with_sizes(dataclasses.replace(config, vocab_size=0), load_tokenizer(*models, config.joint).sizes)
    values = {"tokenizer": dataclasses.asdict(found), "languages": dataclasses.asdict(languages_of(src[0], tgt[0]))}
    if folder.exists() and fresh:
        set_aside(folder)
    create(folder, values, *models, config.joint)
    return folder


def encode_stream(model: str, source: str, side: str, ids: bool) -> None:
    """Print the pieces of each line of `source`, or their ids, with blanks between."""
    tokenizer, which = _open(model, side)

    def encode(lines: list[str]) -> list[str]:
        encoded = tokenizer.encode(lines, which)
        return [" ".join(map(str, line) if ids else tokenizer.pieces(line, which)) for line in encoded]

    _stream(source, encode)


def decode_stream(model: str, source: str, side: str) -> None:
    """Print the text of each line of pieces or ids of `source`."""
    tokenizer, which = _open(model, side)
    size = tokenizer.sizes.src if which == "src" else tokenizer.sizes.tgt

    def ids(line: str) -> list[int]:
        words = line.split(" ") if line else []
        if all(word.isascii() and word.isdigit() and len(word) < 10 and int(word) < size for word in words):
            return [int(word) for word in words]
        return tokenizer.ids(words, which)

    _stream(source, lambda lines: tokenizer.decode([ids(line) for line in lines], which))


def _open(model: str, side: str) -> tuple[Tokenizer, Side]:
    if side not in ("src", "tgt"):
        raise UsageError(f"--side cannot be {side}: choose src or tgt")
    return open_package(model).tokenizer(), cast(Side, side)


def _stream(source: str, convert: Callable[[list[str]], list[str]]) -> None:
    check_files([source], ["-"])
    reader = LineReader(source)
    with open_output("-") as writer:
        for block in reader.blocks():
            writer.write(convert(block))
