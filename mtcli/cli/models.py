"""`mtcli models [list|info]`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from mtcli.cli.options import Debug, Json, Quiet, one_line, say, set_up

app = typer.Typer(help="List the model packages that are at hand.")


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_models(json)


@app.command("list")
def list_models(json: Json = False, debug: Debug = False) -> None:
    """Name, languages, size, BLEU, licence of the text, and folder of each package."""
    from mtcli.package import summaries

    if json:
        from mtcli.tables import as_json

        say(as_json([dataclasses.asdict(each) | {"folder": str(each.folder)} for each in summaries()]))
        return
    rows: list[tuple[str, ...]] = [("NAME", "LANGUAGES", "SIZE", "BLEU", "LICENCE", "FOLDER")]
    for each in summaries():
        bleu = "-" if each.bleu is None else f"{each.bleu:.1f}"
        cells = (each.name, each.languages, f"{each.megabytes:.1f} MB", bleu, each.licence or "-", str(each.folder))
        rows.append(tuple(map(one_line, cells)))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        say("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))


@app.command()
def info(model: Annotated[str, typer.Argument(metavar="MODEL")], debug: Debug = False) -> None:
    """Where a package is, and all that its model.toml says; people read README.md there."""
    from mtcli.package import CONFIG, open_package

    folder = open_package(model).folder
    say(f"# {folder.resolve()}\n{(folder / CONFIG).read_text(encoding='utf-8')}".rstrip())


@app.command()
def test(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    src: Annotated[str, typer.Option(metavar="FILE", help="Text to translate, plain or .gz.")],
    ref: Annotated[str, typer.Option(metavar="FILE", help="Its reference translations.")],
    name: Annotated[str, typer.Option(help="What the model card calls the test set.")],
    to: Annotated[str, typer.Option(metavar="LANGUAGE", help="Language to translate to, of a model that knows several.")] = "",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Translate a test set, and write the scores into the package and its card."""
    set_up(quiet)
    from mtcli.evaluation import record_test

    record = record_test(model, src, ref, name, to)
    copied = f"the source itself {record.copied_bleu:.2f} and {record.copied_chrf:.2f}"
    say(f"{record.name}: BLEU {record.bleu:.2f}, chrF2 {record.chrf:.2f}; {copied}")


@app.command()
def note(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Markdown; - is standard input.")] = "-",
    debug: Debug = False,
) -> None:
    """Put into the model card what people found when they read translations; it takes the place of what was there."""
    set_up(False)
    from mtcli.evaluation import record_notes

    record_notes(model, file)
