"""`mtcli data get`, with a stand-in for mtdata that has its options and its layout of files, and a server on this machine."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from conftest import mtcli

MTDATA = f"""#!{sys.executable}
import os, pathlib, sys, tarfile, urllib.request
arguments = sys.argv[1:]
assert arguments[:3] == ["-no-pb", "get", "-l"] and arguments[4] == "-tr" and arguments[-2] == "-o", arguments
source, target = arguments[3].split("-")
cache, out = pathlib.Path(os.environ["MTDATA"]), pathlib.Path(arguments[-1])
(out / "train-parts").mkdir(parents=True)
cache.mkdir()
for name in arguments[5:-2]:
    if "unknown" in name:
        sys.exit(f"INFO looking\\nValueError: {{name}} not found")
    packed = cache / (name + (".zip" if "OPUS" in name else ".tgz"))
    packed.write_bytes(urllib.request.urlopen(os.environ["SERVER"] + "/" + packed.name).read())
    if packed.suffix == ".tgz":
        with tarfile.open(packed) as files:
            files.extractall(cache / "extracted", filter="data")
    for language, text in () if "empty" in name else ((source, "Hallo\\n"), (target, "Hello\\n")):
        (out / "train-parts" / f"{{name}}.{{language}}").write_text(text)
    (out / "train-parts" / f".valid.{{name}}").touch()
(out / "references.bib").write_text("@article{{x}}")
"""


@pytest.fixture
def server(web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mtdata on the PATH, and two corpora on the server: one in each kind of package."""
    url, folder = web
    with tarfile.open(folder / "Statmt-europarl-7-deu-eng.tgz", "w:gz") as packed:
        entry = tarfile.TarInfo("europarl/README")
        entry.size = len(text := b"Free to use.\x1b[31m\n")
        packed.addfile(entry, io.BytesIO(text))
    with zipfile.ZipFile(folder / "OPUS-books-v1-deu-eng.zip", "w") as packed_zip:
        packed_zip.writestr("LICENSE", "For research only.\n")
        packed_zip.writestr("Books.de-en.de", "Hallo\n")
    monkeypatch.setenv("SERVER", url)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mtdata").write_text(MTDATA)
    (programs / "mtdata").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return folder


NAMES = ("Statmt-europarl-7-deu-eng", "OPUS-books-v1-deu-eng")


def test_licences_are_shown_and_text_is_kept_when_they_are_accepted(server: Path, tmp_path: Path) -> None:
    place = tmp_path / "corpora"
    refused = mtcli("data", "get", *NAMES, "-o", place, code=1)
    assert b"give --accept" in refused.stderr and list(place.iterdir()) == []
    done = mtcli("data", "get", *NAMES, "-o", place, "--accept")
    for said in (refused.stdout.decode(), done.stdout.decode()):
        assert "--- README\nFree to use.[31m" in said and "LICENSE\nFor research only." in said
    kept = {path.name for path in place.iterdir()}
    assert kept == {f"{name}.{language}" for name in NAMES for language in ("deu", "eng")} | {"references.bib", "LICENCES.txt"}
    assert "For research only." in (place / "LICENCES.txt").read_text()
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    assert b"is there already" in mtcli("data", "get", *NAMES, "-o", place, "--accept", code=1).stderr
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_fetches_leaves_nothing_and_nobody(number: signal.Signals, server: Path, tmp_path: Path) -> None:
    begun, place = tmp_path / "begun", tmp_path / "corpora"
    (tmp_path / "bin" / "mtdata").write_text(f"#!/bin/sh\necho $$ > {begun}.new && mv {begun}.new {begun} && exec sleep 60\n")
    command = [sys.executable, "-m", "mtcli", "data", "get", *NAMES, "-o", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not begun.exists():
            assert process.poll() is None
        fetching = Path("/proc", begun.read_text().strip())
        assert fetching.exists()
        process.send_signal(number)
        assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 128 + number
    assert list(place.iterdir()) == []
    for _ in range(100):
        if not fetching.exists() or "Z" in (fetching / "stat").read_text().rpartition(")")[2]:
            return
        time.sleep(0.05)
    raise AssertionError("mtdata goes on")


def test_what_mtdata_cannot_do_is_told(server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "corpora"
    said = mtcli("data", "get", "Other-unknown-1-deu-eng", "-o", place, "--accept", code=1).stderr
    assert said == b"mtcli: error: mtdata ended with exit code 1: ValueError: Other-unknown-1-deu-eng not found\n"
    (server / "Some-empty-1-deu-eng.tgz").write_bytes((server / f"{NAMES[0]}.tgz").read_bytes())
    assert b"mtdata fetched no text" in mtcli("data", "get", "Some-empty-1-deu-eng", "-o", place, "--accept", code=1).stderr
    said = mtcli("data", "get", "A-b-1-deu-eng", "A-b-1-fra-eng", "-o", place, code=2).stderr
    assert b"different languages, deu-eng and fra-eng" in said
    assert not place.exists() or list(place.iterdir()) == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert b"mtdata, which is not installed" in mtcli("data", "get", NAMES[0], "-o", place, code=2).stderr
