"""Which package translates a text, by its languages."""

from __future__ import annotations

import logging

from mtcli.errors import DataError, PackageError
from mtcli.identify import BEYOND_DOUBT, guess
from mtcli.package import DEFAULT, ModelPackage, open_package, shipped, translating
from mtcli.tags import spelt

log = logging.getLogger("mtcli")

AUTO = "auto"


def choose(src: str, tgt: str, text: list[str]) -> ModelPackage:
    """The package for a text from `src` to `tgt`: the shipped default where both are empty; `auto` guesses `src` from the text.

    Raises PackageError when no package knows the languages, DataError when the text seems to be in `tgt` already.
    """
    if not (src or tgt):
        return open_package(str(shipped() / DEFAULT))
    packages = translating("", "")
    pairs = [pair for package in packages for pair in package.config.languages.pairs]
    tgt, looks = spelt(tgt, [to for _, to in pairs]), ""
    if src != AUTO:
        src = spelt(src, [from_ for from_, _ in pairs])
    else:
        known = [package.config.languages for package in packages]
        fitting = {source for languages in known if languages.cover("", tgt) for source in languages.sources}
        src = guess(text, sorted(fitting | {tgt} - {""}), BEYOND_DOUBT) if fitting else ""
        looks = f"the text looks like {src}" if src else "the text does not tell its language" if fitting else ""
        if src and src == tgt:
            raise DataError(f"{looks} already, the language to translate to: name its own with --from")
    package = _first(src, tgt, packages, looks) if src or tgt else open_package(str(shipped() / DEFAULT))
    if looks and any(map(str.strip, text)):
        log.info("%s: translating with %s", looks, package.folder)
    return package


def _first(src: str, tgt: str, packages: list[ModelPackage], looks: str) -> ModelPackage:
    found = [package for package in packages if package.config.languages.cover(src, tgt)]
    pairs = sorted({pair for package in packages for pair in package.config.languages.pairs})
    if found:
        fitting = [
            f"{a}-{b}" for a, b in pairs if src in ("", a) and tgt in ("", b) and (a, b) not in found[0].config.languages.pairs
        ]
        if fitting and not looks:
            log.info("translating with %s; there is also %s: --from and --to choose", found[0].folder, ", ".join(fitting))
        return found[0]
    wanted = " ".join(
        filter(None, (looks and f"{looks}, and", "no model package translates", src and f"from {src}", tgt and f"to {tgt}"))
    )
    between = [b for a, b in pairs if a == src and (b, tgt) in pairs]
    if between:
        first, second = f"--from {src} --to {between[0]}", f"--from {between[0]} --to {tgt}"
        raise PackageError(f"{wanted} at once: `mtcli translate {first} | mtcli translate {second}` does in two steps")
    raise PackageError(f"{wanted}; there is {', '.join(f'{a}-{b}' for a, b in pairs) or 'none'}: see `mtcli models`")
