"""Seeing through a score: what is counted is right, and what is shown can be read."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, Page, mtcli
from hypothesis import given
from hypothesis import strategies as st

from mtcli.analysis import Analysis, Problem, TestSet, analyse
from mtcli.scoring import score
from mtcli.words import differences

SRC = ["Tom hat 3 Hunde und 1.500 Katzen.", "Ja.", "Das ist Berlin.", "Ich mag es sehr.", "Er lief weg, so schnell er konnte."]
REF = ["Tom has 3 dogs and 1,500 cats.", "Yes.", "This is Berlin.", "I like it a lot.", "He ran away as fast as he could."]
GOOD = ["Tom has 3 dogs and 1500 cats.", "Yes.", "That is Berlin.", "I like it.", "He ran away as fast as he could."]
BAD = [
    "He has 4 dogs.",
    "",
    "Das ist Berlin.",
    "very very very very good",
    "He ran as fast as he could as he could as he could so.",
]


def analysed(*systems: list[str], train: tuple[str, ...] = ()) -> Analysis:
    named = [(f"system {i}", lines) for i, lines in enumerate(systems)]
    return analyse(TestSet(named, [REF], SRC), train)


def test_faults_are_found_in_the_lines_that_have_them() -> None:
    assert analysed(GOOD, BAD).problems == [
        Problem("empty", [[], [2]]),
        Problem("less than half as long as the reference", [[], []]),
        Problem("more than twice as long as the reference", [[], []]),
        Problem("words repeated", [[], [4, 5]]),
        Problem("numbers lost", [[], [1]]),
        Problem("numbers made up", [[], [1]]),
        Problem("source left untranslated", [[], [3]]),
        Problem("names lost", [[], [1]]),
    ]
    odd = analysed(["Tom.", "Yes.", "This is, this is, this is what they call Berlin.", *GOOD[3:]])
    assert [each.lines for each in odd.problems[1:5]] == [[[1]], [[3]], [[]], [[1]]]


def test_names_in_the_genitive_and_long_numbers_are_no_faults() -> None:
    test = TestSet([("it", ["Tom's cat ate 10 000 mice."])], [["Tom ate 10,000 mice."]], ["Tom fraß 10.000 Mäuse."])
    assert [problem.name for problem in analyse(test).problems if any(problem.lines)] == []


def test_words_are_counted_by_how_often_training_text_has_them() -> None:
    _, table, _ = analysed(GOOD, train=("is is is is is", "Berlin")).tables
    # 13a splits full stops off: 29 words in the references, 27 in the translation; all but `is` and `Berlin` were never seen, and
    # of these 23 are found.
    assert [(row.label, row.count, row.values) for row in table.rows] == [
        ("0", 27, [[pytest.approx(200 * 23 / (27 + 25))]]),
        ("1", 1, [[100.0]]),
        ("5–9", 1, [[100.0]]),
    ]


def test_lengths_cut_the_test_set_up_and_scores_are_those_of_the_parts() -> None:
    table, _, by_score = analysed(GOOD, BAD).tables
    assert [row.count for row in table.rows] == [3, 2] and table.title.startswith("By length of the source, in words")
    long = [0, 4]
    expected = [each.value for each in score([BAD[i] for i in long], [[REF[i] for i in long]], ("bleu", "chrf"))]
    assert table.rows[1].values[1][:2] == expected
    assert [sum(row.values[i][0] for row in by_score.rows) for i in (0, 1)] == pytest.approx([100, 100])


def test_ngrams_that_only_one_system_has_are_found() -> None:
    [found] = analysed(BAD, GOOD).ngrams
    assert found.title == "Right in B, not in A" and all(each.counts == [0, 1] for each in found.ngrams)
    assert {"Tom has 3 dogs", "is Berlin .", "Yes ."} < {each.text for each in found.ngrams}
    [found] = analysed(GOOD, BAD).ngrams
    assert found.title == "Right in A, not in B" and {"Tom has 3 dogs"} < {each.text for each in found.ngrams}
    always, sometimes = ["a b", "a c"] * 5, ["x b", "x c"] * 5  # `a` is missed each time, other words never
    missed, wrong = analyse(TestSet([("it", sometimes)], [always])).ngrams
    assert (missed.ngrams[0].text, missed.ngrams[0].in_refs, missed.ngrams[0].counts) == ("a", 10, [0])
    assert (wrong.ngrams[0].text, wrong.ngrams[0].in_refs, wrong.ngrams[0].counts) == ("x", 0, [10])


def test_sentences_are_shown_where_systems_differ_most() -> None:
    [group] = analysed(BAD, GOOD).sentences
    gains = [each.scores[1] - each.scores[0] for each in group.sentences]
    assert group.title == "B is better than A" and gains == sorted(gains, reverse=True)
    assert group.sentences[0].line == 2 and {each.line for each in group.sentences} == {1, 2, 3, 4, 5}
    refs = [f"{'word ' * i}end" for i in range(1, 31)]
    worst, best = analyse(TestSet([("it", ["x y z", *refs[1:]])], [refs])).sentences
    assert (worst.sentences[0].line, best.sentences[0].line) == (1, 30)  # the longest of those that are right
    assert not {each.line for each in worst.sentences} & {each.line for each in best.sentences}


@given(st.text(), st.text())
def test_marked_parts_make_up_the_text(text: str, other: str) -> None:
    assert "".join(part for part, _ in differences(text, other)) == text
    assert not any(differs for _, differs in differences(text, text))


def test_what_differs_is_marked() -> None:
    marked = [part for part, differs in differences("I don't like the small dog.", "I like the big dog!") if differs]
    assert marked == ["don't", "small", "."]
    assert [part for part, differs in differences("我喜欢狗", "我喜欢猫") if differs] == ["狗"]


@pytest.fixture
def better(hyp: Path, tmp_path: Path) -> Path:
    """A system that has half of the references right."""
    path = tmp_path / "better"
    refs = (DATA / "test.en").read_bytes().splitlines(True)
    path.write_bytes(b"".join([*hyp.read_bytes().splitlines(True)[:250], *refs[250:]]))
    return path


@pytest.mark.slow
def test_details_and_page_of_one_and_of_two_systems(hyp: Path, better: Path, tmp_path: Path) -> None:
    command = ["score", DATA / "test.en", "-i", hyp, "--src", DATA / "test.de", "--train-tgt", DATA / "train.en", "--details"]
    for compare in ([], ["--compare", better]):
        page = tmp_path / f"{len(compare)}.html"
        text = mtcli(*command, *compare, "--report", page, "--metric", "bleu").stdout.decode()
        shown = Page(page.read_text("utf-8"))
        assert not {"script", "img", "link", "iframe", "a"} & set(shown.seen) and "mark" in shown.seen
        assert not {name for name, _ in shown.attributes} & {"src", "href", "style"}
        for title in ("By length of the source", "By frequency of words in training text", "By chrF of the sentence", "Faults"):
            assert title in text and title in shown.text
        assert ("B is better than A" in text) == ("B is better than A" in shown.text) == bool(compare)
        assert "[-" in text and "{+" in text and "\x1b" not in text
        found = json.loads(mtcli(*command, *compare, "--json", "--metric", "bleu").stdout)
        assert found["analysis"]["systems"] == [str(hyp), *([str(better)] if compare else [])]
        assert sum(row["count"] for row in found["analysis"]["tables"][0]["rows"]) == 500
        assert "| names lost" in mtcli(*command, *compare, "--format", "markdown", "--metric", "bleu").stdout.decode()
        assert "\nnames lost\t" in mtcli(*command, *compare, "--format", "tsv", "--metric", "bleu").stdout.decode()
    assert b"give one of the two" in mtcli(*command, "-b", code=2).stderr


def test_what_is_text_stays_text(tmp_path: Path) -> None:
    hyp = tmp_path / os.fsdecode(b"h\n\xff")
    hyp.write_bytes(b"<script>alert(1)</script> & \x1b[31mred\n" + b"\x1bx b\n\x1bx c\n" * 5)
    (tmp_path / "r").write_bytes(b"<b>bold</b>\n" + b"a b\na c\n" * 5)
    command = ["score", tmp_path / "r", "-i", hyp, "--details", "--report", tmp_path / "page"]
    for compare in ([], ["--compare", tmp_path / "r", "--samples", "9"]):
        text = mtcli(*command, *compare).stdout.decode()
        assert "\x1b" not in text and ("\n\\x1bx  " in text, "/h\\n?" in text) == (not compare, bool(compare))
        page = Page((tmp_path / "page").read_text("utf-8"))
        assert "script" not in page.seen and "<script>alert(1)</script>" in page.text and "/h\n?" in page.text
    [name] = json.loads(mtcli(*command, "--json").stdout)["analysis"]["systems"]
    assert name.endswith("/h\n?")


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_has_colours_for_marks(environment: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"a b c\n")
    (tmp_path / "r").write_bytes(b"a x c\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mtcli", "score", str(tmp_path / "r"), "-i", str(tmp_path / "h"), "--details"]
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | environment
    subprocess.run(command, stdout=theirs, env=env, check=True)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert (b"\x1b[31mx\x1b[0m" in text) == coloured and (b"[-x-]" in text) != coloured
