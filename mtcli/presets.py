"""Sizes of models, and which one suits how much text."""

from __future__ import annotations

from typing import Any

from mtcli.config import parse_config
from mtcli.errors import UsageError

_LITTLE_TEXT = {"subword_sampling": 0.3}
_SMALL_RNN: dict[str, dict[str, int | float]] = {
    "model": {"width": 256, "hidden": 512, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.3},
    "training": {"learning_rate": 0.002, **_LITTLE_TEXT},
}

PRESETS: dict[str, dict[str, dict[str, dict[str, int | float]]]] = {
    "tiny": {
        "transformer": {
            "model": {"width": 192, "ff_width": 768, "encoder_layers": 3, "decoder_layers": 3, "heads": 4, "dropout": 0.3},
            "training": {"learning_rate": 0.003, **_LITTLE_TEXT},
        },
        "rnn": _SMALL_RNN,
    },
    "small": {
        "transformer": {
            "model": {"width": 256, "ff_width": 1024, "encoder_layers": 3, "decoder_layers": 3, "heads": 4, "dropout": 0.3},
            "training": {"learning_rate": 0.002, **_LITTLE_TEXT},
        },
        "rnn": _SMALL_RNN,
    },
    "base": {
        "transformer": {
            "model": {"width": 512, "ff_width": 2048, "encoder_layers": 6, "decoder_layers": 6, "heads": 8, "dropout": 0.1},
            "training": {"learning_rate": 0.0007},
        },
        "rnn": {
            "model": {"width": 512, "hidden": 1024, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.2},
            "training": {"learning_rate": 0.0007},
        },
    },
    "big": {
        "transformer": {
            "model": {"width": 1024, "ff_width": 4096, "encoder_layers": 6, "decoder_layers": 6, "heads": 16, "dropout": 0.1},
            "training": {"learning_rate": 0.0004},
        },
        "rnn": {
            "model": {"width": 1024, "hidden": 2048, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.2},
            "training": {"learning_rate": 0.0004},
        },
    },
}
"""Sizes of model for each architecture, with what suits them: larger models want smaller rates, little text wants noise."""


LITTLE = ("tiny", "small")
"""The presets for little text."""


def preset_for(pairs: int) -> str:
    """The preset for a corpus of so many sentence pairs; `big` is only taken when it is named."""
    if pairs < 50_000:
        return "tiny"
    return "small" if pairs < 400_000 else "base"


def preset(name: str, architecture: str) -> dict[str, dict[str, Any]]:
    """The values of a preset. Raises UsageError when there is no such preset or architecture."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name}: choose one of {', '.join(PRESETS)}")
    parse_config({"model": {"architecture": architecture}})
    values = PRESETS[name][architecture]
    return {"model": {"architecture": architecture, **values["model"]}, "training": dict(values["training"])}
