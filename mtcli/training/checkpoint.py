"""What a training loop needs to go on exactly where it stopped: one safetensors file, nothing pickled."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from mtcli.errors import PackageError, UsageError, out_of_memory
from mtcli.training.loop import TrainingLoop

LARGEST = 1 << 28
"""Most bytes that a state may have beside the weights, their averages and up to two moments of each."""


def dump(loop: TrainingLoop, extra: dict[str, Any]) -> bytes:
    """The state of the loop and the plain values `extra`, as the content of a safetensors file."""
    tensors = {f"model.{name}": parameter.detach() for name, parameter in loop.model.named_parameters()}
    tensors |= {f"average.{name}": parameter.detach() for name, parameter in loop.averaged.named_parameters()}
    for name, parameter in loop.model.named_parameters():
        for key, value in loop.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
    progress = {
        "step": loop.step,
        "epoch": loop.epoch,
        "position": loop.position,
        "epoch_batches": loop.epoch_batches,
        "seconds": loop.seconds,
        "reserve": loop.reserve,
        "micro_batches": loop.micro_batches,
    }
    metadata = {"progress": json.dumps(progress), "extra": json.dumps(extra)}
    return save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, metadata)


@contextmanager
def resuming(path: str) -> Iterator[None]:
    """Raises PackageError for what goes wrong where the file with the state is damaged."""
    try:
        yield
    except (SafetensorError, UsageError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, OSError) as error:
        if out_of_memory(error):
            raise
        raise PackageError(f"{path}: cannot be resumed from ({error}): start again with --fresh") from error


def restore(loop: TrainingLoop, path: str) -> dict[str, Any]:
    """Put the loop where it was when `dump` wrote the file; returns `extra`. Raises PackageError when the file is damaged."""
    with resuming(path):
        if Path(path).stat().st_size > LARGEST + 16 * loop.model.size:
            raise ValueError("it is larger than the state of such a model")
        content = Path(path).read_bytes()
        tensors = load(content)
        size = int.from_bytes(content[:8], "little")  # of the header, which safetensors shows only of files with UTF-8 names
        metadata = json.loads(content[8 : 8 + size])["__metadata__"]
        progress = json.loads(metadata["progress"])
        _restore_tensors(loop, tensors)
        counts = [int(progress[key]) for key in ("step", "epoch", "position", "epoch_batches", "micro_batches")]
        if min(counts) < 0 or not counts[-1]:
            raise ValueError("its counts are none")
        loop.step, loop.epoch, loop.position, loop.epoch_batches, loop.micro_batches = counts
        loop.reserve = float(progress["reserve"])
        loop.started = time.monotonic() - float(progress["seconds"])
        loop.progress = loop.used()
        extra: dict[str, Any] = json.loads(metadata["extra"])
    return extra


def _restore_tensors(loop: TrainingLoop, tensors: dict[str, Tensor]) -> None:
    loop.model.load_parameters(_below("model.", tensors))
    loop.averaged.load_parameters(_below("average.", tensors))
    for name, parameter in loop.model.named_parameters():
        for key, old in loop.optimizer.state.get(parameter, {}).items():
            value = tensors.get(f"optimizer.{key}.{name}")
            if value is None:
                raise ValueError(f"it lacks the {key} of {name}, as if another version of mtcli had begun it")
            if (value.shape, value.dtype) != (old.shape, old.dtype) or not value.isfinite().all():
                raise ValueError(f"{key} of {name} is of another shape or type, or no number")
            loop.optimizer.state[parameter][key] = value.to(loop.device)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
