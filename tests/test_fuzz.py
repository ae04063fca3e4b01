"""Any bytes whatever, through each stage of the pipe: N lines in, N lines out, and each as if it stood alone.

20,000 lines in the slow test, 320 in the fast one. With a failure hypothesis prints `@reproduce_failure(...)`, a line
that repeats it anywhere when it stands above `@fuzzed`; here its database does. The large streams have seeds.
"""

from __future__ import annotations

import json
import math
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import assert_lines, mtcli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtcli.analysis import TestSet, analyse
from mtcli.cleaning import CleanRequest, clean
from mtcli.data.rules import RULES
from mtcli.details import analysed
from mtcli.errors import DataError
from mtcli.holding import hold_out
from mtcli.pieces import decode_stream, encode_stream
from mtcli.pipe import StreamOptions, translate_stream
from mtcli.scoring import read_text, score
from mtcli.survey import survey
from mtcli.tokenizer import normalise
from mtcli.translator import Translator

ODD = [
    *("Guten Morgen", " ", "ist", "Tom", ".", "!", "...", "12,5", "\t", "\r", "\0", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85"),
    *("\u2028", "\u2029", "\u00a0", "\u3000", "\u200b", "\u200d", "\ufeff", "\u202e", "\u2066", "\u0301" * 9, "\u00ad", "\ufffd"),
    *("ß", "İ", "ﬁ", "Å", "é", "日本語", "שלום", "नमस्ते", "👍🏽", "👨‍👩‍👧", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\U0010ffff", "\ue000", "\u0378"),
    *(
        "▁",
        "<s>",
        "</s>",
        "<unk>",
        "<0x0A>",
        "<0x00>",
        "|||",
        ">>de<<",
        "&lt;",
        "<b>",
        "{x}",
        '"',
        "\\",
        "%s",
        "$HOME",
        "a" * 300,
    ),
]
SHOWN = {"\n", "\u200c", "\u200d"}
"""What no letter is and may be printed for people: the latter join letters."""
PARTS = [part.encode() for part in ODD] + [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe2\x80"]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
LINE = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=12).map(b"".join),
    ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=30),
).map(lambda line: line.replace(b"\n", b""))
LINES = 40
TEXT = st.lists(LINE, min_size=LINES, max_size=LINES).map(lambda lines: [*lines, b"Ende."])  # a last line that is not empty
FAST, SLOW, PARTS_OF_SLOW = 8, 125, 4
"""Texts of the fast run, and of each part of the slow one, which several processes share."""


def fuzzed(examples: int) -> settings:
    """Settings for so many texts."""
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, suppress_health_check=slow, print_blob=True)


@pytest.fixture(scope="module")
def translator(transformer_package: Path) -> Translator:
    return Translator.load(str(transformer_package), "cpu", threads=1, **QUICK)


QUICK = {"beam_size": 1, "max_length_ratio": 0.2}


def read_rows(path: str) -> list[list[str]]:
    rows = [line.split("\t") for line in Path(path).read_text("utf-8").split("\n")[:-1]]
    assert all(len(row) == 5 for row in rows)
    return rows


def check_in_process(lines: list[bytes], which: int, translator: Translator, package: Path, folder: Path) -> None:
    """Translate, encode, decode, score, clean, split and count the lines; every eighth one from `which` on also alone."""
    source, output = folder / "source", folder / "output"
    source.write_bytes(b"\n".join(lines))
    texts = [line.removesuffix(b"\r").decode(errors="replace") for line in lines]
    translate_stream([str(package)], str(source), str(output), StreamOptions(threads=1), dict(QUICK))
    found = assert_lines(output.read_bytes(), len(lines))
    alone = range(which % 8, len(lines), 8)
    assert [translator.translate([texts[i]]) for i in alone] == [[found[i]] for i in alone]
    assert all(not found[i] for i, text in enumerate(texts) if not normalise(text))
    tokenizer = translator.tokenizer
    assert tokenizer.decode(tokenizer.encode(texts, "src"), "src") == [normalise(text) for text in texts]
    out = [str(folder / name) for name in ("out.src", "out.tgt", "why")]
    cleaned = clean(CleanRequest([str(source)], [str(output)], *out, rules=["language=off"], repair=which % 2 == 1))
    assert cleaned.pairs == len(lines) == cleaned.kept + sum(cleaned.dropped.values())
    kept = [assert_lines(Path(path).read_bytes() or b"\n", max(1, cleaned.kept)) for path in out[:2]]
    assert (not cleaned.kept or set(kept[1]) <= set(found)) and len(read_rows(out[2])) == len(lines) - cleaned.kept
    surveyed = survey([str(source)], [str(output)], ([], []))
    assert (surveyed.pairs, surveyed.src.distinct) == (len(lines), len(set(texts)))
    check_split(str(source), str(output), folder / "split", len(lines))
    hyps, refs = read_text(str(output)), read_text(str(source))
    assert all(0 <= each.value < math.inf for each in score(hyps, [refs]))
    shown = analysed(analyse(TestSet([("it", hyps)], [refs], refs)), "text")
    assert all(character.isprintable() or character in SHOWN for character in shown)


def check_split(src: str, tgt: str, folder: Path, count: int) -> None:
    """Each line goes into one part, or is left out; or there are too few."""
    try:
        held = hold_out([src], [tgt], 2, 1, str(folder), 1)
    except DataError:
        assert not folder.exists()
        return
    assert held.train + held.dev + held.test + held.left_out == count
    for name in ("train", "dev", "test"):
        for side in ("src", "tgt"):
            assert_lines((folder / f"{name}.{side}").read_bytes(), getattr(held, name))
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("part", "examples"), [(0, FAST), *(pytest.param(part, SLOW, marks=pytest.mark.slow) for part in range(1, PARTS_OF_SLOW + 1))]
)
def test_any_lines_go_through(
    part: int,
    examples: int,
    translator: Translator,
    transformer_package: Path,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    def printed(stream: Callable[..., None], text: bytes, *options: object) -> bytes:
        (tmp_path / "text").write_bytes(text)
        stream(str(transformer_package), str(tmp_path / "text"), *options)
        return capfdbinary.readouterr().out

    @fuzzed(examples)
    @given(TEXT, st.integers(0, LINES))
    def check(lines: list[bytes], which: int) -> None:
        check_in_process(lines, which, translator, transformer_package, tmp_path)
        text, side = b"\n".join(lines), ("src", "tgt")[which % 2]
        for ids in (True, False):
            decoded = assert_lines(printed(decode_stream, printed(encode_stream, text, side, ids), side), len(lines))
            assert decoded == [normalise(line.removesuffix(b"\r").decode(errors="replace")) for line in lines]
        assert_lines(printed(decode_stream, text, side), len(lines))

    check()


def run(*command: str | Path, text: bytes = b"") -> bytes:
    """What the command prints for `text` on standard input; it must say nothing but notices about lines."""
    done = mtcli(*command, stdin=text)
    assert all(" lines " in line for line in done.stderr.decode().splitlines()), done.stderr.decode()
    return done.stdout


def odd_lines(seed: int, count: int) -> list[bytes]:
    """So many lines, and a last one that is not empty."""
    draw = random.Random(seed)
    lines = [b"".join(draw.choices(PARTS, k=draw.randrange(9))) + draw.randbytes(draw.choice((0, 0, 7))) for _ in range(count)]
    return [*(line.replace(b"\n", b"") for line in lines), b"Ende."]


@pytest.mark.slow
def test_the_commands_take_any_lines_in_one_stream(transformer_package: Path, tmp_path: Path) -> None:
    lines = [b" " * 1_000_000 + b"x" * 30_000, *odd_lines(20_261_125, 2_000)]
    text, model = b"\n".join(lines), ("-m", transformer_package)
    source, hyps = tmp_path / "source", tmp_path / "hyps"
    source.write_bytes(text)
    hyps.write_bytes(run("translate", *model, "--beam-size", "1", "--max-length-ratio", "0.2", text=text))
    assert_lines(hyps.read_bytes(), len(lines))
    pieces = run("tokenizer", "encode", *model, text=text)
    assert_lines(pieces, len(lines))
    decoded = assert_lines(run("tokenizer", "decode", *model, text=pieces), len(lines))
    assert decoded == [normalise(line.removesuffix(b"\r").decode(errors="replace")) for line in lines]
    assert_lines(run("tokenizer", "decode", *model, text=text), len(lines))
    files = ["--src", source, "--tgt", hyps]
    outputs = ["--out-src", tmp_path / "out.src", "--out-tgt", tmp_path / "out.tgt", "--langs", "de-en", "--json"]
    off = [option for rule in RULES if rule.name != "empty" for option in ("--rule", f"{rule.name}=off")]
    for repair in ([], ["--repair"]):
        cleaned = json.loads(run("data", "clean", *files, *outputs, *off, *repair))
        assert cleaned["kept"] > 100 and cleaned["pairs"] == len(lines) == cleaned["kept"] + sum(cleaned["dropped"].values())
        for name in ("out.src", "out.tgt"):
            assert_lines((tmp_path / name).read_bytes(), cleaned["kept"])
    held = json.loads(run("data", "split", *files, "--dev", "50", "--test", "30", "-o", tmp_path / "split", "--json"))
    assert sum(held.values()) == len(lines) and (held["dev"], held["test"]) == (50, 30)
    assert json.loads(run("data", "stats", *files, "--json"))["pairs"] == len(lines)
    assert b"BLEU" in run("score", source, "--metric", "bleu", text=hyps.read_bytes())


@pytest.mark.slow
def test_every_form_of_output_has_its_lines(transformer_package: Path, tmp_path: Path) -> None:
    lines = odd_lines(20_261_127, 200)
    texts = [line.removesuffix(b"\r").decode(errors="replace") for line in lines]
    text = b"\n".join(lines)
    command = ("translate", "-m", transformer_package, "--beam-size", "2", "--max-length-ratio", "0.2")
    found = [json.loads(line) for line in assert_lines(run(*command, "--n-best", "2", "--json", text=text), len(lines))]
    assert [each["src"] for each in found] == texts
    listed = [(str(i), hyp["text"]) for i, each in enumerate(found) for hyp in each["hyps"]]
    rows = assert_lines(run(*command, "--n-best", "2", text=text), len(listed))
    assert [tuple(row.rsplit(" ||| ", 1)[0].split(" ||| ", 1)) for row in rows] == listed
    aligned = assert_lines(run(*command, "--alignment", text=text), len(lines))
    assert all(re.fullmatch(r".* \|\|\| (\d+-\d+ ?)*", line) for line in aligned)
    (tmp_path / "prefix").write_bytes(b"\n".join(line[:9] for line in lines))
    assert_lines(run(*command, "--prefix", tmp_path / "prefix", text=text), len(lines))
    (tmp_path / "ref").write_bytes(text)
    shown = run("score", tmp_path / "ref", "--details", text=run(*command, text=text)).decode()
    assert "TER" in shown and all(character.isprintable() or character in SHOWN for character in shown)


@pytest.mark.slow
def test_many_empty_lines(transformer_package: Path) -> None:
    assert mtcli("translate", "-m", transformer_package, stdin=b"\n" * 50_000).stdout == b"\n" * 50_000
