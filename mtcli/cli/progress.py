"""How training looks: a panel on a terminal, plain lines elsewhere, nothing with -q. All of it on stderr."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

import typer

from mtcli.cli.panel import Meter, Panel, clean, clock
from mtcli.cli.signals import end_on_signals, on_signals
from mtcli.cli.tensorboard import TensorBoard
from mtcli.package import REPORT

if TYPE_CHECKING:
    from mtcli.report import Tested
    from mtcli.run import TrainingRun, ValidationRecord
    from mtcli.training.loop import StepRecord

LINE_SECONDS = 20.0
"""Time between two plain lines."""


def follow(run: TrainingRun, quiet: bool, tensorboard: bool = False) -> None:
    """Drive the run to its end and show it. Ctrl-C or SIGTERM saves and exits with 128 + the signal; a second one kills."""
    from mtcli.training import parallel
    from mtcli.training.loop import StepRecord

    quiet = quiet or parallel.rank() > 0
    panel = not quiet and _can_draw()
    stop = Stop(run, quiet or panel)  # the panel says it itself
    events = TensorBoard(run) if tensorboard and not parallel.rank() else None
    with _view(run, quiet, panel, stop) as view, contextlib.closing(events) if events else contextlib.nullcontext():
        if not quiet:
            view.write(_plan(run))
        for record in run.records():
            if events:
                events.write(record)
            if isinstance(record, StepRecord):
                view.step(record)
            else:
                view.write(_validation(record))
                view.validation(record)
        if run.loop.stopping and not run.finished:
            view.end(f"stopped after step {run.loop.step}; the same command goes on from there")
            raise typer.Exit(128 + (stop.signal or signal.SIGTERM))
        end_on_signals("" if quiet else "all is trained and saved; the same command makes the export and the report")
        view.end(_end(run, run.conclude()))


class Stop:
    """Lets the run end after the next step at the first SIGINT or SIGTERM; the next one ends the process at once."""

    def __init__(self, run: TrainingRun, quiet: bool) -> None:
        self.signal = 0
        self._run, self._quiet = run, quiet
        on_signals(self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._ask(number)
        end_on_signals()
        if not self._quiet:
            with contextlib.suppress(OSError):  # Ctrl-C has ended `| tee` as well
                os.write(2, b"\nmtcli: saving after this step; once more stops at once\n")

    def unread(self) -> None:
        """Nobody can read any more how training goes: the run ends as if SIGPIPE were one more signal to save at."""
        self._ask(self.signal or signal.SIGPIPE)

    def _ask(self, number: int) -> None:
        self.signal, self._run.loop.stop_asked = number, True


def _plan(run: TrainingRun) -> str:
    plan, budget = run.plan, run.loop.config
    config, data, vocab = plan.config, plan.config.data, plan.vocab
    languages = f"{config.languages.src or 'source'}-{config.languages.tgt or 'target'}"
    begun = f", going on after step {plan.resumed_at}" if plan.resumed_at else ""
    steps = [f"{budget.steps:,} steps"] if budget.steps else []
    epochs = [f"{budget.epochs:,} passes"] if budget.epochs else []
    seconds = [clock(budget.seconds)] if budget.seconds else []
    expected = "" if budget.seconds else f"\n  time    about {clock(run.loop.expected_seconds())}, and what validating takes"
    return (
        f"{plan.folder}: {config.model.architecture} {languages}, on {plan.device}{begun}\n"
        f"  data    {data.pairs:,} sentence pairs, {data.tgt_tokens:,} target tokens, {data.dev_pairs:,} dev pairs\n"
        f"  model   {plan.parameters / 1e6:.1f} M parameters, {vocab}\n"
        f"  budget  {' or '.join(steps + epochs + seconds)}, or {budget.patience} validations without progress{expected}"
    )


def _validation(record: ValidationRecord) -> str:
    scores = record.scores
    verdict = "new best" if record.best else f"not better, patience {record.patience_left}"
    return (
        f"validation at step {scores.step}: loss {scores.dev_loss:.2f}  BLEU {scores.dev_bleu:.1f}  "
        f"chrF {scores.dev_chrf:.1f}  {verdict}"
    )


def _end(run: TrainingRun, tested: list[Tested]) -> str:
    best, folder = run.best, run.package.folder
    scores = "".join(
        f"  {each.name:<5} {score.name} {score.value:.2f}  {score.signature}\n" for each in tested for score in each.scores
    )
    return (
        f"done: {run.loop.step} steps in {clock(run.loop.seconds)}; best at step {best.step}\n{scores}"
        f"next: mtcli translate -m {shlex.quote(str(folder))}{run.package.config.languages.choice} < input.txt\n"
        f"read: {folder / REPORT}"
    )


def _view(run: TrainingRun, quiet: bool, panel: bool, stop: Stop) -> Silent | Panel:
    if quiet:
        return Silent()
    return Panel(run, stopping=lambda: stop.signal > 0) if panel else Plain(run, stop)


def _can_draw() -> bool:
    """Whether stderr is a terminal that can move its cursor and show blocks."""
    dumb = os.environ.get("TERM", "dumb") in ("dumb", "unknown", "")
    return sys.stderr.isatty() and not dumb and sys.stderr.encoding.lower().startswith("utf")


class Silent:
    """Shows nothing of a training."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def write(self, text: str) -> None:
        """Show text that stays."""

    def step(self, record: StepRecord) -> None:
        """Show where training stands."""

    def validation(self, record: ValidationRecord) -> None:
        """Show how it translates now."""

    def end(self, text: str) -> None:
        """Show the last text, below all else."""
        self.write(text)


class Plain(Silent):
    """Lines for a log."""

    def __init__(self, run: TrainingRun, stop: Stop) -> None:
        self._run, self._stop, self._meter = run, stop, Meter(run)
        self._shown = -LINE_SECONDS

    def write(self, text: str) -> None:
        """See Silent."""
        try:
            print(text, file=sys.stderr, flush=True)
        except BrokenPipeError:  # its reader is gone
            self._stop.unread()
        except OSError:  # a log on a full disk is no reason to stop
            pass

    def step(self, record: StepRecord) -> None:
        """See Silent."""
        self._meter.step(record)
        if time.monotonic() - self._shown >= LINE_SECONDS:
            self._shown = time.monotonic()
            meter, best = self._meter, self._run.best
            bleu = f"  BLEU {best.dev_bleu:.1f}" if best.dev_bleu >= 0 else ""
            left = f"  {meter.left}" if meter.left else ""
            self.write(
                f"{record.progress:4.0%}  step {record.step}  loss {meter.loss:.2f}  {meter.rate:,.0f} tokens/s{bleu}{left}"
            )

    def validation(self, record: ValidationRecord) -> None:
        """See Silent."""
        self._meter.validation(record.scores)
        for name, text in zip(("src", "ref", "hyp"), record.samples[0], strict=True):
            self.write(f"    {name} {clean(text)[:72]}")
