"""Training text as lines and as ids, prepared once: files that are mapped, in the cache, under the sums of what they hold."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np

from mtcli.cache import cached, passing, reading, root
from mtcli.data.mapped import CHUNK, Array, Lines, Runs, RunsWriter
from mtcli.lines import LineReader, checksum
from mtcli.tags import target_of
from mtcli.tokenizer import Side, Tokenizer, normalise
from mtcli.workers import cores, in_order

log = logging.getLogger("mtcli")

_LF = ord("\n")
MANY, FEW = 1 << 22, 8
"""Bytes of text, and chunks of lines, above which it is worth the while to have other processes help."""

LONG, LONG_TEXT = 1 << 25, 1_000_000
"""Bytes of a file, and lines, above which it takes so long that it is told."""


@dataclass(frozen=True)
class Facts:
    """What is known of a text."""

    sum: str
    """SHA-256 of its lines."""
    invalid: int
    """Lines that held invalid UTF-8."""
    targets: list[str]
    """Languages that its lines name as their target."""
    untagged: bool
    """Whether a line has text and names none."""


@dataclass(frozen=True)
class Text:
    """Normalised lines of a file."""

    lines: Lines
    facts: Facts

    @classmethod
    def open(cls, folder: Path) -> Text:
        """What `_write` has written."""
        with reading(folder):
            facts = Facts(**json.loads((folder / "facts.json").read_text("utf-8")))
            return cls(Lines(Runs.open(folder / "lines", np.uint8)), facts)


def prepare(files: list[str]) -> list[Text]:
    """The lines of each file, of several at the same time. Raises DataError for one that cannot be read."""
    root()  # before other processes ask for it
    names = list(dict.fromkeys(files))
    folders = {name: _prepare_pipe(name) for name in names if _is_pipe(name)}
    left = [name for name in names if name not in folders]
    size = sum(Path(name).stat().st_size for name in left if Path(name).is_file())
    folders |= dict(in_order(_prepare, left, min(cores(), len(left)) if size > MANY else 1))
    return [Text.open(folders[name]) for name in files]


def _is_pipe(name: str) -> bool:
    return name == "-" or (Path(name).exists() and not Path(name).is_file() and not Path(name).is_dir())


def _prepare(name: str) -> Path:
    def make(folder: Path) -> None:
        if Path(name).stat().st_size > LONG:
            log.info("%s: is prepared, once", name)
        _write(folder, LineReader(name), "")

    return cached("text", [checksum(name), name.endswith(".gz")], make)


def _prepare_pipe(name: str) -> Path:
    """As `_prepare`, of what can be read only once."""
    with passing("pipe") as folder:
        copy = folder / "lines"
        with copy.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in LineReader(name))
        return _prepare(str(copy))


def tagged(text: Text, tag: str) -> Text:
    """The same, with `tag` before each line that has text and names no target."""
    return Text.open(cached("text", [text.facts.sum, tag], lambda folder: _write(folder, text.lines, f"{tag} ")))


def _write(folder: Path, lines: LineReader | Lines, begin: str) -> None:
    """Write the lines, those that name no target after `begin`, and what is known of them."""
    for left in folder.iterdir():
        left.unlink()
    digest, targets, untagged = sha256(), set[str](), 0
    with RunsWriter(folder / "lines", np.uint8) as writer:
        for block in lines.blocks():
            some = [normalise(line) for line in block]
            if begin:
                some = [begin + line if line and not target_of(line) else line for line in some]
            named = [target for line in some if line.startswith(">>") and (target := target_of(line))]
            targets.update(named)
            untagged += len(some) - some.count("") - len(named)
            data = "".join(f"{line}\n" for line in some).encode("utf-8")
            digest.update(data)
            flat = np.frombuffer(data, np.uint8)
            writer.write(flat, np.diff(np.flatnonzero(flat == _LF), prepend=-1))
    invalid = lines.invalid_lines if isinstance(lines, LineReader) else 0
    facts = Facts(digest.hexdigest(), invalid, sorted(targets), untagged > 0)
    (folder / "facts.json").write_text(json.dumps(asdict(facts)), "utf-8")


def encode(text: Text, tokenizer: Tokenizer, side: Side) -> Runs:
    """The ids of each line. What was interrupted goes on."""
    of_model = sha256(tokenizer.serialised(side)).hexdigest()
    dtype = np.uint16 if len(tokenizer.vocabulary(side)) <= 1 << 16 else np.int32
    folder = cached("ids", [text.facts.sum, of_model], lambda folder: _write_ids(folder, text.lines, tokenizer, side, dtype))
    with reading(folder):
        return Runs.open(folder / "ids", dtype)


def _write_ids(folder: Path, lines: Lines, tokenizer: Tokenizer, side: Side, dtype: type[np.generic]) -> None:
    def some(start: int) -> tuple[Array, Array]:
        """The ids of some lines one after the other, and how many each line has."""
        ids = tokenizer.cut(lines[start : start + CHUNK], side)
        return np.fromiter(chain.from_iterable(ids), dtype), np.fromiter(map(len, ids), np.int64, len(ids))

    with RunsWriter(folder / "ids", dtype) as writer:
        starts = range(writer.runs, len(lines), CHUNK)
        if len(lines) > LONG_TEXT:
            log.info("%s lines are cut into pieces, once", f"{len(lines):,}")
        for _, (flat, lengths) in in_order(some, starts, cores() if len(starts) > FEW else 1):
            writer.write(flat, lengths)
