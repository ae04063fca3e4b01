"""What training sees: files with weights, several target languages, pairs that are sampled, words that are cut anew."""

from __future__ import annotations

import json
import math
import multiprocessing
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import DATA, TINY, head, mtcli
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from mtcli.cache import root
from mtcli.config import TokenizerConfig, TrainingConfig
from mtcli.corpora import read_texts
from mtcli.data.batches import ParallelCorpus
from mtcli.data.mapped import Runs
from mtcli.data.split import Pairs
from mtcli.epochs import Ahead, Epochs
from mtcli.errors import UsageError
from mtcli.noise import EMOJIS, careless, renamed
from mtcli.sampling import Sampler
from mtcli.settings import TrainingRequest
from mtcli.tags import target_of
from mtcli.tokenizer import SIDES, Tokenizer, load_tokenizer, train_tokenizer
from mtcli.trainer import start
from mtcli.vocab import BOS_ID, EOS_ID, PAD_ID


def real_pairs(count: int) -> Pairs:
    sides = ((DATA / name).read_text(encoding="utf-8").splitlines()[:count] for name in ("train.de", "train.en"))
    return list(zip(*sides, strict=True))


def tokenizer_of(pairs: Pairs, kind: str) -> Tokenizer:
    config = TokenizerConfig(kind, vocab_size=400)
    return load_tokenizer(*train_tokenizer(config, [s for s, _ in pairs], [t for _, t in pairs]))


def epochs_of(
    tokenizer: Tokenizer, pairs: Pairs, config: TrainingConfig, sampler: Sampler | None = None, weights: list[float] | None = None
) -> Epochs:
    ids = (tokenizer.encode([pair[side] for pair in pairs], name) for side, name in enumerate(SIDES))
    corpus = ParallelCorpus.of(zip(*ids, strict=True))
    return Epochs(corpus, pairs, np.array(weights) if weights else None, config, tokenizer, sampler)


def sampled_lines(sampler: Sampler, lines: list[str], seed: int) -> list[list[int]]:
    ids, lengths = sampler.encode(lines, "src", np.random.PCG64(seed))
    return [each.tolist() for each in np.split(ids, np.cumsum(lengths)[:-1])]


def ids_of(corpus: ParallelCorpus) -> list[tuple[list[int], list[int]]]:
    batches = (corpus.batch([i]) for i in range(len(corpus)))
    return [(batch.src[0].tolist(), batch.tgt_out[0].tolist()) for batch in batches]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampled_words_change_with_the_epoch_and_say_the_same(kind: str) -> None:
    pairs = real_pairs(200)
    tokenizer = tokenizer_of(pairs, kind)
    epochs = epochs_of(tokenizer, pairs, TrainingConfig(), Sampler(tokenizer, kind, 0.1))
    first, second = ids_of(epochs(0)), ids_of(epochs(1))
    assert ids_of(epochs(0)) == first != second
    assert first != ids_of(epochs.plain)
    best = [text for _, tgt in ids_of(epochs.plain) for text in tokenizer.decode([tgt[:-1]], "tgt")]
    for sampled in (first, second):
        assert [text for _, tgt in sampled for text in tokenizer.decode([tgt[:-1]], "tgt")] == best
        assert sum(len(tgt) for _, tgt in sampled) > sum(len(tgt) for _, tgt in ids_of(epochs.plain))
    again = epochs_of(tokenizer, pairs, TrainingConfig(), Sampler(tokenizer, kind, 0.1))
    assert ids_of(again(1)) == second  # a run that goes on sees what the first one would have seen


def test_an_epoch_of_much_text_lies_on_the_disk_and_leaves_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = real_pairs(200)
    tokenizer = tokenizer_of(pairs, "unigram")
    epochs = epochs_of(tokenizer, pairs, TrainingConfig(noise=0.5), Sampler(tokenizer, "unigram", 0.1))
    in_memory = epochs(1)
    monkeypatch.setattr("mtcli.epochs.LONG_TEXT", 200)
    monkeypatch.setattr("mtcli.epochs.CHUNK", 30)
    before = set(root().iterdir())
    mapped = epochs(1)
    assert ids_of(mapped) == ids_of(in_memory) and mapped.tgt_tokens == in_memory.tgt_tokens
    assert isinstance(in_memory.src.runs, Runs) and not in_memory.src.runs.maps
    assert isinstance(mapped.src.runs, Runs) and mapped.src.runs.maps
    assert set(root().iterdir()) == before


def test_another_process_makes_the_next_epoch_and_the_epochs_are_the_same() -> None:
    pairs = real_pairs(200)
    tokenizer = tokenizer_of(pairs, "unigram")
    epochs = epochs_of(tokenizer, pairs, TrainingConfig(noise=0.5), Sampler(tokenizer, "unigram", 0.1))
    wanted = [ids_of(epochs(epoch)) for epoch in range(4)]
    ahead, before = Ahead(epochs), set(root().iterdir())
    first = ahead(0)
    [worker] = multiprocessing.active_children()
    second = ahead(1)
    assert not worker.is_alive() and worker.exitcode == 0
    assert isinstance(second.src.runs, Runs) and second.src.runs.maps  # it came from the other process
    [worker] = multiprocessing.active_children()
    worker.kill()
    assert [*map(ids_of, (first, second, ahead(2), ahead(3), ahead(1)))] == [*wanted, wanted[1]]  # killed, in order, out of order
    ahead.close()
    assert set(root().iterdir()) == before and not multiprocessing.active_children()


SAMPLES = """
import sys, json
import numpy as np
from mtcli.config import TokenizerConfig, TrainingConfig
from mtcli.noise import EMOJIS, careless
from mtcli.sampling import Sampler
from mtcli.tokenizer import load_tokenizer, train_tokenizer
lines = json.load(sys.stdin)
tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig(sys.argv[1], vocab_size=400), lines, lines, (">>de<<",)))
print([each.tolist() for each in Sampler(tokenizer, sys.argv[1], 0.2).encode(lines, "src", np.random.PCG64(7))])
"""


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampled_words_are_the_same_in_every_process(kind: str) -> None:
    text = json.dumps([*(src for src, _ in real_pairs(200)), ">>de<< Hallo ☃ \ufeff", "", " "])
    drawn = [
        subprocess.run([sys.executable, "-c", SAMPLES, kind], input=text, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]
    assert json.loads(drawn[0])[1][-2:] == [0, 0]


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_tag_is_never_cut(kind: str) -> None:
    lines = [src for src, _ in real_pairs(200)] + ["a > b < c >> d << e", "<s> </s> <pad> <0x41>"]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig(kind, vocab_size=420), lines, lines, (">>en<<",)))
    [tagged] = tokenizer.encode([">>en<<"], "src")
    assert ">>en<<" in tokenizer.pieces(tagged, "src")
    sampled = sampled_lines(Sampler(tokenizer, kind, 0.3), [f">>en<< {line}" for line in lines * 5], 1)
    assert all(ids[: len(tagged)] == tagged and not {PAD_ID, BOS_ID, EOS_ID} & set(ids) for ids in sampled)


def test_likely_pieces_are_drawn_as_often_as_their_probability_says() -> None:
    pairs = real_pairs(300)
    tokenizer = tokenizer_of(pairs, "unigram")
    scores = tokenizer.scores("src")
    ways = [(ids, sum(scores[i] for i in ids)) for ids in tokenizer.n_best("Leben", "src", 32)]
    drawn = Counter(map(tuple, sampled_lines(Sampler(tokenizer, "unigram", 0.5), ["Leben"] * 20_000, 3)))
    total = sum(math.exp(0.5 * score) for _, score in ways)
    assert len(ways) >= 3 and ways[0][0] == tokenizer.encode(["Leben"], "src")[0]
    for ids, score in ways:
        assert drawn[tuple(ids)] / 20_000 == pytest.approx(math.exp(0.5 * score) / total, abs=0.02)


def test_without_a_merge_left_out_sampled_bpe_is_plain_bpe() -> None:
    lines = [*(src for src, _ in real_pairs(300)), "☃ Žižek"]
    tokenizer = tokenizer_of(real_pairs(300), "bpe")
    assert sampled_lines(Sampler(tokenizer, "bpe", 1e-12), lines, 1) == tokenizer.encode(lines, "src")


def test_a_weight_says_how_often_an_epoch_shows_a_pair() -> None:
    pairs = real_pairs(300)
    tokenizer = tokenizer_of(pairs, "unigram")
    weights = [1.0] * 100 + [2.0] * 100 + [0.25] * 100
    epochs = epochs_of(tokenizer, pairs, TrainingConfig(), weights=weights)
    place = {str(ids): i // 100 for i, ids in enumerate(ids_of(epochs.plain))}
    assert len(place) == 300, "the pairs are not all different"
    shown = Counter(place[str(ids)] for epoch in range(8) for ids in ids_of(epochs(epoch)))
    assert (shown[0], shown[1]) == (800, 1600)
    assert 150 < shown[2] < 250
    assert ids_of(epochs(3)) == ids_of(epochs(3)) != ids_of(epochs(4))


def test_lines_typed_in_a_hurry_are_others_each_time_and_leave_the_target_alone() -> None:
    nameless = [pair for pair in real_pairs(1000) if renamed(pair, random.Random(1)) == pair]
    pairs = [(f">>en<< {src}", tgt) for src, tgt in nameless[:300]]
    tokenizer = tokenizer_of(pairs, "unigram")
    epochs = epochs_of(tokenizer, pairs, TrainingConfig(noise=0.5))
    first, second = ids_of(epochs(0)), ids_of(epochs(1))
    assert ids_of(epochs_of(tokenizer, pairs, TrainingConfig(noise=0.5))(0)) == first != second
    plain = ids_of(epochs.plain)
    assert 110 < sum(src != clean for (src, _), (clean, _) in zip(first, plain, strict=True)) < 160
    kept, two = 0, 0
    for (src, tgt), (_, clean) in zip(first, plain, strict=True):
        [source], [target], [whole] = (tokenizer.decode([ids], "src") for ids in (src, tgt[:-1], clean[:-1]))
        assert source.startswith(">>en<< ") and source.count(">>en<<") == 1
        assert target.startswith(whole)
        rest = target.removeprefix(whole).strip()
        kept, two = kept + (not rest), two + (len(rest) > 1)
        assert len(rest) != 1 or (rest in EMOJIS and rest == source[-1])
    assert kept > 240 and two > 5 and kept + two < 300


@given(st.text(), st.text(), st.integers())
def test_any_line_can_be_typed_in_a_hurry(src: str, tgt: str, seed: int) -> None:
    typed, target = careless((src, tgt), random.Random(seed))
    assert careless((src, tgt), random.Random(seed)) == (typed, target)
    assert target.startswith(tgt)
    assert bool(typed.strip()) or not src.strip()
    assert target_of(typed) == target_of(src)


def test_an_epoch_gives_other_names_to_a_share_of_its_pairs() -> None:
    pairs = [(f"Tom kam im Jahr {year} nach Boston.", f"Tom came to Boston in {year}.") for year in range(1800, 2000)]
    tokenizer = tokenizer_of([*pairs, *real_pairs(200)], "unigram")
    shown = ids_of(epochs_of(tokenizer, pairs, TrainingConfig(noise=0.25))(0))
    whole = 0
    for source, target in ([tokenizer.decode([ids], "src")[0] for ids in (src, tgt[:-1])] for src, tgt in shown):
        found = re.fullmatch(r"(\w+(?: \w+)?) came to (\w+(?: \w+)?) in (\d+)\.(?: .+)?", target)
        assert found, target
        whole += found[2] != "Boston" and source == f"{found[1]} kam im Jahr {found[3]} nach {found[2]}."
    assert 60 < whole < 95  # of 100, one in four is typed in a hurry


@given(st.integers())
def test_names_and_numbers_that_stand_on_both_sides_become_others(seed: int) -> None:
    pair = (">>en<< „Tom wohnt seit 1995 in Boston“, sagt Maria.", "Mary says that Tom has lived in Boston since 1995.")
    src, tgt = renamed(pair, random.Random(seed))
    assert renamed(pair, random.Random(seed)) == (src, tgt)
    found = re.fullmatch(r">>en<< „([^\d_„]+) wohnt seit (\d+) in ([^\d_“]+)“, sagt Maria\.", src)
    assert found and tgt == f"Mary says that {found[1]} has lived in {found[3]} since {found[2]}."
    assert (found[1], found[3]) != ("Tom", "Boston") and found[1].istitle() and found[3].istitle()


def test_what_stands_on_one_side_alone_or_more_often_there_keeps_its_name() -> None:
    for pair in [
        ("Toms Hund mag Tom.", "Tom's dog likes Tom."),
        ("Um 3 Uhr.", "At 3 o'clock."),
        ("Maria ist 20.", "Mary is twenty."),
        ("the arm", "the arm"),
    ]:
        assert renamed(pair, random.Random(1)) == pair


def files(folder: Path, **texts: str) -> dict[str, str]:
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return {name: str(folder / name.replace("_", ".")) for name in texts}


def test_files_in_several_languages_get_tags(tmp_path: Path) -> None:
    f = files(
        tmp_path, a_en="One.\n\nTwo.\n", a_de="Eins.\nLeer.\nZwei.\n", b_en=">>fr<< Three.\nFour.\n", b_fr="Trois.\nQuatre.\n"
    )
    texts = read_texts(([f["a_en"], f["b_en"]], [f["a_de"], f["b_fr"]]), ([f["a_en"]], [f["a_de"]]), ([], []), [])
    assert texts.targets == ("de", "fr")
    assert texts.dev == [(">>de<< One.", "Eins."), ("", "Leer."), (">>de<< Two.", "Zwei.")]
    assert [src for src, _ in texts.pairs][-2:] == [">>fr<< Three.", ">>fr<< Four."]
    one = read_texts(([f["a_en"]], [f["a_de"]]), ([], []), ([], []), [])
    assert one.targets == () and one.pairs[0] == ("One.", "Eins.")


def test_a_language_that_nobody_names_or_knows_is_an_error(tmp_path: Path) -> None:
    f = files(tmp_path, a_en="One.\n", a_de="Eins.\n", b_txt="Two.\n", c_es="Dos.\n", a_fr="Un.\n")
    train = ([f["a_en"], f["a_en"]], [f["a_de"], f["a_fr"]])
    with pytest.raises(UsageError, match="cannot tell its language"):
        read_texts(train, ([f["b_txt"]], [f["b_txt"]]), ([], []), [])
    with pytest.raises(UsageError, match="does not translate to es"):
        read_texts(train, ([f["a_en"]], [f["c_es"]]), ([], []), [])


@pytest.mark.parametrize(
    ("line", "language"), [(">>de<< Hi", "de"), (" >>pt-br<<", "pt-br"), (">>de<<Hi", ""), ("> >de<<", ""), ("", "")]
)
def test_a_tag_stands_alone_at_the_beginning(line: str, language: str) -> None:
    assert target_of(line) == language


@pytest.mark.slow
def test_one_model_translates_to_two_languages(tmp_path: Path) -> None:
    """Upper and lower case stand for two languages: learnt in seconds, and no language is taken for the other."""
    words = [f"{a}{b}{c}" for a in "bdf" for b in "aeiou" for c in "lmn"]
    lines = [f"{x} {y}" for x in words for y in words[::9]]
    texts = {
        "src.en": lines,
        "up.de": [line.upper() for line in lines],
        "low.fr": [" ".join(reversed(line.split())) for line in lines],
    }
    for name, content in texts.items():
        (tmp_path / name).write_text("\n".join(content) + "\n")
    package, src = tmp_path / "two", tmp_path / "src.en"
    options = ["--src", src, "--src", src, "--tgt", tmp_path / "up.de", "--tgt", tmp_path / "low.fr", "--steps", "250"]
    values = ["tokenizer.vocab_size=320", "training.batch_tokens=1000", "training.learning_rate=0.01", "training.validations=1"]
    settings = [part for value in (*values, "model.width=64", "model.dropout=0.0") for part in ("--set", value)]
    mtcli("train", "-m", package, *options, *TINY, *settings)
    given = b"bal den\n\nfim bon\n"
    upper = mtcli("translate", "-m", package, "--to", "de", stdin=given).stdout.decode().splitlines()
    lower = mtcli("translate", "-m", package, "--to", "fr", stdin=given).stdout.decode().splitlines()
    assert upper[1] == lower[1] == "" and len(upper) == len(lower) == 3
    assert all(line.isupper() for line in upper if line) and all(line.islower() for line in lower if line)
    own = mtcli("translate", "-m", package, stdin=b">>fr<< bal den\nbal den\n")
    assert own.stdout.decode().splitlines()[0] == lower[0]
    assert "1 of 2 lines do not begin with >>de<< or >>fr<<" in own.stderr.decode()
    assert "translates to de, fr" in mtcli("translate", "-m", package, "--to", "es", stdin=given, code=1 + 1).stderr.decode()
    test = ("models", "test", package, "--src", src, "--ref", tmp_path / "up.de", "--name", "upper", "--to")
    assert re.search(rb", chrF2 (9\d|100)\.", mtcli(*test, "de").stdout) and "| upper |" in (package / "README.md").read_text()
    assert re.search(rb", chrF2 \d\.", mtcli(*test, "fr").stdout)
    long = b" ".join([b"bal"] * 300)
    assert mtcli("translate", "-m", package, "--to", "de", stdin=long + b"\n").stdout.decode().strip().isupper()


@pytest.mark.slow
def test_fine_tuning_begins_with_the_other_package(transformer_package: Path, tmp_path: Path) -> None:
    texts = ["--src", head("train.de", 200, tmp_path), "--tgt", head("train.en", 200, tmp_path)]
    dev = ["--dev-src", head("dev.de", 20, tmp_path), "--dev-tgt", head("dev.en", 20, tmp_path)]
    package = tmp_path / "tuned"
    command = [
        "train",
        "-m",
        package,
        *texts,
        *dev,
        "--steps",
        "2",
        "--set",
        "training.validations=1",
        "--from",
        transformer_package,
    ]
    mtcli(*command, "--weight", "2")
    assert (package / "tokenizer.model").read_bytes() == (transformer_package / "tokenizer.model").read_bytes()
    log = [json.loads(line) for line in (package / "training" / "metrics.jsonl").read_text().splitlines()]
    assert [next(iter(record)) for record in log] == ["validation", "step", "step", "validation"]
    assert log[0]["validation"]["step"] == 0
    frozen = ["--weight", "2", "--set", 'training.freeze=["tgt_embedding"]']
    mtcli(*command[:2], tmp_path / "frozen", *command[3:], *frozen)
    before, after = (load_file(folder / "weights.safetensors") for folder in (transformer_package, tmp_path / "frozen"))
    assert [name for name in before if torch.equal(before[name], after[name])] == ["tgt_embedding.weight"]
    kinds = [(command, "trained on other text"), ([*command, "--weight", "2", "--preset", "big"], "--preset and --from")]
    kinds += [([*command, "--weight", "2", "--set", "model.width=64"], "model.width")]
    for wrong, message in kinds:
        code = 1 if "other" in message else 2
        assert message in mtcli(*wrong, code=code).stderr.decode()


def test_several_target_languages_need_a_tokenizer_that_was_made_for_them(tmp_path: Path) -> None:
    de, en = (str(head(name, 300, tmp_path)) for name in ("train.de", "train.en"))
    mtcli("tokenizer", "train", "-m", tmp_path / "begun", "--src", de, "--tgt", en, "--vocab-size", "500")
    with pytest.raises(UsageError, match="made for en and has no tags"):
        start(TrainingRequest(str(tmp_path / "begun"), [de, en], [en, de], overrides=("training.steps=1",), device="cpu"))
