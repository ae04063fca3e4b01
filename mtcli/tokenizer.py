"""Text to piece ids and back, by sentencepiece."""

from __future__ import annotations

import io
import logging
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import sentencepiece as spm

from mtcli.config import TokenizerConfig
from mtcli.errors import DataError, PackageError
from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID, UNK_ID, VocabSizes

log = logging.getLogger("mtcli")

SPACE = "\u2581"  # how sentencepiece writes a space
Side = Literal["src", "tgt"]
SIDES: tuple[Side, Side] = ("src", "tgt")

_INVISIBLE = dict.fromkeys([*range(0x00, 0x09), *range(0x0E, 0x1C), 0x7F, *range(0x80, 0x85), *range(0x86, 0xA0), 0x200B, 0xFEFF])
_TO_BLANK = {**_INVISIBLE, ord(SPACE): " "}

_DAMAGED = "the tokenizer is damaged: copy the package again, or train it again with --fresh"
_PIECE, *_OTHERS = b"\x0a\x12\x1a\x22\x2a"
"""How the fields of a serialised model begin: pieces, and what there is one of."""
_MOST_PIECES = 1_000_000

FOR_TOKENIZER = 500_000
"""Pairs from which the pieces are learnt, at the least, if there are so many: more would take much memory and change little."""
SMALLEST = 5
"""Pieces with which sentencepiece can tell how many a text needs: the special ones and another."""
FEW = 32
"""Lines that go to sentencepiece one by one: for a list it starts a thread, which takes as long as some thirty lines do."""


def normalise(text: str) -> str:
    """NFC, without control characters and zero-width spaces, each run of white space, or of SPACE, one blank."""
    if not text.isprintable() or SPACE in text:  # else there is nothing to translate, which is slow
        text = text.translate(_TO_BLANK)
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True)
class Tokenizer:
    """One sentencepiece model for each side."""

    src: spm.SentencePieceProcessor
    tgt: spm.SentencePieceProcessor
    joint: bool
    """Whether the pieces of the target are the first of those of the source, or all of them."""

    @property
    def sizes(self) -> VocabSizes:
        """What a model must know of the vocabularies."""
        return VocabSizes(self.src.get_piece_size(), self.tgt.get_piece_size(), shared=self.joint)

    def encode(self, lines: list[str], side: Side) -> list[list[int]]:
        """Piece ids of each line, without BOS and EOS; none for a line that normalises to nothing."""
        return self.cut([normalise(line) for line in lines], side)

    def cut(self, lines: list[str], side: Side) -> list[list[int]]:
        """As `encode`, of lines that are normalised."""
        processor = self._processor(side)
        return [processor.encode(line) for line in lines] if len(lines) < FEW else list(processor.encode(lines, num_threads=1))

    def n_best(self, word: str, side: Side, count: int) -> list[list[int]]:
        """The most likely ways to cut a word, at most `count`, the best first; of unigram models only."""
        found: list[list[int]] = self._processor(side).nbest_encode(word, nbest_size=count)
        return found

    def scores(self, side: Side) -> list[float]:
        """The log-probability of each id; of unigram models only."""
        processor = self._processor(side)
        return [processor.get_score(i) for i in range(processor.get_piece_size())]

    def score(self, piece: str, side: Side) -> float | None:
        """How early the merge to this piece comes, of bpe models: higher is earlier; None if text has no such piece."""
        processor = self._processor(side)
        i = processor.piece_to_id(piece)
        return None if processor.is_unknown(i) or processor.is_control(i) or processor.is_byte(i) else processor.get_score(i)

    def decode(self, ids: list[list[int]], side: Side) -> list[str]:
        """Text of each list of ids, on one line each."""
        processor = self._processor(side)
        texts = map(processor.decode, ids) if len(ids) < FEW else processor.decode(ids, num_threads=1)
        return [" ".join(text.translate(_INVISIBLE).split()) for text in texts]

    def serialised(self, side: Side) -> bytes:
        """The sentencepiece model."""
        return bytes(self._processor(side).serialized_model_proto())

    def pieces(self, ids: list[int], side: Side) -> list[str]:
        """The ids as the pieces they stand for."""
        return [self._processor(side).id_to_piece(i) for i in ids]

    def vocabulary(self, side: Side) -> list[str]:
        """The pieces of all ids, in order."""
        return self.pieces(list(range(self._processor(side).get_piece_size())), side)

    def ids(self, pieces: list[str], side: Side) -> list[int]:
        """The pieces as ids; an unknown piece is `<unk>`."""
        return [self._processor(side).piece_to_id(piece) for piece in pieces]

    def never_generated(self) -> list[int]:
        """Target ids that no translation may hold: the special ones but EOS, and control characters as bytes."""
        control = [self.tgt.piece_to_id(f"<0x{byte:02X}>") for byte in (*range(0x20), 0x7F)]
        return [PAD_ID, UNK_ID, BOS_ID, *(i for i in control if i != UNK_ID)]

    def continuing(self) -> list[int]:
        """Target ids of pieces that go on with a word that has begun, and do not end it as punctuation does."""
        vocabulary = enumerate(self.vocabulary("tgt"))
        return [i for i, piece in vocabulary if self.tgt.is_byte(i) or (not piece.startswith(SPACE) and piece[:1].isalnum())]

    def spelt(self, ids: list[int], side: Side) -> int:
        """How many of the ids are bytes, of letters that the vocabulary does not know."""
        processor = self._processor(side)
        return sum(map(processor.is_byte, ids))

    def _processor(self, side: Side) -> spm.SentencePieceProcessor:
        return self.src if side == "src" else self.tgt


def load_tokenizer(src: bytes, tgt: bytes, joint: bool = True) -> Tokenizer:
    """A tokenizer from the models that `train_tokenizer` makes. Raises PackageError when one is damaged."""
    source = _load(src)
    return Tokenizer(source, source if joint and tgt == src else _load(tgt), joint)


def first_pieces(model: bytes, count: int) -> bytes:
    """A serialised model of the first `count` pieces of another. Raises PackageError when that is damaged."""
    pieces, rest = _pieces_and_rest(model)
    return b"".join(pieces[:count] + rest)


def _pieces_and_rest(model: bytes) -> tuple[list[bytes], list[bytes]]:
    """The fields of a serialised model that are pieces, and the others. Raises PackageError when it is damaged."""
    pieces: list[bytes] = []
    rest: list[bytes] = []
    try:
        for field in _fields(model):
            (pieces if field[0] == _PIECE else rest).append(field)
            if field[0] not in (_PIECE, *_OTHERS) or len(pieces) > _MOST_PIECES or len(rest) > len(_OTHERS):
                raise PackageError(_DAMAGED)
    except IndexError as error:
        raise PackageError(_DAMAGED) from error
    return pieces, rest


def _fields(message: bytes) -> Iterator[bytes]:
    """The fields as Protocol Buffers write them: which it is, its length in groups of seven bits, and so many bytes."""
    start = 0
    while start < len(message):
        length = 0
        for group in range(5):
            byte = message[start + 1 + group]
            length |= (byte & 0x7F) << 7 * group
            if byte < 0x80:
                break
        end = start + 2 + group + length
        yield message[start:end]
        start = end


def _load(model: bytes) -> spm.SentencePieceProcessor:
    try:
        processor = spm.SentencePieceProcessor(model_proto=model)
        processor.id_to_piece(list(range(processor.get_piece_size())))  # must be UTF-8
    except (RuntimeError, OSError, ValueError) as error:
        raise PackageError(_DAMAGED) from error
    ids = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
    if ids != (PAD_ID, UNK_ID, BOS_ID, EOS_ID):
        raise PackageError(f"the tokenizer's pad, unk, bos, eos are {ids}, not 0 1 2 3: train it with `mtcli tokenizer train`")
    return processor


def train_tokenizer(
    config: TokenizerConfig, src: list[str], tgt: list[str], symbols: tuple[str, ...] = ()
) -> tuple[bytes, bytes]:
    """Learn the pieces: a serialised model for each side. `symbols` of the source are pieces of their own.

    A joint vocabulary begins with what target text needs, and the target's model holds that alone: what a translation never has
    need not be computed (as with the thresholds of Sennrich et al. 2017). With bpe it holds all, as pieces are made of others.

    Raises DataError when the text is too small for any vocabulary. A size that the text cannot fill is cut, with a notice.
    """
    size = config.vocab_size or default_vocab_size(len(src))
    if not config.joint:
        return _train(src, config.type, size, symbols), _train(tgt, config.type, size)
    joint = _train([*src, *tgt], config.type, size, symbols)
    return _needed_first(joint, tgt) if config.type == "unigram" else (joint, joint)


def with_sizes(config: TokenizerConfig, found: VocabSizes) -> TokenizerConfig:
    """The settings with the sizes of the vocabularies that were found."""
    return replace(config, vocab_size=config.vocab_size or found.src, tgt_vocab_size=found.tgt if found.spared else 0)


def _needed_first(model: bytes, tgt: list[str]) -> tuple[bytes, bytes]:
    """The model with what target text is cut into in front, letters and bytes for text to come among it; and that part alone."""
    processor = spm.SentencePieceProcessor(model_proto=model)
    ids = range(processor.get_piece_size())
    needed = {PAD_ID, UNK_ID, BOS_ID, EOS_ID, *filter(processor.is_byte, ids)}
    needed.update(i for i in ids if len(processor.id_to_piece(i)) == 1)
    for line in tgt:
        needed.update(processor.encode(normalise(line)))
    pieces, rest = _pieces_and_rest(model)
    order = sorted(ids, key=lambda i: i not in needed)
    joint = b"".join([*map(pieces.__getitem__, order), *rest])
    return joint, first_pieces(joint, len(needed))


def default_vocab_size(pairs: int) -> int:
    """A vocabulary that grows with the cube root of the corpus, from 1,000 to 32,000 pieces: 8,000 for 30,000 pairs."""
    return min(32_000, max(1_000, round(260 * math.cbrt(pairs) / 500) * 500))


def _train(lines: Iterable[str], kind: str, size: int, symbols: tuple[str, ...] = ()) -> bytes:
    text = [line for line in map(normalise, lines) if line]
    try:
        model = _run_trainer(text, kind, max(size, SMALLEST), symbols)
    except RuntimeError as error:
        if needed := re.search(r"required_chars\. \d+ vs (\d+)", str(error)):
            raise DataError(f"a vocabulary of {size} pieces is too small for this text: it needs at least {needed[1]}") from error
        limit = re.search(r"value <= (\d+)", str(error))
        if not limit:
            raise DataError(
                f"no vocabulary can be learnt from {len(text)} lines ({_first_line(error)}): give more text"
            ) from error
        model = _run_trainer(text, kind, int(limit[1]), symbols)
    found = spm.SentencePieceProcessor(model_proto=model).get_piece_size()
    if found < size:
        log.warning("the text supports %d pieces, not %d: the vocabulary is that much smaller", found, size)
    return model


def _run_trainer(text: list[str], kind: str, size: int, symbols: tuple[str, ...]) -> bytes:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=kind == "bpe",
        byte_fallback=True,
        character_coverage=0.9998,
        normalization_rule_name="identity",
        pad_id=PAD_ID,
        unk_id=UNK_ID,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        user_defined_symbols=list(symbols),
        max_sentence_length=1 << 16,
        num_threads=2,
        minloglevel=2,
    )
    return model.getvalue()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:200]
