"""Data-parallel training: processes, forked here or started by `torchrun`, and what they tell each other.

Each process computes the gradients of its share of every batch; their sums are the same everywhere, and so are the updates.
One process alone needs none of it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

import torch
import torch.distributed as dist
from torch import Tensor

from mtcli.children import begin_child
from mtcli.errors import TrainingError, out_of_memory

log = logging.getLogger("mtcli")

PATIENCE = timedelta(days=7)
"""How long processes wait for one that prepares the text or validates. One that is gone is noticed at once."""

MOST = 4
"""Processes that are forked on one machine; with more cores each has several threads."""
_threads = torch.get_num_threads()
"""What all processes forked here have together."""


def one_thread() -> None:
    """Keep torch to one thread, so that `spread` may fork later: the threads of torch do not survive that."""
    torch.set_num_threads(1)


@contextmanager
def spread(device: torch.device, work: Callable[[], object]) -> Iterator[None]:
    """Run the block, and `work` in processes forked for the other cores of a CPU; this one is process 0.

    One process with a thread a core does a third less. Raises TrainingError when the processes cannot reach one another.
    """
    processes = min(_threads, MOST) if device.type == "cpu" and sys.platform == "linux" and "WORLD_SIZE" not in os.environ else 1
    if processes == 1:
        torch.set_num_threads(_threads)
        yield
        return
    meeting, parent, children = os.memfd_create("meeting"), os.getpid(), []
    try:
        for number in range(1, processes):
            if not (child := os.fork()):
                _help(parent, meeting, number, processes, work)
            children.append(child)
        _meet(meeting, 0, processes)
        yield
    finally:
        os.close(meeting)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _help(parent: int, meeting: int, number: int, processes: int, work: Callable[[], object]) -> NoReturn:
    """All that a forked process does."""
    code = 1
    try:
        begin_child(parent)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # some send it to all processes at once, and the first has yet to save
        logging.disable(logging.WARNING)
        _meet(meeting, number, processes)
        work()
        code = 0
    except TrainingError:
        pass  # the first process meets with the same, and says so
    except BaseException as error:
        log.error("process %d: %s: %s", number, type(error).__name__, error)
    finally:
        os._exit(code)


def _meet(meeting: int, number: int, processes: int) -> None:
    """Meet by a file without a name, on the network that the machine has with itself."""
    torch.set_num_threads(_threads // processes)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        dist.init_process_group(
            "gloo", init_method=f"file:///proc/self/fd/{meeting}", rank=number, world_size=processes, timeout=PATIENCE
        )
    except RuntimeError as error:
        raise TrainingError(
            f"{processes} processes on this machine cannot reach one another: {error}; OMP_NUM_THREADS=1 takes one"
        ) from error


@contextmanager
def others_wait() -> Iterator[None]:
    """Process 0, and no other, computes in the block: it may have the cores of all."""
    own = torch.get_num_threads()
    torch.set_num_threads(own if rank() else max(own, _threads))
    yield
    torch.set_num_threads(own)


def join(device: torch.device) -> torch.device:
    """Meet the other processes, if torchrun started several (it sets WORLD_SIZE); returns this process's device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
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
