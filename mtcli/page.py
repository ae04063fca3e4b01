"""One HTML page that needs no network, no script and no other file."""

from __future__ import annotations

from html import escape


def html(title: str, body: list[str]) -> str:
    """The whole page."""
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(body))


def section(title: str, content: str) -> list[str]:
    """A part of the page with its heading; nothing when there is nothing in it."""
    return [f"<section><h2>{title}</h2>", content, "</section>"] if content else []


def count(number: int, noun: str) -> str:
    """Such as `1 line` and `2,000 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def bar(value: float, style: str) -> str:
    """A number from 0 to 100 with its bar, in the colour `one` or `two`."""
    bars = f'<rect class="ground" width="100" height="10"/><rect class="{style}" width="{value:.1f}" height="10"/>'
    svg = f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
    return f'<span class="bar">{value:.1f}{svg}</span>'


def grid(heads: list[str], rows: list[list[str]]) -> str:
    """A table of HTML; cells that are no `<td>` yet become one, the first of a row its heading."""
    head = "".join(f"<th scope=col>{each}</th>" for each in heads)
    body = "".join(
        f"<tr><th scope=row>{first}</th>{''.join(c if c.startswith('<td') else f'<td>{c}</td>' for c in rest)}</tr>"
        for first, *rest in rows
    )
    return f'<div class="wide"><table class="grid-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

_STYLE = """
:root { --paper: #fdfcfa; --ink: #23211e; --soft: #6b665e; --rule: #e3ded5; --ground: #f1ede6; --one: #1c6a8c; --two: #c0571f; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #17181b; --ink: #e5e1d9; --soft: #9d978c; --rule: #33343a; --ground: #232429; --one: #74bcd9; --two: #e99a60; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; background: var(--paper); color: var(--ink); }
body { margin: 0; font: 1rem/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.25rem 5rem; }
h1, h2, .figures b { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif; }
h1, h2, h3 { font-weight: 500; line-height: 1.2; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: clamp(2rem, 6vw, 3rem); margin: .2rem 0 1rem; }
h1 span { color: var(--soft); white-space: nowrap; }
h2 { font-size: 1.5rem; margin: 0 0 1rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h3:first-of-type { margin-top: 0; }
header p { max-width: 42rem; overflow-wrap: anywhere; }
section { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: 1.5rem; }
.over { margin: 0; color: var(--soft); font-size: .8125rem; letter-spacing: .08em; text-transform: uppercase; }
.note, small, figcaption { color: var(--soft); font-size: .875rem; }
.note { max-width: 42rem; }
small { font-weight: 400; }
code { font: .8125rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono", monospace; overflow-wrap: anywhere; }
pre { margin: 0; padding: .9rem 1.1rem; background: var(--ground); border-radius: 4px; white-space: pre-wrap; }
pre code { font-size: .9375rem; }
.tested + .tested { margin-top: 2rem; }
.tested code { display: block; color: var(--soft); font-size: .75rem; padding-left: 1em; text-indent: -1em; }
.figures { display: flex; flex-wrap: wrap; gap: .25rem 2.5rem; list-style: none; margin: 0 0 .6rem; padding: 0; }
.figures li { color: var(--soft); }
.figures b { font-size: 2.75rem; font-weight: 400; line-height: 1.15; color: var(--ink); font-variant-numeric: lining-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 2rem 1.5rem; }
figure { margin: 0; display: flex; flex-direction: column; justify-content: space-between; }
figcaption { margin-bottom: .4rem; }
figcaption b { color: var(--ink); font-weight: 600; margin-right: .25em; }
figcaption i { font-style: normal; margin-left: .8em; white-space: nowrap; }
figcaption i::before { content: ""; display: inline-block; width: 1em; height: 3px; margin: 0 .4em .25em 0; }
figcaption i.one::before { background: var(--one); }
figcaption i.two::before { background: var(--two); }
figure svg { display: block; width: 100%; overflow: visible; font-size: 13px; font-variant-numeric: tabular-nums; }
svg text { fill: var(--soft); }
svg path { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
svg path.one { stroke: var(--one); } svg path.two { stroke: var(--two); }
svg .one { fill: var(--one); } svg .two { fill: var(--two); } svg .ground { fill: var(--ground); } svg path[class] { fill: none; }
svg .ring { fill: var(--paper); stroke: var(--one); stroke-width: 2; } svg .ring.two { stroke: var(--two); }
.grid, .tick { stroke: var(--rule); } .best { stroke: var(--soft); stroke-dasharray: 2 3; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: start; vertical-align: baseline; padding: .4rem .9rem .4rem 0; font-weight: 400; }
thead th, .pairs th, .sentences th { color: var(--soft); }
.pairs { font-variant-numeric: tabular-nums; }
.pairs tr { border-bottom: 1px solid var(--rule); }
.bar { display: grid; grid-template-columns: 2.6rem 1fr; align-items: center; }
.bar svg { width: 100%; height: .6rem; }
.pairs th { width: 14rem; } .pairs td { overflow-wrap: anywhere; }
.sentences { line-height: 1.5; }
.sentences tbody { border-bottom: 1px solid var(--rule); }
.sentences td, .sentences th { padding-block: .1rem; } .sentences tr:first-child > * { padding-top: .7rem; }
.sentences tr:last-child > *, .sentences [rowspan] { padding-bottom: .7rem; }
.sentences [rowspan] { width: 5rem; font-variant-numeric: tabular-nums; color: var(--ink); }
.sentences [scope=row] { width: 6rem; font-size: .8125rem; }
.sentences small { display: block; white-space: nowrap; }
.sentences td { overflow-wrap: anywhere; } .sentences .source { color: var(--soft); }
.sentences mark { background: none; color: inherit; text-decoration: underline wavy var(--two) 1px; }
.sentences mark { text-underline-offset: .25em; }
.systems { list-style: none; margin: 0; padding: 0; overflow-wrap: anywhere; }
.systems b { color: var(--one); margin-right: .4em; }
.wide { overflow-x: auto; }
.grid-table { font-variant-numeric: tabular-nums; } .grid-table tr { border-bottom: 1px solid var(--rule); }
.grid-table tbody th { white-space: nowrap; } .grid-table .bar { min-width: 7rem; } .grid-table b { font-weight: 600; }
.places { width: 60%; }
details { margin: .4rem 0; } details[open] { margin-bottom: 1.5rem; }
summary { cursor: pointer; padding: .3rem 0; } summary:hover { color: var(--one); }
@media (max-width: 36rem) {
  main { padding-top: 2rem; } .figures { gap: .25rem 1.5rem; } .figures b { font-size: 2.25rem; }
  pre code { font-size: .8125rem; } figure svg { font-size: 15px; } .pairs th { width: 9rem; }
  .bar { grid-template-columns: 1fr; }
  .sentences [rowspan] { width: 3.6rem; } .sentences [scope=row] { width: 5.4rem; }
}
"""
