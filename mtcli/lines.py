"""Lines from files and pipes, by the pipe contract: only LF ends a line, and no byte can change their number."""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import io
import itertools
import logging
import os
import select
import shutil
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

from mtcli.errors import DataError, UsageError

log = logging.getLogger("mtcli")

CHUNK = 1 << 16
BLOCK = 1024
"""Most lines that are handed over together at first."""
GROWTH = 4
"""So many times that after some full blocks: what works on many lines at once is faster."""
MOST_BYTES = 1 << 20
"""Input after which lines are handed over, however few they are."""
BLANKS = str.maketrans("\t\r\0\v\f", "     ")
"""What other tools take for the end of a line or a field."""
LONGEST = 1 << 26
"""Most bytes of a line: no sentence has them, and memory would not hold what never ends."""
PAUSE = 0.005
"""Seconds without input after which a pipe counts as paused."""


class LineReader:
    """Reads one text source, plain or `.gz`; `-` is standard input.

    A CR before the LF is dropped, a missing final LF is supplied, invalid UTF-8 becomes U+FFFD.
    """

    def __init__(self, path: str | Path) -> None:
        """Raises DataError when the source cannot be opened."""
        self.name = source_name(str(path))
        self.invalid_lines = 0
        """How many lines so far held invalid UTF-8."""
        self._stream = _open(path, self.name)
        self._ahead: list[list[str]] = []
        self._rest: Iterator[list[str]] | None = None

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks():
            yield from block

    def blocks(self, size: int = BLOCK) -> Iterator[list[str]]:
        """Yield the lines in lists of at most `size`, later `GROWTH` times that; a shorter list as soon as the input pauses."""
        yield from self._ahead
        yield from self._rest or self._blocks(size)

    def peek(self, enough: Callable[[list[str]], bool]) -> None:
        """Give `enough` the first blocks until it says so; `blocks` gives them again. To be called before it."""
        self._rest = self._blocks(BLOCK)
        for block in self._rest:
            self._ahead.append(block)
            if enough(block):
                break

    def skip(self, count: int) -> None:
        """Leave out the first `count` lines. To be called before `blocks`. Raises DataError when there are fewer."""
        rest, left = itertools.chain(self._ahead, self._rest or self._blocks(BLOCK)), count
        while left > 0:
            block = next(rest, None)
            if block is None:
                raise DataError(f"{self.name} has {count - left} lines, and {count} have been translated: is it the same text?")
            self.invalid_lines -= min(self.invalid_lines, sum("\ufffd" in line for line in block[:left]))
            if left < len(block):
                rest = itertools.chain([block[left:]], rest)
            left -= len(block)
        self._ahead, self._rest = [], rest

    def _blocks(self, size: int) -> Iterator[list[str]]:
        parts: list[bytes] = []  # the line that has not ended yet
        lines: list[str] = []
        pending = 0  # bytes since lines were last handed over
        number, length = 1, 0  # of the line that has not ended yet
        most = GROWTH * size
        with self._stream:
            while chunk := self._read():
                first, *rest = chunk.split(b"\n")
                parts.append(first)
                length = len(rest[-1]) if rest else length + len(first)
                number += len(rest)
                if length > LONGEST:
                    raise DataError(f"{self.name}, line {number}: is longer than {LONGEST >> 20} MB: this is no text")
                if rest:
                    ended = [b"".join(parts), *rest[:-1]]
                    parts = [rest[-1]]
                    lines.extend(map(self._decode, ended))
                pending += len(chunk)
                while len(lines) >= size:
                    yield lines[:size]
                    lines, pending, size = lines[size:], 0, min(2 * size, most)
                if lines and (pending >= MOST_BYTES or self._paused()):
                    yield lines
                    lines, pending = [], 0
            if last := b"".join(parts):
                lines.append(self._decode(last))
            if lines:
                yield lines

    def _read(self) -> bytes:
        try:
            while (chunk := self._stream.read(CHUNK)) is None:  # a pipe that does not block, and is empty
                select.select([self._stream], [], [])
            return chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{self.name}: damaged gzip file ({error})") from error
        except OSError as error:
            raise DataError(f"{self.name}: cannot be read ({error.strerror})") from error

    def _paused(self) -> bool:
        if not isinstance(self._stream, io.FileIO):
            return False
        return not select.select([self._stream], [], [], PAUSE)[0]

    def _decode(self, line: bytes) -> str:
        line = line.removesuffix(b"\r")
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self.invalid_lines += 1
            return line.decode("utf-8", errors="replace")


class LinesBeside:
    """Lines of a file that belong to those of another source, taken as that source gives its own."""

    def __init__(self, path: str, other: LineReader) -> None:
        """Raises DataError when the file cannot be opened."""
        self._reader, self._other = LineReader(path), other
        self._lines = iter(self._reader)
        self._taken = 0

    def take(self, count: int) -> list[str]:
        """The next lines, as many as the other source has given. Raises DataError when there are fewer."""
        lines = list(itertools.islice(self._lines, count))
        self._taken += len(lines)
        if len(lines) < count:
            raise DataError(f"{self._reader.name} has {self._taken} lines, {self._other.name} has more: line k belongs to line k")
        return lines

    def end(self) -> None:
        """Raises DataError when there are more lines than the other source had."""
        if next(self._lines, None) is not None:
            raise DataError(f"{self._other.name} has {self._taken} lines, {self._reader.name} has more: line k belongs to line k")


def _open(path: str | Path, name: str) -> BinaryIO:
    with _opening(name):
        if str(path) == "-":
            if sys.stdin is None:
                raise DataError("standard input is closed: give a file, or pipe text in")
            return io.FileIO(0, closefd=False)
        if str(path).endswith(".gz"):
            return gzip.open(path)  # type: ignore[return-value]
        return io.FileIO(os.fspath(path))


def as_text(name: str) -> str:
    """The name of a file with `?` for bytes that are no UTF-8."""
    return name.encode(errors="replace").decode()


def source_name(path: str) -> str:
    """What a source of text is called."""
    return "standard input" if path == "-" else path


@contextmanager
def _opening(name: str) -> Iterator[None]:
    """Raises DataError for a file that cannot be opened."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{name}: is a folder, not a text file") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be opened ({error.strerror})") from error


def check_readable(path: str) -> None:
    """Raises DataError for a file that cannot be opened."""
    with _opening(path), open(path, "rb"):
        pass


def checksum(path: str | Path) -> str:
    """SHA-256 of the bytes of a file. Raises DataError when it cannot be read."""
    with _opening(str(path)), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def each_line(path: str | Path) -> Iterator[str]:
    """The lines of a file. Raises DataError when it is missing or unreadable."""
    reader = LineReader(path)
    yield from reader
    if reader.invalid_lines:
        log.warning("%s: %d lines held invalid UTF-8, replaced by U+FFFD", reader.name, reader.invalid_lines)


def read_lines(path: str | Path) -> list[str]:
    """All lines of a file. Raises DataError when it is missing, unreadable or has no line."""
    if lines := list(each_line(path)):
        return lines
    raise DataError(f"{source_name(str(path))}: is empty")


def pair_blocks(src: list[str], tgt: list[str]) -> Iterator[tuple[str, int, list[tuple[str, str]]]]:
    """The sentence pairs of line-aligned files, some together, with the source file and the number of the first line, from 1.

    Raises DataError when a pair of files differs in length or all are empty, UsageError when a file has no partner.
    """
    check_partners(src, tgt)
    total = 0
    for src_path, tgt_path in zip(src, tgt, strict=True):
        reader, line = LineReader(src_path), 1
        beside = LinesBeside(tgt_path, reader)
        for block in reader.blocks():
            yield src_path, line, list(zip(block, beside.take(len(block)), strict=True))
            line += len(block)
        beside.end()
        total += line - 1
    if not total:
        raise DataError(f"{' and '.join(src)}: is empty")


def check_partners(src: list[str], tgt: list[str]) -> None:
    """Raises UsageError when a source file has no target file or the other way round."""
    if len(src) != len(tgt):
        raise UsageError(f"{len(src)} source files {src} but {len(tgt)} target files {tgt}: give them in pairs")


def check_aligned(src: str, src_lines: int, tgt: str, tgt_lines: int) -> None:
    """Raises DataError when two files that belong together have different numbers of lines."""
    if src_lines != tgt_lines:
        raise DataError(f"{src} has {src_lines} lines but {tgt} has {tgt_lines}: the two sides must be line-aligned")


def read_parallel(src: list[str], tgt: list[str]) -> list[tuple[str, str]]:
    """The sentence pairs of line-aligned files, those of one after those of the other.

    Raises DataError when a pair of files differs in length, UsageError when a file has no partner.
    """
    check_partners(src, tgt)
    pairs: list[tuple[str, str]] = []
    for src_path, tgt_path in zip(src, tgt, strict=True):
        s, t = read_lines(src_path), read_lines(tgt_path)
        check_aligned(src_path, len(s), tgt_path, len(t))
        pairs += zip(s, t, strict=True)
    return pairs


class LineWriter:
    """Writes lines at once, without a buffer that could be lost or flushed twice."""

    def __init__(self, stream: io.FileIO | gzip.GzipFile, name: str, lines: int = 0) -> None:
        self._stream, self._name, self.lines = stream, name, lines
        """`lines` were there before."""

    def write(self, lines: list[str]) -> None:
        """Write each line with an LF. Raises DataError when the disk is full or the stream closed.

        When the reader of a pipe is gone the process ends by SIGPIPE, without a word: only here, as other pipes lead to workers.
        """
        data = memoryview("".join(line + "\n" for line in lines).encode("utf-8"))
        try:
            while data:
                written = self._stream.write(data)
                if written is None:  # a pipe that does not block, and is full
                    select.select([], [self._stream], [])
                else:
                    data = data[written:]
        except BrokenPipeError:
            end_without_reader()
        except OSError as error:
            raise DataError(f"{self._name}: cannot be written ({error.strerror})") from error


def end_without_reader() -> NoReturn:
    """End as a program does whose output nobody reads any more: by SIGPIPE, without a word."""
    remove_vanishing()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
    os._exit(128 + signal.SIGPIPE)  # where that is blocked


@contextmanager
def open_output(path: str | Path) -> Iterator[LineWriter]:
    """Standard output for `-`; else a file, packed if its name ends in `.gz`, that appears only when all of it is written."""
    if is_standard_output(path):
        if sys.stdout is None:
            raise DataError("standard output is closed: give -o FILE")
        yield LineWriter(io.FileIO(1, "w", closefd=False), "standard output")
        return
    if str(path) == "" or str(path).endswith(os.sep) or Path(path).is_dir():
        raise DataError(f"{path or 'the output'}: is a folder, or no name: name a file to write")
    with replacing(Path(path)) as temporary, io.FileIO(os.fspath(temporary), "w") as stream:
        if str(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
                yield LineWriter(packed, str(path))
        else:
            yield LineWriter(stream, str(path))
    _note_of(Path(path)).unlink(missing_ok=True)  # it was of other lines


def is_standard_output(path: str | Path) -> bool:
    """Whether it is `-`, or another name of that, as /dev/stdout is: what the shell has opened cannot be replaced."""
    try:
        return str(path) == "-" or os.path.samestat(Path(path).stat(), os.fstat(1))
    except OSError:
        return False


def part_of(path: str | Path) -> Path:
    """Where `going_on` writes until all is there."""
    return Path(f"{path}.part")


@contextmanager
def going_on(path: str | Path, how: str) -> Iterator[LineWriter]:
    """As `open_output`, but after the whole lines that an earlier run has left beside `path`, and leaving there what it wrote.

    `how` says on what the lines depend, and is kept beside them, as FILE.mtcli in the end. Raises DataError when they were begun
    otherwise, and when another process writes there.
    """
    part, note = part_of(path), _note_of(part_of(path))
    if str(path).endswith(".gz") or (Path(path).exists() and not Path(path).is_file()):
        raise DataError(f"{path}: only a plain file can be gone on with: name one, and pack it afterwards")
    with writing(part), io.FileIO(os.fspath(part), "a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{part}: another process is writing it") from None
        lines, size = _whole_lines(stream)
        if lines and note.exists() and note.read_text("utf-8", "replace") != how:
            raise DataError(
                f"{part}: was begun by another command, or of another text: give the same, or remove it to begin again"
            )
        note.write_text(how, "utf-8")
        stream.truncate(size)
        try:
            yield LineWriter(stream, str(part), lines)
        except BaseException:
            if not stream.tell():
                part.unlink()
                note.unlink(missing_ok=True)
            raise
        part.replace(path)
        note.replace(_note_of(Path(path)))


def is_complete(path: str | Path, source: str, how: str) -> bool:
    """Whether all of the output that is to be resumed is there; for `how` see `going_on`.

    Raises DataError when it was made otherwise, or has not as many lines as its source.
    """
    if not Path(path).is_file() or part_of(path).exists():
        return False
    if source != "-":
        found, wanted = (sum(map(len, LineReader(name).blocks())) for name in (path, source))
        if found != wanted:
            raise DataError(f"{path} is there and has {found} lines, but {source} has {wanted}: remove it, or name another")
    note = _note_of(Path(path))
    if note.exists() and note.read_text("utf-8", "replace") != how:
        raise DataError(f"{path} is there, made by another command, or of another text: remove it, or name another")
    log.warning("%s is complete: nothing to do", path)
    return True


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.mtcli")


def _whole_lines(stream: io.FileIO) -> tuple[int, int]:
    """How many lines have an end, and where the last of them has it."""
    stream.seek(0)
    lines = size = place = 0
    while chunk := stream.read(CHUNK):
        if found := chunk.count(b"\n"):
            lines, size = lines + found, place + chunk.rindex(b"\n") + 1
        place += len(chunk)
    return lines, size


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Raises DataError when the block cannot write the file; it says what helps when that is for want of room."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = ": make room and give the same command again" if full else ""
        raise DataError(f"{path}: cannot be written ({error.strerror or error}){remedy}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place if the block ends well and vanishes if not.

    Raises DataError when the folder does not exist or cannot be written.
    """
    if path.exists() and not path.is_file():  # a FIFO, a device: nothing to replace
        yield path
        return
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    with writing(path), vanishing(place.with_name(f".{place.name}.{os.getpid()}.tmp")) as temporary:
        yield temporary
        if place.exists():
            shutil.copymode(place, temporary)
        temporary.replace(place)


_vanishing: set[Path] = set()


@contextmanager
def vanishing(path: Path) -> Iterator[Path]:
    """`path`, a file or folder that is gone after the block, and when `remove_vanishing` is called before a sudden end."""
    _vanishing.add(path)
    try:
        yield path
    finally:
        remove(path)
        _vanishing.discard(path)


def remove_vanishing() -> None:
    """Remove what now is on its way to vanish."""
    for path in list(_vanishing):
        remove(path)


def remove(path: Path) -> None:
    """Let a file, or a folder with all that is in it, be gone, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):  # the latter says macOS of a folder
        shutil.rmtree(path, ignore_errors=True)
