"""What a `model.toml` says, as types. Every default stands here and nowhere else."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import tomllib
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from mtcli.errors import UsageError

T = TypeVar("T")

FORMAT = 1
"""The newest layout of a model package that this version reads, and the one that it writes."""


@dataclass(frozen=True)
class Languages:
    """Codes such as `de` and `en`, taken from the names of the training files; empty when unknown."""

    src: str = ""
    tgt: str = ""
    targets: tuple[str, ...] = ()
    """Target languages when there are several: a source line then begins with the one it wants, as in `>>de<< Hello!`."""

    def cover(self, src: str, tgt: str) -> bool:
        """Whether these are languages to translate from and to; an empty one is any."""
        return src in ("", *self.sources) and tgt in ("", *(self.targets or (self.tgt,)))

    @property
    def choice(self) -> str:
        """What a command to translate must say, too, where there are several targets: the first of them."""
        return f" --to {self.targets[0]}" if self.targets else ""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Languages to translate from and to, as far as they are known."""
        targets = self.targets or tuple(filter(None, (self.tgt,)))
        return [(src, tgt) for src in self.sources for tgt in targets if src != tgt]

    @property
    def sources(self) -> tuple[str, ...]:
        """Source languages, of which a model with several targets may have several, too; none when unknown."""
        return tuple(filter(None, self.src.split("+")))


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the encoder-decoder."""

    architecture: Literal["transformer", "rnn"] = "transformer"
    """`transformer` (pre-norm) or `rnn` (bidirectional LSTM encoder, attention decoder with input feeding)."""
    width: int = 256
    """Width D of embeddings and of what the decoder hands to the output layer."""
    encoder_layers: int = 3
    decoder_layers: int = 3
    """Number of layers; the RNN uses them as stacked LSTM layers."""
    heads: int = 4
    """Attention heads (transformer)."""
    ff_width: int = 1024
    """Inner width of the feed-forward blocks (transformer)."""
    hidden: int = 512
    """LSTM units of the decoder; the encoder has half as many in each direction (rnn)."""
    dropout: float = 0.3
    """Probability that an activation is dropped in training."""

    def __post_init__(self) -> None:
        for name in ("width", "encoder_layers", "decoder_layers", "heads", "ff_width", "hidden"):
            most = 100 if "layers" in name else 1 << 16
            _check(1 <= getattr(self, name) <= most, f"model.{name} must lie in [1, {most}]")
        _check(self.width % self.heads == 0, f"model.width ({self.width}) must be a multiple of model.heads ({self.heads})")
        _check(self.width % 2 == 0 and self.hidden % 2 == 0, "model.width and model.hidden must be even")
        _check(0 <= self.dropout < 1, "model.dropout must lie in [0, 1)")


@dataclass(frozen=True)
class TokenizerConfig:
    """How text becomes pieces."""

    type: Literal["unigram", "bpe"] = "unigram"
    vocab_size: int = 0
    """Pieces in each vocabulary; 0 lets the corpus decide."""
    joint: bool = True
    """One vocabulary for both sides, or one for each."""
    tgt_vocab_size: int = 0
    """Pieces of a joint vocabulary, from its beginning, that the target has; 0 for all. It is found with the pieces."""

    def __post_init__(self) -> None:
        _check(self.vocab_size >= 0, "tokenizer.vocab_size must not be negative")
        _check(self.tgt_vocab_size >= 0, "tokenizer.tgt_vocab_size must not be negative")
        _check(self.vocab_size <= 1_000_000, "tokenizer.vocab_size must not be above 1000000")


@dataclass(frozen=True)
class TrainingConfig:
    """How the weights are found."""

    seed: int = 1
    batch_tokens: int = 0
    """Most positions in a batch on either side, padding included; 0 takes 4,096, less if memory holds less, and up to 32,768 for
    much text on a GPU."""
    learning_rate: float = 0.001
    """Peak learning rate, reached after `warmup_steps`; it then falls linearly to zero at the end of the budget."""
    warmup_steps: int = 1000
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    r_drop: float = 0.0
    """Weight of the divergence between two passes with different dropout (Liang et al. 2021, alpha); 0 makes one pass."""
    subword_sampling: float = 0.0
    """Cut words into other pieces in each epoch: for bpe the probability that a merge is left out (Provilkov et al. 2020),
    for unigram the exponent of the pieces' probabilities, less is wilder (Kudo 2018); 0 always takes the best pieces."""
    noise: float = 0.0
    """Share of the source lines that an epoch shows as people type them, see noise.careless; other ones each time. With any
    noise half of the pairs with names or numbers get others, see noise.renamed."""
    freeze: tuple[str, ...] = ()
    """Weights that are not trained: all whose names begin so, such as `encoder` or `tgt_embedding`."""
    clip_norm: float = 1.0
    """Gradients whose norm is larger are scaled down to it."""
    average_decay: float = 0.995
    """Decay of the exponential moving average of the weights, which is what is validated and kept."""
    steps: int = 0
    """Budget in updates; with no budget at all, 52 passes over the corpus are made, fewer when it is large."""
    epochs: int = 0
    """Budget in passes over the corpus."""
    seconds: float = 0.0
    """Budget in seconds of training; the first budget that is used up ends the run."""
    validations: int = 15
    """How often in the run the dev set is translated and scored."""
    patience: int = 6
    """Validations in a row with neither a better dev BLEU nor a lower dev loss after which training stops."""
    save_seconds: float = 300.0
    """Time between two saves of the state, beside those at each validation; 0 saves after every update."""
    max_length: int = 200
    """Pairs with more pieces than this on a side are left out."""
    dev_size: int = 1000
    """Most pairs to split off when no dev set is given; never more than a twentieth of the corpus."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of matrix products in training; `auto` is bfloat16 where the processor has it."""

    def __post_init__(self) -> None:
        for name in ("validations", "patience", "max_length", "dev_size"):
            _check(getattr(self, name) >= 1, f"training.{name} must be at least 1")
        for name in ("batch_tokens", "warmup_steps", "weight_decay", "r_drop", "steps", "epochs", "seconds", "save_seconds"):
            _check(getattr(self, name) >= 0, f"training.{name} must not be negative")
        _check(abs(self.seed) < 2**31, "training.seed must lie between -2**31 and 2**31")
        _check(self.learning_rate > 0 and self.clip_norm > 0, "training.learning_rate and clip_norm must be positive")
        _check(0 <= self.subword_sampling <= 1, "training.subword_sampling must lie in [0, 1]")
        _check(0 <= self.noise <= 1, "training.noise must lie in [0, 1]")
        _check(0 <= self.label_smoothing < 1, "training.label_smoothing must lie in [0, 1)")
        _check(0 <= self.average_decay < 1, "training.average_decay must lie in [0, 1)")


@dataclass(frozen=True)
class DecodingConfig:
    """How translations are searched for."""

    beam_size: int = 5
    n_best: int = 1
    """Hypotheses to return for each sentence, best first; at most `beam_size`."""
    length_penalty: float = 1.4
    """A hypothesis scores its log-probability divided by its length to this power (Wu et al. 2016, simplified)."""
    max_length_ratio: float = 2.0
    """A translation has at most about this many times the pieces of its source, and ten more."""
    min_length_ratio: float = 0.0
    """A translation has at least so many times the pieces of its source."""
    no_repeat_ngram: int = 0
    """No run of so many pieces comes twice in a translation; 0 allows it."""
    temperature: float = 0.0
    """0 searches for the best translations; above, they are drawn at random: 1 from what the model thinks, less is tamer."""
    top_k: int = 0
    """Draw from so many likeliest pieces; 0 takes all."""
    top_p: float = 1.0
    """Draw from the likeliest pieces that together have this probability."""
    seed: int = 1
    """Of what is drawn. The same sentence with the same seed gives the same samples."""
    retry: bool = True
    """Search again, with no three pieces twice, when the best translation loops, is empty, endless, or holds broken letters."""
    max_source_length: int = 200
    """A longer line is cut into parts, which are translated one by one; training sets what it has seen."""
    batch_tokens: int = 8192
    """Most source positions times beams in a batch. It changes speed and memory, never the result."""

    def __post_init__(self) -> None:
        for name in ("length_penalty", "max_length_ratio", "min_length_ratio", "temperature", "top_p"):
            _check(not math.isnan(getattr(self, name)), f"decoding.{name} must be a number")
        for name in ("beam_size", "n_best", "batch_tokens"):
            _check(getattr(self, name) >= 1, f"decoding.{name} must be at least 1")
        _check(self.beam_size <= 1000, "decoding.beam_size must not be above 1000")
        _check(self.n_best <= 100_000, "decoding.n_best must not be above 100000")
        wide_enough = self.temperature > 0 or self.n_best <= self.beam_size
        _check(wide_enough, f"decoding.n_best ({self.n_best}) cannot be larger than decoding.beam_size ({self.beam_size})")
        for name in ("min_length_ratio", "no_repeat_ngram", "temperature", "top_k"):
            _check(getattr(self, name) >= 0, f"decoding.{name} must not be negative")
        for name, limit in (("length_penalty", 100), ("min_length_ratio", 1000), ("max_length_ratio", 1000)):
            _check(getattr(self, name) < limit, f"decoding.{name} must be less than {limit}")
        _check(self.temperature == 0 or 0.001 <= self.temperature <= 100, "decoding.temperature must be 0 or lie in [0.001, 100]")
        for name in ("no_repeat_ngram", "top_k"):
            _check(getattr(self, name) <= 1_000_000, f"decoding.{name} must not be above 1000000")
        _check(0 < self.top_p <= 1, "decoding.top_p must lie in (0, 1]")
        narrowed = self.top_k > 0 or self.top_p < 1
        _check(
            self.temperature > 0 or not narrowed,
            "decoding.top_k and decoding.top_p are for drawing at random: give decoding.temperature, such as 1",
        )
        _check(self.length_penalty >= 0, "decoding.length_penalty must not be negative")
        _check(self.max_length_ratio > 0, "decoding.max_length_ratio must be positive")
        least, most = self.min_length_ratio, self.max_length_ratio
        _check(least <= most, f"decoding.min_length_ratio ({least}) cannot be above decoding.max_length_ratio ({most})")
        _check(8 <= self.max_source_length <= 100_000, "decoding.max_source_length must lie in [8, 100000]")

    def max_length(self, src_length: int) -> int:
        """Most pieces of a translation, EOS counted, for a source of `src_length` pieces, which is rounded up to eights.

        So few limits let most sentences of a batch have the same.
        """
        return int(self.max_length_ratio * -(-src_length // 8) * 8) + 10

    def limits(self, src_length: int, prefix: int = 0) -> tuple[int, int]:
        """Fewest pieces, EOS not counted, and most, EOS counted, of a translation whose first `prefix` pieces are given."""
        most = min(self.max_length(src_length) + prefix, self.longest) if prefix else self.max_length(src_length)
        least = math.ceil(self.min_length_ratio * src_length)
        return min(least + prefix if least else 0, most - 1), most

    @property
    def longest(self) -> int:
        """Most pieces that either side can have, EOS not counted."""
        return max(self.max_source_length, self.max_length(self.max_source_length))


NOT_DRAWN: dict[str, Any] = {"temperature": 0.0, "top_k": 0, "top_p": 1.0}
"""What makes a decoding search for the best."""


@dataclass(frozen=True)
class DataRecord:
    """What a package was trained on."""

    src: tuple[str, ...] = ()
    tgt: tuple[str, ...] = ()
    """Names of the training files."""
    weights: tuple[float, ...] = ()
    """How often an epoch shows each file's pairs; empty when each is shown once."""
    origin: str = ""
    """Name of the package that training went out from, if there was one."""
    origin_text: str = ""
    """Licence and attribution of the text that this one was trained on; shown in the model card."""
    pairs: int = 0
    tgt_tokens: int = 0
    """Sentence pairs and target pieces that were trained on."""
    dev: str = ""
    """Where the dev set came from."""
    dev_pairs: int = 0
    sentences_a_line: float = 0.0
    """Mean number of sentences of a source line, about; 0 when unknown."""
    licence: str = ""
    """Under which the text may be used; shown in the model card."""
    attribution: str = ""
    """Whose text it is; shown in the model card."""
    fingerprint: str = ""
    """SHA-256 of the training and dev text."""

    @property
    def single_sentences(self) -> bool:
        """Whether the model has seen hardly a line of several sentences, so that it does better with one at a time."""
        return 0 < self.sentences_a_line < 1.2


@dataclass(frozen=True)
class ScoreRecord:
    """How good the kept weights are on the dev set, decoded greedily."""

    step: int = 0
    dev_loss: float = 0.0
    """Nats a target piece, without label smoothing."""
    dev_bleu: float = 0.0
    dev_chrf: float = 0.0
    bleu_signature: str = ""
    chrf_signature: str = ""
    training_seconds: float = 0.0
    sentences_per_second: float = 0.0
    """Speed of that decoding, on the machine that trained."""


@dataclass(frozen=True)
class TestRecord:
    """How well the package translates one test set, and how much of that one gets by leaving the source as it is."""

    name: str = ""
    lines: int = 0
    bleu: float = 0.0
    chrf: float = 0.0
    copied_bleu: float = 0.0
    copied_chrf: float = 0.0
    bleu_signature: str = ""
    chrf_signature: str = ""
    sentences_per_second: float = 0.0
    """Speed of translating it, on the machine that did."""


@dataclass(frozen=True)
class Config:
    """The whole of a `model.toml`."""

    format: int = FORMAT
    languages: Languages = field(default_factory=Languages)
    model: ModelConfig = field(default_factory=ModelConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    data: DataRecord = field(default_factory=DataRecord)
    scores: ScoreRecord = field(default_factory=ScoreRecord)
    tests: tuple[TestRecord, ...] = ()
    notes: str = ""
    """Markdown: what people found when they read its translations; shown in the model card."""

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, as TOML holds them."""
        return dataclasses.asdict(self)


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise UsageError(message)


def parse_config(values: dict[str, Any]) -> Config:
    """A Config from nested plain values. Raises UsageError for an unknown key or a value of the wrong type."""
    return _build(Config, values, "")


def _build(cls: type[T], values: dict[str, Any], prefix: str) -> T:
    hints = _types(cls)  # type: ignore[arg-type]  # a type is hashable
    parsed = {key: _parse(_known(hints, key, prefix), value, prefix + key) for key, value in values.items()}
    return cls(**parsed)


@functools.cache
def _types(cls: type[Any]) -> dict[str, Any]:
    """Of each field; found once, which takes longer than all else of reading a package's settings."""
    return typing.get_type_hints(cls)


def _known(hints: dict[str, Any], key: str, prefix: str) -> Any:
    if key not in hints:
        near = difflib.get_close_matches(key, hints, n=1)
        hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(prefix + name for name in hints)}"
        raise UsageError(f"unknown key {prefix}{key}: {hint}")
    return hints[key]


def _parse(hint: Any, value: Any, name: str) -> Any:
    """`value` as the type that the field asks for."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise UsageError(f"{name} is a section: set {name}.KEY")
        return _build(typing.cast("type[Any]", hint), value, name + ".")
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, n=1)
            known = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(choices)}"
            raise UsageError(f"{name} cannot be {value!r}: {known}")
        return value
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_parse(typing.get_args(hint)[0], each, name) for each in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        raise UsageError(f"{name} must be {_TYPE_NAMES.get(hint, 'a list')}, not {value!r}")
    return value


_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def parse_override(text: str) -> tuple[str, str, Any]:
    """Section, key and value of a `section.key=value`, the value read as TOML or else as a bare string."""
    name, equals, raw = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise UsageError(f"--set {text}: write it as section.key=value, such as model.width=512")
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()
    return section, key, value


def with_overrides(values: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """A copy of nested plain values with each `section.key=value` put in. Raises UsageError for an unknown section or key."""
    sections = _types(Config)
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for override in overrides:
        section, key, value = parse_override(override)
        if not dataclasses.is_dataclass(kind := _known(sections, section, "")):
            raise UsageError(f"--set {override}: {section} is not a section")
        _known(typing.get_type_hints(kind), key, f"{section}.")
        result.setdefault(section, {})[key] = value
    return result


def languages_named(text: str) -> Languages:
    """The languages of `de-en`. Raises UsageError when it is not written like that."""
    src, _, tgt = text.partition("-")
    if not (re.fullmatch(r"[A-Za-z_]{2,8}", src) and re.fullmatch(r"[A-Za-z_]{2,8}", tgt)):
        raise UsageError(f"--langs {text}: write it like de-en")
    return Languages(src, tgt)


def languages_of(src: str, tgt: str) -> Languages:
    """The languages that file names such as `train.de` and `train.en.gz` tell."""
    return Languages(_language(src), _language(tgt))


def _language(path: str) -> str:
    suffix = path.removesuffix(".gz").rpartition("/")[2].rpartition(".")[2]
    return suffix if suffix.isalpha() and suffix.islower() and len(suffix) in (2, 3) and suffix != "txt" else ""


def overrides(architecture: str, time: str, steps: int | None, epochs: int | None, seed: int | None) -> list[str]:
    """The `section.key=value` of the options that have a name of their own; only of those that were given.

    Raises UsageError for a budget of nothing.
    """
    for option, value in (("--steps", steps), ("--epochs", epochs)):
        if value is not None and value < 1:
            raise UsageError(f"{option} {value}: give at least 1")
    given = {
        "model.architecture": architecture or None,
        "training.seconds": duration(time) if time else None,
        "training.steps": steps,
        "training.epochs": epochs,
        "training.seed": seed,
    }
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def duration(text: str) -> float:
    """Seconds of a time such as `90s`, `30m`, `1h30m` or `2d`. Raises UsageError for anything else."""
    parts = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip())
    numbers = [int(number or 0) for number in parts.groups()] if parts else [0]
    if not any(numbers):
        raise UsageError(f"--time {text}: write it as 90s, 30m, 1h30m or 2d")
    return float(sum(number * unit for number, unit in zip(numbers, (86400, 3600, 60, 1), strict=True)))
