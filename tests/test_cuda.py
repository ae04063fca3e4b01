"""What a GPU computes is what a CPU computes; run only where there is one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import DATA, TINY, head, mtcli
from test_training import both_architectures, random_corpus, weights_of

from mtcli import Translator
from mtcli.config import ModelConfig, TrainingConfig
from mtcli.model import build
from mtcli.training.checkpoint import dump, restore
from mtcli.training.loop import TrainingLoop
from mtcli.vocab import VocabSizes

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")]

CUDA = torch.device("cuda")
LINES = (DATA / "test.de").read_text(encoding="utf-8").splitlines()


def loop_on(device: torch.device, architecture: str, dropout: float, **training: float | str) -> TrainingLoop:
    torch.manual_seed(1)
    shape = {"width": 32, "heads": 2, "ff_width": 64, "hidden": 32, "encoder_layers": 2, "decoder_layers": 2}
    model = build(ModelConfig(architecture, dropout=dropout, **shape), VocabSizes(12, 12, shared=True))
    corpus = random_corpus(200)
    settings = {"precision": "float32", "batch_tokens": 100, "learning_rate": 0.01, "warmup_steps": 2, "steps": 40, **training}
    return TrainingLoop(model, lambda epoch: corpus, TrainingConfig(**settings), device)


@both_architectures
@pytest.mark.parametrize("r_drop", [0.0, 1.0])
def test_a_gpu_learns_what_a_cpu_learns(architecture: str, r_drop: float) -> None:
    on_gpu, on_cpu = ([r.loss for r in loop_on(d, architecture, 0.0, r_drop=r_drop).steps()] for d in (CUDA, torch.device("cpu")))
    assert on_gpu[:10] == pytest.approx(on_cpu[:10], rel=1e-3)
    assert on_gpu == pytest.approx(on_cpu, rel=0.05)
    in_bfloat16 = [r.loss for r in loop_on(CUDA, architecture, 0.0, r_drop=r_drop, precision="auto").steps()]
    assert in_bfloat16 == pytest.approx(on_cpu, rel=0.1)


@both_architectures
def test_an_interrupted_run_on_a_gpu_ends_with_the_same_weights(architecture: str, tmp_path: Path) -> None:
    straight, interrupted, resumed = (loop_on(CUDA, architecture, 0.3, precision="auto") for _ in range(3))
    whole = [record.loss for record in straight.steps()]
    first = [record.loss for _, record in zip(range(17), interrupted.steps(), strict=False)]
    (tmp_path / "state").write_bytes(dump(interrupted, {}))
    restore(resumed, str(tmp_path / "state"))
    assert [*first, *(record.loss for record in resumed.steps())] == whole
    expected = weights_of(straight)
    assert all(torch.equal(weight, expected[name]) for name, weight in weights_of(resumed).items())


@both_architectures
def test_the_whole_command_trains_on_a_gpu_and_translates_there_as_on_a_cpu(architecture: str, tmp_path: Path) -> None:
    files = [head(name, 3000, tmp_path) for name in ("train.de", "train.en")]
    dev = [head(name, 100, tmp_path) for name in ("dev.de", "dev.en")]
    shape = [f"--set=model.{key}" for key in ("width=64", "ff_width=128", "hidden=64")]
    speed = ["--set=training.learning_rate=0.003", "--set=training.batch_tokens=1024", "--set=training.validations=2"]
    text = ["--src", files[0], "--tgt", files[1], "--dev-src", dev[0], "--dev-tgt", dev[1], "--set=training.noise=0.2"]
    folder = tmp_path / "de-en"
    mtcli("train", "-m", folder, *text, "--arch", architecture, "--steps", "300", "--device", "cuda", *TINY, *shape, *speed)
    log = [json.loads(line) for line in (folder / "training" / "metrics.jsonl").read_text("utf-8").splitlines()]
    losses = [record["loss"] for record in log if "loss" in record]
    assert len(losses) == 300 and losses[-1] < losses[0] - 2
    found = [
        Translator.load(str(folder), device, "torch", "float32", beam_size=beam).translate(LINES)
        for device in ("cuda", "cpu")
        for beam in (1, 5)
    ]
    for on_gpu, on_cpu in zip(found[:2], found[2:], strict=True):
        assert sum(map(str.__eq__, on_gpu, on_cpu)) >= 0.99 * len(LINES)
    assert len(set(found[0])) > 20
