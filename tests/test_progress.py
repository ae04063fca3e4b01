"""What training shows: a panel that fits its terminal, and plain lines where there is none."""

from __future__ import annotations

import fcntl
import math
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import DATA, TINY, head, mtcli, train_tiny
from rich.cells import cell_len

from mtcli.cli.panel import MOST_POINTS, Curve, clean, fitting, sparkline

ODD = [
    ("你好，" * 80, "[bold]markup[/bold] :smile: " + "很高兴" * 60),
    ("שלום עולם " * 20 + "\x1b[2J\x07\u202e", "مرحبا " * 50),
    ("e\u0301\u0302\u0303" * 100, "🇩🇪👩‍👩‍👧❤️" * 30),
]
"""Dev pairs that put a layout to the test."""
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@contextmanager
def on_terminal(command: list[str], width: int, height: int, **env: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command with a terminal of this size for stderr; with it, the end of the terminal to read from."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = {**given, "TERM": "xterm-256color", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", **env}
    null = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, *command], stdin=null, stdout=null, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def read(terminal: int) -> bytes:
    """What comes next; empty when the command has ended."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def shown(command: list[str], width: int = 80, height: int = 24, **env: str) -> str:
    """All that the command wrote on its terminal; it must succeed."""
    with on_terminal(command, width, height, **env) as (process, terminal):
        text = b"".join(iter(lambda: read(terminal), b"")).decode()
        assert process.wait(timeout=60) == 0, text
    return text


def lines_of(text: str) -> list[str]:
    return re.split(r"[\r\n]+", ESCAPE.sub("", text))


def training(folder: Path, steps: int) -> list[str]:
    files = ["--src", str(head("train.de", 300, folder)), "--tgt", str(head("train.en", 300, folder))]
    for name, side in (("dev.de", 0), ("dev.en", 1)):
        (folder / name).write_text("".join(pair[side] + "\n" for pair in ODD), encoding="utf-8")
    files += ["--dev-src", str(folder / "dev.de"), "--dev-tgt", str(folder / "dev.en")]
    # a relative name, so that what is said of it fits a line
    budget = ["--steps", str(steps), "--set", "training.validations=2"]
    return ["-m", "mtcli", "train", "-m", os.path.relpath(folder / "de-en"), *files, *budget, *TINY]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_a_panel_fits_its_terminal_and_shows_how_training_goes(
    width: int, height: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    text = shown(training(tmp_path, 4), width, height)
    lines = lines_of(text)
    assert [line for line in lines if cell_len(line) > width] == []
    assert max(map(cell_len, lines)) == width, "the panel is as wide as the terminal"
    frame = "\n".join(lines[max(i for i, line in enumerate(lines) if line.startswith("── de-en")) :])
    for fact in ("100%", "step 4 of 4", "epoch ", "tokens/s", "training loss", "dev BLEU", "dev chrF", "learning rate", "used"):
        assert fact in frame
    assert frame.count("source  ") == frame.count("translation  ") == 3
    assert "[bold]markup[/bold] :smile:" in frame and "שלום" in frame
    assert "\x1b[2J" not in text and "\x07" not in text and "\u202e" not in text
    assert sum(line.startswith("validation at step") for line in lines) == 2
    assert [line for line in frame.splitlines() if line.startswith("done: 4 steps")], "the end stands below the panel"

    again = "\n".join(lines_of(shown(training(tmp_path, 8), width, height)))
    assert "going on after step 4" in again and "step 8 of 8" in again
    curve = re.findall(rf"dev loss +\S+  ([{'▁-█'}]+)", again)
    assert curve and set(curve[0]) != {"▄"}, "earlier validations are shown from the first frame on"


@pytest.mark.slow
def test_a_low_terminal_loses_the_sentences_first(tmp_path: Path) -> None:
    text = ESCAPE.sub("", shown(training(tmp_path, 3), 80, 12))
    assert "dev BLEU" in text and "translation  " not in text


@pytest.mark.slow
def test_no_color_and_dumb_terminals_are_respected(tmp_path: Path) -> None:
    plain = shown(training(tmp_path, 3), TERM="dumb")
    assert "\x1b" not in plain and "validation at step 3" in plain and "  hyp " in plain and "\n  time    about 0:" in plain
    colourless = shown(training(tmp_path, 6), NO_COLOR="1")
    assert "training loss" in colourless and not re.search(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7]|38)\b[0-9;]*m", colourless)


@pytest.mark.slow
def test_control_c_in_the_panel_saves_and_leaves_the_terminal_in_order(tmp_path: Path) -> None:
    with on_terminal(training(tmp_path, 100_000), 80, 24) as (process, terminal):
        text = b""
        while b"tokens/s" not in text:
            text += (new := read(terminal))
            assert new, "training ended before it began"
        process.send_signal(signal.SIGINT)
        text += b"".join(iter(lambda: read(terminal), b""))
        assert process.wait(timeout=60) == 128 + signal.SIGINT
    assert "the same command goes on from there" in lines_of(text.decode())[-2]
    assert text.rindex(b"\x1b[?25h") > text.rindex(b"\x1b[?25l"), "the cursor is back"
    assert text.rindex(b"\x1b[?7h") > text.rindex(b"\x1b[?7l"), "lines wrap again"


NOTICE = """
import logging, sys, time
from mtcli.cli.options import set_up
from mtcli.cli.panel import Panel
from mtcli.settings import TrainingRequest
from mtcli.trainer import start
set_up(False)
run = start(TrainingRequest(sys.argv[1], [sys.argv[2]], [sys.argv[3]], [], []))
with Panel(run, stopping=lambda: True):
    time.sleep(0.7)
    logging.getLogger("mtcli").warning("trying [half] as many")
    time.sleep(0.7)
logging.getLogger("mtcli").warning("afterwards")
"""


@pytest.mark.slow
def test_notices_stand_above_the_panel(transformer_package: Path, tmp_path: Path) -> None:
    package = shutil.copytree(transformer_package, tmp_path / "de-en")
    files = [str(transformer_package.parent / name) for name in ("train.de", "train.en")]
    lines = lines_of(shown(["-c", NOTICE, str(package), *files]))
    notice, *frames = lines.index("mtcli: trying [half] as many"), *(i for i, line in enumerate(lines) if "── de-en" in line)
    assert frames[0] < notice < frames[-1] and notice + 1 in frames
    assert lines[-2] == "mtcli: afterwards"
    assert " saving after this step; once more stops at once" in lines


def test_a_sparkline_rises_and_falls_with_its_values() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([3.0, 1.0, 2.0], 80) == "█▁▅"
    assert sparkline([0, 0, 4, 4, 8, 8], 3) == "▁▅█", "neighbours share a block"
    assert sparkline([2.0, 2.0], 80) == "▄▄"
    assert sparkline([], 80) == sparkline([1, 2], 0) == ""
    assert sparkline([1, math.nan, 2, math.inf], 80) == "▁█"


def test_what_has_no_room_is_left_out_and_not_cut() -> None:
    facts = ["step 5 of 9", "epoch 1", "90 tokens/s"]
    assert fitting(facts, "   ", 36) == " step 5 of 9   epoch 1   90 tokens/s"
    assert fitting(facts, "   ", 35) == fitting(facts, "   ", 22) == " step 5 of 9   epoch 1"
    assert fitting(facts, "   ", 21) == fitting(facts, "   ", 1) == " step 5 of 9"


@pytest.mark.parametrize("width", [1, 7, 54, 511])
def test_a_sparkline_is_never_too_wide(width: int) -> None:
    assert len(sparkline(list(range(512)), width)) == width


def test_a_curve_keeps_its_shape_and_its_bounds() -> None:
    curve = Curve()
    for value in range(100_000):
        curve.add(value)
        assert len(curve.points) < MOST_POINTS
    steps = {after - before for before, after in zip(curve.points, curve.points[1:], strict=False)}
    assert curve.points[0] == 0 and len(steps) == 1 and len(curve.points) >= MOST_POINTS // 2 - 1


def test_clean_text_is_one_line_without_control_characters() -> None:
    assert clean("a\tb\nc \x1b[31md\x07\x9b\u202e\u200de\u0301") == "a b c [31mde\u0301"
    assert len(clean("x" * 10**6)) <= 1000


def test_a_tensorboard_that_is_not_whole_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "__init__.py").touch()
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = ["train", "-m", tmp_path / "new", "--src", DATA / "train.de", "--tgt", DATA / "train.en", "--tensorboard"]
    said = mtcli(*command, code=2, env=env).stderr.decode()
    assert said == "mtcli: error: --tensorboard: it is not installed: pip install 'mtcli-nmt[tensorboard]'\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_events_that_cannot_be_written_are_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    package = train_tiny(tmp_path / "de-en")
    (package / "training" / "tensorboard").symlink_to("/proc")  # where nobody can make a file
    command = ["train", "-q", "-m", package, "--src", tmp_path / "train.de", "--tgt", tmp_path / "train.en"]
    said = mtcli(*command, "--steps", "5", "--tensorboard", code=1).stderr.decode()
    assert said == f"mtcli: error: {package}/training/tensorboard: cannot be written (No such file or directory)\n"
