"""Training text that is prepared once: what comes of it is what stands in the files, whoever is interrupted while it is made."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA, TINY, contents, head, mtcli
from hypothesis import given
from hypothesis import strategies as st

from mtcli import cache, store
from mtcli.data.batches import ParallelCorpus
from mtcli.data.mapped import Beside, Chain, Lines, Runs, RunsWriter
from mtcli.errors import DataError
from mtcli.lines import LineReader, read_lines
from mtcli.package import open_package
from mtcli.settings import TrainingRequest
from mtcli.store import encode, prepare
from mtcli.tokenizer import Tokenizer, normalise
from mtcli.trainer import start
from mtcli.workers import in_order

LINES = read_lines(DATA / "train.de")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own."""
    monkeypatch.setenv("MTCLI_CACHE", str(tmp_path / "cache"))
    cache.root.cache_clear()
    yield tmp_path / "cache"
    cache.root.cache_clear()


@pytest.fixture(scope="module")
def tokenizer(transformer_package: Path) -> Tokenizer:
    return open_package(str(transformer_package)).tokenizer()


@pytest.fixture
def trained(tmp_path: Path) -> list[str | Path]:
    """Options of a short training."""
    src, tgt = head("train.de", 400, tmp_path), head("train.en", 400, tmp_path)
    return ["--src", src, "--tgt", tgt, "--steps", "2", "--set", "training.validations=1", *TINY]


def written(path: Path, lines: Sequence[str]) -> Lines:
    with RunsWriter(path, np.uint8) as writer:
        for line in lines:
            data = np.frombuffer(f"{line}\n".encode(), np.uint8)
            writer.write(data, np.array([len(data)]))
    return Lines(Runs.open(path, np.uint8))


def test_what_is_mapped_is_what_was_written(tmp_path: Path) -> None:
    parts = [LINES[:3], [], ["", "ü ☃ 👍🏽", ""], LINES[3:40]]
    whole = [line for part in parts for line in part]
    chain = Chain([written(tmp_path / str(i), part) for i, part in enumerate(parts)])
    pairs = Beside(chain, Chain(chain.parts[::-1]))
    assert list(chain) == whole and len(chain) == len(pairs) == len(whole)
    assert [chain[i] for i in range(-len(whole), len(whole))] == whole * 2
    for cut in (slice(2, 5), slice(None, None, 3), slice(4, 2), slice(-3, None), slice(None, None, -1)):
        assert chain[cut] == whole[cut]
        assert [src for src, _ in pairs[cut]] == whole[cut]
    assert pairs[1] == (whole[1], [line for part in parts[::-1] for line in part][1])
    with pytest.raises(IndexError):
        chain[len(whole)]


@pytest.mark.parametrize(
    ("data", "lines", "invalid"),
    [
        (b"One.\r\nTwo  three. \n\nFour", ["One.", "Two three.", "", "Four"], 0),
        (b"a\x00b\n\xff\xfe\n", ["ab", "\ufffd\ufffd"], 1),
        ("▁x y\u200bz\u00a0!\n".encode(), ["x yz !"], 0),
        (b"\n\n", ["", ""], 0),
        (b"", [], 0),
    ],
)
def test_lines_are_prepared_as_translation_reads_them(
    root: Path, tmp_path: Path, data: bytes, lines: list[str], invalid: int
) -> None:
    (tmp_path / "plain").write_bytes(data)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(data))
    os.mkfifo(tmp_path / "pipe")
    feeder = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[data])
    feeder.start()
    plain, packed, pipe = prepare([str(tmp_path / name) for name in ("plain", "packed.gz", "pipe")])
    feeder.join()
    for text in (plain, packed, pipe):
        assert list(text.lines) == lines
        assert text.facts.sum == plain.facts.sum
        assert text.facts.invalid == invalid
    assert not [path for path in root.iterdir() if path.name.startswith(".")]


def test_large_files_are_prepared_by_several_processes(root: Path, tmp_path: Path, tokenizer: Tokenizer) -> None:
    lines = [f"{a} {b}" for a in LINES[:300] for b in LINES[300:600]]
    names = [str(tmp_path / name) for name in ("a", "b")]
    for name, some in zip(names, (lines, lines[::-1]), strict=True):
        Path(name).write_text("".join(f"{line}\n" for line in some), "utf-8")
    first, second = prepare(names)
    assert list(first.lines) == list(second.lines)[::-1] == [normalise(line) for line in lines]
    ids = encode(first, tokenizer, "src")
    assert [run.tolist() for run in ids[::1000]] == tokenizer.encode(lines[::1000], "src")
    assert ids.lengths().tolist() == [len(run) for run in ids]


def test_nothing_is_prepared_twice(root: Path, tmp_path: Path) -> None:
    src, tgt = head("train.de", 400, tmp_path), head("train.en", 400, tmp_path)
    packed = tmp_path / "packed.de.gz"
    packed.write_bytes(gzip.compress(src.read_bytes()))

    def made(name: str, src: Path) -> dict[Path, int]:
        start(TrainingRequest(str(tmp_path / name), [str(src)], [str(tgt)], overrides=tuple(TINY[1::2])))
        return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    first = made("a", src)
    assert {path.parent.name.partition("-")[0] for path in first} == {"text", "inspection", "dev", "tokenizer", "ids"}
    assert made("b", src) == made("a", src) == first
    new = {path.parent for path in made("c", packed).keys() - first}
    assert [path.name.partition("-")[0] for path in new] == ["text"], "its lines are known, in whatever they are packed"
    shutil.rmtree(root)
    assert {path.parent for path in made("d", src)} == {path.parent for path in first}, "all of it may be removed at any time"


@given(st.integers(0, 400), st.integers(0, 300))
def test_ids_go_on_after_the_last_whole_line(bounds: int, flat: int) -> None:
    """Whatever of both files had reached the disk."""
    runs = [np.arange(n % 7, dtype=np.uint16) for n in range(40)]
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder, "whole"), Path(folder, "part")
        with RunsWriter(whole, np.uint16) as writer:
            for run in runs:
                writer.write(run, np.array([len(run)]))
        data = {suffix: whole.with_suffix(suffix).read_bytes() for suffix in (".bounds", ".flat")}
        there = max(0, min(bounds, len(data[".bounds"])) // 8 - 1)
        if min(flat, len(data[".flat"])) < 2 * sum(map(len, runs[:there])):
            there = 0
        part.with_suffix(".bounds").write_bytes(data[".bounds"][:bounds])
        part.with_suffix(".flat").write_bytes(data[".flat"][:flat])
        with RunsWriter(part, np.uint16) as writer:
            assert writer.runs == there
            for run in runs[there:]:
                writer.write(run, np.array([len(run)]))
        assert {suffix: part.with_suffix(suffix).read_bytes() for suffix in data} == data


PREPARE = """
import sys
from mtcli.package import open_package
from mtcli.store import encode, prepare
model, *files = sys.argv[1:]
tokenizer = open_package(model).tokenizer()
for text in prepare(files):
    encode(text, tokenizer, "src")
"""


@pytest.mark.slow
def test_preparing_survives_any_kill(root: Path, tmp_path: Path, transformer_package: Path) -> None:
    names = [str(tmp_path / name) for name in ("a", "b.gz")]
    data = "".join(f"{a} {b}\n" for a in LINES[:400] for b in LINES[400:700]).encode()
    Path(names[0]).write_bytes(data)
    Path(names[1]).write_bytes(gzip.compress(data[::-1]))
    command = [sys.executable, "-c", PREPARE, str(transformer_package), *names]

    def run(kill_after: float | None, place: str) -> float:
        began = time.monotonic()
        with subprocess.Popen(command, env={**os.environ, "MTCLI_CACHE": str(tmp_path / place)}) as process:
            try:
                assert process.wait(kill_after) == 0
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
        return time.monotonic() - began

    whole, rng = run(None, "whole"), random.Random(1)
    for _ in range(8):
        run(rng.uniform(0, whole), "killed")
    run(None, "killed")
    expected, found = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert found == expected


def test_two_at_once_share_the_work(tmp_path: Path, transformer_package: Path) -> None:
    names = [str(DATA / "train.de"), str(DATA / "train.en")]
    env = {**os.environ, "MTCLI_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", PREPARE, str(transformer_package), *names]
    processes = [subprocess.Popen(command, env=env) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "cache").iterdir()) == ["ids", "ids", "text", "text"]


def test_what_is_old_goes_and_what_is_not_ours_stays(root: Path) -> None:
    root.mkdir()
    old, other = root / f"text-{'0' * 32}", root / "text-of-mine"
    for folder in (old, other):
        folder.mkdir()
        os.utime(folder, (0, 0))
    used = cache.cached("text", "used", lambda folder: (folder / "file").touch())
    assert not old.exists() and other.exists()
    os.utime(used, (0, 0))
    cache.cached("text", "used", lambda folder: pytest.fail("it is there"))
    cache.cached("text", "another", lambda folder: None)
    assert used.exists(), "it was used just now"


@pytest.mark.parametrize("goes_on", [False, True])
def test_what_fails_leaves_nothing_that_looks_whole(root: Path, goes_on: bool) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise DataError("no")

    for _ in range(2):
        with pytest.raises(DataError, match="no"):
            cache.cached("text", "failing", fail, goes_on=goes_on)
    assert len(list(root.iterdir())) == goes_on
    found = cache.cached("text", "failing", lambda folder: (folder / "rest").touch(), goes_on=goes_on)
    assert sorted(path.name for path in found.iterdir()) == ["half", "rest"][1 - goes_on :]


def test_what_is_removed_while_it_is_made_is_not_taken_for_whole(root: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "first").touch()
        shutil.rmtree(root)
        folder.mkdir(parents=True)  # as another process does that begins then
        (folder / "of another").touch()

    with pytest.raises(DataError, match="was emptied while it was being filled"):
        cache.cached("ids", "removed", make, goes_on=True)
    assert not list(root.glob("ids-*"))


def test_who_waits_for_another_says_so(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mtcli")
    begun, ended = threading.Event(), threading.Event()

    def slowly(folder: Path) -> None:
        begun.set()
        ended.wait(30)

    first = threading.Thread(target=cache.cached, args=["text", 1, slowly])
    second = threading.Thread(target=cache.cached, args=["text", 1, lambda folder: pytest.fail("made twice")])
    first.start()
    begun.wait(30)
    second.start()
    while not caplog.messages and second.is_alive():
        time.sleep(0.01)
    ended.set()
    first.join()
    second.join()
    assert caplog.messages == ["waiting for another process that prepares the same text"]
    assert len(list(root.iterdir())) == 1


def test_many_processes_that_want_the_same_get_it(root: Path) -> None:
    code = "import sys; from mtcli.cache import cached; [cached('text', n, lambda folder: None) for n in range(int(sys.argv[1]))]"
    processes = [subprocess.Popen([sys.executable, "-c", code, "400"], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 4
    assert len(list(root.iterdir())) == len(list(root.glob("text-*"))) == 400


def test_a_file_that_changes_while_it_is_prepared_is_refused(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text"
    path.write_text("one\ntwo\n")

    write = store._write

    def late(folder: Path, lines: LineReader) -> store.Facts:
        with path.open("a") as file:
            file.write("three\n")
        return write(folder, lines)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", late)
        with pytest.raises(DataError, match="was changed while it was read"):
            prepare([str(path)])
    path.write_text("one\ntwo\n")
    assert list(prepare([str(path)])[0].lines) == ["one", "two"]


def test_long_lines_are_looked_at_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtcli.data.mapped.BYTES", 100)
    lines = ["a" * 99, "b", "c" * 500, "d" * 10, "e" * 20]
    mapped = written(tmp_path / "lines", lines)
    assert list(mapped.spans()) == [(0, 1), (1, 2), (2, 3), (3, 5)]
    assert list(mapped.blocks()) == [["a" * 99], ["b"], ["c" * 500], ["d" * 10, "e" * 20]]
    monkeypatch.setattr("mtcli.data.mapped.CHUNK", 1)
    assert list(mapped.spans(3)) == [(3, 4), (4, 5)]


def test_hundreds_of_files_are_read(root: Path, tmp_path: Path) -> None:
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from mtcli.store import prepare
print(sum(len(text.lines) for text in prepare(sys.argv[1:])))
"""
    names = [str(tmp_path / str(n)) for n in range(100)]
    for name in names:
        Path(name).write_text(f"{name}\n", "utf-8")
    assert subprocess.run([sys.executable, "-c", code, *names], capture_output=True, check=True).stdout == b"100\n"


@pytest.mark.parametrize("kind", ["text", "ids", "dev", "tokenizer", "inspection"])
def test_what_a_disk_has_lost_is_noticed(root: Path, tmp_path: Path, kind: str) -> None:
    src, tgt = head("train.de", 400, tmp_path), head("train.en", 400, tmp_path)
    request = TrainingRequest(str(tmp_path / "a"), [str(src)], [str(tgt)], overrides=tuple(TINY[1::2]))
    start(request)
    shutil.rmtree(tmp_path / "a")
    files = [path for folder in root.glob(f"{kind}-*") for path in folder.iterdir()]
    assert files
    for path in files:
        data = path.read_bytes()
        for rest in (None, data[: len(data) // 2 - 1]):
            path.unlink()
            if rest is not None:
                path.write_bytes(rest)
            with pytest.raises(DataError, match=rf"{root}/{kind}-\w+: is damaged: remove it"):
                start(request)
            path.write_bytes(data)
    assert not (tmp_path / "a").exists()
    start(request)


@pytest.mark.slow
def test_without_a_place_to_keep_it_training_goes_on(tmp_path: Path, trained: list[str | Path]) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {"XDG_CACHE_HOME": "/proc", "TMPDIR": str(temporary)}
    said = mtcli("train", "-m", tmp_path / "a", *trained, env=env).stderr.decode()
    assert "/proc/mtcli: cannot be written" in said and "MTCLI_CACHE" in said
    assert not list(temporary.glob("mtcli-*"))
    said = mtcli("train", "-m", tmp_path / "b", *trained, env={"MTCLI_CACHE": "/proc/x"}, code=1).stderr.decode()
    assert said.count("\n") == 1 and "/proc/x: cannot be written" in said and not (tmp_path / "b").exists()


def test_each_epoch_draws_from_the_whole_corpus() -> None:
    corpus = ParallelCorpus.of(([5] * (1 + i % 9), [5] * (1 + i % 7)) for i in range(20_000))
    batches = corpus.epoch(512, 1, 0)
    early = [i for batch in batches[: len(batches) // 10] for i in batch]
    tenths = np.bincount(np.array(early) // 2000, minlength=10) / len(early)
    assert abs(tenths - 0.1).max() < 0.02


def test_work_comes_back_in_order_and_errors_come_through() -> None:
    def work(n: int) -> int:
        time.sleep(0.01 * (n % 3))
        if n == 50:
            raise DataError("fifty")
        return n * n

    for workers in (1, 3):
        assert list(in_order(work, range(40), workers)) == [(n, n * n) for n in range(40)]
        with pytest.raises(DataError, match="fifty"):
            list(in_order(work, range(60), workers))
    with pytest.raises(DataError, match=r"a worker process was killed.*give less text at a time"):
        list(in_order(lambda n: os.kill(os.getpid(), signal.SIGKILL), range(9), 2))


MEMORY = """
import sys
import numpy as np
from mtcli.corpora import read_texts
from mtcli.package import open_package
from mtcli.trainer import _ids
model, src, tgt, count = sys.argv[1:]
texts = read_texts(([src], [tgt]), ([], []), ([], []), []).with_dev(1000, 1)
corpus = _ids(texts, open_package(model).tokenizer())
batches = corpus.epoch(4096, 1, 0)
for i in range(0, len(batches), max(1, len(batches) // int(count))):
    corpus.batch(batches[i])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what is in memory")
def test_memory_does_not_grow_with_the_text(root: Path, tmp_path: Path, transformer_package: Path) -> None:
    def peak(pairs: int) -> float:
        names = [str(tmp_path / f"{pairs}.{side}") for side in ("de", "en")]
        rng = random.Random(1)
        chosen = [(rng.randrange(len(LINES)), rng.randrange(len(LINES)), n) for n in range(pairs)]
        for name in names:
            lines = read_lines(DATA / f"train.{name[-2:]}")
            Path(name).write_text("".join(f"{lines[a]} {lines[b]} {n}\n" for a, b, n in chosen), "utf-8")
        command = [sys.executable, "-c", MEMORY, str(transformer_package), *names, "500"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return int(done.stdout) / 1024

    small, large = peak(100_000), peak(300_000)
    text = sum(path.stat().st_size for path in tmp_path.glob("300000.*")) / 2**20
    assert text > 40 and large - small < 45, (small, large, text)
