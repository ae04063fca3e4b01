"""Metrics that ask a model, and test sets that sacreBLEU knows: by stand-ins with the same interface, without a network."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from conftest import DATA, head, mtcli, train_tiny
from sacrebleu.dataset import DATASETS, PlainTextDataset
from sacrebleu.dataset.wmt_xml import WMTXMLDataset
from sacrebleu.metrics.chrf import CHRF

from mtcli import testsets
from mtcli.errors import DataError

COMET = f"""#!{sys.executable}
# The options of comet-score and its way of reading and writing; the score of a sentence is how much of it the reference has.
import argparse, json, sys
parser = argparse.ArgumentParser()
parser.add_argument("-s", "--sources")
parser.add_argument("-t", "--translations", nargs="+")
parser.add_argument("-r", "--references")
parser.add_argument("--gpus", type=int)
parser.add_argument("--quiet", action="store_true")
parser.add_argument("--to_json")
parser.add_argument("--model")
options = parser.parse_args()
if options.model == "broken":
    sys.exit("Traceback ...\\nKeyError: 'broken'")
read = lambda name: [line.strip() for line in open(name).readlines()]
found = {{}}
for name in options.translations:
    found[name] = []
    for src, mt, ref in zip(read(options.sources), read(name), read(options.references), strict=True):
        words = mt.split()
        score = sum(word in ref.split() for word in words) / max(1, len(words))
        found[name].append({{"src": src, "mt": mt, "ref": ref, "COMET": score}})
    if options.model == "short":
        found[name].pop()
    print(f"{{name}}\\tscore: {{sum(each['COMET'] for each in found[name]) / len(found[name]):.4f}}")
with open(options.to_json, "w") as file:
    file.write("{{" if options.model == "unreadable" else json.dumps(found))
"""
REF, SRC = DATA / "test.en", DATA / "test.de"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the PATH with a stand-in for comet-score."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "comet-score").write_text(COMET)
    (folder / "comet-score").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


def test_comet_stands_beside_the_other_metrics(hyp: Path, path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd"  # a CR inside a line would be an end of the line for comet-score
    odd.write_bytes(hyp.read_bytes().replace(b" ", b"\r", 1))
    hyps, refs = lines_of(hyp), lines_of(REF)
    values = [sum(w in ref.split() for w in hyp.split()) / len(hyp.split()) for hyp, ref in zip(hyps, refs, strict=True)]
    chrf = [CHRF().sentence_score(hyp, [ref]).score for hyp, ref in zip(hyps, refs, strict=True)]
    for name in (hyp, odd):
        found = json.loads(
            mtcli("score", REF, "-i", name, "--src", SRC, "--metric", "bleu", "--metric", "comet", "--json").stdout
        )
        assert [each["name"] for each in found] == ["BLEU", "COMET"]
        assert found[1]["value"] == pytest.approx(100 * statistics.mean(values))
        assert found[1]["signature"] == "nrefs:1|model:Unbabel/wmt22-comet-da|scale:100|version:" + version()
    assert found[1]["verbose"].startswith("r = ")
    assert float(found[1]["verbose"].split()[2]) == pytest.approx(statistics.correlation(values, chrf), abs=0.01)


def version() -> str:
    import sacrebleu

    return str(sacrebleu.__version__)


def test_comet_takes_part_in_comparisons(hyp: Path, path: Path) -> None:
    command = ["score", REF, "-i", hyp, "--compare", REF, "--src", SRC, "--metric", "comet:model=mine", "--samples", "100"]
    [comet] = json.loads(mtcli(*command, "--json").stdout)
    first, second = comet["systems"]
    assert "model:mine" in comet["signature"] and "bs:100" in comet["signature"]
    assert first["value"] < second["value"] == 100 and second["p_value"] < 0.05 and first["interval"] > 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--metric", "comet"), 2, "--src"),
        (("--metric", "comet:beam=5", "--src", SRC), 2, "comet:model=NAME"),
        (("--metric", "comet:model=broken", "--src", SRC), 1, "exit code 1: KeyError: 'broken'"),
        (("--metric", "comet:model=unreadable", "--src", SRC), 1, "wrote no scores that can be read"),
        (("--metric", "comet:model=short", "--src", SRC), 1, "gave 499 scores for 500 lines"),
        ((REF, "--metric", "comet", "--src", SRC), 2, "knows one reference"),
        (("--metric", "confidence"), 2, "--src"),
        (("--metric", "confidence", "--src", SRC), 2, "-m MODEL"),
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_told(
    options: tuple[str | Path, ...], code: int, words: str, hyp: Path, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(tmp_path.iterdir())
    done = mtcli("score", REF, "-i", hyp, *options, code=code)
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1 and not done.stdout
    assert set(tmp_path.iterdir()) == before


def test_comet_ends_with_the_command(hyp: Path, path: Path, tmp_path: Path) -> None:
    (path / "comet-score").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    command = [sys.executable, "-m", "mtcli", "score", REF, "-i", hyp, "--src", SRC, "--metric", "comet"]
    (tmp_path / "tmp").mkdir()
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}) as process:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    other = Path("/proc", (tmp_path / "pid").read_text().strip())
    for _ in range(500):
        if not other.exists() or "\nState:\tZ" in (other / "status").read_text():
            break
        time.sleep(0.01)
    else:
        pytest.fail("comet-score goes on by itself")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_comet_the_command_says_how_to_get_it(hyp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert (
        b"comet-score, which is not installed" in mtcli("score", REF, "-i", hyp, "--src", SRC, "--metric", "comet", code=2).stderr
    )


@pytest.mark.slow
def test_confidence_is_that_of_the_model_and_says_how_well_it_goes_with_chrf(transformer_package: Path, tmp_path: Path) -> None:
    src, ref = head("test.de", 20, tmp_path), head("test.en", 20, tmp_path)
    hyp = tmp_path / "hyp"
    hyp.write_bytes(mtcli("translate", "-m", transformer_package, src).stdout)
    both = ("-m", transformer_package, "--src", src)
    judged = mtcli("translate", "-m", transformer_package, "--score-target", hyp, src, "--json").stdout.splitlines()
    values = [math.exp(each["log_probability"] / each["pieces"]) for each in map(json.loads, judged)]
    chrf = [CHRF().sentence_score(h, [r]).score for h, r in zip(lines_of(hyp), lines_of(ref), strict=True)]
    for options in ((), ("-i", hyp)):
        [found] = json.loads(mtcli("score", ref, *both, *options, "--metric", "confidence", "--json").stdout)
        assert found["value"] == pytest.approx(100 * statistics.mean(values))
        assert f"model:{transformer_package.name}" in found["signature"]
        assert float(found["verbose"].split()[2]) == pytest.approx(statistics.correlation(values, chrf), abs=0.01)


# Test sets


@pytest.fixture
def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of sacreBLEU's test sets, with one that was fetched earlier."""
    monkeypatch.setenv("SACREBLEU", str(tmp_path / "sets"))
    folder = tmp_path / "sets" / "wmt14"
    folder.mkdir(parents=True)
    (folder / "wmt14.de-en.src").write_bytes(SRC.read_bytes())
    (folder / "wmt14.de-en.ref").write_bytes(REF.read_bytes())
    for name in ("docid", "genre", "origlang"):
        (folder / f"wmt14.de-en.{name}").write_bytes(b"x\n" * 500)
    return folder.parent


@pytest.mark.slow
def test_a_test_set_on_disk_scores_as_with_sacrebleu(hyp: Path, on_disk: Path, transformer_package: Path) -> None:
    command = [sys.executable, "-m", "sacrebleu", "-t", "wmt14", "-l", "de-en", "-i", hyp, "-f", "text", "-w", "2"]
    expected = subprocess.run(command, capture_output=True, check=True).stdout
    chosen = ("--test-set", "wmt14", "--langs", "de-en", "--metric", "bleu")
    assert mtcli("score", *chosen, "-i", hyp).stdout == expected
    assert mtcli("score", *chosen, stdin=hyp.read_bytes()).stdout == expected
    text = mtcli("translate", "-m", transformer_package, SRC).stdout
    assert mtcli("score", *chosen, "-m", transformer_package).stdout == mtcli("score", REF, "--metric", "bleu", stdin=text).stdout


def test_languages_tell_bleu_how_to_tokenise(hyp: Path) -> None:
    for langs, tokenizer in (("en-zh", "tok:zh"), ("en-ja", "tok:ja-mecab"), ("en-de", "tok:13a"), ("", "tok:13a")):
        printed = mtcli("score", REF, "-i", hyp, "--metric", "bleu", *(("--langs", langs) if langs else ())).stdout.decode()
        assert tokenizer in printed
        if langs:
            command = [sys.executable, "-m", "sacrebleu", REF, "-l", langs, "-i", hyp, "-f", "text", "-w", "2"]
            assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == printed


WMT = """<dataset><doc id="d" origlang="de"><src lang="de"><p><seg id="1">Hallo</seg></p></src>
<ref lang="en" translator="A"><p><seg id="1">Hello</seg></p></ref>
<ref lang="en" translator="B"><p><seg id="1">Hi</seg></p></ref></doc></dataset>"""


def test_a_test_set_with_several_translators_has_the_references_of_sacrebleu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = WMTXMLDataset("ours", data=["http://127.0.0.1:9/x.xml"], langpairs={"de-en": ["ours.x.xml"]}, refs=["A"])
    found._outdir, found._rawdir = str(tmp_path / "ours"), str(tmp_path / "ours" / "raw")
    monkeypatch.setitem(DATASETS, "ours", found)
    with pytest.raises(DataError, match="give --download"):
        testsets.find("ours", "de-en", download=False)
    assert not (tmp_path / "ours").exists()
    (tmp_path / "ours" / "raw").mkdir(parents=True)
    (tmp_path / "ours" / "raw" / "ours.x.xml").write_text(WMT)
    src, refs = testsets.find("ours", "de-en", download=False)
    assert [Path(file).read_text() for file in (src, *refs)] == ["Hallo\n", "Hello\n"]


@pytest.mark.slow
def test_a_model_of_several_languages_is_told_which(tmp_path: Path) -> None:
    files = [head(f"train.{language}", 200, tmp_path) for language in ("de", "en")]
    given = ["--src", files[0], "--tgt", files[1], "--src", files[1], "--tgt", files[0]]
    package = train_tiny(tmp_path / "both", *given)
    src, ref = head("test.de", 20, tmp_path), head("test.en", 20, tmp_path)
    chosen = ["score", ref, "-m", package, "--src", src, "--metric", "chrf", "--metric", "confidence"]
    assert "translates to de and en: say to which with --langs" in mtcli(*chosen, code=2).stderr.decode()
    assert b"do not begin with" not in mtcli(*chosen, "--langs", "de-en").stderr
    through = mtcli("translate", "-m", package, "--to", "en", src).stdout
    (tmp_path / "hyp").write_bytes(through)
    assert mtcli(*chosen, "--langs", "de-en", "-i", tmp_path / "hyp").stdout == mtcli(*chosen, "--langs", "de-en").stdout


def test_a_model_translates_what_a_pipe_gives(transformer_package: Path) -> None:
    chosen = ["score", REF, "-m", transformer_package, "--metric", "chrf", "--src"]
    assert mtcli(*chosen, "-", stdin=SRC.read_bytes()).stdout == mtcli(*chosen, SRC).stdout


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--test-set", "wmt1", "--langs", "de-en"), 2, "did you mean wmt"),
        (("--test-set", "wmt14"), 2, "--langs, one of cs-en, en-cs"),
        (("--test-set", "wmt14", "--langs", "de-xx"), 2, "--langs, one of cs-en, en-cs"),
        (("--test-set", "wmt13", "--langs", "de-en"), 1, "wmt13 is not on disk: give --download to fetch http"),
        ((REF, "--test-set", "wmt14", "--langs", "de-en"), 2, "leave out --src and REF"),
    ],
    ids=str,
)
def test_what_is_not_at_hand_is_told(options: tuple[str | Path, ...], code: int, words: str, on_disk: Path) -> None:
    done = mtcli("score", *options, code=code, stdin=b"x\n")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert not (on_disk / "wmt13").exists()


def test_a_test_set_is_fetched_when_that_is_said(web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, folder = web
    with tarfile.open(folder / "set.tgz", "w:gz") as packed:
        for name, text in (("a.de", b"Hallo\n"), ("a.en", b"Hello\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text))
    right = hashlib.md5((folder / "set.tgz").read_bytes()).hexdigest()

    def known(address: str, md5: str) -> PlainTextDataset:
        found = PlainTextDataset("ours", data=[address], md5=[md5], langpairs={"de-en": ["a.de", "a.en"]})
        found._outdir, found._rawdir = str(tmp_path / "ours"), str(tmp_path / "ours" / "raw")
        monkeypatch.setitem(DATASETS, "ours", found)
        return found

    known(f"{url}/set.tgz", right)
    with pytest.raises(DataError, match="give --download"):
        testsets.find("ours", "de-en", download=False)
    for address, md5, why in ((f"{url}/nothing.tgz", right, "404"), (f"{url}/set.tgz", "0" * 32, "its sum is not")):
        known(address, md5)
        with pytest.raises(DataError, match=why):
            testsets.find("ours", "de-en", download=True)
    known(f"{url}/set.tgz", right)  # nothing of the failures is left
    src, [ref] = testsets.find("ours", "de-en", download=True)
    assert (Path(src).read_text(), Path(ref).read_text()) == ("Hallo\n", "Hello\n")
    known("http://127.0.0.1:9/gone", right)  # not asked again
    assert testsets.find("ours", "de-en", download=False) == (src, [ref])
