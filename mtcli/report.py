"""The report of a training: one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import dataclass
from html import escape
from itertools import accumulate, pairwise
from typing import Any

from mtcli.config import Config
from mtcli.scoring import Score, score

Points = list[tuple[float, float]]
Records = list[dict[str, Any]]

MOST_POINTS = 400
"""Points of a curve: more than this no eye tells apart."""
MOST_LETTERS = 400
"""Of a sentence that is shown; the rest is cut off."""
SHOWN = 10
"""Best and worst sentences."""
BUCKETS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, math.inf))
"""Lengths of source sentences, in words; an empty line counts as one word."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
"""What blanks separate; letters of scripts that are written without blanks count one by one."""


_LOWER = {"TER": ", lower is better"}


@dataclass(frozen=True)
class Tested:
    """One test set and how it was translated."""

    name: str
    """Such as `dev` or `test`."""
    lines: list[tuple[str, str, str]]
    """Source, reference and translation of each sentence."""
    scores: list[Score]


def html_report(
    name: str, config: Config, parameters: int, records: Records, tested: list[Tested], environment: dict[str, str]
) -> str:
    """One self-contained page about a finished training.

    `records` are the parsed lines of `training/metrics.jsonl`, in order; there may be none. `environment` is shown as it is.
    """
    languages = f"{config.languages.src or 'source'} → {config.languages.tgt or 'target'}"
    body = [
        f'<header><p class="over">Training report</p><h1><bdi>{escape(name)}</bdi> <span>{escape(languages)}</span></h1>',
        f"<p>{_summary(config, parameters)}</p></header>",
        *_section("Scores", "".join(map(_scores, tested))),
        *_section("How to use", f"<pre><code>mtcli translate -m {escape(shlex.quote(name))} &lt; input.txt</code></pre>"),
        *_section("Training", _training(records, config.training.label_smoothing)),
        *_section("By length of the source", _all_lengths(tested)),
        *_section("Sentences", "".join(_sentences(each, config, each is tested[-1]) for each in tested)),
        *_section("Configuration", _configuration(config)),
        *_section("Environment", f"<table class=pairs>{''.join(_pair(*item) for item in environment.items())}</table>"),
    ]
    return _PAGE.format(title=escape(f"{name}: {languages}"), style=_STYLE, body="\n".join(body))


def _section(title: str, content: str) -> list[str]:
    return [f"<section><h2>{title}</h2>", content, "</section>"] if content else []


def _summary(config: Config, parameters: int) -> str:
    model, data, scores = config.model, config.data, config.scores
    files = f" of <bdi>{escape(', '.join((*data.src, *data.tgt)))}</bdi>" if data.src else ""
    spent = scores.training_seconds
    duration = f"{spent / 60:.0f} minutes" if spent >= 120 else f"{spent:.0f} seconds"
    kept = f"Its weights are those of update {scores.step:,}, reached after {duration}. " if scores.step else ""
    return (
        f"A {model.architecture} of {parameters / 1e6:.1f} million parameters "
        f"({model.encoder_layers}+{model.decoder_layers} layers, width {model.width}), "
        f"trained on {data.pairs:,} sentence pairs{files}. "
        f"{kept}"
        f"Licence of the text: <bdi>{escape(data.licence) or 'not stated'}</bdi>."
    )


def _scores(tested: Tested) -> str:
    figures = "".join(
        f"<li><b>{each.value:.2f}</b> {escape(each.name)}{_LOWER.get(each.name, '')}</li>" for each in tested.scores
    )
    signatures = "".join(f"<code>{escape(str(each))}</code>" for each in tested.scores)
    title = f"<h3><bdi>{escape(tested.name)}</bdi> <small>{_count(len(tested.lines), 'sentence')}</small></h3>"
    return f'<div class="tested">{title}<ul class="figures">{figures}</ul>{signatures}</div>'


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# Curves


@dataclass(frozen=True)
class _Curve:
    label: str
    style: str
    """`one` or `two`."""
    points: Points
    dots: bool = False
    """Few points, each of which can be asked for its value."""


def _training(records: Records, label_smoothing: float) -> str:
    steps = [each for each in records if "loss" in each and math.isfinite(each["loss"])]
    dev = [each["validation"] for each in records if "validation" in each]
    best = next((each["validation"] for each in reversed(records) if each.get("best")), None)
    if not steps and not dev:
        return "<p>There is no record of the training.</p>"
    at = float(best["step"]) if best else None
    says = f"best at update {best['step']:,}: BLEU {best['dev_bleu']:.2f}, chrF2 {best['dev_chrf']:.2f}" if best else ""
    figures = [
        _chart("Loss", "nats a target token", [_Curve("training", "one", _loss(steps)), _dev(dev, "dev_loss", "dev", "two")], at),
        _chart("Dev scores", "0 to 100", [_dev(dev, "dev_bleu", "BLEU", "one"), _dev(dev, "dev_chrf", "chrF2", "two")], at, says),
        _chart("Learning rate", "", [_Curve("", "one", _rates(steps))]),
        _chart("Speed", "target tokens a second", [_Curve("", "one", _speed(records))]),
    ]
    notes = (
        "Training loss and speed are smoothed over a fiftieth of the run; speed leaves out the time of validations. "
        f"Training loss includes label smoothing of {label_smoothing:g}, dev loss does not. "
        "Dev translations were decoded greedily, with the averaged weights."
    )
    return f'<div class="charts">{"".join(figures)}</div><p class="note">{notes}</p>'


def _dev(validations: Records, key: str, label: str, style: str) -> _Curve:
    return _Curve(label, style, [(each["step"], each[key]) for each in validations], dots=True)


def _kept(count: int) -> list[int]:
    """Places of at most MOST_POINTS + 1 of `count` items, the last one among them."""
    return sorted({*range(0, count, math.ceil(count / MOST_POINTS) or 1), count - 1} - {-1})


def _smooth(steps: list[float], values: list[float], weights: list[float]) -> Points:
    """Sum of values over sum of weights in a window of a fiftieth of all, thinned out."""
    count, half = len(steps), len(steps) // 100
    above, below = [0.0, *accumulate(values)], [0.0, *accumulate(weights)]
    spans = ((i, max(0, i - half), min(count, i + half + 1)) for i in _kept(count))
    return [(steps[i], (above[b] - above[a]) / (below[b] - below[a])) for i, a, b in spans]


def _loss(steps: Records) -> Points:
    tokens = [float(each["tgt_tokens"]) for each in steps]
    sums = [each["loss"] * each["tgt_tokens"] for each in steps]
    return _smooth([each["step"] for each in steps], sums, tokens)


def _rates(steps: Records) -> Points:
    return [(steps[i]["step"], steps[i]["learning_rate"]) for i in _kept(len(steps))]


def _speed(records: Records) -> Points:
    """Tokens a second of every update that directly follows another one."""
    pairs = [(a, b) for a, b in pairwise(records) if "loss" in a and "loss" in b]
    pairs = [(a, b) for a, b in pairs if b["seconds"] > a["seconds"]]
    seconds = [b["seconds"] - a["seconds"] for a, b in pairs]
    return _smooth([b["step"] for _, b in pairs], [float(b["tgt_tokens"]) for _, b in pairs], seconds)


# Charts, in units of a pixel

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 56, 26, 14, 40
"""Room around the curves."""


def _chart(title: str, unit: str, curves: list[_Curve], best: float | None = None, says: str = "") -> str:
    """A figure with its caption; `best` is the update to mark, `says` what to say of it. Empty without any points."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return ""
    right = max(x for x, _ in points)
    rows = _ticks(max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round(LEFT + x / (right or 1) * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - y / rows[-1] * (HEIGHT - TOP - BOTTOM), 1),
        )

    parts = [_grid([(place(0, y)[1], y) for y in rows], [(place(x, 0)[0], x) for x in _ticks(right) if x <= right])]
    if best is not None:
        x, _ = place(best, 0)
        side = "end" if best > right / 2 else "start"
        parts.append(f'<line class="best" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x + (-6 if side == "end" else 6)}" y="{HEIGHT - BOTTOM - 7}" text-anchor="{side}">best</text>')
    parts += [_line(curve, [place(*point) for point in curve.points], best) for curve in curves if curve.points]
    keys = "".join(f' <i class="{curve.style}">{curve.label}</i>' for curve in curves if curve.label and curve.points)
    caption = f"<b>{title}</b> {unit}{keys}" + (f"<br>{says}" if says else "")
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title} over updates">{"".join(parts)}</svg>'
    return f"<figure><figcaption>{caption}</figcaption>{svg}</figure>"


def _ticks(high: float, most: int = 5) -> list[float]:
    """About `most` round numbers, evenly spaced, from 0 to `high` or the next above it."""
    rough = (high if high > 0 else 1.0) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * 0.999)
    return [i * step for i in range(math.ceil(high / step - 1e-9) + 1)] if high > 0 else [0.0, 1.0]


def _grid(rows: Points, columns: Points) -> str:
    """Lines and numbers for places on the page and the values there."""
    bottom, parts = HEIGHT - BOTTOM, []
    for y, value in rows:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.8g}</text>')
    for x, value in columns:
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 17}" text-anchor="middle">{value:,.8g}</text>')
    middle = (LEFT + WIDTH - RIGHT) // 2
    return "".join(parts) + f'<text x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">updates</text>'


def _line(curve: _Curve, places: Points, best: float | None) -> str:
    path = "L".join(f"{x:g} {y:g}" for x, y in places)
    svg = f'<path class="{curve.style}" d="M{path}"/>' if len(places) > 1 else ""
    if not curve.dots and len(places) > 1:
        return svg
    for (step, value), (x, y) in zip(curve.points, places, strict=True):
        size, ring = (4.5, " ring") if step == best else (2.5, "")
        said = f"{curve.label} {value:,.6g} at update {step:,}".strip()
        svg += f'<circle class="{curve.style}{ring}" cx="{x:g}" cy="{y:g}" r="{size}"><title>{said}</title></circle>'
    return svg


# Translations


def _words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def _all_lengths(tested: list[Tested]) -> str:
    note = "Bars go from 0 to 100. The length ratio is that of all translations to all references, in words."
    tables = "".join(map(_lengths, tested))
    return tables and f'{tables}<p class="note">{note}</p>'


def _lengths(tested: Tested) -> str:
    rows = []
    for low, high in BUCKETS:
        lines = [line for line in tested.lines if low <= max(1, _words(line[0])) <= high]
        if lines:
            bleu, chrf = score([hyp for *_, hyp in lines], [[ref for _, ref, _ in lines]], ("bleu", "chrf"))
            ratio = sum(_words(hyp) for *_, hyp in lines) / max(1, sum(_words(ref) for _, ref, _ in lines))
            label = f"{low}–{high}" if high < math.inf else f"{low} and more"
            cells = f"<td>{len(lines):,}</td><td>{_bar(bleu.value, 'one')}</td><td>{_bar(chrf.value, 'two')}</td>"
            rows.append(f"<tr><th scope=row>{label}</th>{cells}<td>{ratio:.2f}</td></tr>")
    if not rows:
        return ""
    heads = "".join(f"<th scope=col>{head}</th>" for head in ("Words", "Sentences", "BLEU", "chrF2", "Length ratio"))
    return (
        f'<h3><bdi>{escape(tested.name)}</bdi></h3><table class="lengths"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _bar(value: float, style: str) -> str:
    bars = f'<rect class="ground" width="100" height="10"/><rect class="{style}" width="{value:.1f}" height="10"/>'
    svg = f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
    return f'<span class="bar">{value:.1f}{svg}</span>'


def _sentences(tested: Tested, config: Config, opened: bool) -> str:
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    values = [chrf.sentence_score(hyp, [ref]).score for _, ref, hyp in tested.lines]
    order = sorted(range(len(values)), key=lambda i: (-values[i], -len(tested.lines[i][1])))
    best, worst = order[:SHOWN], order[SHOWN:][-SHOWN:][::-1]
    parts = []
    for title, chosen in (("best", best), ("worst", worst)):
        if chosen:
            rows = "".join(_sentence(i + 1, values[i], tested.lines[i], config) for i in chosen)
            head = f"<summary><bdi>{escape(tested.name)}</bdi>: the {title} {len(chosen)} by chrF of the sentence</summary>"
            parts.append(f'<details{" open" if opened else ""}>{head}<table class="sentences">{rows}</table></details>')
    return "".join(parts)


def _sentence(number: int, value: float, line: tuple[str, str, str], config: Config) -> str:
    """Three rows below each other, where reference and translation are easily compared."""
    codes = (config.languages.src, config.languages.tgt, config.languages.tgt)
    first = f"<th scope=rowgroup rowspan=3><b>{value:.1f}</b><small>line {number:,}</small></th>"
    rows = []
    for label, text, code in zip(("source", "reference", "translation"), line, codes, strict=True):
        shown = text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "…"
        lang = f' lang="{escape(code)}"' if code else ""
        rows.append(f'<tr>{first}<th scope=row>{label}</th><td class="{label}" dir="auto"{lang}>{escape(shown)}</td></tr>')
        first = ""
    return f"<tbody>{''.join(rows)}</tbody>"


# Tables of names and values


def _pair(name: str, value: str) -> str:
    return f'<tr><th scope=row>{escape(name)}</th><td dir="auto">{escape(value)}</td></tr>'


def _configuration(config: Config) -> str:
    parts = []
    for section, values in config.to_dict().items():
        if isinstance(values, dict):
            rows = "".join(_pair(key, json.dumps(value, ensure_ascii=False)) for key, value in values.items())
            parts.append(f"<details><summary>[{section}]</summary><table class=pairs>{rows}</table></details>")
    return f'<p class="note">What <code>model.toml</code> says, format {config.format}.</p>{"".join(parts)}'


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
.lengths, .pairs { font-variant-numeric: tabular-nums; }
.lengths tr, .pairs tr { border-bottom: 1px solid var(--rule); }
.lengths th, .lengths td { white-space: nowrap; }
.lengths td:nth-child(3), .lengths td:nth-child(4) { width: 32%; }
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
details { margin: .4rem 0; } details[open] { margin-bottom: 1.5rem; }
summary { cursor: pointer; padding: .3rem 0; } summary:hover { color: var(--one); }
@media (max-width: 36rem) {
  main { padding-top: 2rem; } .figures { gap: .25rem 1.5rem; } .figures b { font-size: 2.25rem; }
  pre code { font-size: .8125rem; } figure svg { font-size: 15px; } .pairs th { width: 9rem; }
  .bar { grid-template-columns: 1fr; } .lengths th, .lengths td { padding-right: .6rem; white-space: normal; }
  .lengths td:nth-child(3), .lengths td:nth-child(4) { width: 24%; }
  .sentences [rowspan] { width: 3.6rem; } .sentences [scope=row] { width: 5.4rem; }
}
"""
