"""What several tests share: the real text, the real command, and small packages made with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mtcli", deadline=None)  # the first call of many a thing takes its time, and machines are busy
settings.load_profile("mtcli")

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does, before torch is loaded

DATA = Path(__file__).parent / "data" / "tatoeba"

TINY = [
    *("--set", "model.width=32", "--set", "model.ff_width=64", "--set", "model.hidden=32", "--set", "model.heads=2"),
    *("--set", "model.encoder_layers=1", "--set", "model.decoder_layers=1", "--set", "tokenizer.vocab_size=500"),
]
"""Options of `mtcli train` for a model that learns next to nothing, fast."""


def mtcli(
    *args: str | Path, stdin: bytes = b"", code: int = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the real command in a subprocess and check its exit code."""
    command = [sys.executable, "-m", "mtcli", *map(str, args)]
    done = subprocess.run(command, input=stdin, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})})
    assert done.returncode == code, f"exit {done.returncode}: {done.stderr.decode()}"
    return done


def assert_lines(out: bytes, count: int) -> list[str]:
    """The lines of an output that must have `count` of them, each ended by LF, without LF, CR, TAB or NUL inside."""
    assert out.endswith(b"\n")
    found = out.decode("utf-8").removesuffix("\n").split("\n")
    assert len(found) == count
    assert not any(set(line) & set("\r\t\0") for line in found)
    return found


def head(name: str, lines: int, folder: Path) -> Path:
    """The first lines of one of the Tatoeba files, as a file in `folder`."""
    path = folder / name
    path.write_bytes(b"".join((DATA / name).read_bytes().splitlines(keepends=True)[:lines]))
    return path


def train_tiny(folder: Path, *args: str) -> Path:
    """A package trained for a few updates on 300 pairs; its translations are nonsense, but real output of a real model."""
    src, tgt = head("train.de", 300, folder.parent), head("train.en", 300, folder.parent)
    mtcli("train", "-m", folder, "--src", src, "--tgt", tgt, "--steps", "3", "--set", "training.validations=1", *TINY, *args)
    return folder


@pytest.fixture(scope="session")
def transformer_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tiny(tmp_path_factory.mktemp("transformer") / "de-en")


@pytest.fixture(scope="session")
def rnn_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tiny(tmp_path_factory.mktemp("rnn") / "de-en", "--arch", "rnn")
