"""The weights of a Transformer, read back from what was written for CTranslate2: one package, one copy, a quarter of the size."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

FILE = "model.bin"
BINARY_VERSION = 6
"""Layout of the file: `ctranslate2.specs.model_spec` writes it."""
_TYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)
IMPOSSIBLE = -1e8
"""Biases below it stand for pieces that may not be generated."""

_PLACES = {
    "src_embedding": "encoder/embeddings_0",
    "tgt_embedding": "decoder/embeddings",
    "encoder_norm": "encoder/layer_norm",
    "decoder_norm": "decoder/layer_norm",
    "attention_norm": "self_attention/layer_norm",
    "self_norm": "self_attention/layer_norm",
    "memory_norm": "attention/layer_norm",
    "ff_norm": "ffn/layer_norm",
    "ff.inner": "ffn/linear_0",
    "ff.outer": "ffn/linear_1",
    "attention.query": "self_attention/linear_0",
    "attention.key_value": "self_attention/linear_0",
    "attention.out": "self_attention/linear_1",
    "self_attention.query": "self_attention/linear_0",
    "self_attention.key_value": "self_attention/linear_0",
    "self_attention.out": "self_attention/linear_1",
    "memory_attention.query": "attention/linear_0",
    "memory_attention.key_value": "attention/linear_1",
    "memory_attention.out": "attention/linear_2",
}
"""Where CTranslate2 has each of our modules; queries, keys and values of self-attention are one matrix there, in this order."""


def read_parameters(folder: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """The parameters of these names, in float32, from a folder that `export` wrote. Raises ValueError when it is damaged."""
    try:
        with open(folder / FILE, "rb") as file:
            variables = _variables(file)
        return {name: _parameter(name, variables) for name in names}
    except (struct.error, KeyError, UnicodeDecodeError, IndexError) as error:
        raise ValueError(f"{folder / FILE} is cut short or of another kind") from error


def _variables(file: IO[bytes]) -> dict[str, Tensor]:
    size = file.seek(0, 2)
    file.seek(0)

    def number(form: str) -> int:
        return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])

    def text() -> str:
        return file.read(number("=H"))[:-1].decode()

    if number("=I") != BINARY_VERSION:
        raise KeyError
    text(), number("=I")  # kind of model and its revision
    variables = {}
    for _ in range(number("=I")):
        name, shape = text(), [number("=I") for _ in range(number("=B"))]
        kind, length = _TYPES[number("=B")], number("=I")
        if length > size - file.tell():
            raise KeyError(name)
        variables[name] = torch.frombuffer(bytearray(file.read(length)), dtype=kind).view(shape) if length else torch.empty(0)
    for _ in range(number("=I")):
        alias, name = text(), text()
        variables[alias] = variables[name]
    return variables


def _parameter(name: str, variables: dict[str, Tensor]) -> Tensor:
    if name == "output_bias":
        bias = variables["decoder/projection/bias"].float()
        impossible = bias < IMPOSSIBLE
        return bias.masked_fill(impossible, float(bias[~impossible].min()))
    path, kind = name.rsplit(".", 1)
    layer = re.match(r"(encoder|decoder)\.(\d+)\.", path)
    place = f"{layer[1]}/layer_{layer[2]}/{_PLACES[path[layer.end() :]]}" if layer else _PLACES[path]
    if path.endswith("norm"):
        return variables[f"{place}/{'gamma' if kind == 'weight' else 'beta'}"].float()
    values = variables[f"{place}/{kind}"].float()
    if (scale := variables.get(f"{place}/{kind}_scale")) is not None:
        values = values / scale.float()[:, None]
    if not place.endswith("self_attention/linear_0"):
        return values
    width = len(values) // 3
    return values[:width] if path.endswith("query") else values[width:]
