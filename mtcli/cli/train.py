"""`mtcli train`."""

from __future__ import annotations

import os
from time import monotonic
from typing import Annotated

import typer

from mtcli.cli.options import Debug, Device, Model, Quiet, set_up

EXAMPLES = "Example: mtcli train -m de-en --src train.de --tgt train.en --time 30m"

Files = Annotated[list[str] | None, typer.Option(metavar="FILE")]


def train(
    model: Model,
    src: Annotated[list[str], typer.Option(metavar="FILE", help="Source text, plain or .gz; may be given several times.")],
    tgt: Annotated[list[str], typer.Option(metavar="FILE", help="Target text, line-aligned with the source.")],
    dev_src: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Dev text; with none, some of the training text is held out.")
    ] = None,
    dev_tgt: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Its reference translations.")] = None,
    test_src: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Text to translate and score at the end.")] = None,
    test_tgt: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Its reference translations.")] = None,
    weight: Annotated[
        list[float] | None, typer.Option(metavar="N", help="How often an epoch shows each pair of files, in their order.")
    ] = None,
    from_: Annotated[
        str, typer.Option("--from", metavar="MODEL", help="Fine-tune: take tokenizer and weights of another package.")
    ] = "",
    recipe: Annotated[
        str, typer.Option(metavar="MODEL", help="Take all settings of another package, and train on this text with them.")
    ] = "",
    arch: Annotated[str, typer.Option(metavar="transformer|rnn", help="Kind of model.  [default: transformer]")] = "",
    preset: Annotated[
        str, typer.Option(metavar="tiny|small|base|big", help="Size of the model.  [default: by the size of the corpus]")
    ] = "",
    time: Annotated[str, typer.Option(metavar="30m", help="Stop after so long, with the best model.")] = "",
    steps: Annotated[int | None, typer.Option(help="Stop after so many updates.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any value of model.toml, such as model.width=512."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Stop after so many passes over the text.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all that is random.")] = None,
    device: Device = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Set an existing package aside and begin again.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write events for TensorBoard, too.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a model on line-aligned text. The same command again goes on where it stopped."""
    began = monotonic()
    set_up(quiet or int(os.environ.get("RANK", "0")) > 0)  # of the processes that torchrun starts only the first one reports
    from mtcli.cli.progress import follow
    from mtcli.cli.tensorboard import check_installed
    from mtcli.config import overrides
    from mtcli.settings import TrainingRequest
    from mtcli.trainer import start

    if tensorboard:
        check_installed()
    values = (*(set_ or []), *overrides(arch, time, steps, epochs, seed))
    files = (src, tgt, dev_src or [], dev_tgt or [], test_src or [], test_tgt or [])
    request = TrainingRequest(model, *files, weight or [], from_, recipe, preset, values, device, fresh, began)
    follow(start(request), quiet, tensorboard)
