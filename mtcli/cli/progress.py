"""How training looks: a bar on a terminal, plain lines elsewhere, nothing with -q. All of it on stderr."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from mtcli.trainer import Plan, TrainingRun, ValidationRecord
    from mtcli.training.loop import StepRecord

LINE_SECONDS = 20.0
"""Time between two plain lines."""


def follow(run: TrainingRun, quiet: bool) -> None:
    """Drive the run to its end and show it. Ctrl-C or SIGTERM saves and exits with 128 + the signal; a second one kills."""
    from mtcli.training.loop import StepRecord

    stop = Stop(quiet)
    meter = Meter(run)
    with _view(quiet) as view:
        view.write(_plan(run.plan))
        for record in run.records():
            if isinstance(record, StepRecord):
                view.step(meter.update(record), record.progress)
            else:
                view.write(_validation(record))
            if stop.signal:
                run.save()
                view.write(f"stopped after step {run.loop.step}; the same command goes on from there")
                raise typer.Exit(128 + stop.signal)
        view.write(_end(run))


class Stop:
    """Remembers the first SIGINT or SIGTERM; the next one ends the process at once."""

    def __init__(self, quiet: bool) -> None:
        self.signal = 0
        self._quiet = quiet
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)
        if not self._quiet:
            os.write(2, b"\nmtcli: saving after this step; once more stops at once\n")


class Meter:
    """Smooths what the steps tell."""

    def __init__(self, run: TrainingRun) -> None:
        self._run = run
        self._loss = 0.0
        self._rate = 0.0
        self._last = run.loop.seconds

    def update(self, record: StepRecord) -> str:
        """One line about the last updates: loss, rate and time left."""
        seconds, self._last = record.seconds - self._last, record.seconds
        share = 0.02 if self._loss else 1.0
        self._loss += share * (record.loss - self._loss)
        self._rate += share * (record.tgt_tokens / max(seconds, 1e-6) - self._rate)
        left = record.seconds * (1 - record.progress) / max(record.progress, 1e-6)
        best = f"{self._run.best.dev_bleu:.1f}" if self._run.best.step else "-"
        return f"step {record.step}  loss {self._loss:.2f}  {self._rate:,.0f} tok/s  BLEU {best}  {clock(left)} left"


def clock(seconds: float) -> str:
    """`0:42`, `12:03`, `3:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _plan(plan: Plan) -> str:
    config = plan.config
    begun = f", going on after step {plan.resumed_at}" if plan.resumed_at else ""
    languages = f"{config.languages.src or 'source'}-{config.languages.tgt or 'target'}"
    return (
        f"{plan.folder}: {config.model.architecture} {languages}, {plan.parameters / 1e6:.1f} M parameters, "
        f"{plan.vocab.tgt} pieces, on {plan.device}{begun}\n"
        f"{config.data.pairs:,} sentence pairs, {config.data.tgt_tokens:,} target tokens, {config.data.dev_pairs:,} dev pairs"
    )


def _validation(record: ValidationRecord) -> str:
    scores = record.scores
    verdict = "new best" if record.best else f"not better ({record.patience_left} more such and training stops)"
    sample = "\n".join(f"    {name} {text[:72]}" for name, text in zip(("src", "ref", "hyp"), record.samples[0], strict=True))
    return (
        f"validation at step {scores.step}: loss {scores.dev_loss:.3f}  BLEU {scores.dev_bleu:.2f}  "
        f"chrF {scores.dev_chrf:.2f}  {verdict}\n{sample}"
    )


def _end(run: TrainingRun) -> str:
    best, name = run.best, run.package.folder
    return (
        f"done: {run.loop.step} steps in {clock(run.loop.seconds)}; best at step {best.step}: "
        f"dev BLEU {best.dev_bleu:.2f}, chrF {best.dev_chrf:.2f}\n"
        f"next: mtcli translate -m {name} < input.txt"
    )


class View(Protocol):
    """Somewhere to show training."""

    def __enter__(self) -> View: ...
    def __exit__(self, *exception: object) -> None: ...
    def write(self, text: str) -> None:
        """Show text that stays."""

    def step(self, text: str, progress: float) -> None:
        """Show where training stands."""


def _view(quiet: bool) -> View:
    if quiet:
        return Silent()
    return Live() if sys.stderr.isatty() else Plain()


class Silent:
    """Shows nothing."""

    def __enter__(self) -> View:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def write(self, text: str) -> None: ...

    def step(self, text: str, progress: float) -> None: ...


class Plain(Silent):
    """Lines for a log."""

    def __init__(self) -> None:
        self._shown = -LINE_SECONDS

    def write(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def step(self, text: str, progress: float) -> None:
        if time.monotonic() - self._shown >= LINE_SECONDS:
            self._shown = time.monotonic()
            self.write(f"{progress:4.0%}  {text}")


class Live(Silent):
    """A bar at the foot of the terminal, what stays above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar: Progress = Progress(
            BarColumn(bar_width=12), TaskProgressColumn(), TextColumn("{task.description}"), console=console
        )
        self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> View:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def write(self, text: str) -> None:
        self._bar.console.print(text, markup=False)

    def step(self, text: str, progress: float) -> None:
        self._bar.update(self._task, completed=progress, description=text)
