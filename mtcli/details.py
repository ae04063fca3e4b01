"""What lies behind a score, for a terminal."""

from __future__ import annotations

from mtcli.analysis import MOST_LINES, Analysis, Sentence, letter
from mtcli.tables import plain, table
from mtcli.words import differences, shortened

MARKS = (("[-", "-]"), ("{+", "+}"))
"""Around words of a reference that are not in the translation, and the other way round."""
COLOURS = (("\x1b[31m", "\x1b[0m"), ("\x1b[33m", "\x1b[0m"))
"""The same for a terminal."""


def analysed(analysis: Analysis, form: str, coloured: bool = False) -> str:
    """What lies behind the scores, for reading from top to bottom."""
    parts = (
        ["\n".join(f"{letter(i)}: {plain(name)}" for i, name in enumerate(analysis.systems))] if len(analysis.systems) > 1 else []
    )
    for each in analysis.tables:
        rows = [["", *filter(None, [each.counted]), *_lettered(each.measures, analysis)]]
        for row in each.rows:
            values = [f"{value:.2f}" for of_systems in zip(*row.values, strict=True) for value in of_systems]
            rows.append([row.label, *([f"{row.count:,}"] if each.counted else []), *values])
        parts.append(f"{_heading(each.title, form)}\n{table(rows, form)}")
    for ngrams in analysis.ngrams:
        heads = ["in refs", *_lettered([ngrams.counted], analysis)]
        rows = [["words", *heads], *([each.text, str(each.in_refs), *map(str, each.counts)] for each in ngrams.ngrams)]
        parts.append(f"{_heading(ngrams.title, form)}\n{table(rows, form)}")
    parts.append(f"{_heading('Faults, in so many lines', form)}\n{table(_faults(analysis), form)}")
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
    rows = [("src", plain(shortened(shown.src)))] if shown.src else []
    rows.append(("ref", _marked(shown.ref, first, *marks[0])))
    for i, (hyp, score) in enumerate(zip(shown.hyps, shown.scores, strict=True)):
        rows.append((f"{letter(i)} {score:.1f}" if systems > 1 else "hyp", _marked(hyp, shown.ref, *marks[1])))
    head = f"line {shown.line}" + ("" if systems > 1 else f", chrF {shown.scores[0]:.1f}")
    width = max(len(name) for name, _ in rows)
    return "\n".join([head, *(f"  {name.ljust(width)}  {text}" for name, text in rows)])


def _marked(text: str, other: str, begin: str, end: str) -> str:
    return "".join(
        f"{begin}{plain(part)}{end}" if differs else plain(part)
        for part, differs in differences(shortened(text), shortened(other))
    )
