"""The four special ids, and the sizes of the vocabularies: the only place that knows these numbers."""

from __future__ import annotations

from dataclasses import dataclass

PAD_ID = 0
UNK_ID = 1
BOS_ID = 2
EOS_ID = 3


@dataclass(frozen=True)
class VocabSizes:
    """What a model must know of its tokenizer."""

    src: int
    """Number of source pieces, the special ones included."""
    tgt: int
    """Number of target pieces, the special ones included."""
    shared: bool
    """True when the pieces of the target are the first of those of the source, so that their embeddings can be one matrix."""

    @property
    def embedded(self) -> int:
        """Rows of the matrix that has the embeddings of the target."""
        return self.src if self.shared else self.tgt

    @property
    def spared(self) -> int:
        """How many of these rows are of the source alone."""
        return self.embedded - self.tgt

    def __str__(self) -> str:
        if not self.shared:
            return f"{self.src:,} source and {self.tgt:,} target pieces"
        return f"{self.src:,} pieces" + (f", {self.tgt:,} of them of the target" if self.spared else "")
