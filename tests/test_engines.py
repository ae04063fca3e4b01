"""Two engines, one behaviour: CTranslate2 finds what torch finds, and each finds the same whatever stands beside a line."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ctranslate2
import pytest
import torch
from conftest import DATA, TINY, head, mtcli, train_tiny
from test_cli import loaded_after
from torch import Tensor

from mtcli import Translator
from mtcli.config import DecodingConfig
from mtcli.engines.torch_engine import TorchEngine
from mtcli.errors import PackageError, UsageError
from mtcli.export import export_ctranslate2
from mtcli.hypothesis import Sentence
from mtcli.package import open_package
from mtcli.search.decoder import Decoder, JointState
from mtcli.translator import Translation

LINES = (DATA / "test.de").read_text(encoding="utf-8").splitlines()
SHORT = [line for line in LINES if len(line) < 25][:20]
AWKWARD = ["", "Ein Satz. " * 30, "\u200b", "🦊", "<unk> </s> <s>", "▁ ▁"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt enough to be sure of most of its words, exported in float32."""
    folder = tmp_path_factory.mktemp("engines") / "de-en"
    src, tgt = head("train.de", 3000, folder.parent), head("train.en", 3000, folder.parent)
    shape = (
        "model.width=64",
        "model.ff_width=128",
        "model.encoder_layers=2",
        "model.decoder_layers=2",
        "tokenizer.vocab_size=1000",
    )
    speed = ("training.learning_rate=0.003", "training.batch_tokens=1024", "training.validations=1", "training.r_drop=0")
    options = [text for value in (*shape, *speed) for text in ("--set", value)]
    mtcli("train", "-m", folder, "--src", src, "--tgt", tgt, "--steps", "250", *options)
    mtcli("export", "-m", folder, "--to", "ctranslate2", "--quantization", "float32")
    return folder


def texts(found: list[list[Translation]]) -> list[list[str]]:
    return [[each.text for each in translations] for translations in found]


def scores(found: list[list[Translation]]) -> list[float]:
    return [each.score for translations in found for each in translations]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "prefixes"),
    [
        ({"beam_size": 1}, []),
        ({}, []),
        ({"beam_size": 4, "n_best": 4, "length_penalty": 0.6}, []),
        ({"no_repeat_ngram": 2, "min_length_ratio": 1.1, "max_length_ratio": 1.3}, []),
        ({}, ["", "I", "She is", "I do not know whether"]),
    ],
)
def test_engines_agree_in_float32(package: Path, options: dict[str, float], prefixes: list[str]) -> None:
    lines = [*LINES, *AWKWARD]
    begins = [prefixes[i % len(prefixes)] for i in range(len(lines))] if prefixes else []
    of_torch, of_ctranslate2 = (
        Translator.load(str(package), "cpu", engine, "float32", **options).submit(lines, begins)()
        for engine in ("torch", "ctranslate2")
    )
    same = [a == b for a, b in zip(texts(of_torch), texts(of_ctranslate2), strict=True)]
    assert sum(same) >= 0.99 * len(lines)
    for agree, a, b in zip(same, of_torch, of_ctranslate2, strict=True):
        if agree:
            assert scores([a]) == pytest.approx(scores([b]), abs=1e-3, rel=1e-3)
            assert [each.confidence for each in a] == pytest.approx([each.confidence for each in b], abs=1e-3)
    assert len(set(map(str, texts(of_torch)))) > 20, "a model that says the same to everything shows nothing"


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "precision"), [("torch", "auto"), ("torch", "float32"), ("ctranslate2", "float32")])
@pytest.mark.parametrize("beam_size", [1, 5])
def test_neighbours_order_batches_and_threads_change_nothing(package: Path, engine: str, precision: str, beam_size: int) -> None:
    def translated(lines: list[str], threads: int, **options: float) -> dict[str, list[Translation]]:
        translator = Translator.load(str(package), "cpu", engine, precision, threads, beam_size=beam_size, **options)
        return dict(zip(lines, translator.translate_n_best(lines), strict=True))

    lines = [*LINES[:150], *AWKWARD]
    expected = translated(lines, 1)
    shuffled = random.Random(1).sample(lines, len(lines))
    for found in (translated(shuffled, 2), translated(lines, 1, batch_tokens=100), translated(lines[:7], 1)):
        for line, translations in found.items():
            assert texts([translations]) == texts([expected[line]])
            assert scores([translations]) == pytest.approx(scores([expected[line]]), abs=1e-4)


@pytest.mark.slow
def test_the_fast_engine_is_taken_without_torch(transformer_package: Path) -> None:
    for engine in ("auto", "ctranslate2"):
        assert "torch" not in loaded_after(f"translate -m {transformer_package} --engine {engine} {DATA / 'dev.de'} -o /dev/null")
    assert "torch" in loaded_after(f"translate -m {transformer_package} --engine torch {DATA / 'dev.de'} -o /dev/null")


@pytest.mark.slow
def test_torch_is_loaded_without_its_compiler(transformer_package: Path, rnn_package: Path, tmp_path: Path) -> None:
    text = f"--src {head('train.de', 300, tmp_path)} --tgt {head('train.en', 300, tmp_path)}"
    loaded = loaded_after(
        *(
            f"translate -m {package} --engine torch {DATA / 'dev.de'} -o /dev/null"
            for package in (transformer_package, rnn_package)
        ),
        *(f"train -m {tmp_path / 'new'} {text} --steps {steps} {' '.join(TINY)}" for steps in (2, 4)),
    )
    assert "torch" in loaded and not {"torch._dynamo", "sympy"} & set(loaded)


def test_what_ctranslate2_cannot_do_is_done_by_torch(rnn_package: Path, transformer_package: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(transformer_package, tmp_path / "bare")
    shutil.rmtree(bare / "ct2")
    longer = {"max_source_length": 400}
    for package, precision, options, words in [
        (rnn_package, "auto", {}, "RNN"),
        (bare, "auto", {}, "mtcli export"),
        (transformer_package, "float32", {}, "--quantization float32"),
        (transformer_package, "auto", longer, "at most"),
    ]:
        assert Translator.load(str(package), "cpu", "auto", precision, **options).engine.name == "torch"
        with pytest.raises(UsageError, match=words):
            Translator.load(str(package), "cpu", "ctranslate2", precision, **options)
    assert Translator.load(str(transformer_package), "cpu").engine.name == "ctranslate2"


@pytest.mark.slow
def test_an_export_is_for_other_programs_too(transformer_package: Path, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    done = mtcli("export", "-m", transformer_package, "--to", "ctranslate2", out, "--quantization", "int8")
    assert done.stdout.decode() == f"{out}\n"
    assert (out / "tokenizer.model").read_bytes() == (transformer_package / "tokenizer.model").read_bytes()
    tokenizer = open_package(str(transformer_package)).tokenizer()
    pieces = [tokenizer.pieces(ids, "src") for ids in tokenizer.encode(SHORT, "src")]
    said = (out / "vmap.txt").read_text("utf-8").removeprefix("\t").split()
    assert said == tokenizer.vocabulary("tgt") and len(said) < len(tokenizer.vocabulary("src"))
    found = ctranslate2.Translator(str(out)).translate_batch(pieces, beam_size=1, max_decoding_length=10, use_vmap=True)
    ours = Translator.load(str(transformer_package), "cpu", "ctranslate2", beam_size=1, max_length_ratio=1e-9, retry=False)
    texts = tokenizer.decode([tokenizer.ids(each.hypotheses[0], "tgt") for each in found], "tgt")
    assert [" ".join(text.replace("\ufffd", "").split()) for text in texts] == ours.translate(SHORT)
    mtcli("export", "-m", transformer_package, "--to", "ctranslate2", out, code=1)


@pytest.mark.slow
def test_more_training_takes_the_export_of_the_old_weights_away_and_makes_a_new_one(tmp_path: Path) -> None:
    package = train_tiny(tmp_path / "de-en")
    before = (package / "ct2" / "model.bin").read_bytes()
    train_tiny(package, "--steps", "6")
    assert (package / "ct2" / "model.bin").read_bytes() != before
    kept = open_package(str(package))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mtcli.package.write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            kept.save(kept.config, kept.load_model(kept.tokenizer().sizes, "cpu"), "")
    assert not (package / "ct2").exists(), "weights may have changed"


@pytest.mark.parametrize("name", ["model.bin", "config.json", "shared_vocabulary.json"])
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_damaged_export_is_refused(transformer_package: Path, tmp_path: Path, name: str, harm: str) -> None:
    package = shutil.copytree(transformer_package, tmp_path / "de-en")
    path = package / "ct2" / name
    data = path.read_bytes()
    path.unlink()
    if harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    done = mtcli("translate", "-m", package, stdin=b"Hallo\n", code=1)
    assert done.stdout == b""
    [line] = done.stderr.decode().splitlines()
    assert "damaged" in line and "mtcli export" in line


def test_an_export_that_fails_leaves_the_old_one(transformer_package: Path, tmp_path: Path) -> None:
    package = open_package(str(shutil.copytree(transformer_package, tmp_path / "de-en")))
    (package.folder / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(PackageError, match="damaged"):
        export_ctranslate2(package)
    assert json.loads((package.folder / "ct2" / "config.json").read_text())["quantization"] == "int8"
    assert not list(package.folder.glob(".*.tmp"))


def children(process: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in listed]


def is_alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.fixture(scope="module")
def greedy(package: Path) -> list[str]:
    return Translator.load(str(package), "cpu", "torch", beam_size=1).translate(LINES)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "command by SIGKILL", "command by SIGTERM", "command by SIGINT"])
def test_no_line_is_lost_and_no_worker_left_when_one_is_killed(
    package: Path, greedy: list[str], tmp_path: Path, victim: str
) -> None:
    source = tmp_path / "source"
    source.write_text("".join(f"{line}\n" for line in LINES * 10))
    command = [sys.executable, "-m", "mtcli", "translate", "-m", str(package), str(source), "--engine", "torch", "--threads", "2"]
    command += ["--beam-size", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        out = process.stdout.readline()
        workers = children(process.pid)
        assert len(workers) == 2
        sent = {"command by SIGTERM": signal.SIGTERM, "command by SIGINT": signal.SIGINT}.get(victim, signal.SIGKILL)
        os.kill(workers[0] if victim == "worker" else process.pid, sent)
        out += process.stdout.read()
        said = process.stderr.read().decode()
        code = process.wait(timeout=60)
    assert code == {"worker": 1, "command by SIGTERM": 143, "command by SIGINT": 130}.get(victim, -signal.SIGKILL), said
    written = out.count(b"\n")
    assert victim != "worker" or ("--threads 1" in said and f"from line {written + 1} on: " in said)
    assert "Traceback" not in said
    deadline = time.monotonic() + 10
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    got = out.decode().removesuffix("\n").split("\n")
    assert got == (greedy * 10)[: len(got)]


class Confined(Decoder):
    """One whose memory holds so many rows at a time."""

    rows = 0
    most = 0

    def step(self, tokens: Tensor, state: JointState) -> tuple[Tensor, JointState]:
        if len(tokens) > self.most:
            raise MemoryError
        self.rows = max(self.rows, len(tokens))
        return super().step(tokens, state)


@pytest.mark.parametrize("architecture", ["transformer", "rnn"])
@pytest.mark.parametrize("length", [5, 100])
def test_memory_bounds_what_is_searched_for_together(
    architecture: str, length: int, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    package = open_package(str(request.getfixturevalue(f"{architecture}_package")))
    tokenizer, config = package.tokenizer(), DecodingConfig(batch_tokens=2048, max_length_ratio=0.2)
    draw = random.Random(1)
    sentences = [Sentence([draw.randrange(260, tokenizer.sizes.src) for _ in range(length)]) for _ in range(150)]
    decoder = Confined([package.load_model(tokenizer.sizes, torch.device("cpu"))], tokenizer.never_generated())
    engine = TorchEngine(decoder, torch.device("cpu"))
    decoder.most = 10_000
    expected = engine.submit(sentences, config)()
    batch = 2048 // (5 * (8 if length == 5 else 128))
    assert batch * 5 <= decoder.rows <= 1.25 * batch * 5
    decoder.most, decoder.rows = decoder.rows // 3, 0
    for found, alone in zip(engine.submit(sentences, config)(), expected, strict=True):
        assert [each.ids for each in found] == [each.ids for each in alone]
        assert [each.score for each in found] == pytest.approx([each.score for each in alone], abs=1e-4)
    assert [record.getMessage() for record in caplog.records][-1].endswith("trying half as many")


@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
def test_without_a_gpu_none_is_taken(transformer_package: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert Translator.load(str(transformer_package), "auto", engine).translate(LINES[:1])
    with pytest.raises(UsageError, match="no GPU is at hand"):
        Translator.load(str(transformer_package), "cuda", engine)


def test_without_the_libraries_of_cuda_a_gpu_is_left_alone(
    transformer_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("mtcli.engines.ctranslate2_engine._CUDA", "libnothing.so.12")
    assert Translator.load(str(transformer_package), engine="ctranslate2").translate(LINES[:1])
    with pytest.raises(UsageError, match="install CUDA 12, or take --engine torch"):
        Translator.load(str(transformer_package), "cuda", "ctranslate2")


FORKED = """
import os, sys
from mtcli import Translator
from mtcli.errors import UsageError
translator = Translator.load(sys.argv[1], "cpu", sys.argv[2], threads=2)
lines = ["Ich bin hier.", "Wo ist der Hund, den du gestern gesehen hast?"] * 60
translator.translate(lines)
if not os.fork():
    try:
        translator.translate(lines)
    except UsageError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""

THREADED = """
import sys, threading
from mtcli import Translator
translator = Translator.load(sys.argv[1], "cpu", "torch", threads=2, beam_size=1)
lines = ["Ich bin hier.", "Wo ist der Hund, den du gestern gesehen hast?"] * 60
found = []
for _ in range(2):
    thread = threading.Thread(target=lambda: found.append(translator.translate(lines)))
    thread.start()
    thread.join()
translator.engine.close()
print(found[0] == found[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
def test_a_forked_process_is_told_that_it_has_no_engine(transformer_package: Path, engine: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, transformer_package, engine], capture_output=True, text=True, timeout=60)
    assert "load it after the fork" in done.stdout, done.stderr


@pytest.mark.slow
def test_workers_outlive_the_thread_that_asked_first(transformer_package: Path) -> None:
    done = subprocess.run([sys.executable, "-c", THREADED, transformer_package], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr
