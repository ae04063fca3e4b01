"""Which package translates a text, by its languages."""

from __future__ import annotations

import logging

from mtcli.errors import DataError, PackageError
from mtcli.identify import guess
from mtcli.package import DEFAULT, ModelPackage, open_package, shipped, translating

log = logging.getLogger("mtcli")

AUTO = "auto"


def choose(src: str, tgt: str, text: list[str]) -> ModelPackage:
    """The package for a text from `src` to `tgt`: the shipped default where both are empty; `auto` guesses `src` from the text.

    Raises PackageError when no package knows the languages, DataError when the text seems to be in `tgt` already.
    """
    guessed = src == AUTO
    if guessed:
        known = {source for package in translating("", tgt) for source in package.config.languages.sources}
        src = guess(text, sorted(known | {tgt} - {""})) if known else ""
        if src and src == tgt:
            raise DataError(f"the text looks like {src} already, the language to translate to: name its own with --from")
    if not (src or tgt):
        return open_package(str(shipped() / DEFAULT))
    package = _first(src, tgt)
    if guessed and src:
        log.info("the text looks like %s: translating with %s", src, package.folder)
    return package


def _first(src: str, tgt: str) -> ModelPackage:
    if found := translating(src, tgt):
        return found[0]
    pairs = sorted({f"{package.config.languages.src}-{package.config.languages.tgt}" for package in translating("", "")})
    wanted = " ".join(filter(None, (f"from {src}" if src else "", f"to {tgt}" if tgt else "")))
    raise PackageError(f"no model package translates {wanted}; there is {', '.join(pairs) or 'none'}: see `mtcli models`")
