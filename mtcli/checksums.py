"""SHA-256 sums of files in a folder, in the form of `sha256sum`, so that damage is told from a file that is another one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mtcli.errors import PackageError
from mtcli.lines import checksum, replacing

FILE = "SHA256SUMS"
"""`sha256sum --check SHA256SUMS` reads it, too."""


def unseal(folder: Path) -> None:
    """Take the sums away, before a file is changed that they are of."""
    (folder / FILE).unlink(missing_ok=True)


def seal(folder: Path, names: Iterable[str]) -> None:
    """Write the sums of those files that are there. Raises DataError when that cannot be done."""
    sums = []
    for name in names:
        if (folder / name).exists():
            sums.append(f"{checksum(folder / name)}  {name}\n")
    with replacing(folder / FILE) as temporary:
        temporary.write_text("".join(sums), encoding="utf-8")


def agrees(folder: Path, name: str, content: bytes) -> bool:
    """Whether the content of the file is what its sum was taken of; where there is no sum, nothing is known against it.

    Raises PackageError when there are sums that cannot be read.
    """
    return known(folder, name) in ([], [hashlib.sha256(content).hexdigest()])


def known(folder: Path, name: str) -> list[str]:
    """The sum of the file, or none. Raises PackageError when there are sums that cannot be read."""
    try:
        lines = (folder / FILE).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PackageError(f"{folder / FILE}: cannot be read ({error.strerror})") from error
    return [line.split(maxsplit=1)[0] for line in lines if line.endswith(f"  {name}")]
