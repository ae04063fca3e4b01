"""A set of lines that takes eight bytes for each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np


class Seen:
    """Which keys were there before, by their hashes in this process.

    Of 10 million keys two are taken for equal with a probability of 3 in a million.
    """

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []
        """Sorted sums of keys, each run at least twice as long as the next."""

    def add(self, keys: Iterable[Hashable]) -> list[bool]:
        """For each key whether it is new, also within these."""
        sums = np.fromiter(map(hash, keys), np.int64)
        unique, first = np.unique(sums, return_index=True)
        new = np.ones(len(unique), bool)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, unique), len(run) - 1)
            new &= run[place] != unique
        self._put(unique[new])
        fresh = np.zeros(len(sums), bool)
        fresh[first[new]] = True
        return fresh.tolist()

    def _put(self, run: np.ndarray) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
