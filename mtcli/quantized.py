"""The weights of a Transformer, read back from what was written for CTranslate2: one package, one copy, a quarter of the size."""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from mtcli.ct2 import Variable

_TYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)
LEAST_POSSIBLE = -1e8
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


def parameters(variables: dict[str, Variable], names: Iterable[str]) -> dict[str, Tensor]:
    """The parameters of these names, in float32, from the variables that `export` wrote."""
    tensors = {name: _tensor(variable) for name, variable in variables.items() if variable.shape}
    return {name: _parameter(name, tensors) for name in names}


def _tensor(variable: Variable) -> Tensor:
    return torch.frombuffer(bytearray(variable.data), dtype=_TYPES[variable.kind]).view(variable.shape)


def _parameter(name: str, variables: dict[str, Tensor]) -> Tensor:
    if name == "output_bias":
        bias = variables["decoder/projection/bias"].float()
        impossible = bias < LEAST_POSSIBLE
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
