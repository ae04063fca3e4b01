"""What is done with lines beside searching for their translations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

from mtcli.errors import UsageError


@dataclass(frozen=True)
class Treatment:
    """Wishes of a user. All are off, unless the model says otherwise."""

    to: str = ""
    """Language that all lines are translated to that name none, of a model that knows several."""
    format: Literal["text", "html", "markdown"] = "text"
    """What the lines are; markup is kept."""
    glossary: str = ""
    """File with terms to translate as given, see glossary.Glossary."""
    alignment: bool = False
    """Whether translations say which words translate which."""
    split: bool | None = None
    """Whether each sentence of a line is translated by itself; None: if the model has seen hardly any others."""
    scoring: bool = False
    """Whether given translations are scored, and none searched for."""

    def __post_init__(self) -> None:
        if self.format not in get_args(get_type_hints(Treatment)["format"]):
            raise UsageError(f"--format cannot be {self.format}: choose text, html or markdown")
        if self.format != "text" and self.alignment:
            raise UsageError(f"--format {self.format} uses the alignment itself: leave out --alignment")

    @property
    def aligns(self) -> bool:
        """Whether something asks for alignments."""
        return self.alignment or self.format != "text"


USUAL = Treatment()
