"""Training on a terminal: a panel at its foot that is drawn again and again, and text that stays above it."""

from __future__ import annotations

import itertools
import logging
import math
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from mtcli.config import ScoreRecord
    from mtcli.run import TrainingRun, ValidationRecord
    from mtcli.training.loop import StepRecord

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_POINTS = 512
"""Points that a curve holds at most."""
LONGEST = 1000
"""Characters of a sentence that may be shown."""
FIRST_STEPS = 10
"""Updates after which the time left can be told."""
REDRAWS = 2.0
"""Frames a second."""
WRAP_OFF, WRAP_ON = "\x1b[?7l", "\x1b[?7h"
"""A terminal may think a letter wider than rich does: its lines must end at the edge even so, or the panel would creep."""


class Curve:
    """Values in order, bounded: when there are too many, every other one is dropped, and from then on every other new one."""

    def __init__(self) -> None:
        self.points: list[float] = []
        self._added = 0
        self._every = 1

    def add(self, value: float) -> None:
        """Put a value at the end."""
        if self._added % self._every == 0:
            self.points.append(value)
        self._added += 1
        if len(self.points) == MOST_POINTS:
            self.points = self.points[::2]
            self._every *= 2


def sparkline(values: Sequence[float], width: int) -> str:
    """A block for each value, or for the mean of some neighbours, so that there are at most `width` of them."""
    values = [value for value in values if math.isfinite(value)]
    if len(values) > width > 0:
        edges = [i * len(values) // width for i in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    if not values or width < 1:
        return ""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[3] * len(values)
    return "".join(BLOCKS[round((value - low) / (high - low) * 7)] for value in values)


def clean(text: str) -> str:
    """The text as one line, without what has no place of its own in it: control characters, marks of direction, joiners."""
    kept = (c for c in " ".join(text[:LONGEST].split()) if unicodedata.category(c)[0] != "C" and c not in "\ufe0e\ufe0f")
    return "".join(kept)


def clock(seconds: float) -> str:
    """`0:42`, `12:03`, `3:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Meter:
    """Where training stands, smoothed, and how it went."""

    def __init__(self, run: TrainingRun) -> None:
        self._run = run
        self.record: StepRecord | None = None
        """The newest update of this run."""
        self.loss = 0.0
        self.losses, self.dev_losses, self.bleus, self.chrfs = Curve(), Curve(), Curve(), Curve()
        self._seen = self._smoothed = 0
        self._tokens = self._seconds = 0.0  # of a step
        self._last = self._started = run.loop.seconds
        self._first_step, self._first_share = run.loop.step, run.loop.used()

    def recall(self) -> None:
        """Take in what earlier runs have logged."""
        for values in self._run.logged():
            if scores := values.get("validation"):
                self._curves(scores["dev_loss"], scores["dev_bleu"], scores["dev_chrf"])
            else:
                self._smooth(values["loss"])

    def step(self, record: StepRecord) -> None:
        """Take in an update."""
        seconds, self._last = record.seconds - self._last, record.seconds
        self._seen += 1
        share = max(0.02, 1 / self._seen)
        self._tokens += share * (record.tgt_tokens - self._tokens)
        self._seconds += share * (seconds - self._seconds)
        self._smooth(record.loss)
        self.record = record

    def validation(self, scores: ScoreRecord) -> None:
        """Take in a validation, whose time is none of the next update's."""
        self._curves(scores.dev_loss, scores.dev_bleu, scores.dev_chrf)
        self._last = self._run.loop.seconds

    @property
    def rate(self) -> float:
        """Target tokens a second."""
        return self._tokens / max(self._seconds, 1e-6)

    @property
    def left(self) -> str:
        """Time until the budget is used up; empty while it cannot be told."""
        loop = self._run.loop
        known = [loop.config.seconds - loop.seconds] if loop.config.seconds else []
        if self._seen >= FIRST_STEPS:
            took = self._last - self._started
            if loop.config.steps:
                known.append((loop.config.steps - loop.step) * took / (loop.step - self._first_step))
            elif loop.config.epochs and loop.progress > self._first_share:
                known.append((1 - loop.progress) * took / (loop.progress - self._first_share))
        return f"{clock(max(0.0, min(known)))} left" if known else ""

    def _smooth(self, loss: float) -> None:
        self._smoothed += 1
        self.loss += max(0.02, 1 / self._smoothed) * (loss - self.loss)
        self.losses.add(self.loss)

    def _curves(self, loss: float, bleu: float, chrf: float) -> None:
        for curve, value in ((self.dev_losses, loss), (self.bleus, bleu), (self.chrfs, chrf)):
            curve.add(value)


class Panel:
    """The panel, as a view of training and as something that rich can draw."""

    def __init__(self, run: TrainingRun, stopping: Callable[[], bool]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._run, self._stopping = run, stopping
        self._console = Console(stderr=True, highlight=False)
        self._meter = Meter(run)
        self._meter.recall()
        self._samples = [(clean(src), clean(ref), "") for src, ref in run.dev[:3]]
        self._sentences = [_sentence(sample, "") for sample in self._samples]
        self._ended = False
        self._handlers: list[logging.StreamHandler[TextIO]] = []
        self._live = Live(
            get_renderable=lambda: self,
            console=self._console,
            refresh_per_second=REDRAWS,
            redirect_stdout=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Panel:
        handlers = [h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler) and h.stream is sys.stderr]
        self._live.start()
        self._console.show_cursor(True)  # nobody could bring it back if the process is killed
        for handler in handlers:
            handler.setStream(sys.stderr)  # which prints above the panel now
        self._handlers = handlers
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended = True
        self._live.stop()
        for handler in self._handlers:
            handler.setStream(sys.stderr)
        self._handlers = []

    def write(self, text: str) -> None:
        """Show text that stays above the panel."""
        from rich.text import Text

        self._console.print(Text(text), soft_wrap=True)

    def step(self, record: StepRecord) -> None:
        """Take in an update."""
        self._meter.step(record)

    def validation(self, record: ValidationRecord) -> None:
        """Take in a validation and its translations."""
        self._meter.validation(record.scores)
        before = [hyp for *_, hyp in self._samples]
        self._samples = [(clean(src), clean(ref), clean(hyp)) for src, ref, hyp in record.samples]
        self._sentences = [_sentence(sample, old) for sample, old in zip(self._samples, before, strict=True)]

    def end(self, text: str) -> None:
        """Leave the last frame as it is and show the text below it."""
        self.__exit__()
        self.write(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import ControlType, Segment
        from rich.text import Text

        lines = self._lines(options.max_width, console.height)
        control = [(ControlType.CARRIAGE_RETURN,)]  # any: it says that the text takes no room
        yield Segment(WRAP_OFF, None, control)
        yield Text("\n", no_wrap=True, overflow="ellipsis", end="").join(lines)
        yield Segment(WRAP_ON, None, control)

    def _lines(self, width: int, height: int) -> Iterable[Text]:
        from rich.text import Text

        meter, blocks = self._meter, max(0, width - 26)
        name = f"── {clean(self._run.package.folder.name)} "
        yield Text(name + "─" * (width - len(name)), "dim")
        yield self._bar(width)
        yield self._facts(width)
        yield _curve("training loss", f"{meter.loss:.2f}", meter.losses, blocks)
        yield _curve("dev loss", "{:.2f}", meter.dev_losses, blocks)
        yield _curve("dev BLEU", "{:.1f}", meter.bleus, blocks)
        yield _curve("dev chrF", "{:.1f}", meter.chrfs, blocks)
        yield self._best(width)
        for sentence in self._sentences[: max(0, (height - 10) // 4)]:
            yield from sentence
        if not self._ended:
            hint = "saving after this step; once more stops at once" if self._stopping() else "Ctrl-C saves and stops"
            yield Text(f" {hint}", "bold" if self._stopping() else "dim")

    def _bar(self, width: int) -> Text:
        from rich.text import Text

        loop = self._run.loop
        text = f"  {loop.progress:4.0%}  {clock(loop.seconds)} used  {self._meter.left}"
        room = max(4, width - len(text) - 2)
        full = round(room * loop.progress)
        return Text.assemble(" ", ("━" * full, "cyan"), ("─" * (room - full), "dim"), text)

    def _facts(self, width: int) -> Text:
        from rich.text import Text

        record, steps = self._meter.record, self._run.loop.config.steps
        if record is None:
            return Text(" before the first step", "dim")
        of = f" of {steps:,}" if steps else ""
        facts = [f"step {record.step:,}{of}", f"epoch {record.epoch}", f"{self._meter.rate:,.0f} tokens/s"]
        return Text(fitting([*facts, f"learning rate {record.learning_rate:.2e}"], "   ", width))

    def _best(self, width: int) -> Text:
        from rich.text import Text

        best, patience = self._run.best, self._run.package.config.training.patience
        if best.dev_bleu < 0:
            return Text(" no validation yet", "dim")
        if best.step == self._run.validated_at:
            since = "the newest one"
        else:
            since = f"{self._run.stale} of {patience} validations without progress" if self._run.stale else "the loss still falls"
        label = f" {'best':<14}"
        return Text.assemble(
            (label, "dim"), fitting([f"BLEU {best.dev_bleu:.1f} at step {best.step:,}", since], ", ", width - len(label))
        )


def fitting(facts: list[str], between: str, width: int) -> str:
    """As many of the facts as have room, the first one always."""
    line = f" {facts[0]}"
    for fact in facts[1:]:
        if len(line + between + fact) > width:
            break
        line += between + fact
    return line


def _curve(label: str, value: str, curve: Curve, blocks: int) -> Text:
    """A name, the last value and its history, wider where there are few points and much room."""
    from rich.text import Text

    points = list(curve.points)
    last = value.format(points[-1]) if points else "-"
    stretch = max(1, min(3, blocks // 50)) if len(points) <= 50 else 1
    blown = [point for point in points for _ in range(stretch)]
    return Text.assemble((f" {label:<14}", "dim"), f"{last:>6}  ", (sparkline(blown, blocks), "cyan"))


def _sentence(sample: tuple[str, str, str], before: str) -> list[Text]:
    """Source, reference and translation, with an empty line before; words that are new in the translation stand out a little."""
    from rich.text import Text

    src, ref, hyp = sample
    old = set(before.split())
    words = [(word + " ", "cyan" if before and word not in old else "") for word in hyp.split()]
    return [
        Text(""),
        Text.assemble((" source       ", "dim"), (src, "dim")),
        Text.assemble((" reference    ", "dim"), (ref, "dim")),
        Text.assemble((" translation  ", "dim"), *words),
    ]
