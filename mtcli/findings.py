"""What lies behind a score, as one page for a browser."""

from __future__ import annotations

from html import escape
from pathlib import Path

from mtcli.analysis import Analysis, NGrams, Problem, Sentence, Sentences, Table, letter
from mtcli.assess import Assessment
from mtcli.package import write
from mtcli.page import bar, count, grid, html, section
from mtcli.tables import SIGNIFICANT, holds
from mtcli.words import differences, shortened

EXAMPLES = 20
"""Numbers of lines with a fault."""


def write_findings(path: str, found: Assessment) -> None:
    """Write the page. Raises DataError when that cannot be."""
    write(Path(path), findings_page(found).encode(errors="replace"))


def findings_page(found: Assessment) -> str:
    """The page. `found` has an analysis."""
    assert found.analysis
    lines = sum(row.count for row in found.analysis.tables[0].rows)
    several = len(found.systems) > 1
    names = "".join(f"<li><b>{letter(i)}</b> <bdi>{escape(name)}</bdi></li>" for i, name in enumerate(found.systems))
    title = f"{len(found.systems)} systems" if several else found.systems[0]
    body = [
        '<header><p class="over">Scores, seen through</p>',
        f"<h1><bdi>{escape(title)}</bdi> <span>{count(lines, 'line')}</span></h1>",
        f"<ul class=systems>{names}</ul></header>" if several else "</header>",
        *section("Scores", _compared(found) if found.compared else _scores(found)),
        *(part for table in found.analysis.tables for part in section(table.title, _table(table, several))),
        *section("Faults", _faults(found.analysis.problems, several)),
        *section("Words in a row", _ngrams(found.analysis, several)),
        *section("Sentences", "".join(_sentences(group, several) for group in found.analysis.sentences)),
    ]
    return html(f"{title}: scores", body)


def _scores(found: Assessment) -> str:
    figures = "".join(f"<li><b>{each.value:.2f}</b> {escape(each.name)}</li>" for each in found.scores)
    signatures = "".join(f"<code>{escape(str(each))}</code>" for each in found.scores)
    return f'<div class="tested"><ul class="figures">{figures}</ul>{signatures}</div>'


def _compared(found: Assessment) -> str:
    rows = []
    for i in range(len(found.systems)):
        cells = []
        for metric in found.compared:
            each = metric.systems[i]
            spread = "" if each.interval is None else f" <small>{each.mean:.2f} ± {each.interval:.2f}</small>"
            chance = "" if each.p_value is None else f" <small>p = {each.p_value:.4f}{holds(each.p_value)}</small>"
            cells.append(f"<td><b>{each.value:.2f}</b>{spread}{chance}</td>")
        rows.append([letter(i), *cells])
    heads = ["", *(escape(metric.name) for metric in found.compared)]
    signatures = "".join(f"<code>{escape(metric.name)}: {escape(metric.signature)}</code>" for metric in found.compared)
    note = f'<p class="note">* p &lt; {SIGNIFICANT}: the difference to A is more than chance.</p>'
    return f'{grid(heads, rows)}{note}<div class="tested">{signatures}</div>'


def _table(table: Table, several: bool) -> str:
    systems = len(table.rows[0].values) if table.rows else 0
    heads = ["", *filter(None, [table.counted.capitalize()])]
    heads += [f"{measure} {letter(i) if several else ''}" for measure in table.measures for i in range(systems)]
    rows = []
    for row in table.rows:
        cells = []
        for number, measure in enumerate(table.measures):
            for i, values in enumerate(row.values):
                value = values[number]
                cells.append(f"{value:.2f}" if measure == "ratio" else bar(value, ("one", "two")[i % 2]))
        rows.append([row.label, *([f"{row.count:,}"] if table.counted else []), *cells])
    return grid(heads, rows)


def _faults(problems: list[Problem], several: bool) -> str:
    systems = len(problems[0].lines)
    rows = []
    for problem in problems:
        cells = []
        for lines in problem.lines:
            places = ", ".join(f"{line:,}" for line in lines[:EXAMPLES]) + (" …" if len(lines) > EXAMPLES else "")
            cells += [f"{len(lines):,}", f'<td class="places"><small>{places}</small></td>']
        rows.append([problem.name, *cells])
    heads = ["", *(head for i in range(systems) for head in (f"Lines {letter(i) if several else ''}", ""))]
    return grid(heads, rows)


def _ngrams(analysis: Analysis, several: bool) -> str:
    return f'<div class="charts">{"".join(_some_ngrams(each, several) for each in analysis.ngrams)}</div>'


def _some_ngrams(ngrams: NGrams, several: bool) -> str:
    counts = len(ngrams.ngrams[0].counts) if ngrams.ngrams else 0
    heads = ["", "In references", *(f"{ngrams.counted.capitalize()} {letter(i) if several else ''}" for i in range(counts))]
    rows = [[f"<bdi>{escape(each.text)}</bdi>", f"{each.in_refs:,}", *(f"{n:,}" for n in each.counts)] for each in ngrams.ngrams]
    return f"<div><h3>{ngrams.title}</h3>{grid(heads, rows)}</div>"


def _sentences(group: Sentences, several: bool) -> str:
    if not group.sentences:
        return ""
    rows = "".join(_sentence(each, several) for each in group.sentences)
    return f'<h3>{group.title}</h3><table class="sentences">{rows}</table>'


def _sentence(shown: Sentence, several: bool) -> str:
    """Rows below each other, in which what differs is marked."""
    first, *_ = shown.hyps
    rows = [("source", "source", escape(shortened(shown.src)))] if shown.src else []
    rows.append(("reference", "reference", _marked(shown.ref, first)))
    for i, (hyp, score) in enumerate(zip(shown.hyps, shown.scores, strict=True)):
        rows.append((f"{letter(i)} {score:.1f}" if several else "translation", "translation", _marked(hyp, shown.ref)))
    value = "" if several else f"<b>{shown.scores[0]:.1f}</b>"
    head = f"<th scope=rowgroup rowspan={len(rows)}>{value}<small>line {shown.line:,}</small></th>"
    body = ""
    for label, style, text in rows:
        body += f'<tr>{head}<th scope=row>{label}</th><td class="{style}" dir="auto">{text}</td></tr>'
        head = ""
    return f"<tbody>{body}</tbody>"


def _marked(text: str, other: str) -> str:
    parts = differences(shortened(text), shortened(other))
    return "".join(f"<mark>{escape(part)}</mark>" if differs else escape(part) for part, differs in parts)
