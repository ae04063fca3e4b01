"""How large a batch memory holds."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import torch

from mtcli.model import EncoderDecoder

USUAL = 4_096
"""Positions of a batch on a CPU, and the least that is taken on a GPU with room."""
GROUP = Path("/sys/fs/cgroup")
MOST_ON_GPU = 32_768
UPDATES_AN_EPOCH = 256
"""On a GPU a batch is larger than usual only where as many still make an epoch: little text wants many small updates."""


def batch_tokens_for(model: EncoderDecoder, device: torch.device, epoch: int) -> int:
    """Positions of a batch that takes no more than half of the free memory: a power of two, 4,096 where that is enough.

    On a GPU, which small batches leave idle, up to 32,768, if the `epoch` has enough positions.
    """
    free, most = _free_memory(), USUAL
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        while most < MOST_ON_GPU and 2 * most * UPDATES_AN_EPOCH <= epoch:
            most *= 2
    left = free / 2 - 20 * model.size  # weights, gradients, their moments, the average: five numbers of four bytes
    size = most
    while size > 64 and size * _bytes_a_position(model) > left:
        size //= 2
    return size


def _bytes_a_position(model: EncoderDecoder) -> int:
    """Memory that training takes for each position of a batch on either side, about: measured, and rounded up."""
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
    cells = [layer for layer in model.modules() if isinstance(layer, torch.nn.LSTM | torch.nn.LSTMCell)]
    inner = sum(layer.in_features + layer.out_features for layer in layers) + sum(8 * cell.hidden_size for cell in cells)
    return 4 * 4 * (inner + model.output_bias.numel())


def _free_memory() -> float:
    """Bytes that this process may still take, as kernel and container tell; where none tells, as much as there is in all."""
    return min(_free_on_machine(), _free_in_container())


def _free_in_container() -> float:
    """What is left of the limit of a control group; without one, without end. What files fill is given back when it is wanted."""
    for folder, limit, used, total in (
        (GROUP, "memory.max", "memory.current", ""),
        (GROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        with contextlib.suppress(OSError, ValueError, KeyError):  # no such file, or "max"
            parts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            files = sum(int(parts[f"{total}{kind}_file"]) for kind in ("active", "inactive"))
            return int((folder / limit).read_text()) - int((folder / used).read_text()) + files
    return math.inf


def _free_on_machine() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
