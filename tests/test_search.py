"""Beam search finds what slow and plain searches find, for both architectures."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
import torch
from torch import nn

from mtcli.config import DecodingConfig, ModelConfig
from mtcli.data.batches import ParallelCorpus
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.model import EncoderDecoder, build, decoding_dtype, matmul_dtype
from mtcli.search import Decoder, room, search
from mtcli.search.decoder import WIDE
from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID, UNK_ID, VocabSizes

torch.set_num_threads(1)  # on tensors this small, threads only wait for each other

CPU = torch.device("cpu")
FAST = {of("auto", CPU) for of in (decoding_dtype, matmul_dtype)} - {torch.float32}
NEVER = [PAD_ID, UNK_ID, BOS_ID]
PIECES = [4, 5, 6]
SENTENCES = [[5, 6, 4], [4], [6, 6], [4, 5, 6, 4, 5], [5]]

both_architectures = pytest.mark.parametrize("architecture", ["transformer", "rnn"])


class Short(DecodingConfig):
    """Sentences with a limit of length that lets all translations be tried."""

    def max_length(self, src_length: int) -> int:
        return min(src_length, 3)


def random_model(architecture: str, eos_bias: float = 0.0) -> EncoderDecoder:
    """A small model that is sure of its nonsense."""
    torch.manual_seed(4)
    shape = {"width": 8, "heads": 2, "ff_width": 16, "hidden": 12, "encoder_layers": 1, "decoder_layers": 2}
    model = build(ModelConfig(architecture, **shape), VocabSizes(7, 7, shared=True)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.7)
    with torch.no_grad():
        model.output_bias[EOS_ID] += eos_bias
    return model


def find(model: EncoderDecoder, sentences: list[list[int]], config: DecodingConfig) -> list[list[Hypothesis]]:
    return found_for(Decoder([model], NEVER), [Sentence(ids) for ids in sentences], config)


def found_for(decoder: Decoder, sentences: list[Sentence], config: DecodingConfig) -> list[list[Hypothesis]]:
    [found] = search(decoder, [sentences], config, CPU)
    return found


def allowed(logits: torch.Tensor) -> torch.Tensor:
    """Log-probabilities among the pieces that may be generated."""
    return logits.index_fill(-1, torch.tensor(NEVER), -math.inf).log_softmax(-1)


@torch.inference_mode()
def log_probabilities(model: EncoderDecoder, src: list[int], sequences: list[list[int]]) -> list[float]:
    """Of each sequence of target pieces, its EOS included if it has one, by teacher forcing."""
    batch = ParallelCorpus.of((src, tgt) for tgt in sequences).batch(list(range(len(sequences))))
    scores = allowed(model(batch.src, batch.src_mask, batch.tgt_in))
    of_pieces = scores.gather(2, batch.tgt_out[:, :, None])[:, :, 0]
    return [row[: len(ids)].sum().item() for row, ids in zip(of_pieces, sequences, strict=True)]


def hypothesis(sequence: list[int], total: float, length_penalty: float) -> Hypothesis:
    score = total / len(sequence) ** length_penalty
    return Hypothesis([i for i in sequence if i != EOS_ID], score, math.exp(total / len(sequence)))


def as_generated(ids: list[int], limit: int) -> list[int]:
    """With the EOS that ends it, unless it has reached the limit."""
    return ids if len(ids) == limit else [*ids, EOS_ID]


def assert_same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert [h.ids for h in found] == [h.ids for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-4)
    assert [h.confidence for h in found] == pytest.approx([h.confidence for h in expected], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", sorted(FAST, key=str))
@pytest.mark.parametrize("tiles", [False, True])
def test_bits_do_not_depend_on_the_batch(dtype: torch.dtype, tiles: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)  # then attention is to bfloat16, too
    torch.manual_seed(1)
    shape = ModelConfig(width=64, heads=4, ff_width=128, encoder_layers=1, decoder_layers=2)
    model = build(shape, VocabSizes(500, 500, shared=True)).eval()
    for parameter in model.parameters():
        parameter.data *= 2  # sure of its nonsense
    decoder, chooser = Decoder([model], NEVER, dtype), random.Random(1)
    sentences = [Sentence([chooser.randrange(4, 500) for _ in range(chooser.randrange(8, 15))]) for _ in range(9)]
    terms = [replace(sentence, terms=((7, 8), (9,))) for sentence in sentences[:4]]
    for config, some in (
        (DecodingConfig(beam_size=1), sentences),
        (DecodingConfig(beam_size=5, n_best=5), sentences),
        (DecodingConfig(beam_size=WIDE + 1, n_best=3), sentences[:4]),
        (DecodingConfig(temperature=1.0, n_best=3), sentences),
        (DecodingConfig(beam_size=3, n_best=2), terms),
    ):
        together = [found for batch in search(decoder, [some[:3], some[3:]], config, CPU) for found in batch]
        alone = [found_for(decoder, [sentence], config)[0] for sentence in some[:5]]
        assert together[: len(alone)] == alone
        assert any(hypothesis.ids for found in alone for hypothesis in found)


@both_architectures
def test_hypotheses_side_by_side_find_what_each_finds_by_itself(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, beam = random_model(architecture, -1.0), DecodingConfig(beam_size=5, n_best=5)
    decoder, sentences = Decoder([model], NEVER), [Sentence(ids) for ids in SENTENCES]
    terms = [replace(sentence, terms=((4, 4), (6,))) for sentence in sentences]
    expected = [found_for(decoder, some, beam) for some in (sentences, terms)]
    monkeypatch.setattr("mtcli.search.beam.WIDE", 4)
    monkeypatch.setattr("mtcli.search.constrained.WIDE", 4)
    for some, side_by_side in zip((sentences, terms), expected, strict=True):
        for found, those in zip(found_for(decoder, some, beam), side_by_side, strict=True):
            assert_same(found, those)


@both_architectures
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
def test_a_wide_beam_equals_trying_everything(architecture: str, length_penalty: float) -> None:
    model, config = random_model(architecture), Short(beam_size=64, n_best=40, length_penalty=length_penalty)
    for src, found in zip(SENTENCES, find(model, SENTENCES, config), strict=True):
        limit = config.max_length(len(src))
        texts = [list(ids) for length in range(limit + 1) for ids in itertools.product(PIECES, repeat=length)]
        every = [as_generated(ids, limit) for ids in texts]
        scored = zip(every, log_probabilities(model, src, every), strict=True)
        expected = [hypothesis(ids, total, length_penalty) for ids, total in scored]
        assert_same(found, sorted(expected, key=lambda h: -h.score))


@pytest.mark.slow
@both_architectures
@pytest.mark.parametrize("eos_bias", [0.0, -3.0])
@pytest.mark.parametrize("beam_size", [2, 3, 5])
def test_the_beam_equals_a_plain_one(architecture: str, eos_bias: float, beam_size: int) -> None:
    model, config = random_model(architecture, eos_bias), DecodingConfig(beam_size=beam_size, n_best=beam_size)
    for src, found in zip(SENTENCES, find(model, SENTENCES, config), strict=True):
        assert_same(found, plain_beam(model, src, config))


def plain_beam(model: EncoderDecoder, src: list[int], config: DecodingConfig) -> list[Hypothesis]:
    """Beam search for one sentence that runs every prefix again."""
    beam: list[tuple[list[int], float]] = [([], 0.0)]
    ended: list[Hypothesis] = []
    while beam and len(ended) < config.beam_size:
        last = len(beam[0][0]) + 1 == config.max_length(len(src))
        candidates = []
        for ids, total in beam:
            batch = ParallelCorpus.of([(src, ids)]).batch([0])
            scores = model(batch.src, batch.src_mask, batch.tgt_in)[0, -1]
            candidates += [([*ids, i], total + allowed(scores)[i].item()) for i in [EOS_ID, *PIECES]]
        candidates.sort(key=lambda candidate: -candidate[1])
        for ids, total in candidates[: config.beam_size]:
            if ids[-1] == EOS_ID or last:
                ended.append(hypothesis(ids, total, config.length_penalty))
        beam = [candidate for candidate in candidates if candidate[0][-1] != EOS_ID and not last][: config.beam_size]
    return sorted(ended, key=lambda h: -h.score)[: config.n_best]


@both_architectures
@pytest.mark.parametrize("eos_bias", [0.0, -3.0])
def test_a_beam_of_one_equals_a_greedy_loop(architecture: str, eos_bias: float) -> None:
    model, config = random_model(architecture, eos_bias), DecodingConfig(beam_size=1)
    for src, found in zip(SENTENCES, find(model, SENTENCES, config), strict=True):
        state = model.encode(torch.tensor([[*src, EOS_ID]]), torch.ones(1, len(src) + 1, dtype=torch.bool))
        ids, total = [BOS_ID], 0.0
        while len(ids) <= config.max_length(len(src)) and (len(ids) == 1 or ids[-1] != EOS_ID):
            logits, state = model.step(torch.tensor(ids[-1:]), state)
            score, best = allowed(logits[0]).max(0)
            ids.append(int(best))
            total += score.item()
        assert_same(found, [hypothesis(ids[1:], total, config.length_penalty)])


@both_architectures
@pytest.mark.parametrize("beam_size", [1, 4])
def test_neighbours_and_order_in_a_batch_change_nothing(architecture: str, beam_size: int) -> None:
    model, config = random_model(architecture, eos_bias=-2), DecodingConfig(beam_size=beam_size, n_best=beam_size)
    together = find(model, SENTENCES, config)
    backwards = find(model, SENTENCES[::-1], config)[::-1]
    for i, sentence in enumerate(SENTENCES):
        assert_same(together[i], find(model, [sentence], config)[0])
        assert_same(together[i], backwards[i])


@both_architectures
@pytest.mark.parametrize("few", [1, 3, 16])
def test_sentences_of_several_batches_that_end_together_find_what_they_find_alone(
    architecture: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtcli.search.beam.LATE", few)
    model, config = random_model(architecture, eos_bias=-1), DecodingConfig(beam_size=3, n_best=3)
    long = [[4, 5, 6, 6, 5, 4, 4, 5], [6, 5, 4, 6, 5, 4, 6, 5, 4, 6, 5, 4, 6, 5, 4], [5] * 16, [4, 6] * 9, [6, 6, 5] * 7]
    batches = [[*map(Sentence, some)] for some in (long[:2], [long[0]], long[2:4], [long[4], long[2], long[3], long[2]])]
    for room_of in (16, 32):
        some = [[sentence for sentence in batch if room(sentence) == room_of] for batch in batches]
        some = [batch for batch in some if batch]
        found = search(Decoder([model], NEVER), some, config, torch.device("cpu"))
        assert [len(each) for each in found] == [len(batch) for batch in some]
        for sentence, hypotheses in zip(itertools.chain(*some), itertools.chain(*found), strict=True):
            assert_same(hypotheses, find(model, [sentence.ids], config)[0])


@both_architectures
def test_n_best_lists_are_sorted_distinct_and_scored_as_teacher_forcing_scores_them(architecture: str) -> None:
    model, config = random_model(architecture, eos_bias=-1), DecodingConfig(beam_size=6, n_best=6, length_penalty=0.7)
    n_best = find(model, SENTENCES, config)
    for src, found in zip(SENTENCES, n_best, strict=True):
        scores, translations = [h.score for h in found], [h.ids for h in found]
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(ids) for ids in translations}) == 6
        sequences = [as_generated(ids, config.max_length(len(src))) for ids in translations]
        totals = log_probabilities(model, src, sequences)
        expected = [hypothesis(ids, total, 0.7).score for ids, total in zip(sequences, totals, strict=True)]
        assert scores == pytest.approx(expected, abs=1e-4)
    first_two = find(model, SENTENCES, replace(config, n_best=2))
    assert [[h.ids for h in found] for found in first_two] == [[h.ids for h in found[:2]] for found in n_best]


@both_architectures
@pytest.mark.parametrize("beam_size", [1, 5])
def test_banned_pieces_never_appear(architecture: str, beam_size: int) -> None:
    model, config = random_model(architecture, eos_bias=-2), DecodingConfig(beam_size=beam_size, n_best=beam_size)
    with torch.no_grad():
        model.output_bias[[*NEVER, 5]] += 20
    n_best = found_for(Decoder([model], [*NEVER, 5]), list(map(Sentence, SENTENCES)), config)
    found = {i for hypotheses in n_best for h in hypotheses for i in h.ids}
    assert found
    assert found <= {4, 6}


@both_architectures
@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_model_that_never_ends_is_cut_at_the_limit(architecture: str, beam_size: int) -> None:
    model, config = random_model(architecture, eos_bias=-100), DecodingConfig(beam_size=beam_size, n_best=beam_size)
    for src, found in zip(SENTENCES, find(model, SENTENCES, config), strict=True):
        assert [len(h.ids) for h in found] == [config.max_length(len(src))] * beam_size
        totals = log_probabilities(model, src, [h.ids for h in found])
        expected = [hypothesis(h.ids, total, config.length_penalty).score for total, h in zip(totals, found, strict=True)]
        assert [h.score for h in found] == pytest.approx(expected, abs=1e-4)


class Limited(Short):
    """Short sentences with at least one piece for each of the source's first three."""

    def limits(self, src_length: int, prefix: int = 0) -> tuple[int, int]:
        return min(src_length, 3) - 1, 3


def every_text(model: EncoderDecoder, src: list[int], limit: int) -> list[tuple[list[int], float]]:
    """All that can be said in at most `limit` pieces, EOS counted, with its log-probability, the likeliest first."""
    texts = [list(ids) for length in range(limit + 1) for ids in itertools.product(PIECES, repeat=length)]
    sequences = [as_generated(ids, limit) for ids in texts]
    scored = zip(texts, log_probabilities(model, src, sequences), strict=True)
    return sorted(scored, key=lambda one: -one[1])


@both_architectures
def test_translations_are_as_long_as_is_asked(architecture: str) -> None:
    model, config = random_model(architecture, eos_bias=3), Limited(beam_size=64, n_best=40, length_penalty=0)
    assert min(len(h.ids) for found in find(model, SENTENCES, Short(beam_size=64, n_best=40)) for h in found) == 0
    for src, found in zip(SENTENCES, find(model, SENTENCES, config), strict=True):
        expected = [ids for ids, _ in every_text(model, src, 3) if len(ids) >= min(len(src), 3) - 1]
        assert sorted(h.ids for h in found) == sorted(expected)
    plain = DecodingConfig(min_length_ratio=1.5, beam_size=3)
    assert all(
        len(h.ids) >= 1.5 * len(src) for src, found in zip(SENTENCES, find(model, SENTENCES, plain), strict=True) for h in found
    )


@both_architectures
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_no_ngram_comes_twice(architecture: str, size: int, beam_size: int) -> None:
    def ngrams(ids: list[int]) -> list[tuple[int, ...]]:
        return [tuple(ids[i : i + size]) for i in range(len(ids) - size + 1)]

    model, config = random_model(architecture, eos_bias=-6), DecodingConfig(beam_size=beam_size, n_best=beam_size)
    usual = [ngrams(h.ids) for found in find(model, SENTENCES, config) for h in found]
    assert any(len(set(of)) < len(of) for of in usual)
    for found in find(model, SENTENCES, replace(config, no_repeat_ngram=size)):
        assert all(len(set(ngrams(h.ids))) == len(ngrams(h.ids)) for h in found)


@both_architectures
def test_a_prefix_is_kept_and_the_rest_is_the_best_that_follows_it(architecture: str) -> None:
    model, config = random_model(architecture), Short(beam_size=64, n_best=40, length_penalty=0)
    prefixes = [(5,), (), (6, 4), (4,), (6,)]
    sentences = [Sentence(ids, prefix) for ids, prefix in zip(SENTENCES, prefixes, strict=True)]
    for sentence, found in zip(sentences, found_for(Decoder([model], NEVER), sentences, config), strict=True):
        begin, limit = list(sentence.prefix), config.limits(len(sentence.ids), len(sentence.prefix))[1]
        given = log_probabilities(model, sentence.ids, [begin])[0] if begin else 0.0
        every = [(ids, total) for ids, total in every_text(model, sentence.ids, limit) if ids[: len(begin)] == begin]
        assert [h.ids for h in found] == [ids for ids, _ in every][:40]
        assert [h.score for h in found] == pytest.approx([total - given for _, total in every][:40], abs=1e-4)


TERMS = [((5, 6),), ((4,), (6,)), ((6, 6),), ((4, 5), (5,)), ((5,),)]


def holds(ids: list[int], terms: tuple[tuple[int, ...], ...]) -> bool:
    """Whether the terms are there, in places of their own."""
    if not terms:
        return True
    first, *rest = terms
    at = [i for i in range(len(ids)) if tuple(ids[i : i + len(first)]) == first]
    return any(holds([*ids[:i], 0, *ids[i + len(first) :]], tuple(rest)) for i in at)


@both_architectures
def test_terms_are_put_in_where_they_are_likeliest(architecture: str) -> None:
    model, config = random_model(architecture), Roomy(beam_size=120, length_penalty=0)
    sentences = [Sentence(ids, terms=terms) for ids, terms in zip(SENTENCES, TERMS, strict=True)]
    for sentence, [best] in zip(sentences, found_for(Decoder([model], NEVER), sentences, config), strict=True):
        ids, total = next((ids, total) for ids, total in every_text(model, sentence.ids, 4) if holds(ids, sentence.terms))
        assert (best.ids, best.score) == (ids, pytest.approx(total, abs=1e-4))


@both_architectures
@pytest.mark.parametrize("beam_size", [1, 5])
def test_a_narrow_beam_puts_unlikely_terms_in_too(architecture: str, beam_size: int) -> None:
    model, config = random_model(architecture), DecodingConfig(beam_size=beam_size, n_best=beam_size)
    with torch.no_grad():
        model.output_bias[[5, 6]] -= 8
    sentences = [Sentence(ids, terms=terms) for ids, terms in zip(SENTENCES, TERMS, strict=True)]
    for sentence, found in zip(sentences, found_for(Decoder([model], NEVER), sentences, config), strict=True):
        assert holds(found[0].ids, sentence.terms)


@both_architectures
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_term_may_come_twice_where_nothing_else_may(architecture: str, size: int) -> None:
    config = DecodingConfig(beam_size=3, n_best=3, no_repeat_ngram=size)
    terms = ((5, 6, 4), (5, 6, 4))
    sentences = [Sentence(ids, terms=terms) for ids in SENTENCES]
    for found in found_for(Decoder([random_model(architecture, -1)], NEVER), sentences, config):
        assert all(holds(hyp.ids, terms) for hyp in found)


@both_architectures
def test_where_there_is_no_room_for_a_term_the_plain_translation_is_taken(architecture: str) -> None:
    model, config = random_model(architecture, eos_bias=1), Roomy(n_best=3)
    sentences = [Sentence(ids, terms=((5, 6, 4, 5, 6),)) for ids in SENTENCES]
    found = found_for(Decoder([model], NEVER), sentences, config)
    for of_one, plain in zip(found, find(model, SENTENCES, config), strict=True):
        assert_same(of_one, plain)


class Roomy(DecodingConfig):
    """At most four pieces."""

    def max_length(self, src_length: int) -> int:
        return 4


@both_architectures
@pytest.mark.parametrize(("options", "allowed_pieces"), [({}, 4), ({"top_k": 2}, 2), ({"top_p": 0.6}, None)])
def test_samples_are_drawn_as_likely_as_the_model_says(
    architecture: str, options: dict[str, float], allowed_pieces: int | None
) -> None:
    model, count = random_model(architecture), 4000
    src = [5, 6, 4]
    config = DecodingConfig(temperature=1.5, n_best=count, beam_size=1, max_length_ratio=1e-9, **options)
    [found] = find(model, [src], config)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    state = model.encode(torch.tensor([[*src, EOS_ID]]), torch.ones(1, len(src) + 1, dtype=torch.bool))
    with torch.inference_mode():
        logits, _ = model.step(torch.tensor([BOS_ID]), state)
        probabilities = (allowed(logits[0]) / 1.5).softmax(-1)
    order = probabilities.argsort(descending=True).tolist()
    if allowed_pieces is None:  # until 0.6 is reached
        allowed_pieces = next(n for n in range(1, 8) if probabilities[order[:n]].sum() >= 0.6)
    kept = {i: probabilities[i].item() / probabilities[order[:allowed_pieces]].sum().item() for i in order[:allowed_pieces]}
    firsts = [h.ids[0] if h.ids else EOS_ID for h in found]
    assert set(firsts) <= set(kept)
    for piece, probability in kept.items():
        assert firsts.count(piece) / count == pytest.approx(probability, abs=4 * math.sqrt(0.25 / count))


@both_architectures
def test_samples_depend_on_seed_and_sentence_alone(architecture: str) -> None:
    model, config = random_model(architecture, eos_bias=-2), DecodingConfig(temperature=1, n_best=3, seed=7)
    together = find(model, SENTENCES, config)
    for i, sentence in enumerate(SENTENCES):
        assert_same(together[i], find(model, [sentence], config)[0])
    assert [h.ids for h in together[0]] != [h.ids for h in find(model, SENTENCES, replace(config, seed=8))[0]]
    sequences = [as_generated(h.ids, config.max_length(3)) for h in together[0]]
    totals = log_probabilities(model, SENTENCES[0], sequences)
    assert [h.score for h in together[0]] == pytest.approx(
        [total / len(ids) ** config.length_penalty for ids, total in zip(sequences, totals, strict=True)], abs=1e-4
    )


def test_models_together_think_the_mean_of_what_each_thinks() -> None:
    models, config = [random_model("transformer"), random_model("rnn")], Short(beam_size=64, n_best=40, length_penalty=0)
    decoder = Decoder(models, NEVER)
    for src, found in zip(SENTENCES, found_for(decoder, list(map(Sentence, SENTENCES)), config), strict=True):
        for each in found:
            sequence = as_generated(each.ids, config.max_length(len(src)))
            of_each = [piece_scores(model, src, sequence) for model in models]
            expected = sum(math.log((math.exp(a) + math.exp(b)) / 2) for a, b in zip(*of_each, strict=True))
            assert each.score == pytest.approx(expected, abs=1e-4)


def piece_scores(model: EncoderDecoder, src: list[int], sequence: list[int]) -> list[float]:
    totals = log_probabilities(model, src, [sequence[: i + 1] for i in range(len(sequence))])
    return [total - before for total, before in zip(totals, [0.0, *totals], strict=False)]


@both_architectures
def test_attention_sums_to_one_and_leaves_padding_out(architecture: str) -> None:
    model = random_model(architecture)
    batch = ParallelCorpus.of(zip(SENTENCES, SENTENCES[::-1], strict=True)).batch(list(range(len(SENTENCES))))
    with torch.inference_mode():
        together = model.attention(batch.src, batch.src_mask, batch.tgt_in)
    assert together.size(1) == (4 if architecture == "transformer" else 1), "two heads in each of two layers"
    assert together.sum(3).numpy() == pytest.approx(torch.ones_like(together[..., 0]).numpy(), abs=1e-5)
    assert (together * ~batch.src_mask[:, None, None]).max() == 0
    for i, (src, tgt) in enumerate(zip(SENTENCES, SENTENCES[::-1], strict=True)):
        alone = ParallelCorpus.of([(src, tgt)]).batch([0])
        with torch.inference_mode():
            weights = model.attention(alone.src, alone.src_mask, alone.tgt_in)[0, :, : len(tgt)]
        assert together[i, :, : len(tgt), : len(src) + 1].numpy() == pytest.approx(weights.numpy(), abs=1e-5)
