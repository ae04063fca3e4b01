"""Data-parallel training: what the processes that `torchrun` starts tell each other. One process alone needs none of it.

Each process computes the gradients of its share of every batch; their sums are the same everywhere, and so are the updates,
where the processors are alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from mtcli.errors import TrainingError, out_of_memory

PATIENCE = timedelta(days=7)
"""How long processes wait for one that prepares the text or validates. One that is gone is noticed at once."""


def join(device: torch.device) -> torch.device:
    """Meet the other processes, if torchrun started several (it sets WORLD_SIZE); returns this process's device."""
    size = os.environ.get("WORLD_SIZE", "")
    if not size.isdecimal() or int(size) < 2 or dist.is_initialized():
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    with _together():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return device


def rank() -> int:
    """Number of this process; 0 is the one that writes and reports."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def add_up(tensors: list[Tensor]) -> None:
    """Put the sum over all processes into each tensor."""
    if world() > 1:
        with _together():
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, part in zip(tensors, flat.split_with_sizes([tensor.numel() for tensor in tensors]), strict=True):
                tensor.copy_(part.view_as(tensor))


def largest(values: list[float], device: torch.device) -> list[float]:
    """The largest of each value over all processes."""
    if world() == 1:
        return values
    with _together():
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return tensor.tolist()


def of_first(values: list[float], device: torch.device) -> list[float]:
    """The values of process 0."""
    if world() == 1:
        return values
    with _together():
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(tensor, 0)
        return tensor.tolist()


@contextmanager
def first_alone() -> Iterator[None]:
    """Process 0 runs the block, then the others do."""
    if world() > 1 and rank() > 0:
        with _together():
            dist.barrier()
    yield
    if world() > 1 and rank() == 0:
        with _together():
            dist.barrier()


@contextmanager
def _together() -> Iterator[None]:
    """Raises TrainingError when another process is gone."""
    try:
        yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise TrainingError("another process of this run was lost: the same command goes on from the last save") from error
