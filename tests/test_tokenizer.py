"""The tokenizer loses no text, learns the same from the same, and begins a package."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sentencepiece as spm
from conftest import DATA, head, mtcli
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtcli.config import TokenizerConfig
from mtcli.errors import PackageError
from mtcli.package import open_package
from mtcli.tokenizer import FEW, Tokenizer, first_pieces, load_tokenizer, normalise, train_tokenizer

CONFIGS = [TokenizerConfig(kind, 600, joint) for kind in ("unigram", "bpe") for joint in (True, False)]
UNSEEN = [
    "Привет, мир! Ёж?",
    "你好，世界。㐀𠀀",
    "🙂 👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈",
    "नमस्ते दुनिया, שָׁלוֹם, مرحبا",
    "zero\u200djoiner\u200cs, e\u0301 and \u1e9b\u0323",
    "<unk> <s> </s> <pad> <0x41> <0x0A>",
    "\U0010ffff \ue000 \ufffd",
]


def text(name: str) -> list[str]:
    return (DATA / name).read_text("utf-8").split("\n")[:400]


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda c: f"{c.type} {'joint' if c.joint else 'separate'}")
def trained(request: pytest.FixtureRequest) -> tuple[TokenizerConfig, Tokenizer]:
    config: TokenizerConfig = request.param
    return config, load_tokenizer(*train_tokenizer(config, text("train.de"), text("train.en")), config.joint)


def test_the_sizes_are_as_asked_for(trained: tuple[TokenizerConfig, Tokenizer]) -> None:
    config, tokenizer = trained
    sizes = tokenizer.sizes
    assert sizes.shared == config.joint
    fewer = config.joint and config.type == "unigram"
    assert sizes.src == config.vocab_size
    assert sizes.tgt < config.vocab_size if fewer else sizes.tgt == config.vocab_size
    assert (tokenizer.src is tokenizer.tgt) == (config.joint and not fewer)
    if not config.joint:
        assert tokenizer.ids(["▁the"], "tgt") != tokenizer.ids(["▁the"], "src")


def test_a_joint_vocabulary_begins_with_what_target_text_needs(trained: tuple[TokenizerConfig, Tokenizer]) -> None:
    config, tokenizer = trained
    if not config.joint:
        return
    src, tgt = tokenizer.vocabulary("src"), tokenizer.vocabulary("tgt")
    assert tgt == src[: len(tgt)]
    ids = tokenizer.encode(text("train.en"), "tgt")
    assert ids == tokenizer.encode(text("train.en"), "src")
    said = {tgt[i] for line in ids for i in line}
    special = {piece for piece in src if len(piece) == 1 or piece.startswith("<")}
    assert set(tgt) == (said | special if config.type == "unigram" else set(src))
    assert not said <= special
    model = tokenizer.serialised("src")
    assert load_tokenizer(model, first_pieces(model, len(tgt))).vocabulary("tgt") == tgt


def test_the_special_ids_are_0_to_3(trained: tuple[TokenizerConfig, Tokenizer]) -> None:
    for processor in (trained[1].src, trained[1].tgt):
        assert [processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id()] == [0, 1, 2, 3]


@pytest.mark.parametrize("side", ["src", "tgt"])
def test_text_never_seen_comes_back_without_unknown_pieces(trained: tuple[TokenizerConfig, Tokenizer], side: str) -> None:
    tokenizer = trained[1]
    ids = tokenizer.encode(UNSEEN, side)
    assert min(min(line) for line in ids) > 3, "a special id stands for text"
    assert tokenizer.decode(ids, side) == [normalise(line) for line in UNSEEN]


# U+2581 is how sentencepiece writes a space, so it is read as one.
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581"), max_size=60))
@example("\u2028\x85\x0b\x0c\x1c\r\t\x00 ")
@example("\ufeffa\u200bb\x7fc")
@example(" \u0301a")
@settings(max_examples=200)
def test_any_line_comes_back_normalised(trained: tuple[TokenizerConfig, Tokenizer], line: str) -> None:
    tokenizer, clean = trained[1], normalise(line)
    assert normalise(clean) == clean
    (ids,) = tokenizer.encode([line], "src")
    assert tokenizer.decode([ids], "src") == [clean]
    assert tokenizer.encode([line] * FEW, "src") == [ids] * FEW
    assert tokenizer.decode([ids, []] * FEW, "src") == [clean, ""] * FEW
    assert tokenizer.ids(tokenizer.pieces(ids, "src"), "src") == ids
    assert bool(ids) == bool(clean)


@given(st.lists(st.integers(0, 599), max_size=30))
@settings(max_examples=200)
def test_any_ids_decode_to_one_line(trained: tuple[TokenizerConfig, Tokenizer], ids: list[int]) -> None:
    tokenizer = trained[1]
    (line,) = tokenizer.decode([[i for i in ids if i < tokenizer.sizes.tgt]], "tgt")
    assert len(f"{line}.".splitlines()) == 1
    assert not set(line) & set("\n\r\t\0")


def test_never_generated_are_special_ids_and_control_bytes(trained: tuple[TokenizerConfig, Tokenizer]) -> None:
    tokenizer = trained[1]
    never = tokenizer.never_generated()
    assert {0, 1, 2, 3} & set(never) == {0, 1, 2}
    controls = tokenizer.ids(["<0x00>", "<0x09>", "<0x0A>", "<0x0D>", "<0x7F>"], "tgt")
    assert 1 not in controls
    assert set(controls) <= set(never)
    assert set(never).isdisjoint(i for ids in tokenizer.encode([*text("train.en"), *UNSEEN], "tgt") for i in ids)


def test_the_same_text_gives_the_same_bytes(trained: tuple[TokenizerConfig, Tokenizer]) -> None:
    config, _ = trained
    once, again = (train_tokenizer(config, text("train.de"), text("train.en")) for _ in range(2))
    assert once == again
    assert (once[0] == once[1]) == (config.joint and config.type == "bpe")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    mtcli(*train_args(folder, "de-en"))
    return folder / "de-en"


def train_args(folder: Path, name: str, *args: str) -> tuple[str | Path, ...]:
    src, tgt = head("train.de", 300, folder), head("train.en", 300, folder)
    return ("tokenizer", "train", "-m", folder / name, "--src", src, "--tgt", tgt, *args)


def info(package: Path) -> str:
    return mtcli("models", "info", package).stdout.decode()


def test_the_vocabulary_fits_the_text(tmp_path: Path) -> None:
    done = mtcli(*train_args(tmp_path, "chosen"))
    assert done.stdout.decode() == f"{tmp_path / 'chosen'}\n"
    assert b"not 1500" in done.stderr
    chosen = open_package(str(tmp_path / "chosen")).tokenizer().sizes
    assert 500 < chosen.src < 1000
    assert 300 < chosen.tgt < chosen.src
    for key, size in (("vocab_size", chosen.src), ("tgt_vocab_size", chosen.tgt)):
        assert f"\n{key} = {size}\n" in info(tmp_path / "chosen")
    for kind in ("unigram", "bpe"):
        done = mtcli(*train_args(tmp_path, kind, "--vocab-size", "50000", "--separate", "--type", kind))
        assert done.stderr.count(b"not 50000") == 2
        assert (tmp_path / kind / "tokenizer.tgt.model").exists()
        assert f'type = "{kind}"' in info(tmp_path / kind)


def test_a_vocabulary_too_small_for_the_characters_is_refused(tmp_path: Path) -> None:
    done = mtcli(*train_args(tmp_path, "de-en", "--vocab-size", "100"), code=1)
    assert b"vocab" in done.stderr
    assert b"give more text" not in done.stderr, "more text would not help"
    assert not (tmp_path / "de-en").exists()


@pytest.mark.parametrize("ids", [(), ("--ids",)], ids=["pieces", "ids"])
def test_encode_and_decode_are_inverse_line_by_line(package: Path, ids: tuple[str, ...]) -> None:
    lines = [*text("test.de"), "", "   ", *UNSEEN, "7", "7 8 9", "a\tb\rc\u2028d\x00e", "x" * 5000, ""]
    pieces = mtcli("tokenizer", "encode", "-m", package, *ids, stdin="\n".join(lines).encode() + b"\n").stdout
    assert pieces.count(b"\n") == len(lines)
    if ids:
        assert set(pieces) <= set(b"0123456789 \n")
    back = mtcli("tokenizer", "decode", "-m", package, stdin=pieces).stdout
    assert back.decode().split("\n") == [*map(normalise, lines), ""]


def test_decode_answers_every_line_whatever_it_holds(package: Path) -> None:
    lines = [
        b"0 1 2 3",
        b"9" * 5000,
        b"99999999",
        b"-1",
        b"\xff\xfe",
        b"\xe2\x96\x81no piece",
        b"",
        b"  ",
        "٣ ²".encode(),
        b"<0x0A> 5",
    ]
    out = mtcli("tokenizer", "decode", "-m", package, stdin=b"\n".join(lines)).stdout
    assert out.count(b"\n") == len(lines)


def test_a_package_is_only_replaced_when_asked_and_then_kept(tmp_path: Path) -> None:
    mtcli(*train_args(tmp_path, "de-en"))
    first = (tmp_path / "de-en" / "tokenizer.model").read_bytes()
    assert b"--fresh" in mtcli(*train_args(tmp_path, "de-en", "--type", "bpe"), code=1).stderr
    assert (tmp_path / "de-en" / "tokenizer.model").read_bytes() == first
    for aside in ("de-en.old", "de-en.old2"):
        assert aside.encode() in mtcli(*train_args(tmp_path, "de-en", "--type", "bpe", "--fresh")).stderr
        assert (tmp_path / aside / "model.toml").exists()
    assert (tmp_path / "de-en.old" / "tokenizer.model").read_bytes() == first
    assert (tmp_path / "de-en" / "tokenizer.model").read_bytes() != first


def test_a_failed_training_leaves_the_package_where_it_was(tmp_path: Path) -> None:
    args = train_args(tmp_path, "de-en")
    mtcli(*args)
    mtcli(*args, "--fresh", "--vocab-size", "100", code=1)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["de-en"]


def test_a_tokenizer_with_other_special_ids_is_refused() -> None:
    model = io.BytesIO()
    text = (DATA / "dev.de").read_text("utf-8").splitlines()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(text), model_writer=model, vocab_size=300, minloglevel=2)
    with pytest.raises(PackageError, match=r"are \(-1, 0, 1, 2\), not 0 1 2 3: train it with `mtcli tokenizer train`"):
        load_tokenizer(model.getvalue(), model.getvalue())
