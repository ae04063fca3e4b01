"""The wheel holds the package and nothing else, and works in an environment that has never seen the source."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import TINY, head
from hatchling.builders.sdist import SdistBuilder

from mtcli import __version__

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MTCLI"))}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**env, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (path,) = folder.iterdir()
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"mtcli_nmt-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = f"mtcli_nmt-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"mtcli", info}
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mtcli").rglob("*.py")} | {"mtcli/py.typed"}
    models = [ROOT / "models" / name for name in ("de-en", "en-de", "en-es+fr", "es-en", "fr-en")]
    shipped = {f"mtcli/{path.relative_to(ROOT)}" for model in models for path in model.rglob("*") if path.is_file()}
    assert len(shipped) == 35
    assert {name for name in names if name.startswith("mtcli/")} == sources | shipped
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} < set(names)
    assert wheel.stat().st_size < 48e6


def test_what_makes_the_models_is_in_the_source_distribution() -> None:
    packed = {file.relative_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    recipe = (ROOT / "Makefile").read_text("utf-8")
    text = {path.relative_to(ROOT).as_posix() for path in (ROOT / "models/text").iterdir()}
    assert {f"models/text/phrases.{code}" for code in ("de", "en", "es", "fr")} <= text < packed
    assert all(name.split(".")[0].removesuffix("-fr-es") in recipe for name in text)
    assert {"Makefile", "constraints.txt", "models/de-en/model.toml", "tests/data/typed/typed.de"} < packed


def test_the_wheel_trains_translates_and_scores_where_the_source_is_not(wheel: Path, tmp_path: Path) -> None:
    venv, work = tmp_path / "venv", tmp_path / "work"
    work.mkdir()
    run(sys.executable, "-m", "venv", venv, cwd=work)
    pip = (venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=work)
    run(*pip, "check", cwd=work)
    mtcli = venv / "bin" / "mtcli"
    assert run(mtcli, "--version", cwd=work) == f"mtcli {__version__}\n"
    assert "translate" in run(venv / "bin" / "python", "-m", "mtcli", "--help", cwd=work)
    where = run(venv / "bin" / "python", "-c", "import mtcli; print(mtcli.__file__)", cwd=work)
    assert Path(where).is_relative_to(venv)

    translated = subprocess.run(
        [mtcli, "translate"], cwd=work, input="Wie geht es dir?\n", capture_output=True, text=True, check=True
    )
    assert translated.stdout.startswith("How are you")

    src, tgt = (head(name, 300, work) for name in ("train.de", "train.en"))
    test, ref = (head(name, 20, work) for name in ("test.de", "test.en"))
    run(mtcli, "train", "-m", "de-en", "--src", src, "--tgt", tgt, "--steps", "3", *TINY, cwd=work)
    assert (work / "models" / "de-en" / "weights.safetensors").exists()
    run(mtcli, "translate", "-m", "de-en", test, "-o", "hyp.en", cwd=work)
    assert (work / "hyp.en").read_bytes().count(b"\n") == 20
    assert run(mtcli, "score", ref, "-i", "hyp.en", cwd=work).startswith("BLEU|")
