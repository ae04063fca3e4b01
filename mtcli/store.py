"""Training text as lines and as ids, prepared once: files that are mapped, in the cache, under the sums of what they hold."""

from __future__ import annotations

import contextlib
import json
import logging
import resource
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from mtcli.cache import cached, passing, reading, root
from mtcli.data.mapped import CHUNK, Array, Lines, Runs, RunsWriter, run_together
from mtcli.errors import DataError
from mtcli.lines import LineReader, check_readable, checksum
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
    with contextlib.suppress(OSError, ValueError):  # each text keeps four handles
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = list(dict.fromkeys(files))
    pipes = [name for name in names if is_pipe(name)]
    left = [name for name in names if name not in pipes]
    for name in left:
        check_readable(name)
    folders = {name: _prepare_pipe(name) for name in pipes}
    size = sum(Path(name).stat().st_size for name in left if Path(name).is_file())
    folders |= dict(in_order(_prepare, left, min(cores(), len(left)) if size > MANY else 1))
    return [Text.open(folders[name]) for name in files]


def is_pipe(name: str) -> bool:
    """Whether it can be read once."""
    return (
        name == "-"
        or name.startswith("/dev/fd/")
        or (Path(name).exists() and not Path(name).is_file() and not Path(name).is_dir())
    )


def _prepare(name: str) -> Path:
    found = checksum(name)

    def make(folder: Path) -> None:
        if Path(name).stat().st_size > LONG:
            log.info("%s: is prepared, once", name)
        _write(folder, LineReader(name))
        if checksum(name) != found:
            raise DataError(f"{name}: was changed while it was read: give the command again")

    return cached("text", [found, name.endswith(".gz")], make)


def _prepare_pipe(name: str) -> Path:
    """As `_prepare`, of what can be read only once."""
    with passing("pipe") as passed:
        facts = _write(passed, LineReader(name))

        def make(folder: Path) -> None:
            for file in passed.iterdir():
                file.rename(folder / file.name)

        return cached("text", ["pipe", facts.sum, facts.invalid], make)


def tagged(text: Text, tag: str) -> Text:
    """The same, with `tag` before each line that has text and names no target."""

    def make(folder: Path) -> None:
        _write(folder, text.lines, f"{tag} ")

    return Text.open(cached("text", [text.facts.sum, tag], make))


def _write(folder: Path, lines: LineReader | Lines, begin: str = "") -> Facts:
    """Write the lines, those that name no target after `begin`, and what is known of them."""
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
            letters = np.frombuffer(data, np.uint8)
            writer.write(letters, np.diff(np.flatnonzero(letters == _LF), prepend=-1))
    invalid = lines.invalid_lines if isinstance(lines, LineReader) else 0
    facts = Facts(digest.hexdigest(), invalid, sorted(targets), untagged > 0)
    (folder / "facts.json").write_text(json.dumps(asdict(facts)), "utf-8")
    return facts


def encode(text: Text, tokenizer: Tokenizer, side: Side) -> Runs:
    """The ids of each line. What was interrupted goes on."""
    of_model = sha256(tokenizer.serialised(side)).hexdigest()
    dtype = np.uint16 if len(tokenizer.vocabulary(side)) <= 1 << 16 else np.int32

    def make(folder: Path) -> None:
        _write_ids(folder, text.lines, tokenizer, side, dtype)

    folder = cached("ids", [text.facts.sum, of_model], make, goes_on=True)
    with reading(folder):
        ids = Runs.open(folder / "ids", dtype)
        if len(ids) != len(text.lines):
            raise ValueError("other lines than the text has")
        return ids


def _write_ids(folder: Path, lines: Lines, tokenizer: Tokenizer, side: Side, dtype: type[np.generic]) -> None:
    def some(span: tuple[int, int]) -> tuple[Array, Array]:
        """The ids of some lines one after the other, and how many each line has."""
        return run_together(tokenizer.cut(lines[slice(*span)], side), dtype)

    if len(lines) > LONG_TEXT:
        log.info("%s lines are cut into pieces, once", f"{len(lines):,}")
    with RunsWriter(folder / "ids", dtype) as writer:
        many = len(lines) - writer.runs > FEW * CHUNK
        for _, (ids, lengths) in in_order(some, lines.spans(writer.runs), cores() if many else 1):
            writer.write(ids, lengths)
