"""Both architectures keep what the one seam promises: each fast path equals its slow twin, and gradients are right."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import pad

from mtcli.config import ModelConfig
from mtcli.data.batches import Batch, ParallelCorpus
from mtcli.model import EncoderDecoder, build, decoding_dtype, matmul_dtype, transformer
from mtcli.model.layers import Dropout, map_in
from mtcli.training.loop import training_losses
from mtcli.vocab import BOS_ID, VocabSizes

torch.set_num_threads(1)  # on tensors this small, threads only wait for each other

SHARED, FEWER, SEPARATE = VocabSizes(10, 10, shared=True), VocabSizes(11, 9, shared=True), VocabSizes(11, 9, shared=False)
CORPUS = ParallelCorpus.of([([4, 5, 6, 7, 8], [4, 8]), ([9], [5, 6, 7, 8, 4, 5]), ([9, 4, 4], [8])])
ALL = [0, 1, 2]

both_architectures = pytest.mark.parametrize("architecture", ["transformer", "rnn"])
any_shape = pytest.mark.parametrize("vocab", [SHARED, FEWER, SEPARATE], ids=["shared", "fewer", "separate"])
any_depth = pytest.mark.parametrize("layers", [1, 2])


def random_model(architecture: str, vocab: VocabSizes = SHARED, layers: int = 2, dropout: float = 0.3) -> EncoderDecoder:
    """A small float64 model in which every weight matters, those of padding and biases too."""
    torch.manual_seed(1)
    shape = {"width": 8, "heads": 2, "ff_width": 16, "hidden": 12, "encoder_layers": layers, "decoder_layers": layers}
    model = build(ModelConfig(architecture, dropout=dropout, **shape), vocab).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model


def logits_of(model: EncoderDecoder, batch: Batch) -> Tensor:
    return model(batch.src, batch.src_mask, batch.tgt_in)


def assert_equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@both_architectures
@any_shape
@any_depth
def test_step_unrolled_equals_forward(architecture: str, vocab: VocabSizes, layers: int) -> None:
    model, batch = random_model(architecture, vocab, layers), CORPUS.batch(ALL)
    state, logits = model.encode(batch.src, batch.src_mask), []
    for tokens in batch.tgt_in.unbind(1):
        position, state = model.step(tokens, state)
        logits.append(position)
    assert_equal(torch.stack(logits, 1), logits_of(model, batch))


@both_architectures
@any_shape
def test_only_the_mask_says_what_is_padding(architecture: str, vocab: VocabSizes) -> None:
    model, batch = random_model(architecture, vocab), CORPUS.batch(ALL)
    padded_src = pad(batch.src.masked_fill(~batch.src_mask, 7), (0, 3), value=5)
    wider = Batch(
        padded_src, pad(batch.src_mask, (0, 3)), pad(batch.tgt_in, (0, 2)), batch.tgt_out, batch.tgt_mask, batch.tgt_real
    )
    assert_equal(logits_of(model, wider)[:, :-2], logits_of(model, batch))


@both_architectures
@any_shape
def test_a_batch_equals_its_sentences_one_by_one(architecture: str, vocab: VocabSizes) -> None:
    model, batch = random_model(architecture, vocab), CORPUS.batch(ALL)
    alone = [logits_of(model, CORPUS.batch([i]))[0] for i in ALL]
    assert_equal(logits_of(model, batch)[batch.tgt_mask], torch.cat(alone))


@both_architectures
def test_the_order_in_a_batch_changes_nothing(architecture: str) -> None:
    model, order = random_model(architecture), [2, 0, 1]
    assert_equal(logits_of(model, CORPUS.batch(order)), logits_of(model, CORPUS.batch(ALL))[order])


@both_architectures
@any_shape
def test_rows_that_move_or_leave_equal_rows_decoded_from_scratch(architecture: str, vocab: VocabSizes) -> None:
    model, batch = random_model(architecture, vocab), CORPUS.batch(ALL)
    generator = torch.Generator().manual_seed(1)
    begun = model.encode(batch.src, batch.src_mask).padded(batch.src.size(1) + 3)
    state, sentences, prefixes = (
        begun,
        ALL,
        torch.empty(3, 0, dtype=torch.int64),
    )  # of each row: which sentence it is of, what it has read

    def go_on() -> None:
        nonlocal state, prefixes
        tokens = torch.randint(BOS_ID, vocab.tgt, (len(prefixes),), generator=generator)
        prefixes = torch.cat([prefixes, tokens[:, None]], dim=1)
        logits, state = model.step(tokens, state)
        assert_equal(logits, model(batch.src[sentences], batch.src_mask[sentences], prefixes)[:, -1])

    def move(*rows: int) -> None:
        nonlocal state, sentences, prefixes
        state, sentences, prefixes = state.reorder(torch.tensor(rows)), [sentences[i] for i in rows], prefixes[list(rows)]
        go_on()

    def keep(*chosen: int, beams: int) -> None:
        nonlocal state, sentences, prefixes
        rows = [i * beams + k for i in chosen for k in range(beams)]
        state, sentences, prefixes = state.select(torch.tensor(chosen)), [sentences[i] for i in rows], prefixes[rows]
        go_on()

    def meet(beams: int) -> None:
        nonlocal state, sentences, prefixes
        new = [i for i in ALL for _ in range(beams)]
        other = begun.reorder(torch.tensor(new))
        for token in prefixes[0]:
            other = model.step(token.expand(len(new)), other)[1]
        state, sentences = state.joined([other]), [*sentences, *new]
        prefixes = torch.cat([prefixes, prefixes[:1].expand(len(new), -1)])
        go_on()

    keep(1, 2, 0, beams=1)  # before the first position
    move(0, 0, 0, 1, 1, 1, 2, 2, 2)  # from one row a sentence to three
    move(2, 0, 0, 3, 5, 4, 8, 8, 8)
    keep(2, 0, beams=3)
    move(1, 2, 0, 3, 3, 5)
    move(2, 0, 3, 5)  # two rows a sentence
    keep(1, beams=2)
    assert sentences == [1, 1]
    assert len(prefixes) == 2
    meet(beams=2)
    assert sentences == [1, 1, 0, 0, 1, 1, 2, 2]
    move(1, 0, 3, 2, 4, 5, 6, 6)
    keep(3, 0, beams=2)


@pytest.mark.slow
@both_architectures
@any_shape
def test_gradients_of_the_training_loss_equal_finite_differences(architecture: str, vocab: VocabSizes) -> None:
    model, batch = random_model(architecture, vocab, dropout=0.0).train(), CORPUS.batch(ALL)

    def loss() -> Tensor:
        return training_losses(model, batch, 0.1, 0.0).mean()

    def loss_with(entry: Tensor, value: float) -> float:
        before = entry.item()
        entry.fill_(value)
        changed = loss().item()
        entry.fill_(before)
        return changed

    loss().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 1e-6, name
        entries, gradient = parameter.detach().view(-1), parameter.grad.view(-1)
        sample = torch.randperm(len(entries))[:6].tolist()
        for i in [*sample, gradient.abs().argmax().item()]:
            value = entries[i].item()
            difference = (loss_with(entries[i], value + 1e-5) - loss_with(entries[i], value - 1e-5)) / 2e-5
            assert gradient[i].item() == pytest.approx(difference, rel=1e-5, abs=1e-8), f"{name}[{i}]"


@both_architectures
def test_embeddings_are_one_matrix_when_the_vocabulary_is_shared(architecture: str) -> None:
    shared, separate = random_model(architecture, SHARED), random_model(architecture, SEPARATE)
    assert [p.shape for name, p in shared.named_parameters() if "embedding" in name] == [(10, 8)]
    assert sorted(p.shape for name, p in separate.named_parameters() if "embedding" in name) == [(9, 8), (11, 8)]
    before = shared.encode(torch.tensor([[4]]), torch.tensor([[True]]))
    with torch.no_grad():
        shared.tgt_embedding.weight[4] *= -1
    after = shared.encode(torch.tensor([[4]]), torch.tensor([[True]]))
    start = torch.tensor([BOS_ID])
    assert not torch.allclose(shared.step(start, before)[0][:, 5:], shared.step(start, after)[0][:, 5:])


@both_architectures
def test_dropout_acts_in_training_alone(architecture: str) -> None:
    model, batch = random_model(architecture, dropout=0.3), CORPUS.batch(ALL)
    assert torch.equal(logits_of(model, batch), logits_of(model, batch))
    assert not torch.allclose(logits_of(model.train(), batch), logits_of(model, batch))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    x = torch.ones(401, 499, dtype=dtype, requires_grad=True)
    y = Dropout(probability).train()(x)
    assert y.dtype == dtype
    assert (y == 0).double().mean().item() == pytest.approx(probability, abs=0.01)
    assert y.double().mean().item() == pytest.approx(1, abs=0.01)
    assert y.unique().numel() == 2
    y.sum().backward()
    assert torch.equal(x.grad, y)


def test_dropout_follows_the_seed_and_is_the_identity_outside_training() -> None:
    x, dropout = torch.randn(7, 5), Dropout(0.5)
    torch.manual_seed(1)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(1)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(dropout.eval()(x), x)
    assert torch.equal(Dropout(0.0).train()(x), x)


def test_the_largest_dropout_that_a_config_allows_runs() -> None:
    assert Dropout(ModelConfig(dropout=0.999).dropout).train()(torch.ones(1000)).isfinite().all()


@pytest.mark.parametrize("causal", [False, True])
def test_attention_in_bfloat16_is_that_of_torch(causal: bool) -> None:
    shape, mask = (3, 2, 5, 8), torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    given = None if causal else mask[:, None, None]
    query, keys, values = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(3))
    expected = F.scaled_dot_product_attention(query, keys, values, given, is_causal=causal)
    inputs, outer = (query, keys, values), torch.randn(shape, dtype=torch.float64)
    gradients = torch.autograd.grad(expected, inputs, outer)
    half = [x.bfloat16().detach().requires_grad_() for x in inputs]
    found = transformer._attend(*half, given, causal)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=0.02, atol=0.02)
    for gradient, right in zip(torch.autograd.grad(found, half, outer.bfloat16()), gradients, strict=True):
        torch.testing.assert_close(gradient.double(), right, rtol=0.05, atol=0.05)


FAST = {of("auto", torch.device("cpu")) for of in (decoding_dtype, matmul_dtype)} - {torch.float32}


@pytest.mark.parametrize("rows", [1, 31, 32, 70])
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 64), (256, 1000), (1024, 256)])
@pytest.mark.parametrize("dtype", sorted(FAST, key=str))
@pytest.mark.parametrize("vnni", [True, False])
def test_products_for_decoding_are_near_those_of_float32(
    vnni: bool, dtype: torch.dtype, inputs: int, outputs: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not vnni:
        monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    torch.manual_seed(1)
    weight, bias, x = torch.randn(outputs, inputs), torch.randn(outputs), torch.randn(rows, 1, inputs)
    weight[0] = weight[1:3] = 1  # sums as large as can be, and as small
    x[0], x[-1] = 3, -0.01
    in_type = map_in(dtype, weight, bias)
    found, expected = in_type(x).float(), F.linear(x, weight, bias)
    assert found.shape == expected.shape
    size = x.norm(dim=-1, keepdim=True) * weight.norm(dim=1)
    assert ((found - expected).abs() / (size + 1)).max() < 0.01
    alone = torch.cat([in_type(row[None]) for row in x])
    assert torch.equal(alone.float(), found), "what else is computed changes nothing"
    torch.testing.assert_close(in_type(torch.zeros_like(x)).float(), bias.expand_as(found), rtol=0.01, atol=0.01)
