"""Text with markup: what is to be translated is taken out of it, and what was translated is put back."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal

from mtcli.alignment import Link

Kind = Literal["text", "open", "close", "alone", "break"]
"""Text is translated. Tags open and close around words, or stand alone among them. At a break the text before it ends."""

_LINK = r"(?:https?://|www\.)[^\s<>{}]*[^\s<>{}.,;:!?'\")\]]|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
_PLACEHOLDER = (
    r"\{\{[^{}]{0,80}\}\}|\$?\{[\w.:$#@-]{0,80}\}|%\(\w{1,80}\)[sdif]"
    r"|%(?:\d+\$)?[-+0#]?\d*(?:\.\d+)?[sdifuxc@](?!\w)|\$[A-Za-z_]\w*"
)
_AS_IT_IS = re.compile(f"{_LINK}|{_PLACEHOLDER}")
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


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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
        target = _Target(self.text, text, alignment)
        target.find(self._marks)
        _untangle(self._marks, 0, len(text))
        return "".join(self._written(self._marks, text))

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
    """Cuts lines of HTML or Markdown. What one line begins, such as a block of code, goes on in the next ones."""

    def __init__(self, kind: str) -> None:
        self._html = kind == "html"
        self._inside = ""
        """What has begun and not ended: the name of an element, `<` for a tag, or the fence of a block of code."""

    def cut(self, line: str) -> list[Segment | str]:
        """The line in order: what is to be translated, and what stays as it is. Tabs become blanks, control characters go."""
        line = _CONTROL.sub("", line.expandtabs(4))
        tokens = self._html_tokens(line) if self._html else self._markdown_tokens(line)
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
        segment = Segment(inner, self._html)
        yield before + blanks[0]
        yield segment if re.search(r"\w", segment.text) else segment.raw
        yield blanks[1] + "".join(token.raw for token in after)

    def _html_tokens(self, line: str) -> Iterator[Token]:
        at = 0
        if self._inside:
            end = re.search(">" if self._inside == "<" else rf"</{self._inside}\s*>", line, re.IGNORECASE)
            if not end:
                yield Token("break", line)
                return
            yield Token("break", line[: end.end()])
            at, self._inside = end.end(), ""
        begun = None
        for kind, name, raw in _html_events(line[at:]):
            if begun:
                begun = (begun[0], begun[1] + raw, begun[2] + (name == begun[0]) * ((kind == "open") - (kind == "close")))
                if begun[2] == 0:
                    yield Token("break" if begun[0] in _BLOCKS else "alone", begun[1])
                    begun = None
            elif kind == "open" and name in _VERBATIM:
                begun = (name, raw, 1)
            elif kind == "unfinished":
                self._inside = "<"
                yield Token("break", raw)
            elif kind == "text":
                yield from _plain_tokens(raw)
            else:
                yield Token("break" if name in _BLOCKS else kind, raw, name)  # type: ignore[arg-type]
        if begun:
            self._inside = begun[0]
            yield Token("break", begun[1])

    def _markdown_tokens(self, line: str) -> Iterator[Token]:
        fence = re.match(r"\s*(?:>\s*)*(```+|~~~+)", line)
        if self._inside or fence:
            if fence and (not self._inside or fence[1].startswith(self._inside)):
                self._inside = "" if self._inside else fence[1]
            yield Token("break", line)
        elif re.fullmatch(r"[\s|:=*_-]*|(?: {4}|\t).*|\s*\[[^\]]*\]:.*", line):  # rules, code, where links lead
            yield Token("break", line)
        else:
            begin = _MARKDOWN_BEGIN.match(line)
            at = begin.end() if begin else 0
            yield Token("break", line[:at])
            yield from _markdown_inline(line[at:], line.lstrip().startswith("|"))


_MARKDOWN_BEGIN = re.compile(r"\s*(?:>\s*)*(?:[-*+]\s+|\d{1,9}[.)]\s+)?(?:\[[ xX]\]\s+)?(?:#{1,6}\s+)?")
_MARKDOWN = re.compile(
    rf"""
    (?P<code>``[^`]+(?:`[^`]+)*``|`[^`]+`)
    |(?P<image>!\[[^\[\]]*\]\([^()\s]*(?:\s+"[^"]*")?\))
    |\[(?P<label>[^\[\]]*)\](?P<goal>\([^()\s]*(?:\s+"[^"]*")?\)|\[[^\[\]]*\])
    |(?P<link><(?:https?:|mailto:)[^<>\s]*>|{_LINK})
    |<(?P<end>/?)(?P<tag>[A-Za-z][\w-]*)[^<>]*>
    |(?P<escape>\\[!-/:-@\[-`{{-~]|&\w{{1,31}};|&\#\w{{1,8}};)
    |(?P<placeholder>{_PLACEHOLDER})
    |(?P<strong>\*{{1,3}}|_{{1,3}}|~~)
    |(?P<cell>\|)
    """,
    re.VERBOSE,
)


def _markdown_inline(text: str, table: bool) -> Iterator[Token]:
    at = 0
    begun: list[str] = []  # emphasis that has not ended
    for found in _MARKDOWN.finditer(text):
        token = found.lastgroup
        raw = found[0]
        new: list[Token] = []
        if found["label"] is not None:
            name = f"link {found.start()}"
            new = [Token("open", "[", name), *_markdown_inline(found["label"], False), Token("close", f"]{found['goal']}", name)]
        elif found["tag"]:
            kind: Kind = "alone" if raw.endswith("/>") or found["tag"].lower() in _VOID else "close" if found["end"] else "open"
            new = [Token("break" if found["tag"].lower() in _BLOCKS else kind, raw, found["tag"].lower())]
        elif token == "strong":
            before, after = text[: found.start()][-1:], text[found.end() :][:1]
            if raw in begun and before.strip() and not (raw[0] == "_" and after.isalnum()):
                begun.remove(raw)
                new = [Token("close", raw, raw)]
            elif after.strip() and not before.isalnum():
                begun.append(raw)
                new = [Token("open", raw, raw)]
        elif token != "cell" or table:
            new = [Token("break" if token == "cell" else "alone", raw)]
        if new:
            yield Token("text", text[at : found.start()])
            yield from new
            at = found.end()
    yield Token("text", text[at:])


class _HtmlEvents(HTMLParser):
    """Kind, name and place of all that a line of HTML is made of."""

    def __init__(self, line: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[str, str, int]] = []
        self.feed(line)
        if self.rawdata:
            kind = "unfinished" if re.match(r"<[A-Za-z/!?]", self.rawdata) else "text"
            self.found.append((kind, "", len(line) - len(self.rawdata)))

    def _note(self, kind: str, name: str = "") -> None:
        self.found.append((kind, name, self.getpos()[1]))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._note("alone" if tag in _VOID else "open", tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self._note("alone", tag)

    def handle_endtag(self, tag: str) -> None:
        self._note("close", tag)

    def handle_data(self, data: str) -> None:
        self._note("text")

    def handle_entityref(self, name: str) -> None:
        self._note("text")

    def handle_charref(self, name: str) -> None:
        self._note("text")

    def handle_comment(self, data: str) -> None:
        self._note("alone")

    def handle_decl(self, decl: str) -> None:
        self._note("alone")

    def handle_pi(self, data: str) -> None:
        self._note("alone")

    def unknown_decl(self, data: str) -> None:
        self._note("alone")


def _html_events(line: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and text of all that a line of HTML is made of."""
    events = _HtmlEvents(line).found
    if events and events[0][2] > 0:  # something that the parser passes over
        events.insert(0, ("alone", "", 0))
    for i, (kind, name, start) in enumerate(events):
        yield kind, name, line[start : events[i + 1][2] if i + 1 < len(events) else len(line)]


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
    text, top = "", [Mark("")]
    names: list[str] = []
    raw = "".join(token.raw for token in tokens)
    at = 0
    for token in tokens:
        before, after = raw[:at][-1:], raw[at + len(token.raw) :][:1]
        at += len(token.raw)
        if token.kind == "text":
            text += html.unescape(token.raw) if escaped else token.raw
        elif token.kind == "close" and token.name in names:
            while names:
                mark, name = top.pop(), names.pop()
                if name == token.name:
                    mark.closing, mark.end = token.raw, len(text)
                    break
                top[-1].inner += mark.inner  # it was never closed: one tag, not two
                mark.inner = []
        else:
            if token.kind == "alone" and before == " " and re.match(r"[.,;:!?)]", after):
                text = text.removesuffix(" ")
            mark = Mark(token.raw, begin=len(text), end=len(text), glued=(not before.isspace(), not after.isspace()))
            top[-1].inner.append(mark)
            if token.kind == "open":
                top.append(mark)
                names.append(token.name)
    while len(top) > 1:
        mark = top.pop()
        top[-1].inner += mark.inner
        mark.inner = []
    return text, top[0].inner


class _Target:
    """Where in a translation the places of the source are."""

    def __init__(self, source: str, target: str, alignment: tuple[Link, ...]) -> None:
        self._source, self._target = source, target
        self._src = [found.span() for found in re.finditer(r"\S+", source)]
        self._tgt = [found.span() for found in re.finditer(r"\S+", target)]
        self._links: dict[int, list[int]] = {}
        for src, tgt in alignment:
            if src < len(self._src) and tgt < len(self._tgt):
                self._links.setdefault(src, []).append(tgt)

    def find(self, marks: list[Mark]) -> None:
        """Turn `begin` and `end` of all marks from places in the source to places in the target."""
        for mark in marks:
            self.find(mark.inner)
            inside = [i for i, (start, stop) in enumerate(self._src) if stop > mark.begin and start < mark.end]
            if inside and mark.closing and self._tgt:
                first, last = self._hull(inside)
                begin = self._tgt[first][0] + self._punctuation(first, mark.begin > self._src[inside[0]][0], r"\W*")
                end = self._tgt[last][1] - self._punctuation(last, mark.end < self._src[inside[-1]][1], r"\W*$")
                mark.begin, mark.end = begin, max(begin, end)
            else:
                mark.begin = mark.end = self._point(mark.begin)
            for inner in mark.inner:
                mark.begin, mark.end = min(mark.begin, inner.begin), max(mark.end, inner.end)

    def _point(self, place: int) -> int:
        """Where something goes that stands between two words, or in one, of the source."""
        if not self._tgt:
            return 0
        around = next((i for i, (start, stop) in enumerate(self._src) if start < place < stop), None)
        if around is not None:
            last = self._hull([around])[1]
            return self._tgt[last][1] - self._punctuation(last, True, r"\W*$")
        following = next((i for i, (start, _) in enumerate(self._src) if start >= place), None)
        if following is not None:
            return self._tgt[self._hull([following])[0]][0]
        return len(self._target)

    def _hull(self, words: list[int]) -> tuple[int, int]:
        """First and last target word that translate these source words; what stands as far in the text, if none does."""
        found = [tgt for src in words for tgt in self._links.get(src, [])]
        if found:
            return min(found), max(found)
        share = len(self._tgt) / max(1, len(self._src))
        first, last = (min(len(self._tgt) - 1, int(word * share)) for word in (words[0], words[-1]))
        return first, last

    def _punctuation(self, word: int, wanted: bool, pattern: str) -> int:
        start, stop = self._tgt[word]
        found = re.search(pattern, self._target[start:stop]) if wanted else None
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
