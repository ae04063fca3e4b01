"""Text and ids that are mapped from files instead of read: they take no memory but that of what is being looked at."""

from __future__ import annotations

import mmap
import os
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

T = TypeVar("T")
Array = np.ndarray[Any, np.dtype[Any]]

CHUNK = 1000
"""Items that are looked at together ..."""
BYTES = 1 << 22
"""... fewer when they are lines that are longer than this together ..."""
SCATTERED = 256
"""... or stand here and there, where each brings some 100 kB of its surroundings into memory."""


class Mapped(Sequence[T]):
    """A sequence of which one item, or some that follow each other, are made when they are asked for."""

    @overload
    def __getitem__(self, key: int) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> list[T]: ...
    def __getitem__(self, key: int | slice) -> T | list[T]:
        wanted = range(len(self))[key]
        if isinstance(wanted, int):
            return self.one(wanted)
        if wanted.step != 1:
            return take(self, wanted)
        found = self.some(wanted.start, max(wanted.start, wanted.stop))
        self.release()
        return found

    def __iter__(self) -> Iterator[T]:
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[T]]:
        """All items, some together."""
        for start, stop in self.spans():
            yield self[start:stop]

    def spans(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """Where some items begin and end that are looked at together, from item `start` on."""
        for each in range(start, len(self), CHUNK):
            yield each, min(each + CHUNK, len(self))

    @abstractmethod
    def one(self, i: int) -> T:
        """Item `i`, counted from 0."""

    def some(self, start: int, stop: int) -> list[T]:
        """The items from `start` to before `stop`."""
        return [self.one(i) for i in range(start, stop)]

    def release(self) -> None:
        """Give memory back in which parts of files have come to lie; they come again when they are asked for."""


def take(items: Sequence[T], indices: Sequence[int]) -> list[T]:
    """These items, from anywhere; those that stand close together are looked at together."""
    found: list[T] = []
    for start in range(0, len(indices), SCATTERED):
        block = indices[start : start + SCATTERED]
        first, end = min(block), max(block) + 1
        if end - first <= 2 * len(block):
            some = items[first:end]
            found += [some[i - first] for i in block]
        else:
            found += [items[i] for i in block]
            if isinstance(items, Mapped):
                items.release()
    return found


def run_together(runs: Sequence[Sequence[int] | Array], dtype: type[np.generic] = np.int32) -> tuple[Array, Array]:
    """The numbers of some runs one after the other, and how many each has."""
    lengths = np.fromiter(map(len, runs), np.int64, len(runs))
    return np.fromiter(chain.from_iterable(runs), dtype, lengths.sum()), lengths


def gathered(flat: Array, starts: Array, lengths: Array) -> Array:
    """Of `flat` the runs that begin at `starts` [N] and have `lengths` [N], one after the other."""
    before = np.cumsum(lengths) - lengths
    found: Array = flat[np.arange(lengths.sum()) + np.repeat(starts - before, lengths)]
    return found


class Runs(Mapped[Array]):
    """Runs of numbers of any length, one after the other in one array: the ids of each line of a text, say."""

    def __init__(self, flat: Array, bounds: Array, maps: Sequence[mmap.mmap] = ()) -> None:
        """`bounds` [N + 1], int64, holds where each run begins and where the last one ends; `maps` are what the arrays lie in."""
        self.flat, self.bounds, self.maps = flat, bounds, maps

    @classmethod
    def open(cls, path: Path, dtype: type[np.generic]) -> Runs:
        """What a RunsWriter has written there. Raises OSError or ValueError when some of it is gone."""
        maps = [found for suffix in (".flat", ".bounds") if (found := _map(path.with_suffix(suffix)))]
        flat = np.frombuffer(maps[0], dtype) if len(maps) == 2 else np.zeros(0, dtype)
        bounds = np.frombuffer(maps[-1] if maps else b"", np.int64)
        if not len(bounds) or bounds[-1] != len(flat):
            raise ValueError(f"{path}: the numbers are not as many as their bounds say")
        return cls(flat, bounds, maps)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def one(self, i: int) -> Array:
        """Run `i`."""
        return self.flat[self.bounds[i] : self.bounds[i + 1]]

    def gather(self, indices: Array) -> tuple[Array, Array]:
        """The runs of `indices` [N], one after the other, and their lengths [N]."""
        starts = self.bounds[indices]
        lengths = self.bounds[indices + 1] - starts
        return gathered(self.flat, starts, lengths), lengths

    def release(self) -> None:
        """See Mapped."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for each in self.maps:
                each.madvise(mmap.MADV_DONTNEED)

    def lengths(self) -> Array:
        """Of each run, int32 [N]."""
        found = np.diff(self.bounds).astype(np.int32)
        self.release()
        return found


def _map(path: Path) -> mmap.mmap | None:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else None


class RunsWriter:
    """Writes runs, after the whole ones that an interrupted writer has left."""

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self._dtype = np.dtype(dtype)
        self._flat, self._bounds = (path.with_suffix(suffix).open("ab") for suffix in (".flat", ".bounds"))
        whole = self._bounds.tell() // 8
        end = int(np.fromfile(path.with_suffix(".bounds"), np.int64, 1, offset=8 * whole - 8)[0]) if whole else 0
        if self._flat.tell() < end * self._dtype.itemsize:  # without power a disk may lose the one and keep the other
            whole = end = 0
        self._end, self.runs = end, max(0, whole - 1)
        """How many there are."""
        self._flat.truncate(end * self._dtype.itemsize)
        self._bounds.truncate(8 * (self.runs + 1))  # the first bound is 0

    def write(self, flat: Array, lengths: Array) -> None:
        """Some runs: their numbers one after the other, and how many each run has."""
        bounds = self._end + np.cumsum(lengths, dtype=np.int64)
        for file, array in ((self._flat, flat.astype(self._dtype, copy=False)), (self._bounds, bounds)):
            file.write(array.tobytes())
            file.flush()  # a bound comes after what it bounds
        self.runs += len(lengths)
        self._end += len(flat)

    def __enter__(self) -> RunsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        with self._flat, self._bounds:
            pass


class Lines(Mapped[str]):
    """Lines of text, of which each run holds one in UTF-8 with the LF that ends it."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def __len__(self) -> int:
        return len(self._runs)

    def one(self, i: int) -> str:
        """Line `i`, without its LF."""
        return self._runs.one(i)[:-1].tobytes().decode("utf-8")

    def some(self, start: int, stop: int) -> list[str]:
        """These lines."""
        bounds = self._runs.bounds
        return self._runs.flat[bounds[start] : bounds[stop]].tobytes().decode("utf-8").split("\n")[:-1]

    def spans(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """See Mapped."""
        while start < len(self):
            bounds = self._runs.bounds[start : start + CHUNK + 1]
            stop = start + max(1, int(np.searchsorted(bounds, bounds[0] + BYTES, "right")) - 1)
            yield start, stop
            start = stop

    def release(self) -> None:
        """See Mapped."""
        self._runs.release()


class Chain(Mapped[T]):
    """Sequences one after the other."""

    def __init__(self, parts: Sequence[Mapped[T]]) -> None:
        self.parts = parts
        self._starts = [0, *accumulate(map(len, parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    def one(self, i: int) -> T:
        """Item `i` of all."""
        part = bisect_right(self._starts, i) - 1
        return self.parts[part].one(i - self._starts[part])

    def some(self, start: int, stop: int) -> list[T]:
        """These items."""
        found: list[T] = []
        for part, first in zip(self.parts, self._starts, strict=False):
            if first < stop and first + len(part) > start:
                found += part.some(max(start - first, 0), min(stop - first, len(part)))
        return found

    def release(self) -> None:
        """See Mapped."""
        for part in self.parts:
            part.release()


class RunsOfFiles(Chain[Array]):
    """Runs one after the other, as of the lines of several files."""

    def __init__(self, parts: Sequence[Runs]) -> None:
        super().__init__(parts)
        self._runs = parts

    def gather(self, indices: Array) -> tuple[Array, Array]:
        """See Runs."""
        parts = np.searchsorted(self._starts, indices, "right") - 1
        found = [runs.gather(indices[parts == i] - self._starts[i]) for i, runs in enumerate(self._runs)]
        flat, lengths = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        place = np.argsort(np.argsort(parts, kind="stable"))  # of each index, when they are gathered part by part
        return gathered(flat, (np.cumsum(lengths) - lengths)[place], lengths[place]), lengths[place]


class Beside(Mapped[tuple[str, str]]):
    """Pairs of what stands at the same place in two sequences."""

    def __init__(self, src: Mapped[str], tgt: Mapped[str]) -> None:
        self.src, self.tgt = src, tgt

    def __len__(self) -> int:
        return len(self.src)

    def one(self, i: int) -> tuple[str, str]:
        """Pair `i`."""
        return self.src.one(i), self.tgt.one(i)

    def some(self, start: int, stop: int) -> list[tuple[str, str]]:
        """These pairs."""
        return list(zip(self.src.some(start, stop), self.tgt.some(start, stop), strict=True))

    def release(self) -> None:
        """See Mapped."""
        self.src.release()
        self.tgt.release()
