"""Public corpora, fetched by the program mtdata (Gowda et al. 2021), with the licences that come with them."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mtcli.errors import DataError, UsageError
from mtcli.lines import remove, vanishing, writing
from mtcli.workers import called

_LICENCE = re.compile(r"(LICEN[CS]E|COPYING|README)[^/]*", re.IGNORECASE)
MOST_BYTES = 20_000
"""Of a licence that is shown."""


def fetch(names: list[str], folder: str, agree: Callable[[str], bool]) -> list[Path]:
    """Have mtdata fetch corpora by their names there; what is kept, after `agree` was shown the licences, is returned.

    Raises UsageError when mtdata is not there or the corpora have different languages, DataError when it fails, when a file
    would be overwritten, and when the licences are not agreed to; nothing is left then.
    """
    program = shutil.which("mtdata")
    if not program:
        raise UsageError("data get calls mtdata, which is not installed: `uv tool install mtdata` does that")
    languages = {"-".join(name.split("-")[-2:]) for name in names}
    if len(languages) > 1:
        raise UsageError(f"these corpora are of different languages, {' and '.join(sorted(languages))}: fetch them one by one")
    place = Path(folder)
    with writing(place), vanishing(place / f".{os.getpid()}.tmp") as temporary:
        remove(temporary)  # of a killed process that had this number
        temporary.mkdir(parents=True)
        command = [program, "-no-pb", "get", "-l", languages.pop(), "-tr", *names, "-o", str(temporary / "out")]
        _run(command, temporary / "cache")
        licences = "\n\n".join(_licences(temporary / "cache")) or "no file of a licence comes with it: ask those who made it"
        if not agree(f"{', '.join(names)}\n\n{licences}"):
            raise DataError("nothing was kept: give --accept to keep the text under the licences that were shown")
        return _keep(temporary / "out", place, licences)


def _run(command: list[str], cache: Path) -> None:
    done = called(command, {**os.environ, "MTDATA": str(cache), "COLUMNS": "200"})
    if done.returncode:
        said = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()] or ["it said nothing"]
        raise DataError(f"mtdata ended with exit code {done.returncode}: {said[-1]}")


def _licences(cache: Path) -> Iterator[str]:
    """The texts of licences and read-me files among what was fetched, and in packed files."""
    for path in sorted(path for path in cache.rglob("*") if path.is_file() and not path.is_symlink()):
        if _LICENCE.fullmatch(path.name):
            with path.open("rb") as file:
                yield _shown(path.name, file.read(MOST_BYTES))
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                for name in (name for name in packed.namelist() if _LICENCE.fullmatch(name.rpartition("/")[2])):
                    with packed.open(name) as member:
                        yield _shown(f"{path.name}: {name}", member.read(MOST_BYTES))


def _shown(name: str, text: bytes) -> str:
    """The text, without what could steer a terminal."""
    lines = text.decode("utf-8", "replace").splitlines()
    plain = "\n".join("".join(c for c in line if c.isprintable() or c == "\t") for line in lines)
    return f"--- {name}\n{plain.strip()}"


def _keep(made: Path, place: Path, licences: str) -> list[Path]:
    texts = sorted(path for path in (made / "train-parts").iterdir() if not path.name.startswith("."))
    if not texts:
        raise DataError("mtdata fetched no text")
    (made / "LICENCES.txt").write_text(f"{licences}\n", "utf-8")
    found = [*texts, *(path for path in (made / "references.bib", made / "LICENCES.txt") if path.exists())]
    for path in found:
        if (place / path.name).exists():
            raise DataError(f"{place / path.name}: is there already: give another folder")
    return [path.replace(place / path.name) for path in found]
