"""`mtcli score` prints what the `sacrebleu` command prints, whatever the shape in which the text comes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, mtcli

from mtcli.errors import DataError
from mtcli.scoring import METRICS, score, score_files

REF = DATA / "test.en"
OTHER_REF = DATA / "dev.en"


@pytest.fixture(scope="module")
def hyp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference with words dropped, swapped and put in upper case, so that every metric has something to find."""
    lines = []
    for number, line in enumerate(REF.read_text("utf-8").splitlines()):
        words = line.split()
        match number % 5:
            case 0:
                words = words[1:]
            case 1:
                words = [*words[2:], *words[:2]]
            case 2:
                words[-1] = words[-1].upper()
            case 3:
                words += words[:2]
        lines.append(" ".join(words))
    path = tmp_path_factory.mktemp("scoring") / "hyp.en"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def sacrebleu(hyp: Path, *refs: Path, metrics: tuple[str, ...] = METRICS, form: str = "json") -> bytes:
    command = [sys.executable, "-m", "sacrebleu", *refs, "-i", hyp, "-m", *metrics, "-w", "2", "-f", form]
    return subprocess.run(command, capture_output=True, check=True).stdout


def scores(*args: str | Path, stdin: bytes = b"") -> list[dict[str, object]]:
    return json.loads(mtcli("score", "--json", *args, stdin=stdin).stdout)


@pytest.mark.parametrize("refs", [[REF], [REF, OTHER_REF]], ids=["one reference", "two references"])
def test_scores_are_those_of_the_sacrebleu_command(hyp: Path, refs: list[Path]) -> None:
    printed = [
        (each["name"], f"{each['score']:.2f}", each["signature"], each.get("verbose_score", ""))
        for each in json.loads(sacrebleu(hyp, *refs))
    ]
    assert [name for name, *_ in printed] == ["BLEU", "chrF2", "TER"]
    ours = scores(*refs, "-i", hyp)
    assert [(each["name"], f"{each['value']:.2f}", each["signature"], each["verbose"]) for each in ours] == printed
    lines = [f"{name}|{signature} = {value} {verbose}".rstrip() for name, value, signature, verbose in printed]
    assert mtcli("score", *refs, "-i", hyp).stdout.decode().splitlines() == lines


@pytest.mark.parametrize("metric", METRICS)
def test_one_metric_prints_the_line_of_sacrebleu(hyp: Path, metric: str) -> None:
    line = sacrebleu(hyp, REF, metrics=(metric,), form="text")
    assert mtcli("score", REF, "-i", hyp, "--metric", metric).stdout == line


def test_standard_input_and_gzip_score_as_the_plain_file(hyp: Path, tmp_path: Path) -> None:
    plain = scores(REF, "-i", hyp)
    for name in ("hyp.en", "ref.en"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((hyp if name == "hyp.en" else REF).read_bytes()))
    assert scores(REF, stdin=hyp.read_bytes()) == plain
    assert scores(REF, "-i", "-", stdin=hyp.read_bytes()) == plain
    assert scores(tmp_path / "ref.en.gz", "-i", tmp_path / "hyp.en.gz") == plain


@pytest.mark.parametrize(
    ("old", "new"),
    [("\n", "\r\n"), (" ", "\r"), (" ", "\t"), (" ", "\v"), (" ", "\x1c"), (" ", "\x85"), (" ", "\u2028")],
    ids=["CRLF", "CR", "TAB", "VT", "FS", "NEL", "U+2028"],
)
def test_only_line_feeds_separate_lines(hyp: Path, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "hyp"
    path.write_bytes(hyp.read_text("utf-8").replace(old, new).encode())
    clean = score(hyp.read_text("utf-8").split("\n")[:-1], [REF.read_text("utf-8").split("\n")[:-1]])
    assert score_files(str(path), [str(REF)]) == clean


def test_a_missing_final_line_feed_and_empty_lines_count_as_lines(hyp: Path) -> None:
    assert scores(REF, stdin=hyp.read_bytes().rstrip(b"\n")) == scores(REF, "-i", hyp)
    empty = b"\n" * len(REF.read_bytes().splitlines())
    assert [each["value"] for each in scores(REF, stdin=empty)] == [0.0, 0.0, 100.0]


def test_different_line_counts_are_refused_with_both_counts(hyp: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"one\ntwo\n")
    for args, stdin in [((REF, "-i", short), b""), ((REF,), b"one\ntwo\n"), ((REF, short, "-i", hyp), b"")]:
        done = mtcli("score", *args, stdin=stdin, code=1)
        assert not done.stdout
        assert b" 2" in done.stderr
        assert b" 500" in done.stderr
        assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("args", "code"),
    [(("-i", "missing"), 1), (("--metric", "meteor"), 2), (("--nonsense",), 2)],
    ids=["no such file", "no such metric", "no such option"],
)
def test_wrong_calls_say_what_is_wrong_before_reading_hypotheses(args: tuple[str, ...], code: int) -> None:
    done = mtcli("score", REF, *args, stdin=b"one\n", code=code)
    assert not done.stdout
    assert args[-1].encode() in done.stderr


def test_lists_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="there are no hypotheses to score"):
        score([], [[]])
    with pytest.raises(DataError, match="2 hypotheses but 1 lines in reference 2"):
        score(["a", "b"], [["a", "b"], ["a"]])
