"""What Markdown means: which lines hold text, from where to where, and what stands among the words of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mtcli.marks import LINK, PLACEHOLDER, TEMPLATE, TEMPLATE_BEGINS, Token

_FENCE = re.compile(r"[\s>]*(?:[-*+]\s+|\d{1,9}[.)]\s+)?(```++(?=[^`]*$)|~~~++(?=[^`]*$)|\$\$(?=[^$]*$))")
_FENCE_END = re.compile(r"[\s>]*(```+|~~~+)\s*")
_FRONT = ("---", "+++")
"""What stands before and after the settings that a text may begin with."""
_SETTING = re.compile(r"\s*(?:#|[\w\"'-][^:=]*[:=]|[-+]{3}\s*$)")
_BEGIN = re.compile(
    r"\s*(?:>(?!>)\s*)*(?:\[![A-Za-z]+\][+-]?\s*)?(?::{3,}\s*[\w-]*\s*)?"
    r"(?P<item>[-*+]\s+|\d{1,9}[.)]\s+|\[\^[^\[\]\s]+\]:\s+)?(?:\[[ xX]\]\s+)?(?P<title>#{1,6}\s+)?"
)
_RULE = re.compile(r"[\s|:=*_-]*")
"""Rules, and what underlines titles and heads of tables."""
_TABLE = re.compile(r"\s*\|?\s*:?-+:?\s*\|[\s|:-]*$")
"""What stands below the head of a table."""
_LEFT_ALONE = re.compile(
    r"\s*\[[^\[\]^][^\[\]]*\]:\s*+(?:<[^<>]*+>|\S+)(?:\s+[\"'(].*)?"  # where links lead
    r"|\s*:{3,}\s*\{.*"
    r"|\s*\[(?:TOC|_TOC_|\[_?TOC_?\])\]\s*"
)

_DESTINATION = r"(?:<[^<>]*+>|(?:[^\s()]++|\((?:[^\s()]++|\([^\s()]*+\))*+\))*+)"
_GOAL = rf"""(?:\(\s*+{_DESTINATION}(?:\s++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?+\s*+\)|\[[^\[\]]*+\])"""
_MATH = r"\$\$[^$]++\$\$|(?<![\w$\\])\$(?![\s{$]|\d[\d.,]*+[;:!?]?+\s++[\w(])(?:[^$\\]|\\.)++(?<!\s)\$(?![\w$])"
_VALUE = r"(?:\"[^\"]*+\"|'[^']*+'|[^\s{}\"']++)"
_ATTRIBUTES = rf"\{{:?(?:\s*+(?:[#.][\w:-]++|[\w:-]++={_VALUE}))++\s*+\}}"
_WHOLE = (
    r"```[^`]++```|``[^`]++(?:`[^`]++)*+``|`[^`]++`"
    rf"|{TEMPLATE}|{TEMPLATE_BEGINS}|{_MATH}|{_ATTRIBUTES}"
    rf"|!\[(?:[^\[\]]++|\[[^\[\]]*+\])*+\]{_GOAL}"
    r"|\[\^[^\[\]\s]++\]"
    r"|\\(?:[!-/:-@\[-`{-~]|$)"
)
BEGINS = re.compile(rf"<(?=[!?%]|/?[A-Za-z])|{_WHOLE}|\]{_GOAL}|`++")
"""Where something begins that is not text: a tag, what `Inline.token` knows, or what may be code that ends in a later line."""
_IN_BRACKETS = re.compile(rf"{_WHOLE}|\[|\]{_GOAL}|\]")
_AMONG_WORDS = re.compile(
    rf"""
    (?P<bracket>\[)
    |(?P<link>{LINK})
    |(?P<entity>&\w{{1,31}};|&\#\w{{1,8}};)
    |(?P<placeholder>{PLACEHOLDER})
    |(?P<smile>(?<![\w:]):[a-z0-9_+-]{{1,40}}:(?![\w:]))
    |(?P<strong>\*{{1,3}}|_{{1,3}}|~~)
    |(?P<cell>\|)
    """,
    re.VERBOSE,
)


class Blocks:
    """Which lines of a text are code, and the like, and where the text of the others begins and ends."""

    def __init__(self) -> None:
        self.until = ""
        """What ends the lines that stay as they are: a fence, `$$`, or what ends settings."""
        self._lines = 0
        self._items: list[int] = []
        """Columns in which the text of the items begins that the line stands in."""
        self._blank = self._code = False
        """What the last line was."""
        self.paragraph = self.table = False
        """Whether the last line is text that goes on, and whether it stands in a table."""

    def span(self, line: str) -> tuple[int, int]:
        """Where the text of the line begins and ends; at the end of the line, if it holds none."""
        self._lines += 1
        begin = _BEGIN.match(line)
        assert begin
        if self._goes_on(line):
            self.paragraph = self.table = False
            return len(line), len(line)
        code = self._indented(line, begin)
        left_alone = self._opens(line) or code or _RULE.fullmatch(line) or _LEFT_ALONE.fullmatch(line)
        self.table = bool(_TABLE.match(line) or (self.table and line.strip()))
        self.paragraph = not (left_alone or begin["title"] or self.table)
        if left_alone:
            return len(line), len(line)
        return begin.end(), max(begin.end(), _end_of_title(line)) if begin["title"] else len(line)

    def _goes_on(self, line: str) -> bool:
        """Whether the line stays as it is for what an earlier one began."""
        if self.until in _FRONT and self._lines == 2 and not _SETTING.match(line):
            self.until = ""  # a rule, then
        if not self.until:
            return False
        bare, fence = line.rstrip(), _FENCE_END.fullmatch(line)
        if self.until in _FRONT:
            ends = bare in (self.until, "...")
        elif self.until == "$$":
            ends = not bare or bare.endswith("$$")
        else:
            ends = bool(fence and fence[1].startswith(self.until))
        if ends:
            self.until = ""
        return True

    def _opens(self, line: str) -> bool:
        """Whether the line begins what stays as it is."""
        fence = _FENCE.match(line)
        front = self._lines == 1 and line.rstrip() in _FRONT
        self.until = line.rstrip() if front else fence[1] if fence else ""
        return bool(self.until)

    def _indented(self, line: str, begin: re.Match[str]) -> bool:
        """Whether the line is indented as code is, by four more than the text of the item that it stands in."""
        indent = len(line) - len(line.lstrip())
        was_blank, self._blank = self._blank, indent == len(line)
        if self._blank:
            return False
        if was_blank or self._code or begin.end() > indent or _RULE.fullmatch(line):
            while self._items and indent < self._items[-1]:
                self._items.pop()
        deep = indent >= 4 + self._items[-1] and (was_blank or self._code) if self._items else indent >= 4 and not self.paragraph
        item = begin.start("item") == indent and not _RULE.fullmatch(line)
        self._code = deep and (self._code or not item)
        if item and not self._code:
            self._items.append(_column(begin))
        return self._code


def _column(begin: re.Match[str]) -> int:
    """Where the text of an item begins."""
    mark = begin["item"].rstrip()
    if mark.startswith("["):
        return begin.start("item") + 4
    blanks = len(begin["item"]) - len(mark)
    return begin.start("item") + len(mark) + (blanks if blanks <= 4 else 1)


def _end_of_title(line: str) -> int:
    """Where the words of a title end, before what closes it."""
    bare = line.rstrip().rstrip("#")
    return len(bare.rstrip()) if bare[-1:].isspace() else len(line)


def ends_paragraph(line: str) -> bool:
    """Whether the line ends what words may go on in."""
    begin = _BEGIN.match(line)
    begins = bool(begin and (begin["item"] or begin["title"]))
    return begins or bool(_FENCE.match(line) or _RULE.fullmatch(line))


class Inline:
    """What stands among the words of a line, beside tags."""

    def __init__(self, line: str, table: bool) -> None:
        self._line = line
        self._table = table or line.lstrip().startswith("|") or " | " in line
        self._links = _links(line)
        self._begun: Counter[str] = Counter()
        """Emphasis that has not ended."""

    def token(self, begin: re.Match[str]) -> Token:
        """What begins there; the bracket of a link may belong to one on an earlier line."""
        return Token("close" if begin[0].startswith("]") else "alone", begin[0], self._links.get(begin.start(), ""))

    def tokens(self, start: int, stop: int) -> Iterator[Token]:
        """What the line is made of from `start` to `stop`, where nothing begins that `BEGINS` finds."""
        at = start
        for found in _AMONG_WORDS.finditer(self._line, start, stop):
            if new := self._of(found):
                yield Token("text", self._line[at : found.start()])
                yield new
                at = found.end()
        yield Token("text", self._line[at:stop])

    def _of(self, found: re.Match[str]) -> Token | None:
        if found["bracket"]:
            name = self._links.get(found.start())
            return Token("open", "[", name) if name else None
        if found["strong"]:
            return self._emphasis(
                found[0], self._line[max(0, found.start() - 1) : found.start()], self._line[found.end() : found.end() + 1]
            )
        if found["cell"]:
            return Token("break", "|") if self._table else None
        return Token("alone", found[0])

    def _emphasis(self, raw: str, before: str, after: str) -> Token | None:
        if self._begun[raw] and before.strip() and not (raw[0] == "_" and after.isalnum()):
            self._begun[raw] -= 1
            return Token("close", raw, raw)
        if after.strip() and not before.isalnum():
            self._begun[raw] += 1
            return Token("open", raw, raw)
        return None


def _links(line: str) -> dict[int, str]:
    """A name for each link, by where its brackets stand; it may end on a later line."""
    found: dict[int, str] = {}
    opened: list[int] = []
    for each in _IN_BRACKETS.finditer(line):
        if each[0] == "[":
            opened.append(each.start())
        elif each[0].startswith("]") and opened:
            start = opened.pop()
            if each[0] != "]":
                found[start] = found[each.start()] = f"link {start}"
    return found | {start: f"link {start}" for start in opened}
