"""Scores as people and programs read them: lines with signatures, tables, JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any
from unicodedata import category

from mtcli.lines import as_text

if TYPE_CHECKING:
    from mtcli.scoring import Compared, Score

FORMS = ("text", "markdown", "tsv", "json", "bare")
_JOINERS = "\u200c\u200d"
"""Persian, Indic scripts and emoji are written with them."""
SIGNIFICANT = 0.05
"""Below it a difference is said to hold."""


def scored(scores: list[Score], form: str) -> str:
    """The scores of one system."""
    if form == "bare":
        return "\n".join(f"{each.value:.2f}" for each in scores)
    if form == "text":
        return "\n".join(map(str, scores))
    return table([["metric", "score", "signature"], *([each.name, f"{each.value:.2f}", each.signature] for each in scores)], form)


def compared(metrics: list[Compared], form: str) -> str:
    """The scores of several systems, with what is known of their differences to the first one."""
    if form == "bare":
        return "\n".join(" ".join(f"{metric.systems[i].value:.2f}" for metric in metrics) for i in range(len(metrics[0].systems)))
    rows = [["system"], *([each.system] for each in metrics[0].systems)]
    if form == "tsv":
        return table(_plain_columns(metrics, rows), form)
    for metric in metrics:
        rows[0] += [metric.name, "95 %", "p"]
        for row, each in zip(rows[1:], metric.systems, strict=True):
            interval = "" if each.interval is None else f"{each.mean:.2f} ± {each.interval:.2f}"
            row += [f"{each.value:.2f}", interval, "" if each.p_value is None else f"{each.p_value:.4f}{holds(each.p_value)}"]
    notes = [f"{metric.name}: {metric.signature}" for metric in metrics]
    return "\n".join(
        [table(rows, form), "", f"* p < {SIGNIFICANT}: the difference to {plain(rows[1][0])} is more than chance", *notes]
    )


def _plain_columns(metrics: list[Compared], rows: list[list[str]]) -> list[list[str]]:
    """One number a cell, with the signature in the heading."""
    for metric in metrics:
        rows[0] += [f"{metric.name}|{metric.signature}", f"{metric.name} mean", f"{metric.name} 95 % +-", f"{metric.name} p"]
        for row, each in zip(rows[1:], metric.systems, strict=True):
            row += ["" if value is None else f"{value:.4f}" for value in (each.value, each.mean, each.interval, each.p_value)]
    return rows


def holds(p_value: float | None) -> str:
    """A star where a difference is more than chance."""
    return "*" if p_value is not None and p_value < SIGNIFICANT else ""


def table(rows: list[list[str]], form: str) -> str:
    """Rows of cells, the first of them the heading, as tsv, markdown or text."""
    rows = [list(map(plain, row)) for row in rows]
    if form == "tsv":
        return "\n".join("\t".join(row) for row in rows)
    if form == "markdown":
        rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    if form == "markdown":
        padded.insert(1, ["-" * max(3, width) for width in widths])
        return "\n".join(f"| {' | '.join(row)} |" for row in padded)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def plain(text: str) -> str:
    """The text on one line, without what could steer a terminal; bytes of a file name that are no UTF-8 become `?`."""
    return "".join(map(_plain, as_text(text)))


def _plain(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    return " " if category(letter) == "Zs" else letter.encode("unicode_escape").decode()


def as_json(values: Any) -> str:
    """Dataclasses, and lists and dictionaries of them, as JSON; bytes of a file name that are no UTF-8 become `?`."""
    return as_text(json.dumps(values, default=dataclasses.asdict, indent=1, ensure_ascii=False))
