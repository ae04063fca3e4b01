"""What lines with markup are made of: words, tags, and links and placeholders that stand among the words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "open", "close", "alone", "break"]
"""Text is translated. Tags open and close around words, or stand alone among them. At a break the text before it ends."""

_BRACKETS = r"\((?:[^\s<>{}()]++|\([^\s<>{}()]*+\))*+\)"
LINK = (
    rf"(?:https?://|www\.)(?:{_BRACKETS}|(?!{_BRACKETS})[^\s<>{{}}])*(?:{_BRACKETS}|[^\s<>{{}}.,;:!?'\"()\]])"
    r"|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
)
"""Addresses; brackets belong to one that closes them."""
PLACEHOLDER = (
    r"\{\{\{[^{}]{0,300}\}\}\}|\{\{[^{}]{0,300}\}\}|[$%#]?\{[\w.:$#@-]{0,80}(?:[!:][^\s{}]{0,40})?\}|%\(\w{1,80}\)[sdif]"
    r"|%(?:\d+\$)?[-+0#]?\d*(?:\.\d+)?(?:hh?|ll?|[zjtL])?[sdifuxcn@](?!\w)|(?<!\d)%L?\d{1,2}(?![\w%])|%%|\$[A-Za-z_]\w*"
)
_BRACES = r"\{(?:[^{}]++|\{(?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+\})*+\}"
TEMPLATE = (
    r"\{%[^{}]*+(?<=%)\}|\{\#[^{}]*+(?<=\#)\}"
    r"|(?=\{\s*+[\w.-]{1,80}\s*+,\s*+(?:plural|select|selectordinal|number|date|time|choice)\b)" + _BRACES
)
"""Code of templates, `{% ... %}` and `{# ... #}`, and messages such as `{count, plural, one {...} other {...}}`."""
TEMPLATE_BEGINS = r"\{\#(?=\s|$)|\{%(?=[\s-]|$)|\{\{(?=[\s-]|$)(?![^{}]{0,300}\}\})"
"""Such code that goes on in other lines, or holds braces."""

_AS_IT_IS = re.compile(f"{LINK}|{PLACEHOLDER}")


@dataclass(frozen=True)
class Token:
    """A piece of a line."""

    kind: Kind
    raw: str
    name: str = ""
    """What an opening and a closing tag have in common."""


def plain_tokens(raw: str) -> Iterator[Token]:
    """Words, and the links and placeholders among them."""
    at = 0
    for found in _AS_IT_IS.finditer(raw):
        yield Token("text", raw[at : found.start()])
        yield Token("alone", found[0])
        at = found.end()
    yield Token("text", raw[at:])
