"""Text with markup: what is to be translated is taken out of it, and what was translated is put back.

No text is read twice from the same place, so that a line may be as long as it likes.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from mtcli.alignment import Link

Kind = Literal["text", "open", "close", "alone", "break"]
"""Text is translated. Tags open and close around words, or stand alone among them. At a break the text before it ends."""

DEEPEST = 50
"""Tags inside one another that are told from tags that stand alone."""
LONGEST_TAG = 10_000
"""Characters of a tag that goes on over several lines."""

_LINK = r"(?:https?://|www\.)[^\s<>{}]*[^\s<>{}.,;:!?'\")\]]|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
_PLACEHOLDER = (
    r"\{\{[^{}]{0,80}\}\}|\$?\{[\w.:$#@-]{0,80}\}|%\(\w{1,80}\)[sdif]"
    r"|%(?:\d+\$)?[-+0#]?\d*(?:\.\d+)?[sdifuxc@](?!\w)|\$[A-Za-z_]\w*"
)
_AS_IT_IS = re.compile(f"{_LINK}|{_PLACEHOLDER}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_BEGINS = {
    "html": re.compile(r"<(?=!|\?|/?[A-Za-z])"),
    "markdown": re.compile(r"<(?=!|\?|/?[A-Za-z])|```[^`]++```|``[^`]++(?:`[^`]++)*+``|`[^`]++`"),
}
"""Where something begins that is not text."""
_TAG = re.compile(r"""</?+([A-Za-z][\w:.-]*+)(?:[^"'<>]++|"[^"]*+"|'[^']*+')*+(/?)>""")
_AUTOLINK = re.compile(r"<(?:https?:|mailto:)[^<>\s]*+>")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>", "<!": ">"}
"""What ends what begins so, on whatever line."""
# fmt: off
_VERBATIM = frozenset(
    {
        "pre", "script", "style", "textarea", "code", "kbd", "samp", "var", "math", "svg",
    }
)
_BLOCKS = frozenset(
    {
        "p", "div", "br", "li", "ul", "ol", "td", "th", "tr", "table", "tbody", "thead", "tfoot", "caption", "h1", "h2",
        "h3", "h4", "h5", "h6", "blockquote", "section", "article", "header", "footer", "nav", "main", "aside", "hr",
        "figure", "figcaption", "dl", "dt", "dd", "form", "fieldset", "legend", "option", "select", "head", "body", "html",
        "title", "meta", "link", "pre", "script", "style", "textarea", "details", "summary",
    }
)
_VOID = frozenset(
    {
        "img", "input", "wbr", "area", "base", "col", "embed", "source", "track", "param",
    }
)
# fmt: on


@dataclass(frozen=True)
class Token:
    """A piece of a line."""

    kind: Kind
    raw: str
    name: str = ""
    """What an opening and a closing tag have in common."""


@dataclass
class Mark:
    """A tag, or two that belong together, or something that stands among the words as it is."""

    opening: str
    closing: str = ""
    begin: int = 0
    end: int = 0
    """Characters of the text that it stands before and after; the same where it is one tag."""
    glued: tuple[bool, bool] = (True, True)
    """Whether what stands before it, and after it, does so without a blank."""
    inner: list[Mark] = field(default_factory=list)


class Segment:
    """Text to translate, and the marks in it."""

    def __init__(self, tokens: list[Token], escaped: bool) -> None:
        self._escaped = escaped
        self.raw = "".join(token.raw for token in tokens)
        self.text, self._marks = _without_marks(tokens, escaped)

    def restore(self, text: str, alignment: tuple[Link, ...]) -> str:
        """The translated `text` with the marks where the words stand that translate those of the source."""
        marks = _Target(self.text, text, alignment).found(self._marks)
        _untangle(marks, 0, len(text))
        return "".join(self._written(marks, text))

    def _written(self, marks: list[Mark], text: str) -> Iterator[str]:
        at = 0
        for offset, tag, glued in _in_order(marks):
            yield self._escape(text[at:offset])
            before = not glued[0] and offset > 0 and not text[offset - 1].isspace()
            after = not glued[1] and offset < len(text) and text[offset].isalnum()
            yield f"{' ' * before}{tag}{' ' * after}"
            at = offset
        yield self._escape(text[at:])

    def _escape(self, text: str) -> str:
        return html.escape(text, quote=False) if self._escaped else text


class Markup:
    """Cuts lines of HTML or Markdown. What one line begins, such as a comment or a block of code, goes on in the next ones."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._until = ""
        """What ends that has begun on an earlier line and stays as it is: `-->`, `</pre` or a fence."""
        self._tag = ""
        """A tag that has begun on an earlier line."""

    @property
    def open(self) -> bool:
        """Whether something has begun that has not ended."""
        return bool(self._until or self._tag)

    def cut(self, line: str) -> list[Segment | str]:
        """The line in order: what is to be translated, and what stays as it is. Tabs become blanks, control characters go."""
        line = _CONTROL.sub("", line.expandtabs(4))
        tokens = self._markdown_tokens(line) if self._kind == "markdown" else self._tokens(line, 0)
        found: list[Segment | str] = []
        run: list[Token] = []
        for token in [*tokens, Token("break", "")]:
            if token.kind != "break":
                run.append(token)
                continue
            found += [*self._segment(run), token.raw]
            run = []
        return [each for each in found if each != ""]

    def _segment(self, tokens: list[Token]) -> Iterator[Segment | str]:
        """The tokens as a segment, and what stands before and after its words."""
        first = next((i for i, token in enumerate(tokens) if not _stands_aside(token)), len(tokens))
        last = next((i for i in range(len(tokens), first, -1) if not _stands_aside(tokens[i - 1])), first)
        before, inner, after = ("".join(token.raw for token in tokens[:first])), tokens[first:last], tokens[last:]
        blanks = ["", ""]
        if inner and inner[0].kind == "text":
            raw = inner[0].raw.lstrip()
            blanks[0], inner[0] = inner[0].raw[: len(inner[0].raw) - len(raw)], Token("text", raw)
        if inner and inner[-1].kind == "text":
            raw = inner[-1].raw.rstrip()
            blanks[1], inner[-1] = inner[-1].raw[len(raw) :], Token("text", raw)
        segment = Segment(inner, self._kind == "html")
        yield before + blanks[0]
        yield segment if re.search(r"\w", segment.text) else segment.raw
        yield blanks[1] + "".join(token.raw for token in after)

    def _tokens(self, line: str, at: int, table: bool = False) -> Iterator[Token]:
        """What the line from `at` on is made of."""
        start, at = at, self._carried_on(line, at)
        yield Token("break", line[start:at])
        inline = _Markdown(table) if self._kind == "markdown" else None
        while at < len(line):
            begin = _BEGINS[self._kind].search(line, at)
            text = line[at : begin.start() if begin else len(line)]
            yield from inline.tokens(text) if inline else _plain_tokens(text)
            if not begin:
                return
            token = self._taken(line, begin)
            yield token
            at = begin.start() + len(token.raw)

    def _carried_on(self, line: str, at: int) -> int:
        """Where what an earlier line began ends in this one."""
        if self._tag:
            whole = f"{self._tag}\n{line}"
            found = _TAG.match(whole)
            if not found and len(whole) < LONGEST_TAG:
                self._tag = whole
                return len(line)
            at, name = (found.end() - len(self._tag) - 1, found[1].lower()) if found else (at, "")
            closes, self._tag = self._tag.startswith("</"), ""
            if name not in _VERBATIM or closes:
                return at
            self._until = f"</{name}"
        return self._skipped(line, at) if self._until else at

    def _skipped(self, line: str, at: int) -> int:
        """Where what stays as it is ends, if it does so in this line."""
        end = line.lower().find(self._until.lower(), at) if self._until.startswith("</") else line.find(self._until, at)
        if end >= 0 and self._until.startswith("</"):
            end = line.find(">", end)
        if end < 0:
            return len(line)
        length = 1 if self._until.startswith("</") else len(self._until)
        self._until = ""
        return end + length

    def _taken(self, line: str, begin: re.Match[str]) -> Token:
        """The tag, comment or code that begins there; as much of it as the line holds."""
        at = begin.start()
        if begin[0].startswith("`"):
            return Token("alone", begin[0])
        if self._kind == "markdown" and (link := _AUTOLINK.match(line, at)):
            return Token("alone", link[0])
        for opening, closing in _ENDS.items():
            if line.startswith(opening, at):
                self._until = closing
                return Token("break" if opening == "<!" else "alone", line[at : self._skipped(line, at + len(opening))])
        tag = _TAG.match(line, at)
        if not tag:
            return self._unfinished(line, at)
        name, closes = tag[1].lower(), line.startswith("</", at)
        if name in _VERBATIM and not closes and not tag[2]:
            self._until = f"</{name}"
            return Token("break" if name in _BLOCKS else "alone", line[at : self._skipped(line, tag.end())])
        alone = tag[2] or name in _VOID
        return Token("break" if name in _BLOCKS else "alone" if alone else "close" if closes else "open", tag[0], name)

    def _unfinished(self, line: str, at: int) -> Token:
        """A tag that goes on in the next line, or a sign that is no tag."""
        if "<" in line[at + 1 :] or self._kind == "markdown" or not re.match(r"""</?[A-Za-z][\w:.-]*+(?:\s|$)""", line[at:]):
            return Token("text", "<")
        self._tag = line[at:]
        return Token("break", self._tag)

    def _markdown_tokens(self, line: str) -> Iterator[Token]:
        fence = re.match(r"\s*(?:>\s*)*(```+|~~~+)(?=[^`]*$)", line)
        fenced = self._until[:3] in ("```", "~~~")
        if fenced or (fence and not self.open):
            if fence and (not fenced or fence[1].startswith(self._until)):
                self._until = "" if fenced else fence[1]
            yield Token("break", line)
        elif not self.open and re.fullmatch(_MARKDOWN_LEFT_ALONE, line):
            yield Token("break", line)
        else:
            begin = None if self.open else _MARKDOWN_BEGIN.match(line)
            at = begin.end() if begin else 0
            yield Token("break", line[:at])
            yield from self._tokens(line, at, line.lstrip().startswith("|"))


_MARKDOWN_BEGIN = re.compile(r"\s*(?:>(?!>)\s*)*(?:[-*+]\s+|\d{1,9}[.)]\s+)?(?:\[[ xX]\]\s+)?(?:#{1,6}\s+)?")
_MARKDOWN_LEFT_ALONE = re.compile(
    r"[\s|:=*_-]*"  # rules, and what underlines titles and heads of tables
    r"|(?: {4})\s*+(?![-*+]\s|\d{1,9}[.)]\s).*"  # code
    r"|\s*\[[^\[\]^][^\[\]]*\]:\s*+\S+(?:\s+[\"'(].*)?"  # where links lead
)
_MARKDOWN = re.compile(
    rf"""
    (?P<image>!\[[^\[\]]*+\]\([^()\s]*+(?:\s+"[^"]*+")?\))
    |\[(?P<label>[^\[\]]*+)\](?P<goal>\([^()\s]*+(?:\s+"[^"]*+")?\)|\[[^\[\]]*+\])
    |(?P<link>{_LINK})
    |(?P<escape>\\[!-/:-@\[-`{{-~]|&\w{{1,31}};|&\#\w{{1,8}};)
    |(?P<placeholder>{_PLACEHOLDER})
    |(?P<strong>\*{{1,3}}|_{{1,3}}|~~)
    |(?P<cell>\|)
    """,
    re.VERBOSE,
)


class _Markdown:
    """What stands in a line of Markdown beside tags and code."""

    def __init__(self, table: bool) -> None:
        self._table = table
        self._begun: Counter[str] = Counter()
        """Emphasis that has not ended."""

    def tokens(self, text: str) -> Iterator[Token]:
        at = 0
        for found in _MARKDOWN.finditer(text):
            new = list(self._of(found, text))
            if new:
                yield Token("text", text[at : found.start()])
                yield from new
                at = found.end()
        yield Token("text", text[at:])

    def _of(self, found: re.Match[str], text: str) -> Iterator[Token]:
        if found["label"] is not None:
            name = f"link {found.start()}"
            inner = _Markdown(table=False).tokens(found["label"])
            yield from (Token("open", "[", name), *inner, Token("close", f"]{found['goal']}", name))
        elif found["strong"]:
            yield from self._emphasis(
                found[0], text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
            )
        elif not found["cell"] or self._table:
            yield Token("break" if found["cell"] else "alone", found[0])

    def _emphasis(self, raw: str, before: str, after: str) -> Iterator[Token]:
        if self._begun[raw] and before.strip() and not (raw[0] == "_" and after.isalnum()):
            self._begun[raw] -= 1
            yield Token("close", raw, raw)
        elif after.strip() and not before.isalnum():
            self._begun[raw] += 1
            yield Token("open", raw, raw)


def _plain_tokens(raw: str) -> Iterator[Token]:
    at = 0
    for found in _AS_IT_IS.finditer(raw):
        yield Token("text", raw[at : found.start()])
        yield Token("alone", found[0])
        at = found.end()
    yield Token("text", raw[at:])


def _stands_aside(token: Token) -> bool:
    return token.kind == "alone" or (token.kind == "text" and not token.raw.strip())


def _without_marks(tokens: list[Token], escaped: bool) -> tuple[str, list[Mark]]:
    """The text of the tokens, and the marks, those inside others as their `inner` ones."""
    partners = _partners(tokens)
    texts, size = [""], 0
    inside = [Mark("")]
    for i, token in enumerate(tokens):
        before = tokens[i - 1].raw[-1:] if i else ""
        after = tokens[i + 1].raw[:1] if i + 1 < len(tokens) else ""
        if token.kind == "text":
            texts.append(html.unescape(token.raw) if escaped else token.raw)
            size += len(texts[-1])
        elif token.kind == "close" and i in partners:
            mark = inside.pop()
            mark.closing, mark.end = token.raw, size
        else:
            if token.kind == "alone" and texts[-1].endswith(" ") and re.match(r"[.,;:!?)]", after):
                texts[-1], size = texts[-1][:-1], size - 1
            mark = Mark(token.raw, begin=size, end=size, glued=(not before.isspace(), not after.isspace()))
            inside[-1].inner.append(mark)
            if i in partners:
                inside.append(mark)
    return "".join(texts), inside[0].inner


def _partners(tokens: list[Token]) -> set[int]:
    """Indices of the opening and closing tags that belong together; any others stand alone."""
    found: set[int] = set()
    opened: list[int] = []
    names: Counter[str] = Counter()
    for i, token in enumerate(tokens):
        if token.kind == "open" and len(opened) < DEEPEST:
            opened.append(i)
            names[token.name] += 1
        elif token.kind == "close" and names[token.name]:
            while opened:
                at = opened.pop()
                names[tokens[at].name] -= 1
                if tokens[at].name == token.name:
                    found |= {at, i}
                    break
    return found


class _Target:
    """Where in a translation the places of the source are."""

    def __init__(self, source: str, target: str, alignment: tuple[Link, ...]) -> None:
        self._target = target
        src, self._tgt = ([found.span() for found in re.finditer(r"\S+", text)] for text in (source, target))
        self._starts, self._stops = [start for start, _ in src], [stop for _, stop in src]
        self._links: dict[int, list[int]] = {}
        for word, tgt in alignment:
            if word < len(src) and tgt < len(self._tgt):
                self._links.setdefault(word, []).append(tgt)

    def found(self, marks: list[Mark]) -> list[Mark]:
        """The marks at their places in the target."""
        return [self._found(mark) for mark in marks]

    def _found(self, mark: Mark) -> Mark:
        inner = self.found(mark.inner)
        first, last = bisect_right(self._stops, mark.begin), bisect_left(self._starts, mark.end) - 1
        if mark.closing and first <= last and self._tgt:
            words = self._hull(range(first, last + 1))
            begin = self._tgt[words[0]][0] + self._punctuation(words[0], mark.begin > self._starts[first], 1)
            end = self._tgt[words[1]][1] - self._punctuation(words[1], mark.end < self._stops[last], -1)
        else:
            begin = end = self._point(mark.begin)
        begin, end = min([begin, *(each.begin for each in inner)]), max([begin, end, *(each.end for each in inner)])
        return replace(mark, begin=begin, end=end, inner=inner)

    def _point(self, place: int) -> int:
        """Where something goes that stands between two words, or in one, of the source."""
        if not self._tgt:
            return 0
        word = bisect_right(self._stops, place)  # the first one that ends after it
        if word == len(self._stops):
            return len(self._target)
        if self._starts[word] >= place:
            return self._tgt[self._hull(range(word, word + 1))[0]][0]
        last = self._hull(range(word, word + 1))[1]
        return self._tgt[last][1] - self._punctuation(last, True, -1)

    def _hull(self, words: range) -> tuple[int, int]:
        """First and last target word that translate these source words; what stands as far in the text, if none does."""
        found = [tgt for src in words for tgt in self._links.get(src, [])]
        if found:
            return min(found), max(found)
        share = len(self._tgt) / max(1, len(self._starts))
        first, last = (min(len(self._tgt) - 1, int(word * share)) for word in (words[0], words[-1]))
        return first, last

    def _punctuation(self, word: int, wanted: bool, step: int) -> int:
        """Characters of punctuation that the word begins with, or with a `step` of -1 ends with, if that is `wanted`."""
        start, stop = self._tgt[word]
        found = re.match(r"\W*", self._target[start:stop][::step]) if wanted else None
        return len(found[0]) if found and len(found[0]) < stop - start else 0


def _untangle(marks: list[Mark], first: int, last: int) -> None:
    """Let no mark reach into another, and all of them lie between `first` and `last`."""
    marks.sort(key=lambda mark: mark.begin)
    for mark in marks:
        mark.begin = min(max(mark.begin, first), last)
        mark.end = min(max(mark.end, mark.begin), last)
        _untangle(mark.inner, mark.begin, mark.end)
        first = mark.end


def _in_order(marks: list[Mark]) -> Iterator[tuple[int, str, tuple[bool, bool]]]:
    for mark in marks:
        yield mark.begin, mark.opening, (True, True) if mark.closing else mark.glued
        yield from _in_order(mark.inner)
        if mark.closing:
            yield mark.end, mark.closing, (True, True)
