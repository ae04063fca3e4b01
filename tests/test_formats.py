"""Packages of every format that was ever written still translate as they did."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import mtcli

PACKAGES = sorted((Path(__file__).parent / "data" / "packages").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_old_packages_translate_as_they_did(package: Path, tmp_path: Path) -> None:
    shutil.copytree(package, tmp_path / "de-en")
    text = b"Ich habe gewonnen!\nIch habe gelogen.\n\nSei nicht ungerecht!\nMach dich vom Acker!\n"
    done = mtcli("translate", "-m", tmp_path / "de-en", stdin=text)
    assert done.stdout.decode() == "I won!\nI lied.\n\nBe fair.\nGo away!\n"
    assert not done.stderr
