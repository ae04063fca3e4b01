"""The command line: each command parses, calls the library and prints. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import typer.main

from mtcli import __version__
from mtcli.cli.lean import lean
from mtcli.cli.options import one_line
from mtcli.cli.signals import end_on_signals
from mtcli.errors import MtcliError, out_of_memory
from mtcli.lines import end_without_reader, remove_vanishing

COMMANDS = ("train", "translate", "score", "data", "export", "import", "tokenizer", "models")
"""Each is a module of this package, with a function of its name or, where it has commands below it, an `app`. A name that
Python has taken gets an underscore."""

ENVIRONMENT = {
    # Torch's threads shall spin but a little while they wait: two programs that do so for long halt each other on a busy machine.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "5000",
    # oneDNN keeps the code it made for 1,024 shapes of matrices; training meets ever new ones, and that grows to gigabytes.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    # Torch asks for large pages where the system has them: fetching small ones takes part of each step.
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""What the libraries read when they are loaded, unless the user has set it."""


def _print_version(value: bool) -> None:
    if value:
        print(f"mtcli {__version__}")
        raise typer.Exit


def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Machine translation from the command line: two text files in, a translator out."""


def commands(words: list[str]) -> typer.Typer:
    """The command line with all commands; with one alone when `words`, what the user typed, begin with it: that starts faster."""
    app = typer.Typer(
        name="mtcli",
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    app.callback()(_global)
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        own = f"{name}_" if iskeyword(name) else name
        module = import_module(f"mtcli.cli.{own}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name, epilog=module.EXAMPLES)(getattr(module, own))
    return app


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 128 + n ended by signal n."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    end_on_signals()
    _fill_closed()
    _write_utf8()
    if {"-h", "--help", "--version"} & set(sys.argv):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # typer would exit with 1
    try:
        lean(typer.main.get_command(commands(sys.argv[1:])))()
    except SystemExit as end:
        _exit(end.code if isinstance(end.code, int) else 0)
    except Exception as error:
        if "--debug" in sys.argv or os.environ.get("MTCLI_DEBUG"):
            raise
        _tell(error)
    _exit(0)


def _tell(error: Exception) -> NoReturn:
    match error:
        case MtcliError():
            _fail(str(error), error.exit_code)
        case BrokenPipeError():
            end_without_reader()
        case OSError():
            _fail(f"{error.filename or 'input or output'}: {error.strerror or error}", 1)
        case _ if out_of_memory(error):
            _fail("out of memory: give a smaller training.batch_tokens, --preset or --beam-size", 1)
        case _:
            _fail(f"{type(error).__name__}: {error} (this is a bug; --debug shows where)", 1)


def _fill_closed() -> None:
    """Where a standard stream is closed, no file that is opened may take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the smallest number that is free
    sys.stderr = sys.stderr or io.TextIOWrapper(io.FileIO(2, "w"))


def _write_utf8() -> None:
    """Data is UTF-8 whatever the locale says; names of files are the bytes that they are."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _fail(message: str, code: int) -> NoReturn:
    message = f"mtcli: error: {one_line(message)}"
    print(message, file=sys.stderr)
    _tell_torchrun(message)
    _exit(code)


def _tell_torchrun(message: str) -> None:
    """Have what went wrong stand at the end of the page that torchrun prints of a process that failed."""
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        told = {"message": message, "extraInfo": {"timestamp": str(int(time.time()))}}
        with contextlib.suppress(OSError):
            Path(path).write_text(json.dumps({"message": told}))


def _exit(code: int) -> NoReturn:
    """End the process; under torchrun at once: while the interpreter is taken down, gloo's threads abort it now and then."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        end_without_reader()
    except OSError as error:
        sys.stdout = None  # or Python would try again, and say so
        if not code:
            _fail(f"standard output: cannot be written ({error.strerror})", 1)
    if os.environ.get("WORLD_SIZE", "1") not in ("", "1"):
        sys.stderr.flush()
        remove_vanishing()
        os._exit(code)
    sys.exit(code)
