"""The report of a training: one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from html import escape
from itertools import accumulate, pairwise
from typing import Any

from mtcli.analysis import TestSet, by_length
from mtcli.config import Config
from mtcli.page import bar, count, grid, html, section
from mtcli.scoring import Score, bleu_for, chrf_of_sentences
from mtcli.words import shortened

Points = list[tuple[float, float]]
Records = list[dict[str, Any]]

MOST_POINTS = 400
"""Points of a curve: more than this no eye tells apart."""
SHOWN = 10
"""Best and worst sentences."""


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
    command = f"mtcli translate -m {shlex.quote(name)}{config.languages.choice} < input.txt"
    body = [
        f'<header><p class="over">Training report</p><h1><bdi>{escape(name)}</bdi> <span>{escape(languages)}</span></h1>',
        f"<p>{_summary(config, parameters)}</p></header>",
        *section("Scores", "".join(map(_scores, tested))),
        *section("How to use", f"<pre><code>{escape(command)}</code></pre>"),
        *section("Training", _training(records, config.training.label_smoothing)),
        *section("By length of the source", _all_lengths(tested)),
        *section("Sentences", "".join(_sentences(each, config, each is tested[-1]) for each in tested)),
        *section("Configuration", _configuration(config)),
        *section("Environment", f"<table class=pairs>{''.join(_pair(*item) for item in environment.items())}</table>"),
    ]
    return html(f"{name}: {languages}", body)


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
    figures = "".join(f"<li><b>{each.value:.2f}</b> {escape(each.name)}</li>" for each in tested.scores)
    signatures = "".join(f"<code>{escape(str(each))}</code>" for each in tested.scores)
    title = f"<h3><bdi>{escape(tested.name)}</bdi> <small>{count(len(tested.lines), 'sentence')}</small></h3>"
    return f'<div class="tested">{title}<ul class="figures">{figures}</ul>{signatures}</div>'


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


def _all_lengths(tested: list[Tested]) -> str:
    note = "Bars go from 0 to 100. The length ratio is that of all translations to all references, in words."
    tables = "".join(map(_lengths, tested))
    return tables and f'{tables}<p class="note">{note}</p>'


def _lengths(tested: Tested) -> str:
    src, refs, hyps = ([line[i] for line in tested.lines] for i in range(3))
    table = by_length(TestSet([(tested.name, hyps)], [refs], src, bleu_for(refs)))
    rows = []
    for row in table.rows:
        [(bleu, chrf, ratio)] = row.values
        rows.append([row.label, f"{row.count:,}", bar(bleu, "one"), bar(chrf, "two"), f"{ratio:.2f}"])
    heads = ["Words", "Sentences", "BLEU", "chrF2", "Length ratio"]
    return f"<h3><bdi>{escape(tested.name)}</bdi></h3>{grid(heads, rows)}" if rows else ""


def _sentences(tested: Tested, config: Config, opened: bool) -> str:
    values = chrf_of_sentences([hyp for *_, hyp in tested.lines], [[ref for _, ref, _ in tested.lines]])
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
        lang = f' lang="{escape(code)}"' if code else ""
        rows.append(
            f'<tr>{first}<th scope=row>{label}</th><td class="{label}" dir="auto"{lang}>{escape(shortened(text))}</td></tr>'
        )
        first = ""
    return f"<tbody>{''.join(rows)}</tbody>"


# Tables of names and values


def _pair(name: str, value: str) -> str:
    return f'<tr><th scope=row>{escape(name)}</th><td dir="auto">{escape(value)}</td></tr>'


def _configuration(config: Config) -> str:
    parts = []
    for name, values in config.to_dict().items():
        if isinstance(values, dict):
            rows = "".join(_pair(key, json.dumps(value, ensure_ascii=False)) for key, value in values.items())
            parts.append(f"<details><summary>[{name}]</summary><table class=pairs>{rows}</table></details>")
    return f'<p class="note">What <code>model.toml</code> says, format {config.format}.</p>{"".join(parts)}'
