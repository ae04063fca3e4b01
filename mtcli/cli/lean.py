"""A command line that starts fast: Typer has pydantic look at every value, whose import takes longer than scoring 1,000 lines."""

from __future__ import annotations

from typing import Any

import typer


def lean(command: Any, above: typer.Context | None = None) -> Any:
    """The command, and those below it: values of the wanted type are taken as they are, the others are Typer's to convert.

    Should Typer no longer ask `get_runtime_param`, all are.
    """
    context = typer.Context(command, parent=above, **command.context_settings)
    for parameter in command.get_params(context):  # with --help
        if hasattr(parameter, "get_runtime_param"):
            parameter.get_runtime_param = _AsIs(parameter.get_runtime_param)
    for below in getattr(command, "commands", {}).values():
        lean(below, context)
    return command


class _AsIs:
    """Stands before what Typer converts the values of a parameter with."""

    def __init__(self, of_typer: Any) -> None:
        self._of_typer = of_typer

    def __call__(self) -> _AsIs:
        return self

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """The value as it is if it is a text, a default or nothing."""
        wanted = param.type_descriptor.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if wanted == list[str]:
            return list(value)
        if isinstance(wanted, type) and isinstance(value, wanted):
            return value
        return self._of_typer().coerce(value, param=param, ctx=ctx)
