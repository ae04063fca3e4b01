"""The pipe contract: N lines in, N lines out, in order, for any bytes whatever, and nothing else on standard output."""

from __future__ import annotations

import gzip
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from conftest import DATA, assert_lines, mtcli
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mtcli import lines
from mtcli.lines import LineReader
from mtcli.tokenizer import normalise
from mtcli.translator import Translation, Translator

AWKWARD: list[tuple[bytes, bool]] = [  # a line, and whether its translation must be blank
    (b"", True),
    (b"Guten Morgen!", False),
    (b" \t \x0b\x0c ", True),
    (b"\r", True),
    (b"Ein Fenster.\r", False),
    (b"ein\rWagen\r\r", False),
    ("eins\u2028zwei\u2029drei\u0085vier".encode(), False),
    ("\u2028\u0085\u00a0\u3000".encode(), True),
    (b"eins\x0bzwei\x0cdrei\x1cvier\x1dfuenf\x1esechs", False),
    (b"null\x00byte", False),
    (b"\x00", True),
    (b"\x01\x7f\x1b", True),
    (b"ein\tTabulator", False),
    (b"ung\xfcltig \xff\xfe \xed\xa0\x80 \xc3", False),
    (b"\xc3\x28", False),
    ("\u200b\u200b".encode(), True),
    ("\ufeff".encode(), True),
    ("\ufeffAm Anfang".encode(), False),
    ("Prima! 👍🏽👨‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿".encode(), False),
    ("Привет, мир!".encode(), False),
    ("你好，世界。שלום नमस्ते".encode(), False),
    (("e" + "\u0301" * 300).encode(), False),
    (b"<s> </s> <unk> <pad> <0x0A> ||| {}[]\"'\\", False),
    (b"x" * 10_000 + b" ist" * 22_500, False),
    (b"9" * 5_000, False),
    (b"", True),
    (b"Kein Zeilenende", False),
]
INPUT = b"\n".join(line for line, _ in AWKWARD)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["transformer_package", pytest.param("rnn_package", marks=pytest.mark.slow)])
def package(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def translator(transformer_package: Path) -> Translator:
    return Translator.load(str(transformer_package), "cpu", beam_size=2, max_length_ratio=0.5)


def test_translate_gives_a_line_for_a_line(package: Path) -> None:
    done = mtcli("translate", "-m", package, "--beam-size", "1", stdin=INPUT)
    translations = assert_lines(done.stdout, len(AWKWARD))
    assert [text for text, (_, blank) in zip(translations, AWKWARD, strict=True) if blank and text] == []
    notices = [notice for notice in done.stderr.decode().splitlines() if "loops" not in notice]
    assert [n.split(maxsplit=2)[2] for n in notices] == [
        f"of {len(AWKWARD)} lines were too long and were translated in parts",
        f"of {len(AWKWARD)} lines held invalid UTF-8, replaced by U+FFFD",
    ]
    assert notices[1].startswith("mtcli: 2 of")


def test_tokenizer_gives_a_line_for_a_line_and_the_text_back(transformer_package: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.de"
    source.write_bytes(INPUT)
    pieces = mtcli("tokenizer", "encode", "-m", transformer_package, stdin=INPUT).stdout
    ids = mtcli("tokenizer", "encode", "-m", transformer_package, "--ids", source).stdout
    for encoded in (pieces, ids):
        found = assert_lines(encoded, len(AWKWARD))
        assert [not line for line in found] == [blank for _, blank in AWKWARD]
        decoded = assert_lines(mtcli("tokenizer", "decode", "-m", transformer_package, stdin=encoded).stdout, len(AWKWARD))
        assert decoded == [normalise(line.decode(errors="replace")) for line, _ in AWKWARD]


def test_decode_takes_any_bytes(transformer_package: Path) -> None:
    odd = ["<0x0A> <0x00> <0x09> <0x0D> <0xFF>", "9" * 5_000, "0 1 2 3", "99999", "-1", "²", "▁▁ ▁", "\u2028 \u0085"]
    stdin = INPUT + b"\n" + "\n".join(odd).encode()
    done = mtcli("tokenizer", "decode", "-m", transformer_package, stdin=stdin)
    assert_lines(done.stdout, len(AWKWARD) + len(odd))
    assert done.stderr == b""


@pytest.mark.parametrize("command", [("translate",), ("tokenizer", "encode"), ("tokenizer", "decode")])
def test_nothing_gives_nothing(command: tuple[str, ...], transformer_package: Path) -> None:
    done = mtcli(*command, "-m", transformer_package)
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.slow
def test_file_and_stdin_and_output_file_are_alike(transformer_package: Path, tmp_path: Path) -> None:
    source, packed, output = tmp_path / "source.de", tmp_path / "source.de.gz", tmp_path / "output.en"
    source.write_bytes(b"Guten Morgen!\r\n\nWie geht \xff es dir?")
    packed.write_bytes(gzip.compress(source.read_bytes()))
    output.write_bytes(b"older and longer than what takes its place\n" * 100)
    expected = mtcli("translate", "-m", transformer_package, stdin=source.read_bytes()).stdout
    assert_lines(expected, 3)
    assert mtcli("translate", "-m", transformer_package, source).stdout == expected
    assert mtcli("translate", source, "-o", "-", env={"MTCLI_MODEL": str(transformer_package)}).stdout == expected
    quiet = mtcli("translate", "-q", "-m", transformer_package, packed, "-o", output)
    assert (quiet.stdout, quiet.stderr) == (b"", b"")
    assert output.read_bytes() == expected
    assert sorted(tmp_path.iterdir()) == [output, source, packed]


def test_n_best_and_json_forms(transformer_package: Path) -> None:
    command = ("translate", "-m", transformer_package, "--n-best", "2", "--beam-size", "3")
    sources = ["Guten Morgen!", "", 'eins\u2028zwei\u0085drei\rvier\tf\u00fcnf "\\ |||', "Ende"]
    stdin = "\n".join(sources).encode()
    expected = [2, 1, 2, 2]  # a blank line has one translation, the blank one

    entries = [line.split(" ||| ") for line in assert_lines(mtcli(*command, stdin=stdin).stdout, sum(expected))]
    assert [int(number) for number, _, _ in entries] == [i for i, count in enumerate(expected) for _ in range(count)]
    assert entries[2][1] == ""

    records = [json.loads(line) for line in assert_lines(mtcli(*command, "--json", stdin=stdin).stdout, len(sources))]
    assert [record["src"] for record in records] == sources
    assert [len(record["hyps"]) for record in records] == expected
    for hyps in (record["hyps"] for record in records):
        assert [h["score"] for h in hyps] == sorted((h["score"] for h in hyps), reverse=True)
    hyps = [hyp for record in records for hyp in record["hyps"]]
    assert [[text, float(score)] for _, text, score in entries] == [[hyp["text"], hyp["score"]] for hyp in hyps]


@given(st.lists(st.text(max_size=20), max_size=6))
@settings(max_examples=25)
@example(["\u200b", "a\nb", "\0", "a\tb\rc", "\u2581", "👍"])
def test_translator_answers_every_text(translator: Translator, texts: list[str]) -> None:
    found = translator.translate_n_best(texts)
    assert len(found) == len(texts)
    for text, hypotheses in zip(texts, found, strict=True):
        assert hypotheses
        assert not any(set(each.text) & set("\n\r\t\0") for each in hypotheses)
        if not normalise(text):
            assert [each.text for each in hypotheses] == [""]


BYTES = st.lists(st.sampled_from([b"\n", b"\r", b"a", b"\xc3\xa4", b"\xc3", b"\xff", b"\0", b"\xe2\x80\xa8"])).map(b"".join)


@given(BYTES | st.binary(), st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=200)
@example(b"\r\r\n\r", 1, 1)
@example(b"f\xc3\xbcr\nf\xc3\n\xbcr", 2, 1)
def test_reader_splits_at_line_feeds_only(tmp_path_factory: pytest.TempPathFactory, data: bytes, chunk: int, size: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    plain, packed = folder / "reader.txt", folder / "reader.gz"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    *ended, rest = data.split(b"\n")
    expected = [line.removesuffix(b"\r") for line in ([*ended, rest] if rest else ended)]
    assert len(expected) == data.count(b"\n") + bool(rest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        for path in (plain, packed):
            reader = LineReader(path)
            blocks = list(reader.blocks(size))
            assert [line for block in blocks for line in block] == [line.decode(errors="replace") for line in expected]
            assert all(
                0 < len(block) <= most for block, most in zip(blocks, [size, 2 * size, *[4 * size] * len(blocks)], strict=False)
            )
            assert reader.invalid_lines == sum(line != line.decode(errors="ignore").encode() for line in expected)


SENTENCES = [*(DATA / "test.de").read_text(encoding="utf-8").splitlines()[:12], "", "Ein Satz. " * 30, "\u200b", "🦊"]


def test_batch_size_and_order_and_threads_change_nothing(package: Path) -> None:
    usual = Translator.load(str(package), "cpu", max_length_ratio=0.7, n_best=2)
    expected = usual.translate_n_best(SENTENCES)

    def assert_same(found: list[list[Translation]]) -> None:
        assert [[each.text for each in hyps] for hyps in found] == [[each.text for each in hyps] for hyps in expected]
        scores = [each.score for hyps in found for each in hyps]
        assert scores == pytest.approx([each.score for hyps in expected for each in hyps], abs=1e-4)

    for batch_tokens in (1, 300):
        translator = Translator.load(str(package), "cpu", max_length_ratio=0.7, n_best=2, batch_tokens=batch_tokens)
        assert_same(translator.translate_n_best(SENTENCES))
    assert_same(usual.translate_n_best(SENTENCES[::-1])[::-1])
    torch.set_num_threads(2)
    assert_same(usual.translate_n_best(SENTENCES))


def test_a_pipe_that_does_not_block_is_read_to_its_end(transformer_package: Path) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    arguments = [sys.executable, "-m", "mtcli", "tokenizer", "encode", "-m", str(transformer_package)]
    with subprocess.Popen(arguments, stdin=read, stdout=subprocess.PIPE) as process:
        os.close(read)
        assert process.stdout
        for line in (b"eins\n", b"zwei\n", b"drei\n"):
            os.write(write, line)
            assert process.stdout.readline()
        os.close(write)
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("command", [("translate", "--beam-size", "1"), ("tokenizer", "encode")])
def test_a_typed_line_is_answered_at_once(command: tuple[str, ...], transformer_package: Path) -> None:
    arguments = [sys.executable, "-m", "mtcli", *command, "-m", str(transformer_package)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=env) as process:
        assert process.stdin and process.stdout
        for typed in (b"Guten Morgen!\n", b"Noch\neins\n"):
            process.stdin.write(typed)
            answer = b""
            while answer.count(b"\n") < typed.count(b"\n"):
                assert select.select([process.stdout], [], [], 60)[0], "no answer while the input is open"
                answer += process.stdout.read(1 << 16)
            assert_lines(answer, typed.count(b"\n"))
        process.stdin.write(b"ohne Ende")
        assert not select.select([process.stdout], [], [], 0.2)[0], "an unfinished line was answered"
        process.stdin.close()
        assert_lines(process.stdout.read(), 1)
        assert process.wait(timeout=60) == 0
