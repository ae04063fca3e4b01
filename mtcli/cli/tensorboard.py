"""Training as TensorBoard shows it, for who has it: an extra."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from mtcli.errors import UsageError
from mtcli.package import TRAINING

if TYPE_CHECKING:
    from mtcli.run import TrainingRun, ValidationRecord
    from mtcli.training.loop import StepRecord

FOLDER = "tensorboard"
"""Of the events, in the package's training folder."""


def check_installed() -> None:
    """Raises UsageError when TensorBoard is not installed."""
    if not importlib.util.find_spec("tensorboard"):
        raise UsageError("--tensorboard: it is not installed: pip install 'mtcli-nmt[tensorboard]'")


class TensorBoard:
    """Writes what a run tells as events; a run that goes on after a kill replaces what it does again."""

    def __init__(self, run: TrainingRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = run.package.folder / TRAINING / FOLDER
        self._writer = SummaryWriter(str(folder), purge_step=run.loop.step + 1)

    def write(self, record: StepRecord | ValidationRecord) -> None:
        """Add an update or a validation."""
        from mtcli.training.loop import StepRecord

        if isinstance(record, StepRecord):
            step, values = record.step, {"train/loss": record.loss, "train/learning_rate": record.learning_rate}
            values["train/grad_norm"] = record.grad_norm
        else:
            scores = record.scores
            step, values = scores.step, {"dev/loss": scores.dev_loss, "dev/BLEU": scores.dev_bleu, "dev/chrF2": scores.dev_chrf}
            self._writer.add_text("dev/translations", "  \n".join(hyp for *_, hyp in record.samples), step)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is not written yet."""
        self._writer.close()
