"""The file that holds a model for CTranslate2: what stands where in it. CTranslate2 itself takes what it reads on trust.

`ctranslate2.specs.model_spec` writes the layout.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mtcli.config import ModelConfig
from mtcli.vocab import VocabSizes

FILE, CONFIG = "model.bin", "config.json"
VOCABULARIES = ("shared_vocabulary.json", "source_vocabulary.json", "target_vocabulary.json")
"""Either the first, or the other two."""
FILES = (CONFIG, FILE, *VOCABULARIES)
SETTINGS = {
    **dict.fromkeys(("add_source_bos", "multi_query_attention"), False),
    "add_source_eos": True,
    **{"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "decoder_start_token": "<s>"},
}
"""What the configuration says of each of our models."""
VMAP = "vmap.txt"
"""File that says which pieces may be generated, of which alone CTranslate2 computes how likely they are."""
BINARY_VERSION = 6
BIAS = "decoder/projection/bias"
"""Where pieces that may not be generated have a value that in float16 is minus infinity."""
FORMATS = "fbhieH"
"""How `struct` writes float32, int8, int16, int32, float16, and bfloat16, of which only the size matters."""
INT8 = 1
_ENDS = {"f": b"\x7f\xff", "e": bytes([*range(0x7C, 0x80), *range(0xFC, 0x100)])}
"""The last bytes of floats that are not finite; of float32 also those of 1.7e38 and more, which no weight is."""


def vmap(pieces: list[str]) -> bytes:
    """The content of VMAP for a model that may generate `pieces`: whatever the source holds, which stands before the tab."""
    return f"\t{' '.join(pieces)}\n".encode()


@dataclass(frozen=True)
class Variable:
    """One tensor of the model."""

    kind: int
    """Its type, an index into FORMATS."""
    shape: tuple[int, ...]
    data: memoryview
    """Its numbers."""


def read_variables(content: bytes) -> dict[str, Variable]:
    """The tensors in the content of a model file, by name. Raises ValueError when it is damaged or of another layout."""
    try:
        return _variables(_Cursor(memoryview(content)))
    except (struct.error, LookupError, UnicodeDecodeError) as error:
        raise ValueError(f"{FILE} is cut short or of another kind") from error


class _Cursor:
    """A place in the file that moves on with each reading. Raises struct.error or LookupError at the end."""

    def __init__(self, content: memoryview) -> None:
        self.rest = content

    def take(self, count: int) -> memoryview:
        if count > len(self.rest):
            raise LookupError
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, form: str) -> int:
        return int(struct.unpack("=" + form, self.take(struct.calcsize("=" + form)))[0])

    def text(self) -> str:
        return bytes(self.take(self.number("H"))[:-1]).decode()


def _variables(cursor: _Cursor) -> dict[str, Variable]:
    if cursor.number("I") != BINARY_VERSION:
        raise LookupError
    cursor.text(), cursor.number("I")  # kind of model and its revision
    variables = {}
    for _ in range(cursor.number("I")):
        name, shape = cursor.text(), tuple(cursor.number("I") for _ in range(cursor.number("B")))
        kind, length = cursor.number("B"), cursor.number("I")
        if length != math.prod(shape) * struct.calcsize("=" + FORMATS[kind]):
            raise LookupError
        variables[name] = Variable(kind, shape, cursor.take(length))
    for _ in range(cursor.number("I")):
        alias, name = cursor.text(), cursor.text()
        for suffix in ("", "_scale"):
            if name + suffix in variables:
                variables[alias + suffix] = variables[name + suffix]
    if cursor.rest:
        raise LookupError
    return variables


def size(model: ModelConfig, vocab: VocabSizes, positions: int) -> int:
    """Bytes of the tensors of such a Transformer in the widest type."""
    return 4 * sum(math.prod(shape) for _, shape in _shapes(model, vocab)) + 4 * 2 * positions * model.width


def check(variables: dict[str, Variable], model: ModelConfig, vocab: VocabSizes, positions: int) -> None:
    """Raises ValueError unless these are the tensors of such a Transformer, for so many positions, and hold numbers."""
    expected = dict(_shapes(model, vocab))
    for name, shape in expected.items():
        if name not in variables:
            raise ValueError(f"{name} is missing")
        _check_shape(name, variables[name], shape, positions)
        _check_scale(name, variables[name], variables.get(f"{name}_scale"))
    for name, variable in variables.items():
        if variable.shape and name.removesuffix("_scale") not in expected:
            raise ValueError(f"{name} is too many")
        if not (_finite(variable) or (name == BIAS and _below_infinity(variable))):
            raise ValueError(f"{name} holds values that are not numbers")
    for name in ("encoder/num_heads", "decoder/num_heads"):
        heads = variables.get(name)
        if not heads or heads.shape or struct.unpack("=" + FORMATS[heads.kind], heads.data)[0] != model.heads:
            raise ValueError(f"{name} is not {model.heads}")


def _check_shape(name: str, variable: Variable, shape: tuple[int, ...], positions: int) -> None:
    found = variable.shape
    if name.endswith("/encodings"):
        if found and found[0] < positions:
            raise ValueError(f"it has places for {found[0] - 1} pieces, and model.toml wants {positions - 1}")
        found = found[1:]
    if found != shape:
        raise ValueError(f"{name} has shape {found}, not {shape}")


def _check_scale(name: str, variable: Variable, scale: Variable | None) -> None:
    if (scale is None) == (variable.kind == INT8) or (scale and (scale.shape != variable.shape[:1] or scale.kind != 0)):
        raise ValueError(f"{name} has no scale for each row")
    if scale and min(struct.unpack(f"={scale.shape[0]}f", scale.data)) <= 0:
        raise ValueError(f"{name} has a scale that is not positive")


def check_settings(settings: Any) -> None:
    """Raises ValueError unless these are the settings of one of our models, and say the type of its weights."""
    if not isinstance(settings, dict) or not isinstance(settings.get("quantization"), str):
        raise ValueError(f"{CONFIG} does not say the type of the weights")
    for key, value in SETTINGS.items():
        if settings.get(key) != value:
            raise ValueError(f"{CONFIG} has {key} = {settings.get(key)!r}, not {value!r}")
    if not isinstance(settings.get("layer_norm_epsilon"), float):
        raise ValueError(f"{CONFIG} has no layer_norm_epsilon")


def _finite(variable: Variable) -> bool:
    form = FORMATS[variable.kind]
    size = struct.calcsize(form)
    last = bytes(variable.data[size - 1 :: size])
    return not any(bytes([end]) in last for end in _ENDS.get(form, b""))


def _below_infinity(variable: Variable) -> bool:
    form = FORMATS[variable.kind]
    return all(value < math.inf for value in struct.unpack(f"={variable.shape[0]}{form}", variable.data))


def _shapes(model: ModelConfig, vocab: VocabSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of each tensor, but for scales and single numbers; of encodings the shape at one position."""
    width, inner = model.width, model.ff_width

    def linear(place: str, outputs: int, inputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{place}/weight", (outputs, inputs)
        yield f"{place}/bias", (outputs,)

    def norm(place: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{place}/layer_norm/gamma", (width,)
        yield f"{place}/layer_norm/beta", (width,)

    def attention(place: str, *outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from norm(place)
        for i, count in enumerate(outputs):
            yield from linear(f"{place}/linear_{i}", count, width)

    def layer(place: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from attention(f"{place}/self_attention", 3 * width, width)
        yield from norm(f"{place}/ffn")
        yield from linear(f"{place}/ffn/linear_0", inner, width)
        yield from linear(f"{place}/ffn/linear_1", width, inner)

    yield "encoder/embeddings_0/weight", (vocab.src, width)
    yield "decoder/embeddings/weight", (vocab.embedded, width)
    yield from linear("decoder/projection", vocab.embedded, width)
    for side, layers in (("encoder", model.encoder_layers), ("decoder", model.decoder_layers)):
        yield f"{side}/position_encodings/encodings", (width,)
        yield from norm(side)
        for i in range(layers):
            yield from layer(f"{side}/layer_{i}")
            if side == "decoder":
                yield from attention(f"{side}/layer_{i}/attention", width, 2 * width, width)
