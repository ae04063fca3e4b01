"""Signals: training saves and can go on, pipes end at once, and nobody gets to see a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import TINY, head, mtcli

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@contextmanager
def running(*args: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command with pipes for its three streams."""
    command = [sys.executable, "-m", "mtcli", *map(str, args)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_training_saves_and_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    src, tgt, steps = head("train.de", 300, tmp_path), head("train.en", 300, tmp_path), 100
    package = tmp_path / "de-en"
    command = [
        "train",
        "-m",
        package,
        "--src",
        src,
        "--tgt",
        tgt,
        "--steps",
        str(steps),
        "--set",
        "training.validations=2",
        *TINY,
    ]
    with running(*command) as process:
        assert process.stderr
        while b"  loss " not in (line := process.stderr.readline()):
            assert line, "training ended before it began"
        process.send_signal(number)
        said = process.stderr.read().decode()
        assert process.wait(timeout=60) == 128 + number
    assert "Traceback" not in said and "the same command goes on from there" in said
    assert list(package.rglob("*.tmp")) == []
    stopped = steps_of(package)
    assert 1 <= len(stopped) < steps

    again = mtcli(*command).stderr.decode()
    assert f"going on after step {len(stopped)}" in again and f"done: {steps} steps" in again
    assert steps_of(package) == list(range(1, steps + 1))
    assert mtcli("translate", "-m", package, stdin=b"Hallo!\n").stdout.count(b"\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, signal.SIGINT])
def test_training_saves_when_nobody_reads_any_more_how_it_goes(number: int, tmp_path: Path) -> None:
    """As where Ctrl-C ends `mtcli train ... 2>&1 | tee log`: a write fails, of the answer to the signal or of what comes next."""
    files = ["--src", head("train.de", 300, tmp_path), "--tgt", head("train.en", 300, tmp_path)]
    command = ["train", "-m", tmp_path / "de-en", *files, "--set", "training.validations=200", *TINY]
    with running(*command, "--steps", "1000") as process:
        assert process.stderr
        while b"  loss " not in (line := process.stderr.readline()):
            assert line, "training ended before it began"
        process.stderr.close()
        if number:
            process.send_signal(number)
        assert process.wait(timeout=60) == 128 + (number or signal.SIGPIPE)
    made = len(steps_of(tmp_path / "de-en"))
    done = mtcli(*command, "--steps", str(made + 1))
    assert f"going on after step {made}\n".encode() in done.stderr


@pytest.mark.slow
def test_training_goes_on_when_its_log_finds_no_room(tmp_path: Path) -> None:
    files = ["--src", head("train.de", 300, tmp_path), "--tgt", head("train.en", 300, tmp_path)]
    command = [sys.executable, "-m", "mtcli", "train", "-m", tmp_path / "de-en", *files, *TINY, "--steps", "3"]
    with open("/dev/full", "w") as full:
        subprocess.run(command, check=True, stderr=full)
    assert steps_of(tmp_path / "de-en") == [1, 2, 3]


def steps_of(package: Path) -> list[int]:
    """The numbers of all updates that were ever made."""
    records = map(json.loads, (package / "training" / "metrics.jsonl").read_text().splitlines())
    return [record["step"] for record in records if "step" in record]


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_training_stops_at_once_before_it_has_begun(number: signal.Signals, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.de")
    (tmp_path / "train.en").touch()
    with running("train", "-m", tmp_path / "de-en", "--src", tmp_path / "train.de", "--tgt", tmp_path / "train.en") as process:
        with open(tmp_path / "train.de", "wb"):  # opens when the command does, which then waits for text
            process.send_signal(number)
            assert process.wait(timeout=60) == 128 + number
        assert process.stderr and b"Traceback" not in process.stderr.read()
    assert not (tmp_path / "de-en").exists()


@pytest.mark.parametrize("command", [("translate",), ("tokenizer", "encode")])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_waiting_pipe_ends_at_once(
    number: signal.Signals, command: tuple[str, ...], transformer_package: Path, tmp_path: Path
) -> None:
    with running(*command, "-m", transformer_package) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"Guten Morgen!\n")
        assert process.stdout.read(1)
        process.send_signal(number)
        assert process.wait(timeout=20) == 128 + number
        assert process.stderr.read() == b""


def test_a_signal_that_is_ignored_stays_ignored(transformer_package: Path) -> None:
    """As shells have it for what they run in the background: Ctrl-C is for others then."""
    script = 'trap "" INT; exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "mtcli", "translate", "-m", str(transformer_package)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin and process.stdout
        for _ in range(2):
            process.stdin.write(b"Guten Morgen!\n")
            assert process.stdout.readline()
            process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.wait(timeout=20) == 0


@pytest.mark.slow
def test_an_unfinished_output_file_leaves_nothing(transformer_package: Path, tmp_path: Path) -> None:
    output = tmp_path / "output.en"
    with running("translate", "-m", transformer_package, "-o", output) as process:
        assert process.stdin
        process.stdin.write(b"Guten Morgen!\n")
        while not any(path.stat().st_size for path in tmp_path.iterdir()):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("options", ["--beam-size 1", "--json --beam-size 2 --n-best 2", "--score-target target"])
def test_a_translation_that_was_cut_off_goes_on(
    number: signal.Signals, options: str, transformer_package: Path, tmp_path: Path
) -> None:
    source, target, output, straight = (tmp_path / name for name in ("source", "target", "output", "straight"))
    lines = [f"{line} {i}.\n".encode() for i, line in enumerate(["Guten Morgen", "Wie geht es", "", "Ja"] * 1000)]
    source.write_bytes(b"".join(lines))
    target.write_bytes(b"".join(reversed(lines)))
    files = tuple(str(target) if option == "target" else option for option in options.split())
    command = ("translate", "-q", "-m", transformer_package, *files)
    mtcli(*command, source, "-o", straight)
    part = tmp_path / "output.part"
    with running(*command, source, "-o", output, "--resume") as process:
        while not (part.exists() and part.stat().st_size):
            assert process.poll() is None
        process.send_signal(number)
        process.wait(timeout=20)
    assert not output.exists() and 0 < part.read_bytes().count(b"\n") < len(lines)
    with part.open("ab") as file:
        file.write("Eine halbe Zeile, die nicht gültig ist: ü".encode()[:-1])
    mtcli(*command, source, "-o", output, "--resume")
    assert output.read_bytes() == straight.read_bytes()
    assert not part.exists()
    assert b"is complete: nothing to do" in mtcli(*command[:1], *command[2:], source, "-o", output, "--resume").stderr
    output.rename(part)
    source.write_bytes(b"".join(lines[:10]))
    said = mtcli(*command, source, "-o", output, "--resume", code=1).stderr.decode()
    assert f"{source} has 10 lines, and 4000 have been translated: is it the same text?" in said
    assert part.read_bytes() == straight.read_bytes()


def test_two_translations_do_not_write_one_file(transformer_package: Path, tmp_path: Path) -> None:
    command = ("translate", "-m", transformer_package, "-o", tmp_path / "output", "--resume")
    with running(*command) as process:
        while not (tmp_path / "output.part").exists():
            assert process.poll() is None
        assert b"output.part: another process is writing it" in mtcli(*command, code=1).stderr
        assert process.stdin
        process.stdin.write(b"Guten Morgen!\n")
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    assert (tmp_path / "output").read_bytes().count(b"\n") == 1


@pytest.mark.parametrize("command", [("translate", "--beam-size", "1"), ("tokenizer", "encode")])
def test_dies_silently_when_the_reader_is_gone(command: tuple[str, ...], transformer_package: Path) -> None:
    with running(*command, "-m", transformer_package) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"Guten Morgen!\n")
        assert process.stdout.read(1)
        process.stdout.close()
        process.stdin.write(b"Noch ein Satz.\n")
        assert process.wait(timeout=20) in (-signal.SIGPIPE, 128 + signal.SIGPIPE)
        assert process.stderr.read() == b""


def test_a_signal_after_training_says_what_is_left() -> None:
    script = "import os; from mtcli.cli.signals import end_on_signals; end_on_signals('all is saved'); os.kill(os.getpid(), 15)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, b"\nmtcli: all is saved\n")
