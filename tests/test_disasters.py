"""Disasters: killed at any instant, a full disk, a loss that is no number, two at once. Training loses nothing but time."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, head, mtcli
from safetensors.torch import load_file

COMMAND = [sys.executable, "-m", "mtcli", "train"]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
"""Python would leave half of a compiled module where no file may grow large, and load it the next time."""
SETTINGS = [
    *("--seed", "5", "--set", "training.precision=float32", "--set", "model.dropout=0.3"),
    *("--set", "training.batch_tokens=512", "--set", "training.save_seconds=0", *TINY),
]
"""Of a run that is the same on every attempt, and that saves after every step; each validation is better than the one before."""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options that name 300 pairs to train on and 20 to validate on."""
    folder = tmp_path_factory.mktemp("texts")
    names = [("--src", "train.de", 300), ("--tgt", "train.en", 300), ("--dev-src", "dev.de", 20), ("--dev-tgt", "dev.en", 20)]
    return [word for option, name, lines in names for word in (option, str(head(name, lines, folder)))]


def log_of(package: Path) -> list[dict[str, Any]]:
    """The records of the log without what a clock gave."""
    lines = (package / "training" / "metrics.jsonl").read_text().splitlines()
    return [without_times(json.loads(line)) for line in lines]


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    inner = {key: without_times(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in inner.items() if "second" not in key}


def lines_in_log(package: Path) -> int:
    path = package / "training" / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_at_random(command: list[str], package: Path, startup: float, running: bool, chance: random.Random) -> None:
    """Start the command and kill it: some updates after it went on if `running`, else before the first one."""
    before, more, delay = lines_in_log(package), chance.randint(1, 9), chance.uniform(0, 0.03)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENV) as process:
        began = time.monotonic()
        if running:
            while process.poll() is None and lines_in_log(package) < before + more and time.monotonic() - began < 30:
                time.sleep(0.001)
        else:
            delay = chance.uniform(0, startup)
        time.sleep(delay)
        process.kill()
        _, stderr = process.communicate()
    assert process.returncode in (-9, 0), stderr.decode()


def assert_same_end(package: Path, expected: Path) -> None:
    """Both runs ended with the same weights, state, log and scores, and left no file that does not belong there."""
    assert log_of(package) == log_of(expected)
    assert (package / "weights.safetensors").read_bytes() == (expected / "weights.safetensors").read_bytes()
    state, wanted = (load_file(folder / "training" / "state.safetensors") for folder in (package, expected))
    assert state.keys() == wanted.keys() and all(tensor.equal(wanted[name]) for name, tensor in state.items())
    configs = [without_times(tomllib.loads((folder / "model.toml").read_text())) for folder in (package, expected)]
    assert configs[0] == configs[1]
    names = [sorted(path.relative_to(folder.parent) for path in folder.parent.rglob("*")) for folder in (package, expected)]
    assert names[0] == names[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "kills", "options"),
    [
        ("transformer", 12, ["training.validations=15", "training.learning_rate=0.02", "training.patience=15"]),
        ("rnn", 8, ["training.validations=25", "training.learning_rate=0.05", "training.patience=3"]),
    ],
)
def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    architecture: str, kills: int, options: list[str], texts: list[str], tmp_path: Path
) -> None:
    settings = [word for option in options for word in ("--set", option)]
    arguments = ["--arch", architecture, "--steps", "150", *texts, *SETTINGS, *settings]
    straight, killed = tmp_path / "straight" / "de-en", tmp_path / "killed" / "de-en"
    began = time.monotonic()
    with subprocess.Popen([*COMMAND, "-q", "-m", str(straight), *arguments], env=ENV) as process:
        while process.poll() is None and not lines_in_log(straight):
            time.sleep(0.01)
        startup = time.monotonic() - began
    assert process.returncode == 0

    chance = random.Random(architecture)
    command = [*COMMAND, "-m", str(killed), *arguments]
    for attempt in range(kills):
        kill_at_random(command, killed, startup, attempt % 3 != 2, chance)
    mtcli("train", "-m", killed, *arguments)
    assert_same_end(killed, straight)
    early = log_of(straight)[-1]["validation"]["step"] < 150
    assert early == (architecture == "rnn")


@pytest.mark.slow
def test_what_was_logged_but_not_saved_is_done_again_and_stands_once_in_the_log(texts: list[str], tmp_path: Path) -> None:
    package = tmp_path / "de-en"
    command = ["train", "-m", package, *texts, *SETTINGS, "--set", "training.validations=1"]
    mtcli(*command, "--steps", "3")
    saved = log_of(package)
    log = package / "training" / "metrics.jsonl"
    log.write_text(
        log.read_text() + log.read_text().splitlines()[-1] + '\n{"step": 4, "ep'
    )  # as a kill before the save leaves it
    mtcli(*command, "--steps", "4")
    assert log_of(package)[: len(saved)] == saved
    assert [next(iter(record)) for record in log_of(package)] == ["step"] * 3 + ["validation", "step", "validation"]


@pytest.mark.slow
def test_what_a_killed_command_left_beside_a_package_goes_away(texts: list[str], tmp_path: Path) -> None:
    for name in (".de-en.4194999.tmp", ".de-en.2.4194999.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.toml").write_text("format = 1\n")
    mtcli("train", "-q", "-m", tmp_path / "de-en", *texts, *SETTINGS, "--steps", "1")
    assert {path.name for path in tmp_path.iterdir()} == {"de-en", ".de-en.2.4194999.tmp"}  # that one is another package's


@pytest.fixture(scope="module")
def trained(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package after 24 updates, whose log is longer than its model.toml."""
    folder = tmp_path_factory.mktemp("trained") / "de-en"
    mtcli("train", "-q", "-m", folder, *texts, *SETTINGS, "--steps", "24", "--set", "training.validations=2")
    return folder


@pytest.fixture
def package(trained: Path, tmp_path: Path) -> Path:
    """A copy of that package to do harm to."""
    return Path(shutil.copytree(trained, tmp_path / "de-en"))


def files(folder: Path, *but: str) -> dict[str, bytes]:
    """All files of a package, but for those with these names."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in but
    }


def failed(*arguments: str | Path, limit: int = 0) -> str:
    """The one line of error of a training that fails; no file may grow larger than `limit` bytes, if that is given."""

    def no_larger_files() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [*COMMAND, "-q", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENV, preexec_fn=no_larger_files)
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (1, "", 1), done.stderr
    assert lines[0].startswith("mtcli: error: ") and "this is a bug" not in lines[0]
    return lines[0]


LONGER = ["--steps", "26", "--set", "training.validations=2"]


@pytest.fixture(scope="module")
def longer(texts: list[str], trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That package after 2 more updates."""
    folder = Path(shutil.copytree(trained, tmp_path_factory.mktemp("longer") / "de-en"))
    mtcli("train", "-q", "-m", folder, *texts, *SETTINGS, *LONGER)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "save_seconds"), [("training/state.safetensors", 0), ("weights.safetensors", 300), ("training/metrics.jsonl", 0)]
)
def test_a_full_disk_ends_training_and_the_same_command_goes_on_when_there_is_room(
    name: str, save_seconds: int, texts: list[str], package: Path, longer: Path
) -> None:
    command = ["-m", package, *texts, *SETTINGS, *LONGER, "--set", f"training.save_seconds={save_seconds}"]
    before = files(package, "model.toml", "metrics.jsonl")
    size = (package / name).stat().st_size
    said = failed(*command, limit=size + 20 if name.endswith("jsonl") else size - 100)
    assert f"{package / name}: cannot be written" in said and "make room and give the same command again" in said
    assert files(package, "model.toml", "metrics.jsonl") == before
    assert mtcli("translate", "-m", package, stdin=b"Hallo!\n").stdout.count(b"\n") == 1

    mtcli("train", *command)
    assert_same_end(package, longer)


@pytest.mark.slow
def test_a_disk_that_is_full_from_the_start_is_left_as_it_was(texts: list[str], trained: Path, tmp_path: Path) -> None:
    """The text is in the cache already."""
    said = failed("-m", tmp_path / "de-en", *texts, *SETTINGS, "--steps", "1", limit=5000)
    assert "make room and give the same command again" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_disk_that_is_full_for_the_export_keeps_the_old_one(texts: list[str], package: Path) -> None:
    before = files(package / "ct2")
    command = ["-m", package, *texts, *SETTINGS, "--steps", "24", "--set", "training.validations=2"]
    said = failed(*command, limit=max(map(len, before.values())) - 100)
    assert f"{package / 'ct2'}: cannot be written" in said and "make room and give the same command again" in said
    assert files(package / "ct2") == before
