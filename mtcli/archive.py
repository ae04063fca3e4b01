"""Packages that come in one file, a zip archive, from wherever."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from mtcli.errors import PackageError
from mtcli.lines import check_readable, remove, vanishing
from mtcli.package import CONFIG, CT2, PARTS, WEIGHTS, ModelPackage, open_package, place

MOST = 100
"""How many times its own size an archive may hold. Weights shrink to a half at most, what is made to do harm to a thousandth."""


def import_package(path: str, name: str = "") -> Path:
    """Put the package that an archive holds in its place, under the archive's own name if no other is given. Returns the folder.

    Raises DataError when there is no such file, PackageError when it is no whole package or its place is taken: then nothing
    gets a place.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise PackageError(f"{path}: is no file: give a zip archive")
    check_readable(path)
    folder = place(name or Path(path).stem)
    if (folder / CONFIG).exists():
        raise PackageError(f"{folder}: exists already: give another -m")
    try:
        with vanishing(folder.with_name(f".{folder.name}.{os.getpid()}.new.tmp")) as temporary:
            remove(temporary)  # of a killed process that had this number
            with _reading(path), ZipFile(path) as archive:
                _unpack(archive, path, temporary)
            _check_whole(temporary, path)
            if folder.exists():  # and is empty: see `place`
                folder.rmdir()
            temporary.rename(folder)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return folder


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Raises PackageError for what `zipfile` says of an archive that is damaged, locked or packed otherwise."""
    try:
        yield
    except (BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise PackageError(f"{path}: is no zip archive that can be read ({error}): copy it again") from error


def _unpack(archive: ZipFile, path: str, folder: Path) -> None:
    for name, member in _members(archive, path).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, (folder / name).open("wb") as file:  # reads no more than the size that is claimed
            shutil.copyfileobj(source, file)


def _members(archive: ZipFile, path: str) -> dict[str, ZipInfo]:
    """What is to be unpacked, by its name in the package: known files only, so that nothing is written elsewhere."""
    files = [member for member in archive.infolist() if not member.is_dir()]
    top = min((member.filename for member in files if Path(member.filename).name == CONFIG), key=len, default=CONFIG)
    found: dict[str, ZipInfo] = {}
    for member in files:
        name, called = member.filename.removeprefix(top.removesuffix(CONFIG)), repr(member.filename[:80])
        if name not in PARTS or name in found:
            raise PackageError(f"{path}: holds {called}, which is no part of a model package: nothing was unpacked")
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # others may ask for gigabytes of memory
            raise PackageError(f"{path}: {called} is not packed as is usual (by deflate): pack it again")
        found[name] = member
    if CONFIG not in found:
        raise PackageError(f"{path}: holds no model package (no {CONFIG}): write it with `mtcli export --to package NAME.zip`")
    if (size := sum(member.file_size for member in files)) > MOST * Path(path).stat().st_size:
        raise PackageError(f"{path}: would become {size:,} bytes, more than {MOST} times its size: this is no model package")
    return found


def _check_whole(folder: Path, path: str) -> None:
    """Raises PackageError when something is missing or damaged."""
    try:
        package = open_package(str(folder))
        if not package.trained:
            raise PackageError(f"{folder}: has no weights: `mtcli train` fills the package before it is handed on")
        _load(package)
    except PackageError as error:
        raise PackageError(str(error).replace(f"{folder}/", f"{path}: ").replace(str(folder), path)) from error


def _load(package: ModelPackage) -> None:
    tokenizer = package.tokenizer()
    if (package.folder / CT2).exists():
        package.ct2_files(tokenizer.vocabulary("src"), tokenizer.vocabulary("tgt"), tokenizer.sizes)
    if (package.folder / WEIGHTS).exists():
        import torch

        package.load_model(tokenizer.sizes, torch.device("cpu"))
