"""Locale, terminal and home folder: whatever they are, the same bytes on standard output."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest
from conftest import DATA, completed

from mtcli import cache
from mtcli.package import shelves, shipped

TEXT = "Schöne Grüße aus Zürich! 👍🏽\nПривет, 世界\n".encode()
SURROUNDINGS: dict[str, dict[str, str | None]] = {  # what is set, or with None is not
    "C locale": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no locale": {"LANG": None, "LC_ALL": None, "LC_CTYPE": None},
    "ASCII": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    "Latin 1": {"PYTHONIOENCODING": "latin-1:strict"},
    "UTF-16": {"PYTHONIOENCODING": "utf-16"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr"},
    "no home": {"HOME": None, "XDG_DATA_HOME": None},
    "a home that does not exist": {"HOME": "/nowhere/at/all", "XDG_DATA_HOME": None},
    "a home that is read-only": {"HOME": "/proc", "XDG_DATA_HOME": None, "XDG_CACHE_HOME": "/proc"},
    "dumb": {"TERM": "dumb"},
    "no terminal type": {"TERM": None},
    "no colour": {"NO_COLOR": "1", "TERM": "xterm-256color"},
    "forced colour": {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "PY_COLORS": "1"},
    "40 columns": {"COLUMNS": "40", "LINES": "10"},
    "unbuffered": {"PYTHONUNBUFFERED": "1"},
    "warnings": {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": None},
}
COMMANDS = [
    "translate -m dé-en", "translate -m dé-en --json", "tokenizer encode -m dé-en", "tokenizer decode -m dé-en",
    "score reference", "score --json reference", "score --details reference", "models", "models info dé-en", "--version",
    "data stats --src reference --tgt reference", "data rules",
]  # fmt: skip


def output(command: str, folder: Path, changes: dict[str, str | None]) -> tuple[int, bytes, bytes]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MTCLI_MODELS": str(folder)}
    env = {name: value for name, value in (env | changes).items() if value is not None}
    done = completed(command.split(), TEXT, folder, env)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def place(transformer_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package whose name is not ASCII, and a reference."""
    place = tmp_path_factory.mktemp("schön")
    shutil.copytree(transformer_package, place / "dé-en")
    (place / "reference").write_bytes(TEXT)
    return place


@pytest.fixture(scope="module")
def usual(place: Path) -> dict[str, bytes]:
    """What the commands print as a rule."""
    found = {command: output(command, place, {"LC_ALL": "C.UTF-8"}) for command in COMMANDS}
    assert all(code == 0 for code, _, _ in found.values()), found
    return {command: out for command, (_, out, _) in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_the_same_bytes_on_standard_output(name: str, place: Path, usual: dict[str, bytes]) -> None:
    for command in COMMANDS:
        code, out, said = output(command, place, SURROUNDINGS[name])
        assert (code, out) == (0, usual[command]), (command, said.decode(errors="replace"))
        assert b"\x1b" not in out + said


def test_a_user_without_a_home_has_what_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "MTCLI_MODELS", "MTCLI_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a user who stands in no /etc/passwd
    assert shelves() == [Path("models"), shipped()]
    assert cache.root.__wrapped__().is_dir()


@pytest.mark.parametrize("name", ["ASCII", "C locale", "40 columns", "forced colour"])
def test_errors_are_one_line_of_text_everywhere(name: str, place: Path) -> None:
    code, out, said = output("score fehlt-ü", place, SURROUNDINGS[name])
    assert (code, out, said.count(b"\n")) == (1, b"", 1)
    assert said.startswith(b"mtcli: error: fehlt-") and b"no such file" in said and b"\x1b" not in said
    code, out, said = output("translate --beam-sice 3", place, SURROUNDINGS[name])
    assert (code, out) == (2, b"") and b"beam-size" in said and b"\x1b" not in said


@pytest.mark.slow
def test_training_says_and_writes_the_same(place: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "für.de", tmp_path / "für.en"
    for path, of in ((source, "dev.de"), (target, "dev.en")):
        path.write_bytes((DATA / of).read_bytes())
    said, tiny = [], "--set model.width=32 --set model.ff_width=64 --set model.heads=2 --set tokenizer.vocab_size=500"
    for name in ("usual", "ASCII", "a home that is read-only", "dumb"):
        (tmp_path / name[0]).mkdir()
        command = f"train -m {tmp_path / name[0]}/de-en --src {source} --tgt {target} --steps 2 {tiny}"
        code, out, err = output(command, tmp_path, SURROUNDINGS.get(name, {"LC_ALL": "C.UTF-8"}))
        assert (code, out) == (0, b""), err
        said.append(err.count(b"\n") - err.count(b"or set MTCLI_CACHE to another folder"))
        for file in ("weights.safetensors", "tokenizer.model", "training/dev.hyp"):
            assert (tmp_path / name[0] / "de-en" / file).read_bytes() == (tmp_path / "u" / "de-en" / file).read_bytes(), file
    assert len(set(said)) == 1
