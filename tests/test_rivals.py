"""What users of other tools have suffered from, each by the issue that tells of it, as tests that pass here."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from conftest import assert_lines, head, mtcli
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcli import Translator
from mtcli.lines import read_parallel
from mtcli.package import open_package

ELSEWHERE = {
    "sacrebleu#160: counts differ, and nobody says by how much": "test_cli.py: train.en 300 two.en 2",
    "fairseq#591: lines lost at odd line ends in interactive mode": "test_pipe.py: eins\\u2028zwei\\u2029drei\\u0085vier",
    "fairseq#2713, OpenNMT-py#1780: an answer comes only when all of the input is there": "test_pipe.py: test_a_typed_line",
    "Marian, OpenNMT-py, Eole: output appears only at the end, or never": "test_streams.py: test_a_person_at_a_terminal",
    "marian-dev#166: out of memory gives empty lines": "test_memory.py: out of memory",
    "eole#81, eole#66: settings that are misspelt fail later, or never": "test_cli.py: did you mean model.width",
    "OpenNMT-py#2006, fairseq#781, joeynmt#162: resuming loses patience, order, rate": "test_disasters.py: assert_same_end",
    "joeynmt `overwrite`, fairseq#4066: a trained model is wiped": "test_cli.py: other text --fresh",
    "OpenNMT-py#2208, fairseq#427, CTranslate2#1050: batch size changes translations": "test_engines.py: test_neighbours",
    "LibreTranslate#46, argos#444: loops that nobody is told of": "test_options.py: test_loops_are_translated_again",
    "marian#389, Opus-MT#60: only the first sentence of a line comes out": "test_options.py: test_sentences_of_a_line",
    "argos#237, LibreTranslate#288: tags and placeholders break": "test_markup.py: round",
    "fairseq#435, tensor2tensor#317: scores that cannot be compared": "test_scoring.py: signature",
    "OpenNMT-py#2139: a model without its tokenizer": "test_package.py: test_a_copy_elsewhere",
    "argos#174: seconds before anything happens": "test_cli.py: test_help_and_version_load_nothing_heavy",
    "mozilla/translations#272: source and target are shifted, silently": "test_guards.py: mend the files",
    "eole#126: documented commands that do not run": "test_docs.py: README",
    "CTranslate2#532: the vocabulary is of another size than the model": "test_hostile.py: a tokenizer of another size",
}


@pytest.mark.parametrize("failure", ELSEWHERE)
def test_is_tested_elsewhere(failure: str) -> None:
    name, _, words = ELSEWHERE[failure].partition(": ")
    assert words in Path(__file__).with_name(name).read_text("utf-8")


@pytest.fixture(scope="module")
def package(transformer_package: Path) -> Path:
    return transformer_package


QUICK = ("--beam-size", "1", "--max-length-ratio", "0.2")


def translated(package: Path, lines: list[str], *options: str) -> list[str]:
    out = mtcli("translate", "-q", "-m", package, *QUICK, *options, stdin="".join(f"{line}\n" for line in lines).encode()).stdout
    return assert_lines(out, len(lines)) if lines else []


def test_a_long_line_costs_no_other_its_translation(package: Path) -> None:
    """marian#206, marian-dev#365, marian-dev#667: what follows a line of more than 1,000 tokens is never printed."""
    around = ["Guten Morgen!", "Wie geht es dir?"]
    found = translated(package, [around[0], "Haus und Hof " * 2_000, around[1]])
    assert [found[0], found[2]] == translated(package, around)
    assert found[1]


@pytest.mark.parametrize(
    "count", [2, 1_025, *(pytest.param(count, marks=pytest.mark.slow) for count in (0, 1, 1_023, 1_024, 2_049, 20_000))]
)
def test_all_sizes_of_text_come_out_whole(count: int, package: Path) -> None:
    """OpenNMT-py#1317, #1236, #252: all after the square of the shard size is ignored, or after the first 1,160 lines."""
    kinds = translated(package, ["Ja.", "Guten Morgen!", "Tom"])
    assert translated(package, ["Ja.", "Guten Morgen!", "Tom"] * (count // 3) + ["Ja."] * (count % 3)) == [
        *(kinds * (count // 3)),
        *([kinds[0]] * (count % 3)),
    ]


@given(st.lists(st.sampled_from(["", " ", "\u200b", "Guten Abend!", "Guten Morgen!", "Wie geht es dir heute?"]), max_size=9))
@settings(max_examples=20)
def test_blank_lines_stay_where_they_are_whatever_the_batch(package: Path, lines: list[str]) -> None:
    """joeynmt#183, sockeye#477, OpenNMT-py#1642: a blank line is dropped, shifts the others, or ends the program."""
    found = set()
    for batch_tokens in (1, 30, 8192):
        translator = Translator.load(str(package), threads=1, beam_size=1, max_length_ratio=0.2, batch_tokens=batch_tokens)
        found.add(tuple(translator.translate(lines)))
    [translations] = found
    assert [not text for text in translations] == [not line.strip(" \u200b") for line in lines]


def test_nothing_is_made_up_for_nothing(package: Path) -> None:
    """marian-dev#357, lindat-translation#61: blank input becomes "Image copyright Getty Images" or "I don't know."."""
    assert translated(package, ["", "   ", "\t", "\u00a0\u3000", "\u200b\ufeff", "\u2028"]) == [""] * 6


def test_standard_output_holds_translations_alone(package: Path) -> None:
    """fairseq#771, #395, #2713: settings, scores and progress among the translations."""
    done = mtcli("translate", "-m", package, stdin=b"Guten \xff Morgen!\n" * 3)
    assert_lines(done.stdout, 3)
    assert b"invalid UTF-8" in done.stderr and b"mtcli" not in done.stdout


def test_training_text_is_not_split_where_only_python_sees_a_line(tmp_path: Path) -> None:
    """JoeyNMT reads with `splitlines`: U+2028, U+0085, VT, FF or a lone CR on one side shift the whole corpus, silently."""
    odd = ["eins\u2028zwei", "drei\u0085vier", "fünf\x0bsechs", "sieben\x0cacht", "neun\x1czehn", "elf\rzwölf", "Ende"]
    plain = [f"line {i}" for i in range(len(odd))]
    for name, lines in (("text.de", odd), ("text.en", plain)):
        (tmp_path / name).write_bytes("\n".join(lines).encode())
    pairs = read_parallel([str(tmp_path / "text.de")], [str(tmp_path / "text.en")])
    assert pairs == list(zip(odd, plain, strict=True))


def test_a_vocabulary_beyond_the_text_is_cut_and_null_characters_do_no_harm(tmp_path: Path) -> None:
    """sentencepiece#605, #727, #1079: "Vocabulary size too high"; null characters end the trainer."""
    for name in ("train.de", "train.en"):
        path = head(name, 300, tmp_path)
        path.write_bytes(path.read_bytes().replace(b"e", b"e\0", 99))
    sides = ("--src", tmp_path / "train.de", "--tgt", tmp_path / "train.en")
    done = mtcli("tokenizer", "train", "-m", tmp_path / "de-en", *sides, "--vocab-size", "99999")
    assert b"the text supports" in done.stderr
    tokenizer = open_package(str(tmp_path / "de-en")).tokenizer()
    assert not any("\0" in piece for piece in tokenizer.vocabulary("src"))


def test_capitals_missing_stops_and_emoji_are_translated() -> None:
    """argos#310, #382, Opus-MT#49, firefox-translations#514: UPPERCASE comes back as it is, a missing stop changes all."""
    translator = Translator.load("de-en")
    found = translator.translate(
        ["Ich bin müde.", "ICH BIN MÜDE.", "ich bin müde", "ich bin müde 😀", "WO IST TOM?", "wo ist tom"]
    )
    assert found == ["I'm tired.", "I'm tired.", "I'm tired.", "I'm tired. 😀", "Where's Tom?", "Where's Tom?"]


def test_a_program_reads_standard_input_and_needs_no_files(package: Path) -> None:
    """OpenNMT-py, Eole: a source file must be named, and the output file, too."""
    assert_lines(mtcli("translate", "-m", package, stdin=b"Guten Morgen!").stdout, 1)


@pytest.mark.slow
def test_scoring_takes_what_translating_gives(package: Path) -> None:
    """sacrebleu#160: 2,134 hypotheses for 3,004 references."""
    awkward = ["", "a\u2028b", "c\rd", "\x85", "e" * 3000, "f\x0bg", "\ufeff", "h"]
    lines = [line for line, _ in itertools.product(awkward, range(30))]
    source = "".join(f"{line}\n" for line in lines).encode()
    hyps = mtcli("translate", "-q", "-m", package, *QUICK, stdin=source).stdout
    reference = package.parent / "awkward.en"
    reference.write_bytes(source)
    assert b"BLEU" in mtcli("score", reference, stdin=hyps).stdout
