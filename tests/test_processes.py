"""Training in several processes that torchrun starts: the same updates as one process makes, one writer, clean ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import TINY, head, mtcli
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

STEPS = 12
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "mtcli"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def options(folder: Path, architecture: str) -> list[str]:
    """Without dropout nothing is random but the order of the data, which is the same for any number of processes."""
    texts = ["--src", head("train.de", 300, folder), "--tgt", head("train.en", 300, folder)]
    values = ["model.dropout=0", "training.precision=float32", "training.batch_tokens=512", "training.validations=2"]
    given = [*texts, "--arch", architecture, *TINY, "--steps", STEPS, "--device", "cpu"]
    return ["train", *map(str, given), *(part for value in values for part in ("--set", value))]


def losses(package: Path) -> dict[int, float]:
    """Training loss of each update."""
    lines = [json.loads(line) for line in (package / "training" / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "step" in line}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["transformer", "rnn"])
def test_two_processes_learn_as_one_does(architecture: str, tmp_path: Path) -> None:
    asked = options(tmp_path, architecture)
    mtcli(*asked, "-m", tmp_path / "one")
    done = subprocess.run([*TORCHRUN, *asked, "-m", tmp_path / "two"], capture_output=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr.decode().count("done: ") == 1
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert list(one) == list(two) == list(range(1, STEPS + 1))
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)
    assert one[STEPS] < one[1]


def workers(torchrun: int) -> dict[str, int]:
    """Process ids of torchrun's children by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == torchrun and b"-m\0mtcli" in (path / "cmdline").read_bytes():
                values = dict(pair.split("=", 1) for pair in (path / "environ").read_text().split("\0") if "=" in pair)
                found[values["RANK"]] = int(path.name)
        except (OSError, KeyError):
            continue
    return found


@pytest.mark.slow
def test_a_lost_process_ends_the_run_and_one_process_goes_on(tmp_path: Path) -> None:
    asked = [*options(tmp_path, "rnn"), "--set", "training.save_seconds=0"]
    mtcli(*asked, "-m", tmp_path / "straight")
    package = tmp_path / "torn"
    metrics = package / "training" / "metrics.jsonl"
    with subprocess.Popen([*TORCHRUN, *asked, "-m", package], stderr=subprocess.PIPE, env=ENVIRONMENT) as torchrun:
        while torchrun.poll() is None and (not metrics.exists() or metrics.read_bytes().count(b"\n") < 3):
            time.sleep(0.01)
        os.kill(workers(torchrun.pid)["1"], signal.SIGKILL)
        stderr = torchrun.communicate(timeout=120)[1].decode()
    assert torchrun.returncode != 0, stderr
    assert len(losses(package)) < STEPS
    assert not list(package.rglob("*.tmp"))
    mtcli(*asked, "-m", package)
    expected, found = losses(tmp_path / "straight"), losses(package)
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-4)


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_together(tmp_path: Path) -> None:
    asked = options(tmp_path, "rnn")
    asked[asked.index("--steps") + 1] = "60"
    package = tmp_path / "stopped"
    metrics = package / "training" / "metrics.jsonl"
    with subprocess.Popen([*TORCHRUN, *asked, "-m", package], stderr=subprocess.PIPE, env=ENVIRONMENT) as torchrun:
        while torchrun.poll() is None and (not metrics.exists() or metrics.read_bytes().count(b"\n") < 3):
            time.sleep(0.01)
        torchrun.send_signal(signal.SIGINT)
        stderr = torchrun.communicate(timeout=120)[1].decode()
    assert "stopped after step" in stderr
    before = len(losses(package))
    assert 3 <= before < 60
    done = subprocess.run([*TORCHRUN, *asked, "-m", package], capture_output=True, env=ENVIRONMENT, check=False)
    assert f"going on after step {before}" in done.stderr.decode()
    assert list(losses(package)) == list(range(1, 61))


def test_what_went_wrong_stands_at_the_end_of_what_torchrun_says(tmp_path: Path) -> None:
    """Of a process that failed it reads the last words from a file, which it names, and counts the seconds."""
    told = tmp_path / "error.json"
    done = mtcli("models", "info", "nothing", code=1, env={"TORCHELASTIC_ERROR_FILE": str(told)})
    failure = ProcessFailure(local_rank=0, pid=1, exitcode=1, error_file=str(told))
    assert f"{failure.message['message']}\n" == done.stderr.decode()
    assert abs(failure.timestamp - time.time()) < 60
