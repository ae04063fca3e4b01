"""Scores as people and programs read them: lines with signatures, tables, JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from mtcli.analysis import MOST_LINES, Analysis, Sentence, letter
from mtcli.scoring import Compared, Score
from mtcli.words import differences

FORMS = ("text", "markdown", "tsv", "json", "bare")
SIGNIFICANT = 0.05
"""Below it a difference is said to hold."""
MARKS = (("[-", "-]"), ("{+", "+}"))
"""Around words of a reference that are not in the translation, and the other way round."""
COLOURS = (("\x1b[31m", "\x1b[0m"), ("\x1b[33m", "\x1b[0m"))
"""The same for a terminal."""


def scored(scores: list[Score], form: str) -> str:
    """The scores of one system."""
    if form == "bare":
        return "\n".join(f"{each.value:.2f}" for each in scores)
    if form == "text":
        return "\n".join(map(str, scores))
    return _table(
        [["metric", "score", "signature"], *([each.name, f"{each.value:.2f}", each.signature] for each in scores)], form
    )


def compared(metrics: list[Compared], form: str) -> str:
    """The scores of several systems, with what is known of their differences to the first one."""
    if form == "bare":
        return "\n".join(" ".join(f"{metric.systems[i].value:.2f}" for metric in metrics) for i in range(len(metrics[0].systems)))
    rows = [["system"], *([each.system] for each in metrics[0].systems)]
    for metric in metrics:
        rows[0] += [metric.name, "95 %", "p"]
        for row, each in zip(rows[1:], metric.systems, strict=True):
            interval = "" if each.interval is None else f"{each.mean:.2f} ± {each.interval:.2f}"
            row += [f"{each.value:.2f}", interval, "" if each.p_value is None else f"{each.p_value:.4f}{holds(each.p_value)}"]
    if form == "tsv":
        return _table(rows, form)
    notes = [f"{metric.name}: {metric.signature}" for metric in metrics]
    return "\n".join([_table(rows, form), "", f"* p < {SIGNIFICANT}: the difference to {rows[1][0]} is more than chance", *notes])


def holds(p_value: float | None) -> str:
    """A star where a difference is more than chance."""
    return "*" if p_value is not None and p_value < SIGNIFICANT else ""


def analysed(analysis: Analysis, form: str, coloured: bool = False) -> str:
    """What lies behind the scores, for reading from top to bottom."""
    parts = ["\n".join(f"{letter(i)}: {name}" for i, name in enumerate(analysis.systems))] if len(analysis.systems) > 1 else []
    for table in analysis.tables:
        rows = [["", *filter(None, [table.counted]), *_lettered(table.measures, analysis)]]
        for row in table.rows:
            values = [f"{value:.2f}" for of_systems in zip(*row.values, strict=True) for value in of_systems]
            rows.append([row.label, *([f"{row.count:,}"] if table.counted else []), *values])
        parts.append(f"{_heading(table.title, form)}\n{_table(rows, form)}")
    for ngrams in analysis.ngrams:
        heads = ["in refs", *_lettered([ngrams.counted], analysis)]
        rows = [["words", *heads], *([each.text, str(each.in_refs), *map(str, each.counts)] for each in ngrams.ngrams)]
        parts.append(f"{_heading(ngrams.title, form)}\n{_table(rows, form)}")
    parts.append(f"{_heading('Faults, in so many lines', form)}\n{_table(_faults(analysis), form)}")
    for group in analysis.sentences:
        shown = "\n\n".join(sentence(each, len(analysis.systems), coloured) for each in group.sentences)
        parts.append(f"{_heading(group.title, form)}\n{shown}")
    return "\n\n".join(parts)


def _lettered(measures: list[str], analysis: Analysis) -> list[str]:
    if len(analysis.systems) == 1:
        return measures
    return [f"{measure} {letter(i)}" for measure in measures for i in range(len(analysis.systems))]


def _heading(title: str, form: str) -> str:
    return f"### {title}\n" if form == "markdown" else title


def _faults(analysis: Analysis) -> list[list[str]]:
    several = len(analysis.systems) > 1
    rows = [["", *_lettered(["lines"], analysis), *([] if several else ["such as"])]]
    for problem in analysis.problems:
        examples = [] if several else [" ".join(map(str, problem.lines[0][:MOST_LINES]))]
        rows.append([problem.name, *(f"{len(lines):,}" for lines in problem.lines), *examples])
    return rows


def sentence(shown: Sentence, systems: int, coloured: bool) -> str:
    """One line of the test set, with differences between reference and translation marked."""
    marks = COLOURS if coloured else MARKS
    first = shown.hyps[0]
    rows = [("src", shown.src)] if shown.src else []
    rows.append(("ref", _marked(shown.ref, first, *marks[0])))
    for i, (hyp, score) in enumerate(zip(shown.hyps, shown.scores, strict=True)):
        rows.append((f"{letter(i)} {score:.1f}" if systems > 1 else "hyp", _marked(hyp, shown.ref, *marks[1])))
    head = f"line {shown.line}" + ("" if systems > 1 else f", chrF {shown.scores[0]:.1f}")
    width = max(len(name) for name, _ in rows)
    return "\n".join([head, *(f"  {name.ljust(width)}  {text}" for name, text in rows)])


def _marked(text: str, other: str, begin: str, end: str) -> str:
    return "".join(f"{begin}{_plain(part)}{end}" if differs else _plain(part) for part, differs in differences(text, other))


def _plain(text: str) -> str:
    """Without what could steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _table(rows: list[list[str]], form: str) -> str:
    if form == "tsv":
        return "\n".join("\t".join(row) for row in rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    if form == "markdown":
        padded.insert(1, ["-" * max(3, width) for width in widths])
        return "\n".join(f"| {' | '.join(row)} |" for row in padded)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def as_json(values: Any) -> str:
    """Dataclasses, and lists and dictionaries of them, as JSON."""
    return json.dumps(values, default=dataclasses.asdict, indent=1, ensure_ascii=False)
