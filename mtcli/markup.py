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
from itertools import accumulate, groupby

from mtcli.alignment import Link
from mtcli.markdown import BEGINS, Blocks, Inline, ends_paragraph
from mtcli.marks import TEMPLATE, TEMPLATE_BEGINS, Token, plain_tokens

DEEPEST = 50
"""Tags inside one another that are told from tags that stand alone."""
LONGEST_TAG = 10_000
"""Characters of a tag that goes on over several lines."""

BOM = "\ufeff"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_BEGINS = {"html": re.compile(rf"<(?=[!?%]|/?[A-Za-z])|{TEMPLATE}|{TEMPLATE_BEGINS}"), "markdown": BEGINS}
"""Where something begins that is not text."""
_TAG = re.compile(r"""</?+([A-Za-z][\w:.-]*+)(?:[^"'<>]++|"[^"]*+"|'[^']*+')*+(/?)>""")
_AUTOLINK = re.compile(r"<(?:https?:|mailto:)[^<>\s]*+>")
_ATTRIBUTE = r"""[\w:.@-]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'=<>`]++)|(?!\s*+=))"""
_BEGUN = {
    "html": re.compile(r"</?[A-Za-z][\w:.-]*+(?:\s|$)"),
    "markdown": re.compile(
        rf"""<[A-Za-z][\w:.-]*+(?:\s++{_ATTRIBUTE})*+(?:\s++[\w:.@-]++\s*+=\s*+(?:"[^"]*+|'[^']*+)?+)?+\s*+$"""
    ),
}
"""A tag that goes on in the next line; in Markdown a sign that is no tag is more likely."""
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>", "<%": "%>", "<!": ">", "{#": "#}", "{%": "%}", "{{": "}}"}
"""What ends what begins so, on whatever line."""
_BRACES = ("{#", "{%", "{{")
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
        "title", "meta", "link", "pre", "script", "style", "textarea", "details", "summary", "button", "label", "iframe",
        "noscript", "template", "video", "audio", "dialog", "address", "optgroup", "datalist", "object", "canvas", "center",
        "hgroup", "menu", "search", "noframes",
    }
)
_VOID = frozenset(
    {
        "img", "input", "wbr", "area", "base", "col", "embed", "source", "track", "param",
    }
)
# fmt: on
_ENDING = frozenset(".,;:!?)")
"""What stands after a word without a blank."""
_BLANKS = re.compile(r"(?:\s|&nbsp;|&#160;|&#[xX][aA]0;)*+")
_BLANKS_BACKWARDS = re.compile(r"(?:\s|;psbn&|;061#&|;0[aA][xX]#&)*+")
_ENDS_WORD = re.compile(r"[.,;:!?)]{0,3}(?:\s|$)")


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
        self.raw = _raw(tokens)
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
            after = not glued[1] and offset < len(text) and not _ENDS_WORD.match(text, offset)
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
        """What ends that has begun on an earlier line and stays as it is: `-->` or `</pre`."""
        self._tag = ""
        """A tag that has begun on an earlier line."""
        self._blocks = Blocks()

    @property
    def open(self) -> bool:
        """Whether something has begun that has not ended."""
        return bool(self._until.strip("`") or self._tag or self._blocks.until)

    def cut(self, line: str) -> list[Segment | str]:
        """The line in order: what is to be translated, and what stays as it is. Tabs become blanks, control characters go."""
        line = _CONTROL.sub("", line.expandtabs(4))
        marks, line = line[: len(line) - len(line.lstrip(BOM))], line.lstrip(BOM)
        tokens = self._markdown_tokens(line) if self._kind == "markdown" else self._tokens(line, 0)
        found: list[Segment | str] = [marks]
        run: list[Token] = []
        for token in [*_parted([token for token in tokens if token.raw]), Token("break", "")]:
            if token.kind != "break":
                run.append(token)
                continue
            found += [*self._segment(_joined(run)), token.raw]
            run = []
        return [each for each in found if each != ""]

    def text_of(self, lines: list[str]) -> list[str]:
        """The texts that the lines hold."""
        return [each.text for line in lines for each in self.cut(line) if isinstance(each, Segment)]

    def _segment(self, tokens: list[Token]) -> Iterator[Segment | str]:
        """The tokens as a segment, and what stands before and after its words."""
        aside = _aside(tokens)
        first = next((i for i, each in enumerate(aside) if not each), len(tokens))
        last = next((i for i in range(len(tokens), first, -1) if not aside[i - 1]), first)
        before, inner, after = _raw(tokens[:first]), tokens[first:last], tokens[last:]
        blanks = ["", ""]
        if inner and inner[0].kind == "text":
            raw = inner[0].raw[_end(_BLANKS, inner[0].raw) :]
            blanks[0], inner[0] = inner[0].raw[: len(inner[0].raw) - len(raw)], Token("text", raw)
        if inner and inner[-1].kind == "text":
            raw = inner[-1].raw[: len(inner[-1].raw) - _end(_BLANKS_BACKWARDS, inner[-1].raw[::-1])]
            blanks[1], inner[-1] = inner[-1].raw[len(raw) :], Token("text", raw)
        segment = Segment(inner, self._kind == "html")
        yield before + blanks[0]
        yield segment if re.search(r"\w", segment.text) else segment.raw
        yield blanks[1] + _raw(after)

    def _tokens(self, line: str, at: int) -> Iterator[Token]:
        """What the line from `at` on is made of."""
        if self._until in ("%}", "}}") and not line.strip():
            self._until = ""
        start, at = at, self._carried_on(line, at)
        yield Token("break", line[start:at])
        inline = Inline(line, self._blocks.table) if self._kind == "markdown" else None
        begins, last = len(line) - len(line.lstrip()), {each: line.rfind(_ENDS[each]) for each in _BRACES}
        while at < len(line):
            begin = _BEGINS[self._kind].search(line, at)
            stop = begin.start() if begin else len(line)
            yield from inline.tokens(at, stop) if inline else plain_tokens(line[at:stop])
            if not begin:
                return
            if last.get(begin[0], stop) < stop and stop > begins:  # what goes on in other lines begins one
                token = Token("text", begin[0])
            elif begin[0].startswith("<") or begin[0] in _ENDS:
                token = self._taken(line, stop)
            elif inline and not begin[0].strip("`"):
                token = self._code_begun(line, begin)
            else:
                token = inline.token(begin) if inline else Token("alone", begin[0])
            yield _parting(token, line, stop)
            at = stop + len(token.raw)

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
        if self._until.startswith("</"):
            found = re.compile(f"(?ai){re.escape(self._until)}").search(line, at)
            end = line.find(">", found.start()) if found else -1
        else:
            end = line.find(self._until, at)
        if end < 0:
            return len(line)
        length = 1 if self._until.startswith("</") else len(self._until)
        self._until = ""
        return end + length

    def _taken(self, line: str, at: int) -> Token:
        """The tag or comment that begins there; as much of it as the line holds."""
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
        if "<" in line[at + 1 :] or not _BEGUN[self._kind].match(line, at):
            return Token("text", "<")
        if self._kind == "markdown" and line[:at].strip() and "=" not in line[at:]:
            return Token("text", "<")
        self._tag = line[at:]
        return Token("break", self._tag)

    def _code_begun(self, line: str, begin: re.Match[str]) -> Token:
        """Code that ends in a later line of its paragraph, or a sign that is none: of a word, a cell, or for a quotation mark."""
        at, end = begin.span()
        if len(begin[0]) > 1 or line.find("`", end) >= 0 or not self._blocks.paragraph:
            return Token("text", begin[0])
        if line[at - 1 : at].isalnum() or not line[end : end + 1].strip() or re.search("[|'´’]", line[end:]):
            return Token("text", begin[0])
        self._until = "`"
        return Token("alone", line[at:])

    def _markdown_tokens(self, line: str) -> Iterator[Token]:
        if (self._tag or self._until.startswith("`")) and ends_paragraph(line):
            self._tag = self._until = ""
        start, stop = (0, len(line)) if self._until or self._tag else self._blocks.span(line)
        yield Token("break", line[:start])
        yield from self._tokens(line[:stop], start)
        yield Token("break", line[stop:])


def _end(pattern: re.Pattern[str], text: str) -> int:
    """Where what the pattern finds at the beginning of a text ends."""
    found = pattern.match(text)
    return found.end() if found else 0


def _parting(token: Token, line: str, at: int) -> Token:
    """The token as a break if it is a command of a template that words touch: they belong to different texts."""
    if not token.raw.startswith(("{%", "<%")) or token.raw.startswith("<%="):
        return token
    end = at + len(token.raw)
    touched = line[max(0, at - 1) : at].isalnum() or line[end : end + 1].isalnum()
    return Token("break", token.raw) if touched else token


def _parted(tokens: list[Token]) -> Iterator[Token]:
    """The tokens, with a break between two elements that touch: a word does not go on from one in the other."""
    before, after = _neighbours(tokens)
    for i, token in enumerate(tokens):
        if token.kind == "open" and i and tokens[i - 1].kind == "close" and before[i].strip() and after[i].strip():
            yield Token("break", "")
        yield token


def _joined(tokens: list[Token]) -> list[Token]:
    """The tokens, where tags that have no words between them, and what else stands side by side, are one that stands alone."""
    partners = _partners(tokens)
    words = list(accumulate((token.kind == "text" and bool(token.raw.strip()) for token in tokens), initial=0))
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        end = partners.get(at, at)
        kinds = {each.kind for each in tokens[at:end]} if words[end] == words[at] else {"text"}
        if end > at and ("alone" in kinds or "text" not in kinds):
            found.append(Token("alone", _raw(tokens[at : end + 1])))
            at = end + 1
        else:
            found.append(tokens[at])
            at += 1
    grouped = [(kind, [*group]) for kind, group in groupby(found, lambda token: token.kind)]
    return [each for kind, group in grouped for each in ([Token(kind, _raw(group))] if kind == "alone" else group)]


def _raw(tokens: list[Token]) -> str:
    return "".join(token.raw for token in tokens)


def _aside(tokens: list[Token]) -> list[bool]:
    """Whether each token may stand before or after the words: it is neither a word nor a tag around some."""
    partners = _partners(tokens)
    around = {*partners, *partners.values()}
    return [not token.raw.strip() if token.kind == "text" else i not in around for i, token in enumerate(tokens)]


def _neighbours(tokens: list[Token]) -> tuple[list[str], list[str]]:
    """The character that stands before each token, and the one after it, where tags around words count for nothing."""
    before, after = [""], [""]
    for token in tokens:
        before.append(before[-1] if token.kind in ("open", "close") else token.raw[-1:])
    for token in reversed(tokens):
        after.append(after[-1] if token.kind in ("open", "close") else token.raw[:1])
    return before[:-1], after[-2::-1]


def _without_marks(tokens: list[Token], escaped: bool) -> tuple[str, list[Mark]]:
    """The text of the tokens, and the marks, those inside others as their `inner` ones."""
    partners = _partners(tokens)
    begun = {end: start for start, end in partners.items()}
    text, alone = _Text(), False
    inside = [Mark("")]
    for i, (token, before, after) in enumerate(zip(tokens, *_neighbours(tokens), strict=True)):
        if token.kind == "text":
            text.add(html.unescape(token.raw) if escaped else token.raw, alone)
            alone = False
        elif i in begun:
            mark = inside.pop()
            mark.closing, mark.end = token.raw, text.size
            if token.raw == "][]":  # it leads where its words do, which are to be others
                mark.closing = f"][{_raw(tokens[begun[i] + 1 : i])}]"
        else:
            alone |= token.kind == "alone"
            mark = Mark(token.raw, begin=text.size, end=text.size, glued=(not before.isspace(), not after.isspace()))
            inside[-1].inner.append(mark)
            if i in partners:
                inside.append(mark)
    return "".join(text.pieces), inside[0].inner


class _Text:
    """Text that grows piece by piece, with one blank where pieces begin or end with blanks."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self._blank = False

    def add(self, piece: str, after_mark: bool) -> None:
        """Let it go on with the piece; no blank is kept before what ends a sentence `after_mark`."""
        self._blank |= piece[:1].isspace()
        if words := piece.strip():
            blank = self._blank and self.size > 0 and not (after_mark and piece[0] in _ENDING)
            self.pieces.append(f"{' ' * blank}{words}")
            self.size += blank + len(words)
            self._blank = False
        self._blank |= piece[-1:].isspace()


def _partners(tokens: list[Token]) -> dict[int, int]:
    """Indices of the opening and closing tags that belong together; any others stand alone."""
    found: dict[int, int] = {}
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
                    found[at] = i
                    break
    return found


class _Target:
    """Where in a translation the places of the source are."""

    def __init__(self, source: str, target: str, alignment: tuple[Link, ...]) -> None:
        self._source, self._target = source, target
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
            begin = self._tgt[words[0]][0] + self._margin(words[0], self._source[self._starts[first] : mark.begin], 1)
            end = self._tgt[words[1]][1] - self._margin(words[1], self._source[mark.end : self._stops[last]], -1)
            for source, each in zip(mark.inner, inner, strict=True):
                if source.begin == source.end in (mark.begin, mark.end):  # it stands at the edge of this one
                    each.begin = each.end = begin if source.begin == mark.begin else end
        else:
            begin = end = self._point(mark)
        begin, end = min([begin, *(each.begin for each in inner)]), max([begin, end, *(each.end for each in inner)])
        return replace(mark, begin=begin, end=end, inner=inner)

    def _point(self, mark: Mark) -> int:
        """Where something goes that stands between two words, or in one, of the source."""
        if not self._tgt:
            return 0
        word = bisect_right(self._stops, mark.begin)  # the first one that ends after it
        if word and self._stops[word - 1] == mark.begin and mark.glued == (True, False):
            return self._end_of(word - 1, mark.begin)
        if word == len(self._stops):
            return len(self._target)
        if self._starts[word] >= mark.begin:
            return self._tgt[self._hull(range(word, word + 1))[0]][0]
        return self._end_of(word, mark.begin)

    def _end_of(self, word: int, place: int) -> int:
        """The end of what translates the word, before what the word has after the `place`, or punctuation that it lacks."""
        last = self._hull(range(word, word + 1))[1]
        rest = self._source[place : self._stops[word]]
        bare = not rest and self._source[place - 1].isalnum()
        return self._tgt[last][1] - self._margin(last, "." if bare else rest, -1)

    def _hull(self, words: range) -> tuple[int, int]:
        """First and last target word that translate these source words; what stands as far in the text, if none does."""
        found = [tgt for src in words for tgt in self._links.get(src, [])]
        if found:
            return min(found), max(found)
        share = len(self._tgt) / max(1, len(self._starts))
        first, last = (min(len(self._tgt) - 1, int(word * share)) for word in (words[0], words[-1]))
        return first, last

    def _margin(self, word: int, outside: str, step: int) -> int:
        """Characters that the word begins with, or with a `step` of -1 ends with, that are not of what a mark is around.

        They are what stands `outside` of the mark in the word of the source, or else punctuation if there is any.
        """
        start, stop = self._tgt[word]
        begins = self._target.startswith if step > 0 else self._target.endswith
        if not outside or (begins(outside, start, stop) and len(outside) < stop - start):
            return len(outside)
        found = re.match(r"\W*", self._target[start:stop][::step])
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
        if _is_empty_emphasis(mark):
            continue
        yield mark.begin, mark.opening, (True, True) if mark.closing else mark.glued
        yield from _in_order(mark.inner)
        if mark.closing:
            yield mark.end, mark.closing, (True, True)


def _is_empty_emphasis(mark: Mark) -> bool:
    """Whether signs of Markdown are around nothing, where they would be read as text."""
    return mark.begin == mark.end and mark.opening == mark.closing and all(map(_is_empty_emphasis, mark.inner))
