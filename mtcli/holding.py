"""Dev and test text held out of a corpus, in files of their own."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from mtcli.config import languages_of
from mtcli.data.split import Pairs, draw
from mtcli.errors import DataError, UsageError
from mtcli.files import check_files
from mtcli.lines import BLANKS, open_output, read_parallel, writing
from mtcli.tokenizer import normalise


@dataclass(frozen=True)
class Held:
    """How many pairs went where."""

    train: int
    dev: int
    test: int
    left_out: int
    """Pairs that share a side with dev or test."""


def hold_out(src: list[str], tgt: list[str], dev: int, test: int, folder: str, seed: int) -> Held:
    """Write train, dev and test text to `folder`; no side of one of them stands in another, whatever its blanks.

    Raises DataError when there are too few pairs or a file is there already.
    """
    if dev < 0 or test < 0 or not dev + test:
        raise UsageError("there is nothing to hold out: give --dev or --test above 0, and none below")
    languages = languages_of(src[0], tgt[0])
    suffixes = (languages.src or "src", languages.tgt or "tgt")
    if suffixes[0] == suffixes[1]:
        suffixes = ("src", "tgt")
    names = [name for name, size in (("train", 1), ("dev", dev), ("test", test)) if size]
    files = {name: [Path(folder, f"{name}.{suffix}") for suffix in suffixes] for name in names}
    for path in (path for paths in files.values() for path in paths):
        if path.exists():
            raise DataError(f"{path}: is there already: give another folder")
    check_files([*src, *tgt])
    pairs = read_parallel(src, tgt)
    kept, chosen = draw(pairs, min(dev + test, len(pairs)), seed, normalise)
    if len(chosen) < dev + test or not kept:
        raise DataError(
            f"{dev + test} pairs cannot be held out of {len(pairs)}: {len(chosen)} share no side, and some must be left"
        )
    # Every so many of the chosen, which are in the order of their lengths, goes to dev.
    of_dev = {i for i in range(len(chosen)) if (i + 1) * dev // len(chosen) > i * dev // len(chosen)}
    parts = {"train": kept, "dev": [], "test": []}
    for i, place in enumerate(chosen):
        parts["dev" if i in of_dev else "test"].append(place)
    _write(files, {name: [pairs[i] for i in sorted(places)] for name, places in parts.items()}, Path(folder))
    return Held(len(kept), dev, test, len(pairs) - len(kept) - len(chosen))


def _write(files: dict[str, list[Path]], texts: dict[str, Pairs], folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    with contextlib.ExitStack() as stack:
        stack.callback(_remove_empty, missing)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for name, paths in files.items():
            for side, path in enumerate(paths):
                stack.enter_context(open_output(path)).write([pair[side].translate(BLANKS) for pair in texts[name]])


def _remove_empty(folders: list[Path]) -> None:
    with contextlib.suppress(OSError):  # there is something in one, as there should be
        for folder in folders:
            folder.rmdir()
