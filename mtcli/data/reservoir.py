"""Items drawn uniformly from a stream of unknown length."""

from __future__ import annotations

import random


class Reservoir:
    """At most `size` pairs of all that were added, each as likely as any other (Vitter 1985, algorithm R)."""

    def __init__(self, size: int) -> None:
        self.chosen: list[tuple[str, str]] = []
        self._size, self._seen, self._rng = size, 0, random.Random(1)

    def add(self, pairs: list[tuple[str, str]]) -> None:
        """Some more of the stream."""
        for pair in pairs:
            self._seen += 1
            if len(self.chosen) < self._size:
                self.chosen.append(pair)
            elif (place := self._rng.randrange(self._seen)) < self._size:
                self.chosen[place] = pair
