"""Training as TensorBoard shows it, for who has it: an extra."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mtcli.errors import UsageError
from mtcli.lines import writing
from mtcli.package import TRAINING

if TYPE_CHECKING:
    from mtcli.run import TrainingRun, ValidationRecord
    from mtcli.training.loop import StepRecord

FOLDER = "tensorboard"
"""Of the events, in the package's training folder."""


def check_installed() -> None:
    """Raises UsageError when TensorBoard is not installed, or not all of it."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise UsageError("--tensorboard: it is not installed: pip install 'mtcli-nmt[tensorboard]'") from error


class TensorBoard:
    """Writes what a run tells as events; a run that goes on after a kill replaces what it does again.

    Raises DataError when they cannot be written.
    """

    def __init__(self, run: TrainingRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder = run.package.folder / TRAINING / FOLDER
        threading.excepthook = _tell_of_bugs
        with writing(self._folder):
            self._writer = SummaryWriter(str(self._folder), purge_step=run.loop.step + 1)

    def write(self, record: StepRecord | ValidationRecord) -> None:
        """Add an update or a validation."""
        from mtcli.training.loop import StepRecord

        with writing(self._folder):
            if isinstance(record, StepRecord):
                step, values = record.step, {"train/loss": record.loss, "train/learning_rate": record.learning_rate}
                values["train/grad_norm"] = record.grad_norm
            else:
                scores, step = record.scores, record.scores.step
                values = {"dev/loss": scores.dev_loss, "dev/BLEU": scores.dev_bleu, "dev/chrF2": scores.dev_chrf}
                self._writer.add_text("dev/translations", "  \n".join(hyp for *_, hyp in record.samples), step)
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is not written yet."""
        with writing(self._folder):
            self._writer.close()


def _tell_of_bugs(told: threading.ExceptHookArgs) -> None:
    """What TensorBoard's thread cannot write it says here, and once more to who calls it next, which is enough."""
    if not issubclass(told.exc_type, OSError):
        threading.__excepthook__(told)
