"""Training: the schedule, the batches, the held-out pairs, and runs that go on exactly where they stopped."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import TINY, head, mtcli
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from mtcli.config import ModelConfig, ScoreRecord, TrainingConfig
from mtcli.data.batches import Batch, ParallelCorpus, cut
from mtcli.data.split import split
from mtcli.errors import PackageError, TrainingError, UsageError
from mtcli.model import EncoderDecoder, build
from mtcli.model.layers import Linear
from mtcli.run import ValidationRecord
from mtcli.settings import TrainingRequest
from mtcli.trainer import EPOCHS, start
from mtcli.training.checkpoint import dump, restore
from mtcli.training.loop import StepRecord, TrainingLoop, schedule, token_losses, training_losses
from mtcli.training.losses import SWEEP, CrossEntropy, RDropLoss
from mtcli.training.optimizer import Optimizer, orthogonal
from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID, VocabSizes

torch.set_num_threads(1)  # on tensors this small, threads only wait for each other

CPU = torch.device("cpu")
both_architectures = pytest.mark.parametrize("architecture", ["transformer", "rnn"])


@pytest.mark.slow
@both_architectures
@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch before 2.9")
def test_the_optimiser_computes_what_those_of_pytorch_compute(architecture: str) -> None:
    torch.manual_seed(1)
    ours = new_loop(architecture, random_corpus(4)).model
    ours.tgt_embedding.requires_grad_(False)
    theirs = copy.deepcopy(ours)
    optimizer = Optimizer(ours, 0.5, torch.bfloat16)
    learnt = [(mine, other) for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True) if mine.requires_grad]
    matrices = [module.weight for module in theirs.modules() if isinstance(module, Linear)]
    others = [other for _, other in learnt if not any(other is matrix for matrix in matrices)]
    references: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.5, fused=True)]
    if architecture == "transformer":
        references.append(torch.optim.Muon(matrices, weight_decay=0.5, adjust_lr_fn="match_rms_adamw"))
    for step in range(20):
        for mine, other in learnt[step % 3 :: 2]:  # not all learn every time
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        optimizer.step(0.1 / (step + 1))
        for reference in references:
            reference.param_groups[0]["lr"] = 0.1 / (step + 1)
            reference.step()
            reference.zero_grad()
        optimizer.zero_grad()
    assert bool(matrices) == (architecture == "transformer")
    assert all(torch.equal(mine, other) for mine, other in learnt if any(other is one for one in others))
    assert all(torch.allclose(mine, other, atol=1e-5) for mine, other in learnt)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(8, 8), (8, 30), (30, 8), (1, 5), (5, 1)])
def test_orthogonal_matrices_have_singular_values_near_one(shape: tuple[int, int], dtype: torch.dtype) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 1e-3
    found = orthogonal(matrix.to(dtype)).float()
    u, values, v = torch.linalg.svd(found, full_matrices=False)
    assert found.shape == shape and values.min() > 0.3 and values.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(found.flatten(), (u @ v).flatten(), 0) > 0.95
    assert not orthogonal(torch.zeros(shape, dtype=dtype)).any()


def random_corpus(pairs: int, longest: int = 9) -> ParallelCorpus:
    generator = torch.Generator().manual_seed(1)

    def sentence() -> list[int]:
        length = int(torch.randint(1, longest + 1, (), generator=generator))
        return torch.randint(4, 12, (length,), generator=generator).tolist()

    return ParallelCorpus.of((sentence(), sentence()) for _ in range(pairs))


def new_loop(
    architecture: str, corpus: ParallelCorpus, seed: int = 1, dropout: float = 0.0, **training: float | str
) -> TrainingLoop:
    torch.manual_seed(seed)
    shape = {"width": 16, "heads": 2, "ff_width": 32, "hidden": 16, "encoder_layers": 2, "decoder_layers": 2}
    model = build(ModelConfig(architecture, dropout=dropout, **shape), VocabSizes(12, 12, shared=True))
    settings = {"precision": "float32", "batch_tokens": 60, "learning_rate": 0.01, "warmup_steps": 2, **training}
    return TrainingLoop(model, lambda epoch: corpus, TrainingConfig(**settings), CPU)


def weights_of(loop: TrainingLoop) -> dict[str, Tensor]:
    """Copies of the weights and of their averages."""
    named = [*loop.model.named_parameters(), *((f"average.{name}", p) for name, p in loop.averaged.named_parameters())]
    return {name: parameter.detach().clone() for name, parameter in named}


def test_the_learning_rate_rises_in_the_warm_up_and_falls_to_zero() -> None:
    rates = [schedule(step, step / 1000, warmup_steps=50) for step in range(1001)]
    assert rates[0] == pytest.approx(1 / 50)
    assert rates[24] == pytest.approx(0.5, abs=0.02)
    assert max(rates) == rates[49] == pytest.approx(1, abs=0.05)
    assert rates[:50] == sorted(rates[:50])
    assert rates[49:] == sorted(rates[49:], reverse=True)
    assert rates[-1] == 0
    assert schedule(100, progress=0.1, warmup_steps=10**6) == pytest.approx(0.9)
    assert schedule(0, progress=0.0, warmup_steps=0) == 1


@pytest.mark.parametrize("batch_tokens", [20, 100, 1000])
def test_batches_hold_each_pair_once_and_never_too_many_positions(batch_tokens: int) -> None:
    corpus = random_corpus(3000, longest=30)
    epoch = list(corpus.epoch(batch_tokens, seed=1, epoch=0))
    assert sorted(i for indices in epoch for i in indices) == list(range(3000))
    for indices in epoch:
        batch = corpus.batch(indices)
        assert len(indices) == 1 or max(batch.src.numel(), batch.tgt_in.numel(), batch.tgt_out.numel()) <= batch_tokens
    in_order = list(corpus.in_order(batch_tokens))
    assert sum(int(batch.tgt_mask.sum()) for batch in in_order) == corpus.tgt_tokens
    assert sum(len(batch.src) for batch in in_order) == 3000


def test_batches_follow_seed_and_epoch() -> None:
    corpus = random_corpus(300)
    first, same, other, seed = (list(corpus.epoch(100, *which)) for which in ((1, 0), (1, 0), (1, 1), (2, 0)))
    assert same == first != other != seed != first


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(1, 40))
def test_runs_are_as_long_as_they_can_be(lengths: list[int], most: int) -> None:
    runs = cut(list(range(len(lengths))), lengths, most)
    assert [i for run in runs for i in run] == list(range(len(lengths)))
    for run, following in zip(runs, [*runs[1:], None], strict=True):
        assert len(run) == 1 or len(run) * max(lengths[i] for i in run) <= most
        if following:
            assert (len(run) + 1) * max(lengths[i] for i in [*run, following[0]]) > most


def test_a_batch_holds_its_sentences() -> None:
    batch = ParallelCorpus.of([([4, 5, 6], [8]), ([7], [9, 10])]).batch([1, 0])
    assert batch.src.tolist() == [[7, EOS_ID, PAD_ID, PAD_ID], [4, 5, 6, EOS_ID]]
    assert batch.tgt_in.tolist() == [[BOS_ID, 9, 10], [BOS_ID, 8, PAD_ID]]
    assert batch.tgt_out.tolist() == [[9, 10, EOS_ID], [8, EOS_ID, PAD_ID]]
    assert torch.equal(batch.src_mask, batch.src != PAD_ID)
    assert torch.equal(batch.tgt_mask, batch.tgt_out != PAD_ID)


side = st.text(alphabet="ab ", max_size=3)


@given(pairs=st.lists(st.tuples(side, side), max_size=30), size=st.integers(0, 10), seed=st.integers(0, 3))
def test_held_out_pairs_share_no_side_with_the_rest(pairs: list[tuple[str, str]], size: int, seed: int) -> None:
    pairs = [(src.strip(), tgt.strip()) for src, tgt in pairs]
    rows = np.array([i for i in range(len(pairs)) if i % 7 != 3], np.uint32)
    kept, held = (rows.tolist() for rows in split(pairs, rows, size, seed))
    dev = [pairs[i] for i in held]
    full = [pairs[i] for i in rows if all(pairs[i])]
    assert len(dev) == min(size, len(full))
    assert all(pair in full for pair in dev)
    src_sides, tgt_sides = {src for src, _ in dev}, {tgt for _, tgt in dev}
    assert kept == [i for i in rows if pairs[i][0] not in src_sides and pairs[i][1] not in tgt_sides]
    assert [each.tolist() for each in split(pairs, rows, size, seed)] == [kept, held]


@both_architectures
def test_the_loss_is_over_real_tokens_alone(architecture: str) -> None:
    corpus, order = random_corpus(3), [0, 1, 2]
    model, batch = new_loop(architecture, corpus).model.eval(), corpus.batch(order)
    masks = F.pad(batch.src_mask, (0, 3)), F.pad(batch.tgt_mask, (0, 2))
    tensors = F.pad(batch.src, (0, 3)), masks[0], F.pad(batch.tgt_in, (0, 2)), F.pad(batch.tgt_out, (0, 2)), masks[1]
    wider = Batch(*tensors, masks[1].flatten().nonzero()[:, 0])
    losses = training_losses(model, batch, 0.1, 0.0)
    assert losses.shape == (corpus.tgt_tokens,)
    torch.testing.assert_close(training_losses(model, wider, 0.1, 0.0), losses)
    alone = [training_losses(model, corpus.batch([i]), 0.1, 0.0) for i in order]
    torch.testing.assert_close(losses, torch.cat(alone))


@both_architectures
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_smoothed_cross_entropy_of_forward(architecture: str, smoothing: float) -> None:
    corpus = random_corpus(3)
    model, batch = new_loop(architecture, corpus).model.eval(), corpus.batch([0, 1, 2])
    scores = model(batch.src, batch.src_mask, batch.tgt_in).log_softmax(-1)
    of_target = scores.gather(2, batch.tgt_out[:, :, None])[:, :, 0]
    expected = -(1 - smoothing) * of_target - smoothing * scores.mean(-1)
    torch.testing.assert_close(training_losses(model, batch, smoothing, 0.0), expected[batch.tgt_mask])
    torch.testing.assert_close(token_losses(model, batch), -of_target[batch.tgt_mask])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_cross_entropy_of_training_is_that_of_torch(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SWEEP, "cpu", 3 * 11)  # several sweeps, the last one shorter
    logits = (30 * torch.randn(8, 11, dtype=torch.float64)).requires_grad_()
    targets = torch.randint(11, (8,))
    expected = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    losses = CrossEntropy.apply(logits.clone(), targets, smoothing)
    torch.testing.assert_close(losses, expected)
    outer = torch.rand(8, dtype=torch.float64)
    [gradient], [expected_gradient] = (torch.autograd.grad(loss, logits, outer) for loss in (losses, expected))
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_r_drop_is_that_of_its_formula(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SWEEP, "cpu", 3 * 11)  # several sweeps, the last one shorter
    logits = torch.randn(16, 11, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(11, (8,))
    first, second = logits.chunk(2)
    entropies = [F.cross_entropy(one, targets, label_smoothing=smoothing, reduction="none") for one in (first, second)]
    scores = [one.log_softmax(-1) for one in (first, second)]
    there, back = (F.kl_div(q, p, log_target=True, reduction="none").sum(-1) for p, q in (scores, scores[::-1]))
    expected = sum(entropies) / 2 + 5.0 / 4 * (there + back)
    losses = RDropLoss.apply(logits.clone(), targets, smoothing, 5.0)
    torch.testing.assert_close(losses, expected)
    outer = torch.rand(8, dtype=torch.float64)
    [gradient], [expected_gradient] = (torch.autograd.grad(loss, logits, outer) for loss in (losses, expected))
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.slow
@both_architectures
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_one_batch_is_learnt_by_heart(architecture: str, precision: str) -> None:
    loop = new_loop(architecture, random_corpus(4), precision=precision, steps=120, label_smoothing=0.0)
    records = list(loop.steps())
    assert [record.step for record in records] == list(range(1, 121))
    assert records[0].loss > 1.5
    assert records[-1].loss < 0.2
    assert records[-1].learning_rate < 0.01 * 0.02
    assert all(parameter.dtype == torch.float32 for parameter in loop.model.parameters())


def test_a_budget_of_seconds_ends_the_run() -> None:
    loop = new_loop("transformer", random_corpus(4), seconds=0.5)
    records = list(loop.steps())
    assert 0.5 <= loop.seconds < 10
    assert len(records) > 1
    assert records[-1].learning_rate < records[len(records) // 2].learning_rate


@pytest.mark.slow
@both_architectures
def test_telling_how_long_it_takes_changes_nothing(architecture: str) -> None:
    told, plain = (new_loop(architecture, random_corpus(200), steps=30, dropout=0.3) for _ in range(2))
    with mock.patch.object(told, "_gradients", wraps=told._gradients) as gradients:
        assert told.expected_seconds() > 0
    assert gradients.call_count == 3, "of thirty updates"
    for loop in (told, plain):
        assert len(list(loop.steps())) == 30
    assert all(torch.equal(weight, weights_of(plain)[name]) for name, weight in weights_of(told).items())
    assert told.expected_seconds() == 0


@both_architectures
def test_averaged_weights_follow_the_weights(architecture: str) -> None:
    loop = new_loop(architecture, random_corpus(20), average_decay=0.3, steps=6)
    expected: dict[str, Tensor] = {}
    for _ in loop.steps():
        share = 1 - min(0.3, loop.step / (9 + loop.step)) if expected else 1.0
        for name, parameter in loop.model.named_parameters():
            before = expected.get(name, parameter)
            expected[name] = (before + share * (parameter - before)).detach()
    for name, parameter in loop.averaged.named_parameters():
        torch.testing.assert_close(parameter, expected[name])
        assert not torch.equal(parameter, dict(loop.model.named_parameters())[name])


@both_architectures
@pytest.mark.parametrize("stop_at", [1, 3, 5])
def test_an_interrupted_loop_ends_with_the_same_weights(architecture: str, stop_at: int, tmp_path: Path) -> None:
    corpus = random_corpus(20)
    assert len(corpus.epoch(60, 1, 0)) < 6  # more than one epoch is crossed
    settings = {"dropout": 0.3, "steps": 12}
    straight = new_loop(architecture, corpus, **settings)
    whole = list(straight.steps())

    interrupted = new_loop(architecture, corpus, **settings)
    first = [record for _, record in zip(range(stop_at), interrupted.steps(), strict=False)]
    path = tmp_path / "state.safetensors"
    path.write_bytes(dump(interrupted, {"note": "kept"}))
    resumed = new_loop(architecture, corpus, seed=2, **settings)
    torch.rand(5)
    assert restore(resumed, str(path)) == {"note": "kept"}
    rest = list(resumed.steps())

    assert [(r.step, r.epoch, r.loss, r.learning_rate) for r in [*first, *rest]] == [
        (r.step, r.epoch, r.loss, r.learning_rate) for r in whole
    ]
    expected = weights_of(straight)
    assert all(torch.equal(weight, expected[name]) for name, weight in weights_of(resumed).items())


def test_time_that_an_earlier_run_took_counts(tmp_path: Path) -> None:
    loop = new_loop("transformer", random_corpus(4), seconds=1000.0)
    loop.started -= 400
    (tmp_path / "state").write_bytes(dump(loop, {}))
    resumed = new_loop("transformer", random_corpus(4), seconds=1000.0)
    restore(resumed, str(tmp_path / "state"))
    assert resumed.progress == pytest.approx(0.4, abs=0.01)


@both_architectures
def test_a_damaged_state_says_so(architecture: str, tmp_path: Path) -> None:
    loop = new_loop(architecture, random_corpus(20), steps=2)
    list(loop.steps())
    whole = dump(loop, {})
    for damaged in (b"", b"\0" * 100, b"text" * 100, whole[:5], whole[:1000], whole[:-1], b"\xff" + whole[1:]):
        (tmp_path / "state").write_bytes(damaged)
        with pytest.raises(PackageError, match="--fresh"):
            restore(loop, str(tmp_path / "state"))
    save_file({name: p.detach().clone() for name, p in loop.averaged.named_parameters()}, tmp_path / "weights")
    other = new_loop("rnn" if architecture == "transformer" else "transformer", random_corpus(20))
    (tmp_path / "other").write_bytes(dump(other, {}))
    for wrong in ("weights", "other", "missing"):
        with pytest.raises(PackageError, match="--fresh"):
            restore(loop, str(tmp_path / wrong))


@both_architectures
def test_what_an_optimiser_has_not_written_is_refused(architecture: str, tmp_path: Path) -> None:
    loop = new_loop(architecture, random_corpus(20), steps=2)
    list(loop.steps())
    path = str(tmp_path / "state")
    for parameter in list(loop.optimizer.state)[:1] + list(loop.optimizer.state)[-1:]:
        state = loop.optimizer.state[parameter]
        for key, right in list(state.items()):
            for wrong in ({}, {key: right[None]}, {key: right.double()}, {key: right * torch.nan}):
                loop.optimizer.state[parameter] = {k: v for k, v in state.items() if k != key} | wrong
                Path(path).write_bytes(dump(loop, {}))
                loop.optimizer.state[parameter] = state
                with pytest.raises(PackageError, match=f"{key} of .*--fresh"):
                    restore(loop, path)


def request(folder: Path, architecture: str, *overrides: str) -> TrainingRequest:
    """Training of a tiny model on 300 real pairs, validated on 20."""
    names = [str(head(name, 300, folder.parent)) for name in ("train.de", "train.en")]
    dev = [str(head(name, 20, folder.parent)) for name in ("dev.de", "dev.en")]
    values = (f"model.architecture={architecture}", *TINY[1::2], *overrides)
    return TrainingRequest(str(folder), [names[0]], [names[1]], [dev[0]], [dev[1]], overrides=values, device="cpu")


@pytest.mark.slow
@both_architectures
def test_lost_patience_ends_a_run_for_good(architecture: str, tmp_path: Path) -> None:
    values = ("training.learning_rate=1e-12", "training.steps=500", "training.validations=250", "training.patience=3")
    asked = request(tmp_path / "de-en", architecture, *values)
    records = list(start(asked).records())
    validations = [record for record in records if isinstance(record, ValidationRecord)]
    assert [(record.best, record.patience_left) for record in validations] == [(True, 3), (False, 2), (False, 1), (False, 0)]
    assert [record.step for record in records if isinstance(record, StepRecord)] == list(range(1, 9))
    assert list(start(asked).records()) == []


def test_a_time_that_is_over_before_the_first_update_is_an_error(tmp_path: Path) -> None:
    run = start(request(tmp_path / "de-en", "transformer", "training.seconds=0.01"))
    with pytest.raises(TrainingError, match="give more --time; no model is in"):
        list(run.records())
    assert not run.finished


def test_a_name_that_freezes_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="begins with encodr"):
        start(request(tmp_path / "de-en", "transformer", 'training.freeze=["encodr"]'))


@pytest.mark.slow
def test_patience_is_not_lost_while_the_loss_falls(tmp_path: Path) -> None:
    values = ("training.learning_rate=0.01", "training.steps=8", "training.validations=4", "training.patience=2")
    run = start(request(tmp_path / "de-en", "transformer", *values))
    run.best = ScoreRecord(dev_bleu=50.0)  # out of reach
    validations = [record for record in run.records() if isinstance(record, ValidationRecord)]
    losses = [record.scores.dev_loss for record in validations]
    assert losses == sorted(losses, reverse=True) and len(losses) == 4
    assert [(record.best, record.patience_left) for record in validations] == [(False, 2)] * 4


@pytest.mark.slow
def test_patience_does_not_compare_with_what_a_fine_tuning_begins_with(tmp_path: Path) -> None:
    asked = request(tmp_path / "first", "transformer", "training.learning_rate=0.02", "training.steps=200")
    list(start(asked).records())
    values = ("training.learning_rate=0.1", "training.steps=20", "training.validations=10", "training.patience=4")
    tuned = dataclasses.replace(asked, name=str(tmp_path / "de-en"), origin=str(tmp_path / "first"), overrides=values)
    validations = [record for record in start(tuned).records() if isinstance(record, ValidationRecord)]
    losses = [record.scores.dev_loss for record in validations]
    assert min(losses[1:]) > losses[0], "a high learning rate has spoilt the weights, and they do not get that good again"
    assert validations[-1].scores.step == 20 and losses[-1] < losses[2], "but they gain once more to the end"


@pytest.mark.slow
def test_a_validation_that_memory_does_not_hold_is_computed_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def with_little_memory(model: EncoderDecoder, batch: Batch) -> Tensor:
        if len(batch.src) > 5:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 524288000 bytes.")
        return token_losses(model, batch)

    asked = [request(tmp_path / name, "transformer", "training.steps=1") for name in ("whole", "cut")]
    [_, whole] = start(asked[0]).records()
    monkeypatch.setattr("mtcli.run.token_losses", with_little_memory)
    [_, cut] = start(asked[1]).records()
    assert isinstance(whole, ValidationRecord) and isinstance(cut, ValidationRecord)
    assert cut.scores.dev_loss == pytest.approx(whole.scores.dev_loss, rel=1e-4)
    assert "out of memory: each batch is now computed in" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [2, 3, 4])
def test_a_run_that_stops_when_a_validation_is_due_goes_on_with_it(stop_at: int, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    asked = [request(tmp_path / name / "de-en", "rnn", "training.steps=7", "training.validations=2") for name in "ab"]
    straight = start(asked[0])
    whole = list(straight.records())
    stopped = start(asked[1])
    first = [record for _, record in zip(range(stop_at), stopped.records(), strict=False)]
    stopped.save()
    resumed = start(asked[1])
    assert seen([*first, *resumed.records()]) == seen(whole)
    expected = weights_of(straight.loop)
    assert all(torch.equal(weight, expected[name]) for name, weight in weights_of(resumed.loop).items())


def seen(records: list[StepRecord | ValidationRecord]) -> list[tuple[int, float]]:
    """Step and loss of each record, of validations the dev loss."""
    return [(r.step, r.loss) if isinstance(r, StepRecord) else (r.scores.step, r.scores.dev_loss) for r in records]


def test_a_finished_run_goes_on_when_its_budget_grows(tmp_path: Path) -> None:
    def steps_of(budget: int) -> list[int]:
        asked = request(tmp_path / "de-en", "transformer", f"training.steps={budget}", "training.validations=1")
        return [step for step, _ in seen(list(start(asked).records()))]

    assert steps_of(3) == [1, 2, 3, 3]  # each update, and the validation after the last one
    assert steps_of(3) == []
    assert steps_of(5) == [4, 5, 5]


@pytest.mark.parametrize(("architecture", "r_drop"), [("transformer", 1.0), ("rnn", 0.0)])
def test_without_a_budget_training_takes_its_time(tmp_path: Path, architecture: str, r_drop: float) -> None:
    run = start(request(tmp_path / "patient", architecture))
    assert run.loop.config.r_drop == r_drop
    assert run.loop.config.steps == EPOCHS * len(run.loop.corpora(0).epoch(run.loop.config.batch_tokens, 1, 0))
    for i, budget in enumerate(("training.steps=9", "training.epochs=2", "training.seconds=60")):
        assert start(request(tmp_path / str(i), architecture, budget)).loop.config.r_drop == 0


def test_a_new_budget_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    list(start(request(tmp_path / "de-en", "rnn", "training.steps=2", "training.validations=1")).records())
    run = start(request(tmp_path / "de-en", "rnn", "training.seconds=1000"))
    assert (run.package.config.training.steps, run.package.config.training.seconds) == (0, 1000.0)
    assert next(run.records()).step == 3  # type: ignore[union-attr]


@pytest.mark.slow
def test_slow_validations_do_not_starve_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    asked = request(tmp_path / "de-en", "rnn", "training.seconds=200", "training.validations=40")
    run = start(dataclasses.replace(asked, began=clock))
    measure = run._dev_loss

    def slow_dev_loss() -> float:
        nonlocal clock
        clock += 10
        return measure()

    monkeypatch.setattr(run, "_dev_loss", slow_dev_loss)
    validated = []
    for record in run.records():
        if isinstance(record, StepRecord):
            clock += 1
        else:
            validated.append(record.scores.step)
    assert validated == sorted(set(validated)) and len(validated) > 2
    assert run.loop.step > 100 and clock <= 210


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    run = start(request(tmp_path / "de-en", "transformer", "training.learning_rate=1e30", "training.steps=9"))
    with pytest.raises(TrainingError, match=r"training\.learning_rate"):
        list(run.records())


@pytest.mark.slow
def test_what_is_done_again_stands_once_in_the_log(tmp_path: Path) -> None:
    asked = request(tmp_path / "de-en", "rnn", "training.steps=6", "training.validations=1")
    run = start(asked)
    records = run.records()
    for _ in range(2):
        next(records)
    run.save()
    for _ in range(2):
        next(records)  # killed here: two updates are lost
    list(start(asked).records())
    log = (tmp_path / "de-en" / "training" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log if "validation" not in line] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "stop"), [("transformer", signal.SIGINT), ("rnn", signal.SIGTERM)])
def test_a_run_that_is_stopped_and_goes_on_ends_with_the_same_bytes(
    architecture: str, stop: signal.Signals, tmp_path: Path
) -> None:
    texts = ["--src", head("train.de", 300, tmp_path), "--tgt", head("train.en", 300, tmp_path)]
    options = [*texts, "--arch", architecture, "--steps", "200", *TINY, "--set", "training.validations=1"]
    options += ["--set", "training.batch_tokens=512"]
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    mtcli("train", "-m", straight, *options)

    command = [sys.executable, "-m", "mtcli", "train", "-m", stopped, *options]
    metrics = stopped / "training" / "metrics.jsonl"
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None and (not metrics.exists() or metrics.read_bytes().count(b"\n") < 3):
            time.sleep(0.01)
        process.send_signal(stop)
        stderr = process.communicate()[1].decode()
    assert process.returncode == 128 + stop, stderr
    last = json.loads(metrics.read_text().splitlines()[-1])["step"]
    assert last < 200
    assert not (stopped / "weights.safetensors").exists()
    stderr = mtcli("train", "-m", stopped, *options).stderr.decode()
    assert f"going on after step {last}" in stderr

    weights = (stopped / "weights.safetensors").read_bytes()
    assert weights == (straight / "weights.safetensors").read_bytes()
    state = stopped / "training" / "state.safetensors"
    averages = load_file(state)
    assert all(
        torch.equal(weight, averages[f"average.{name}"]) for name, weight in load_file(stopped / "weights.safetensors").items()
    )
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [line["step"] for line in lines if "step" in line] == list(range(1, 201))

    state.write_bytes(state.read_bytes()[:1000])
    error = mtcli("train", "-m", stopped, *options, code=1).stderr.decode().strip().splitlines()
    assert len(error) == 1
    assert "--fresh" in error[0]
    assert (stopped / "weights.safetensors").read_bytes() == weights
