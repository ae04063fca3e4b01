"""Memory that runs out in training: the same updates, computed in smaller parts."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mtcli.config import ModelConfig
from mtcli.errors import out_of_memory
from mtcli.model import build
from mtcli.training import memory
from mtcli.training.memory import batch_tokens_for
from mtcli.vocab import VocabSizes

UPDATES = """
import json, resource, sys
import torch
from mtcli.config import ModelConfig, TrainingConfig
from mtcli.data.batches import ParallelCorpus
from mtcli.model import build
from mtcli.training.loop import TrainingLoop
from mtcli.vocab import VocabSizes

architecture, megabytes = sys.argv[1], int(sys.argv[2])
torch.manual_seed(1)
corpus = ParallelCorpus.of(zip(*(torch.randint(4, 500, (400, 9)).tolist() for _ in range(2)), strict=True))
shape = {"width": 64, "ff_width": 4096, "hidden": 512, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.0}
model = build(ModelConfig(architecture, **shape), VocabSizes(500, 500, shared=True))
config = TrainingConfig(steps=2, batch_tokens=4000, precision="float32")
loop = TrainingLoop(model, lambda epoch: corpus, config, torch.device("cpu"))
if megabytes:
    used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used * 1024 + megabytes * 2**20,) * 2)
print(json.dumps([[record.loss, record.grad_norm] for record in loop.steps()] + [loop.micro_batches]))
"""
"""Two updates with at most so many megabytes more than are taken before them; 0 sets no limit. Prints losses and parts."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize(("architecture", "limit"), [("transformer", 90), ("rnn", 475)])
def test_with_little_memory_a_batch_is_computed_in_parts(architecture: str, limit: int) -> None:
    results = []
    for megabytes in (0, limit):
        command = [sys.executable, "-c", UPDATES, architecture, str(megabytes)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout))
        assert ("out of memory: each batch is now computed in" in done.stderr) == (megabytes > 0)
    (*whole, one), (*cut, parts) = results
    assert one == 1 < parts
    assert [value for pair in cut for value in pair] == pytest.approx([value for pair in whole for value in pair], rel=1e-4)


def test_a_batch_is_as_large_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(ModelConfig(), VocabSizes(8000, 8000, shared=True))
    sizes = []
    for gigabytes in (64, 2, 1, 0.25):
        monkeypatch.setattr("mtcli.training.memory._free_memory", lambda g=gigabytes: g * 2**30)
        sizes.append(batch_tokens_for(model, torch.device("cpu"), 10**9))
    assert sizes[0] == 4096 and sizes[-1] == 64
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 2


def test_what_files_fill_of_a_containers_memory_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    assert memory._free_in_container() == math.inf
    (tmp_path / "memory").mkdir()
    for folder, limit, used, prefix in (
        (tmp_path / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        (tmp_path, "memory.max", "memory.current", ""),
    ):
        (folder / limit).write_text("8000\n")
        (folder / used).write_text("7900\n")
        (folder / "memory.stat").write_text(f"anon 900\n{prefix}inactive_file 6000\n{prefix}active_file 1000\n")
        assert memory._free_in_container() == 7100
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._free_in_container() == 7100, "the other kind of group tells"


def test_on_a_gpu_much_text_has_larger_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    model, gpu = build(ModelConfig(), VocabSizes(8000, 8000, shared=True)), torch.device("cuda")
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (80 * 2**30, 80 * 2**30))
    sizes = [batch_tokens_for(model, gpu, positions) for positions in (400_000, 2_000_000, 4_000_000, 10_000_000, 10**9)]
    assert sizes == [4096, 4096, 8192, 32_768, 32_768]
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (2 * 2**30, 80 * 2**30))
    assert batch_tokens_for(model, gpu, 10**9) < 4096


@pytest.mark.slow
def test_a_library_that_memory_has_no_room_for_is_no_bug() -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (300 * 2**20,) * 2); import torch"
    said = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True).stderr.splitlines()[-1]
    assert said.startswith("ImportError") and out_of_memory(ImportError(said))
