"""Packages as one file: what `mtcli export` packs `mtcli import` takes, and nothing else."""

from __future__ import annotations

import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest
from conftest import assert_lines, contents, mtcli, run

from mtcli.archive import MOST

TEXT = b"Guten Morgen!\nWie geht es dir?\n"


@pytest.fixture(scope="module")
def packed(transformer_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packed") / "small.zip"
    assert mtcli("export", "-m", transformer_package, "--to", "package", path).stdout.decode() == f"{path}\n"
    return path


@pytest.fixture
def place(packed: Path, tmp_path: Path) -> Path:
    """A folder with the archive in it."""
    (tmp_path / "place").mkdir()
    shutil.copy(packed, tmp_path / "place")
    return tmp_path / "place"


def test_what_was_packed_is_the_package_it_was(transformer_package: Path, place: Path) -> None:
    assert run(place, f"export -m {transformer_package} --to package folder")[0] == 0
    assert run(place, "import package small.zip") == (0, b"models/small\n", [])
    assert run(place, "import package small.zip -m another/name") == (0, b"another/name\n", [])
    for name in ("models/small", "another/name"):
        assert contents(place / name) == contents(place / "folder")
    found = [run(place, f"translate -m {name}", TEXT) for name in ("small", "folder")]
    assert found[0] == found[1] and found[0][0] == 0
    assert_lines(found[0][1], 2)
    code, _, [said] = run(place, "import package small.zip")
    assert code == 1 and "models/small: exists already: give another -m" in said
    assert not list(place.rglob(".*"))


def test_the_same_package_gives_the_same_archive(transformer_package: Path, place: Path) -> None:
    command = f"export -m {transformer_package} --to package"
    assert run(place, f"{command} again.zip")[0] == 0
    with ZipFile(place / "small.zip") as first, ZipFile(place / "again.zip") as second:
        names = [name.replace("again", "small", 1) for name in second.namelist()]
        assert names == first.namelist()
        assert [second.read(name) for name in second.namelist()] == [first.read(name) for name in first.namelist()]
    code, _, [said] = run(place, f"{command} again.zip")
    assert code == 1 and "again.zip: exists already" in said


@pytest.mark.slow
def test_a_whole_package_that_was_packed_by_other_means_is_taken(rnn_package: Path, place: Path) -> None:
    """Without a folder around it, with what training needs, with folders as members."""
    shutil.make_archive(str(place / "other"), "zip", rnn_package)
    assert run(place, "import package other.zip -m rnn")[:2] == (0, b"models/rnn\n")
    assert contents(place / "models" / "rnn") == contents(rnn_package)
    expected = run(place, f"translate -m {rnn_package}", TEXT)
    assert run(place, "translate -m rnn", TEXT) == expected and expected[0] == 0


Harm = Callable[[Path], None]


def rewritten(change: Callable[[dict[str, bytes]], object], form: int = ZIP_DEFLATED) -> Harm:
    """An archive with other members than it had."""

    def harm(path: Path) -> None:
        with ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        change(members)
        with ZipFile(path, "w", form) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return harm


def adding(name: str, content: bytes = b"x") -> Harm:
    return rewritten(lambda members: members.update({name: content}))


def bytes_changed(change: Callable[[bytes], bytes]) -> Harm:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


def repeated(path: Path) -> None:
    with ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("small/model.toml", b"format = 1\n")


def linked(path: Path) -> None:
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            info, is_link = ZipInfo(name), name.endswith("tokenizer.model")
            info.external_attr = 0o120777 << 16 if is_link else 0
            archive.writestr(info, b"/etc/passwd" if is_link else content)


def claiming(size: int) -> Harm:
    """The last member says that it is of another size than it is, in both places."""

    def harm(path: Path) -> None:
        data = bytearray(path.read_bytes())
        for sign, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            struct.pack_into("<I", data, data.rindex(sign) + at, size)
        path.write_bytes(data)

    return harm


def locked(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(sign) + at] |= 1
    path.write_bytes(data)


NO_ZIP, NO_PART = "small.zip: is no zip archive that can be read", "which is no part of a model package"
HARMS: dict[str, tuple[Harm, str]] = {  # what is done to the archive, and words of the refusal
    "text": (bytes_changed(lambda data: b"Guten Morgen!\n"), NO_ZIP),
    "nothing": (bytes_changed(lambda data: b""), NO_ZIP),
    "cut": (bytes_changed(lambda data: data[: len(data) // 2]), NO_ZIP),
    "flipped": (bytes_changed(lambda data: data[:3000] + bytes([data[3000] ^ 1]) + data[3001:]), NO_ZIP),
    "locked": (locked, NO_ZIP),
    "too large": (claiming(1 << 30), "more than 100 times its size"),
    "too small": (claiming(100), NO_ZIP),
    "a bomb": (adding("small/ct2/source_vocabulary.json", bytes(200 << 20)), "more than 100 times its size"),
    "climbing": (adding("small/../../outside"), f"'small/../../outside', {NO_PART}"),
    "climbing alone": (adding("../small/README.md"), NO_PART),
    "absolute": (adding("/tmp/outside"), NO_PART),
    "code": (adding("small/setup.py"), NO_PART),
    "another package": (adding("two/model.toml"), NO_PART),
    "a long name": (adding("small/" + 60_000 * "x"), NO_PART),
    "repeated": (repeated, NO_PART),
    "lzma": (rewritten(lambda members: None, ZIP_LZMA), "'small/README.md' is not packed as is usual (by deflate)"),
    "a link": (linked, "small.zip: tokenizer.model: damaged (its sum is not the one in SHA256SUMS)"),
    "no package": (rewritten(lambda members: members.pop("small/model.toml")), "holds 'small/README.md', which is no part"),
    "empty": (rewritten(lambda members: members.clear()), "holds no model package (no model.toml)"),
    "no weights": (
        rewritten(lambda members: [members.pop(name) for name in list(members) if "/ct2/" in name]),
        "small.zip: has no weights",
    ),
    "no tokenizer": (rewritten(lambda members: members.pop("small/tokenizer.model")), "small.zip: has no tokenizer.model"),
    "half a model": (
        rewritten(lambda members: members.update({"small/ct2/model.bin": members["small/ct2/model.bin"][:999]})),
        "small.zip: ct2/model.bin: damaged",
    ),
    "settings": (adding("small/model.toml", b"format = 99\n"), "small.zip: model.toml: has format 99"),
}


@pytest.mark.parametrize("case", HARMS)
def test_what_is_no_whole_package_is_refused_and_nothing_written(case: str, place: Path) -> None:
    harm, words = HARMS[case]
    harm(place / "small.zip")
    (place / "models").mkdir()
    before = contents(place.parent)
    code, out, said = run(place, "import package small.zip -m new")
    assert (code, out, len(said)) == (1, b"", 1), said
    assert words in said[0] and "this is a bug" not in said[0] and len(said[0]) < 400
    after = contents(place.parent)
    for stream in ("stdin", "stdout", "stderr"):
        before.pop(Path(stream), None), after.pop(Path(stream))
    assert after == before


@pytest.mark.slow
def test_bits_that_flip_and_archives_that_are_cut(place: Path) -> None:
    """Such an archive gives the very package, or one line."""
    data, chance = (place / "small.zip").read_bytes(), random.Random(1)
    assert run(place, "import package small.zip -m whole")[0] == 0
    codes = []
    for number in range(100):
        harmed = bytearray(data)
        where = len(data) - 1 - chance.randrange(chance.choice([len(data), 1_500]))  # what is counted stands at the end
        harmed[where] ^= 1 << chance.randrange(8)
        (place / "small.zip").write_bytes(harmed if chance.random() < 0.7 else data[:where])
        code, _, said = run(place, f"import package small.zip -m new{number}")
        codes.append(code)
        if code:
            assert (code, len(said)) == (1, 1) and "this is a bug" not in said[0], (where, said)
        else:
            assert contents(place / "models" / f"new{number}") == contents(place / "models" / "whole"), where
    assert codes.count(1) > 50


def test_what_cannot_be_asked_for_is_told(place: Path) -> None:
    os.mkfifo(place.parent / "pipe")
    for command, code, words in (
        ("import package nothing.zip", 1, "nothing.zip: no such file"),
        ("import package . -m new", 1, ".: is no file"),
        ("import package ../pipe", 1, "../pipe: is no file"),
        ("import package /dev/zero", 1, "/dev/zero: is no file"),
        ("import package small.zip -m .", 1, ".: exists and is not a model package"),
        ("import onnx small.zip", 2, "the format cannot be onnx: choose package"),
        ("import package small.zip -m /proc/x", 1, "/proc/x: cannot be written"),
    ):
        found = run(place, command)
        assert found[0] == code and words in found[2][0] and len(found[2]) == 1, found
    assert MOST == 100 and [path.name for path in place.iterdir()] == ["small.zip"]
