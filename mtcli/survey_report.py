"""A survey of a corpus as people read it: in a terminal, and as a page for a browser."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from pathlib import Path

from mtcli.package import write
from mtcli.page import bar, grid, html, section
from mtcli.survey import LENGTHS, RATIOS, Side, Survey
from mtcli.tables import plain, table
from mtcli.words import bucket_name

BAR = 30
"""Letters of the longest bar."""

Rows = list[list[str]]


def _figures(found: Survey) -> Rows:
    """What is counted of each side."""

    def each(name: str, src: object, tgt: object) -> list[str]:
        return [name, *(f"{value:,}" if isinstance(value, int) else str(value) for value in (src, tgt))]

    src, tgt = found.src, found.tgt
    rows = [
        each("words", src.words, tgt.words),
        each("characters", src.characters, tgt.characters),
        each("words a line", *(f"{side.words / found.pairs:.1f}" for side in (src, tgt))),
        each("different lines", src.distinct, tgt.distinct),
        each("empty lines", src.empty, tgt.empty),
        each("with broken characters", src.odd, tgt.odd),
        each("with invalid UTF-8", src.invalid, tgt.invalid),
        each("scripts", *(_shares(side.scripts) for side in (src, tgt))),
        each("languages", *(_shares(side.languages) for side in (src, tgt))),
    ]
    if src.pieces_per_word is not None and tgt.pieces_per_word is not None:
        rows.append(each("pieces a word", f"{src.pieces_per_word:.2f}", f"{tgt.pieces_per_word:.2f}"))
    return rows


def _shares(shares: dict[str, float]) -> str:
    some = [f"{name.lower()} {100 * share:.1f} %" for name, share in shares.items() if share >= 0.001]
    return ", ".join(some[:3]) or "none"


def _pairs(found: Survey) -> Rows:
    """What is counted of pairs."""
    rows = [
        ["pairs", f"{found.pairs:,}"],
        ["the same pair again", _part(found.pairs - found.distinct, found)],
        ["both sides equal", _part(found.identical, found)],
    ]
    if found.overlap is not None:
        rows.append(["sharing a side with held-out text", _part(found.overlap, found)])
    return rows


def _part(count: int, found: Survey) -> str:
    return f"{count:,} ({100 * count / found.pairs:.2f} %)" if count else "0"


def _lengths(side: Side) -> list[tuple[str, float]]:
    """Share of the lines in each bucket, in per cent."""
    total = max(1, sum(side.lengths))
    names = [f"{low}" if low == high else bucket_name(low, high) for low, high in LENGTHS]
    return [(name, 100 * count / total) for name, count in zip(names, side.lengths, strict=True)]


def _ratios(found: Survey) -> list[tuple[str, float]]:
    total = max(1, sum(found.ratios))
    names = [f"below {RATIOS[1]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(RATIOS[1:-1]))]
    return [(name, 100 * n / total) for name, n in zip([*names, f"{RATIOS[-2]:g} and more"], found.ratios, strict=True)]


def survey_text(found: Survey) -> str:
    """For a terminal."""
    lengths = [
        [name, *(f"{share:5.1f} % {'█' * round(share * BAR / 100)}" for share in shares)]
        for name, *shares in _beside(_lengths(found.src), _lengths(found.tgt))
    ]
    ratios = [[name, f"{share:5.1f} % {'█' * round(share * BAR / 100)}"] for name, share in _ratios(found)]
    parts = [
        table(_pairs(found), "text"),
        table([["", "source", "target"], *_figures(found)], "text"),
        table([["words", "source", "target"], *lengths], "text"),
        table([["target characters for one of the source", ""], *ratios], "text"),
        *map(plain, found.shifts),
    ]
    return "\n\n".join(parts)


def _beside(src: list[tuple[str, float]], tgt: list[tuple[str, float]]) -> list[tuple[str, float, float]]:
    return [(name, first, second) for (name, first), (_, second) in zip(src, tgt, strict=True)]


def write_survey(path: str, found: Survey, files: list[str]) -> None:
    """Write the page. Raises DataError when that cannot be."""
    write(Path(path), survey_page(found, files).encode(errors="replace"))


def survey_page(found: Survey, files: list[str]) -> str:
    """For a browser."""
    names = "".join(f"<li><bdi>{escape(name)}</bdi></li>" for name in files)
    lengths = [[n, bar(a, "one"), bar(b, "two")] for n, a, b in _beside(_lengths(found.src), _lengths(found.tgt))]
    body = [
        f'<header><p class="over">A parallel corpus</p><h1>{found.pairs:,} <span>pairs</span></h1>',
        f"<ul class=systems>{names}</ul></header>",
        *section("Pairs", grid(["", ""], _pairs(found)[1:])),
        *section("Sides", grid(["", "Source", "Target"], _figures(found))),
        *section("Lines by their length in words, in per cent", grid(["", "Source", "Target"], lengths)),
        *section(
            "Pairs by target characters for one of the source, in per cent",
            grid(["", ""], [[name, bar(share, "one")] for name, share in _ratios(found)]),
        ),
        *section("Shifted lines", "".join(f"<p>{escape(shift)}</p>" for shift in found.shifts)),
    ]
    return html(f"{found.pairs:,} pairs", body)
