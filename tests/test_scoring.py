"""`mtcli score` prints what the `sacrebleu` command prints, whatever the shape in which the text comes."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
from conftest import DATA, head, mtcli

from mtcli.errors import DataError, UsageError
from mtcli.scoring import METRICS, bleu_and_chrf, compare, read_text, score, scorer, tokenizer_for
from mtcli.tables import plain

REF = DATA / "test.en"
OTHER_REF = DATA / "dev.en"


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
    assert score(read_text(str(path)), [read_text(str(REF))]) == clean


def test_what_is_odd_is_told_and_scores_alike_from_a_pipe_and_a_file(tmp_path: Path) -> None:
    odd, ref = tmp_path / "odd", tmp_path / "ref"
    odd.write_bytes(b"\xef\xbb\xbfa b\rc\n\nx\ty \xff\n")
    ref.write_bytes(b"a b c\n\nx y \xef\xbf\xbd")
    of_file, of_pipe = mtcli("score", ref, "-i", odd), mtcli("score", ref, stdin=odd.read_bytes())
    assert of_file.stdout == of_pipe.stdout and b"BLEU" in of_file.stdout
    assert [value for value in mtcli("score", ref, "-i", odd, "-b", "--metric", "chrf").stdout.split()] == [b"100.00"]
    told = of_file.stderr.decode().replace(str(odd), "NAME").replace(str(ref), "REF")
    assert told == of_pipe.stderr.decode().replace("standard input", "NAME").replace(str(ref), "REF")
    for what in (
        "NAME: 1 of 3 lines held invalid UTF-8",
        "NAME: begins with a byte order mark",
        "NAME: 2 of 3 lines hold a CR or TAB",
        "NAME: 1 of 3 lines are empty",
        "REF: 1 of 3 lines are empty",
    ):
        assert what in told


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


def test_hypotheses_without_end_are_read_no_further() -> None:
    said = mtcli("score", REF, stdin=b"y\n" * 1_000_000, code=1).stderr
    assert said == b"mtcli: error: standard input has 1500 lines and more, but 500 are wanted: each line needs its reference\n"


def test_a_tokenizer_is_fetched_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(_: str, file: str) -> None:
        Path(file).parent.mkdir()
        Path(file).write_bytes(b"half of it")
        raise URLError("no route to host")

    monkeypatch.setattr("sacrebleu.utils.SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr("sacrebleu.utils.download_file", cut_off)
    with pytest.raises(DataError, match="tokenize=flores200 is not on disk: give --download to fetch http"):
        scorer("bleu:tokenize=flores200")
    with pytest.raises(DataError, match=r"tokenize=spm cannot be fetched from http.*no route to host"):
        scorer("bleu:tokenize=spm", download=True)
    assert list((tmp_path / "models").iterdir()) == []


def test_lists_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="there are no hypotheses to score"):
        score([], [[]])
    with pytest.raises(DataError, match="2 hypotheses but 1 lines in reference 2"):
        score(["a", "b"], [["a", "b"], ["a"]])


@pytest.mark.parametrize("lost", [1, 3])
def test_a_lost_line_is_found(lost: int, hyp: Path, tmp_path: Path) -> None:
    lines = hyp.read_bytes().splitlines(keepends=True)
    (tmp_path / "short").write_bytes(b"".join(lines[:200] + lines[200 + lost :]))
    said = mtcli("score", REF, "-i", tmp_path / "short", code=1).stderr.decode()
    assert f"short has {500 - lost} lines but {REF} has 500" in said
    found = re.search(r"from line (\d+) on they look shifted", said)
    assert found and 196 <= int(found[1]) <= 203
    (tmp_path / "end").write_bytes(b"".join(lines[:480]))
    assert "shifted" not in mtcli("score", REF, "-i", tmp_path / "end", code=1).stderr.decode()


CHINESE = [
    "我们昨天在图书馆见面了。",
    "他说：“这本书很有意思！”",
    "价格是 3,500 元（约 500 美元）。",
    "她不喜欢喝咖啡，只喝茶。",
    "火车８点３０分开。",
]
JAPANESE = [
    "昨日、図書館で会いました。",
    "この本はとても面白いですね！",
    "値段は３，５００円です。",
    "彼女はコーヒーが好きではない。",
    "電車は八時半に出ます。",
]
EDITS = [("。", "！"), ("了", ""), ("は", "が"), (" ", ""), ("很", "非常")]


@pytest.fixture(scope="module")
def sets(hyp: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Hypotheses and references of each language, the former with something to find."""
    folder, found = tmp_path_factory.mktemp("sets"), {"en": (hyp, REF)}
    for language, lines in (("zh", CHINESE), ("ja", JAPANESE)):
        files = (folder / f"hyp.{language}", folder / f"ref.{language}")
        for path, edits in zip(files, (EDITS, []), strict=True):
            text = "\n".join(lines) + "\n"
            for old, new in edits:
                text = text.replace(old, new)
            path.write_text(text, "utf-8")
        found[language] = files
    return found


GRID = [  # our metric, the options of sacrebleu that mean the same
    ("bleu:tokenize=none", "-tok none"),
    ("bleu:tokenize=intl,lowercase", "-tok intl -lc"),
    ("bleu:tokenize=char", "-tok char"),
    ("bleu:tokenize=zh", "-tok zh"),
    ("bleu:tokenize=ja-mecab", "-tok ja-mecab"),
    ("bleu:smooth_method=floor,smooth_value=0.2", "-s floor -sv 0.2"),
    ("bleu:smooth_method=add-k", "-s add-k"),
    ("bleu:smooth_method=none", "-s none"),
    ("chrf++", "-m chrf -cw 2"),
    ("chrf:char_order=4,beta=1", "-m chrf -cc 4 --chrf-beta 1"),
    ("chrf:whitespace,lowercase,eps_smoothing", "-m chrf --chrf-whitespace --chrf-lowercase --chrf-eps-smoothing"),
    ("ter:normalized,asian_support", "-m ter --ter-normalized --ter-asian-support"),
    ("ter:no_punct,case_sensitive", "-m ter --ter-no-punct --ter-case-sensitive"),
]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_options_give_what_sacrebleu_gives(language: str, sets: dict[str, tuple[Path, Path]]) -> None:
    hyp, ref = sets[language]
    for metric, options in GRID:
        command = [sys.executable, "-m", "sacrebleu", ref, "-i", hyp, *options.split(), "-w", "2", "-f", "text"]
        expected = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        assert mtcli("score", ref, "-i", hyp, "--metric", metric).stdout.decode() == expected, metric


def test_several_metrics_and_forms_in_one_call(hyp: Path) -> None:
    metrics = ("--metric", "bleu", "--metric", "bleu:lowercase=true", "--metric", "chrf++")
    values = [f"{each['value']:.2f}" for each in scores(REF, "-i", hyp, *metrics)]
    assert mtcli("score", REF, "-i", hyp, *metrics, "-b").stdout.decode().split() == values
    rows = mtcli("score", REF, "-i", hyp, *metrics, "--format", "tsv").stdout.decode().splitlines()
    assert [row.split("\t")[1] for row in rows] == ["score", *values]
    header, line, *rows = mtcli("score", REF, "-i", hyp, *metrics, "--format", "markdown").stdout.decode().splitlines()
    assert header.startswith("| metric ") and set(line) == set("| -")
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)  # those of signatures are escaped
    assert [row.split("|")[2].strip() for row in rows] == values


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("bleu:tokenise=zh", "unknown option tokenise lowercase, tokenize"),
        ("bleu:tokenize=klingon", "tokenize cannot be 'klingon' 13a"),
        ("bleu:smooth_method=much", "smooth_method exp, floor"),
        ("bleu:lowercase=maybe", "lowercase=false"),
        ("chrf:beta=two", "beta cannot be 'two': write a number"),
        ("rouge", "unknown metric rouge chrf++"),
    ],
)
def test_options_that_do_not_exist_are_told(metric: str, words: str) -> None:
    said = mtcli("score", REF, "--metric", metric, code=2).stderr.decode()
    assert [word for word in words.split() if word not in said] == [] and said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("test", ["bs", "ar"])
def test_systems_are_compared_as_sacrebleu_compares_them(test: str, hyp: Path, tmp_path: Path) -> None:
    same, better = tmp_path / "same", tmp_path / "better"
    same.write_bytes(hyp.read_bytes())
    better.write_bytes(b"".join([*hyp.read_bytes().splitlines(True)[:300], *REF.read_bytes().splitlines(True)[300:]]))
    command = ["score", REF, "-i", hyp, "--compare", same, "--compare", better, "--test", test, "--samples", "200"]
    metrics = ("--metric", "bleu", "--metric", "chrf")
    compared = json.loads(mtcli(*command, *metrics, "--json").stdout)
    firsts = [metric["systems"][0] for metric in compared]
    others = [metric["systems"][2] for metric in compared]
    for metric, first in zip(compared, firsts, strict=True):
        assert (metric["systems"][1]["value"], metric["systems"][1]["p_value"]) == (first["value"], 1)
    keys = ("value", "mean", "interval") if test == "bs" else ("value",)  # the command has no intervals with ar
    numbers = [each[key] for system in (firsts, others) for each in system for key in keys]
    numbers += [each["p_value"] for each in others]
    of_sacrebleu = [sys.executable, "-m", "sacrebleu", REF, "-i", hyp, better, "-m", "bleu", "chrf", "-w", "4", "-f", "text"]
    trials = [f"--paired-{test}", f"--paired-{test}-n", "200"]
    printed = subprocess.run([*of_sacrebleu, *trials], capture_output=True, check=True, text=True).stdout
    theirs = re.findall(r"\d+\.\d{4}", printed.partition("-----")[0])
    assert [f"{number:.4f}" for number in numbers] == theirs
    text = mtcli(*command, *metrics).stdout.decode()
    table, notes = text.split("\n\n")
    assert "*" not in table.splitlines()[2] and "*" in table.splitlines()[3]
    assert f"{test}:200" in notes and "seed:12345" in notes
    assert mtcli(*command, *metrics).stderr == b""
    assert mtcli(*command, *metrics, "--format", "markdown").stdout.startswith(b"| system ")
    heads, *rows = [row.split("\t") for row in mtcli(*command, *metrics, "--format", "tsv").stdout.decode().splitlines()]
    assert heads[1] == f"BLEU|{compared[0]['signature']}" and all(len(row) == len(heads) == 9 for row in rows)
    assert [float(row[1]) for row in rows] == pytest.approx([each["value"] for each in compared[0]["systems"]], abs=1e-4)
    assert len(mtcli(*command, *metrics, "-b").stdout.splitlines()) == 3


def test_equal_scores_differ_by_chance(tmp_path: Path) -> None:
    for name, text in (("ref", "one two\nthree\n"), ("first", "four five\nsix\n"), ("second", "seven\neight nine\n")):
        (tmp_path / name).write_text(text)
    command = (
        "score",
        tmp_path / "ref",
        "-i",
        tmp_path / "first",
        "--compare",
        tmp_path / "second",
        "--metric",
        "bleu",
        "--json",
    )
    assert [each["p_value"] for each in json.loads(mtcli(*command).stdout)[0]["systems"]] == [None, 1]


def test_systems_of_other_lengths_and_tests_that_do_not_exist_are_told(hyp: Path, tmp_path: Path) -> None:
    (tmp_path / "two").write_bytes(b"One.\nTwo.\n")
    said = mtcli("score", REF, "-i", hyp, "--compare", tmp_path / "two", code=1).stderr.decode()
    assert f"{hyp} has 500 lines but {tmp_path / 'two'} has 2" in said
    assert b"choose bs" in mtcli("score", REF, "-i", hyp, "--compare", hyp, "--test", "t", code=2).stderr
    assert b"choose one of text" in mtcli("score", REF, "-i", hyp, "--format", "html", code=2).stderr


@pytest.mark.slow
def test_a_model_is_scored_in_one_go(transformer_package: Path, tmp_path: Path) -> None:
    src, ref = head("test.de", 20, tmp_path), head("test.en", 20, tmp_path)
    hyp = tmp_path / "hyp"
    hyp.write_bytes(mtcli("translate", "-m", transformer_package, src).stdout)
    expected = mtcli("score", ref, "-i", hyp).stdout
    assert mtcli("score", "-m", transformer_package, "--src", src, ref).stdout == expected
    both = mtcli("score", "-m", transformer_package, "--src", src, ref, "--compare", hyp, "--json").stdout
    assert [each["p_value"] for each in json.loads(both)[0]["systems"]] == [None, 1]
    assert b"-m translates the text of --src" in mtcli("score", ref, "-m", transformer_package, code=2).stderr
    both = ("-m", transformer_package, "--src", src, "-i", hyp)
    assert b"give one of the two, or --metric confidence" in mtcli("score", ref, *both, code=2).stderr
    assert b"nothing to score against" in mtcli("score", "-i", hyp, code=2).stderr


PLAIN_CHINESE = ["今天天气很好。", "他住在北京，她住在上海。", "我昨天看了一部很有意思的电影。", "你想喝茶还是喝咖啡？"] * 5
NEARLY = [line.replace("很", "真") for line in PLAIN_CHINESE]


@pytest.mark.parametrize(
    ("ref", "tokenizer"),
    [
        (PLAIN_CHINESE, "zh"),
        (["今日は天気がとてもいいです。", "彼は東京に住んでいます。"], "char"),
        (["วันนี้อากาศดีมาก"], "char"),
        (["오늘은 날씨가 좋다."], "13a"),
        (["It is a fine day, and so it was yesterday.", "北京 is large, and so is any other town."], "13a"),
        ([*PLAIN_CHINESE, *["Il fait très beau aujourd'hui, n'est-ce pas ?"] * 20], "zh"),
        ([""], "13a"),
    ],
)
def test_bleu_finds_words_where_no_blanks_stand(ref: list[str], tokenizer: str) -> None:
    assert tokenizer_for(ref) == tokenizer
    assert f"tok:{tokenizer}|" in bleu_and_chrf(ref, ref)[0].signature


def test_near_translations_score_as_such_in_chinese() -> None:
    assert 50 < bleu_and_chrf(NEARLY, PLAIN_CHINESE)[0].value < 100
    assert score(NEARLY, [PLAIN_CHINESE], ["bleu"])[0].value < 1, "as sacreBLEU's command does without a language"


def test_a_reference_without_blanks_is_told(tmp_path: Path) -> None:
    ref = tmp_path / "ref"
    ref.write_text("".join(f"{line}\n" for line in PLAIN_CHINESE), "utf-8")
    assert "--metric bleu:tokenize=zh" in mtcli("score", ref, "-i", ref).stderr.decode()
    for told in (("--langs", "en-zh"), ("--metric", "bleu:tokenize=zh"), ("--metric", "chrf")):
        assert not mtcli("score", ref, "-i", ref, *told).stderr


def test_more_samples_than_memory_holds_are_refused() -> None:
    systems = [("a", ["x"] * 30_000), ("b", ["y"] * 30_000)]
    with pytest.raises(UsageError, match="give at most 6666"):
        compare(systems, [["x"] * 30_000], ["bleu"], "bs", 10_000)
    with pytest.raises(UsageError, match="--samples"):
        compare([("a", ["x"] * 300_000)] * 2, [["x"] * 300_000], ["bleu"], "bs")


def test_scores_are_printed_before_a_page_that_cannot_be_written(hyp: Path, tmp_path: Path) -> None:
    done = mtcli("score", REF, "-i", hyp, "--metric", "chrf", "--report", tmp_path / "none" / "x.html", code=1)
    assert not done.stdout and b"cannot be written" in done.stderr, "what can be told at once is"
    done = mtcli("score", REF, "-i", hyp, "--metric", "chrf", "--report", "/dev/full", code=1)
    assert done.stdout.startswith(b"chrF2|") and b"No space left" in done.stderr
    for name in ("-", "/dev/stdout"):
        assert "name a file" in mtcli("score", REF, "-i", hyp, "--report", name, code=2).stderr.decode()
    done = mtcli("score", REF, "-i", hyp, "--details", "--train-tgt", tmp_path / "none", code=1)
    assert not done.stdout and b"none" in done.stderr


def test_quiet_keeps_what_sacrebleu_says_too(tmp_path: Path) -> None:
    tokenized = tmp_path / "tokenized"
    tokenized.write_text("it is so .\n" * 200)
    assert b"tokenized period" in mtcli("score", tokenized, "-i", tokenized, "--metric", "bleu").stderr
    assert not mtcli("score", tokenized, "-i", tokenized, "--metric", "bleu", "-q").stderr


def test_text_of_any_script_is_shown_as_it_is() -> None:
    assert plain("می\u200cروم 👩\u200d🚀") == "می\u200cروم 👩\u200d🚀"
    assert plain("10\xa0€\u202f!\x1b[31m\n\u202e") == r"10 € !\x1b[31m\n\u202e"
