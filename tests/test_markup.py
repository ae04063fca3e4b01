"""Tags, code, links and placeholders come through a translation whole, in order, and in their places."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from conftest import mtcli
from hypothesis import given
from hypothesis import strategies as st

from mtcli import Translator
from mtcli.alignment import Link
from mtcli.markup import Markup, Segment
from mtcli.package import open_package
from mtcli.treatment import Treatment

HTML = [
    '<p>Click <b>here</b>, <a href="x">please</a>.</p>',
    "Hello {name}! <br/> Bye <code>x < y</code> now.",
    "<pre>",
    "  code <b>x</b>",
    "</pre> text",
    "Fish &amp; chips &lt;3",
    "<a",
    'href="y">link</a>',
    "<b><i>both</i> words</b> and <i>x",
    "<!-- c --> Hi",
    "%s files, 50% off",
    "Go to https://x.org/a?b=1. Now",
    "<ul><li>One</li><li>Two <em>three</em></li></ul>",
    '<img src="a.png"> picture',
    "I <b>love</b> <i>you</i>, ${user}",
    "<script>if (a < b) { x(); }</script>",
    "<!-- one",
    "<p>no text</p> > two",
    "three --> Hello",
    '<a title="x',
    'y > z">link</a>',
    "<script",
    ' src="x">',
    "no text",
    "</script> Hi",
    "See https://x.org/?a=1&amp;b=2 now",
    "R&amp;D and <b>bold</b> too",
    "<![ x]> hi <!DOCTYPE html> you",
    "",
]
MARKDOWN = [
    "# Title",
    "- **bold** and *it* and `code x`",
    "1. [link text](http://a.b/c) here",
    "> quote",
    "```py",
    "x = 1",
    "```",
    "| a | b |",
    "|---|---|",
    "Hello ![alt](i.png) you",
    "snake_case_word and 2 * 3 * 4",
    "Visit <https://a.b> or a@b.de.",
    "    code",
    "[x]: http://a",
    "Text  ",
    "Use `{x}` or {x}, ok",
    "***both*** and <kbd>Ctrl</kbd>",
    "- [ ] to do: 100 %d",
    "```x``` is a command",
    "    - nested item",
    "[^1]: A footnote",
    "[Note]: read this first",
    "<!-- no text",
    "no text --> Hello <code>no text</code>",
    "<pre>",
    "no text",
    "</pre>",
    "",
]


def put_back(kind: str, lines: list[str], change: str | None = None, links: list[Link] | None = None) -> list[str]:
    """The lines after each segment has been replaced by itself, or by `change` with these links."""
    markup, found = Markup(kind), []
    for line in lines:
        written = ""
        for each in markup.cut(line):
            if isinstance(each, str):
                written += each
            elif change is None:
                words = each.text.split()
                written += each.restore(" ".join(words), tuple((i, i) for i in range(len(words))))
            else:
                written += each.restore(change, tuple(links or []))
        found.append(written)
    return found


@pytest.mark.parametrize(("kind", "lines"), [("html", HTML), ("markdown", MARKDOWN)])
def test_what_is_not_changed_comes_back_as_it_was(kind: str, lines: list[str]) -> None:
    assert put_back(kind, lines) == lines


def test_code_and_links_are_not_given_to_the_model() -> None:
    def texts(kind: str, lines: list[str]) -> list[str]:
        markup = Markup(kind)
        return [each.text for line in lines for each in markup.cut(line) if isinstance(each, Segment)]

    html, text = texts("html", HTML), texts("markdown", MARKDOWN)
    assert not re.search(r"[<>{}]|x\.org|&\w|%s|no text", " ".join(html).replace("& chips <3", "").replace("R&D", ""))
    assert not re.search(r"x = 1|http|\*\*|`|\{|a@b|i\.png|no text", " ".join(text))
    assert "Fish & chips <3" in html
    assert {"is a command", "nested item", "[Note]: read this first", "Hello"} <= set(text)
    assert any("A footnote" in each for each in text)


def test_tags_stand_around_the_words_that_translate_theirs() -> None:
    def of(line: str, change: str, links: str) -> str:
        pairs = [(int(a), int(b)) for a, b in (link.split("-") for link in links.split())]
        return put_back("html", [line], change, pairs)[0]

    assert of("the <b>red</b> house", "la casa roja", "0-0 1-2 2-1") == "la casa <b>roja</b>"
    assert of("I <i>gave</i> it (up).", "Das gab ich (auf).", "0-2 1-1 1-3 2-0") == "Das <i>gab ich (auf).</i>"
    assert of("Hello {name}!", "Hallo!", "0-0") == "Hallo {name}!"
    assert of("Open {file} now", "Öffne jetzt", "0-0 1-1") == "Öffne {file} jetzt"
    assert of("<a>a</a> <b>b</b>", "y x", "0-1 1-0") == "<b>y</b> <a>x</a>"
    assert of("<a>a b</a> <b>c</b>", "x z y", "0-0 1-2 2-1") == "<a>x z y</a><b></b>"
    assert of("x <b>y</b>", "", "") == "<b></b>"


def test_each_hypothesis_gets_its_marks() -> None:
    [segment] = Markup("html").cut("the <b>red</b> house")
    assert isinstance(segment, Segment)
    for _ in range(2):
        assert segment.restore("la casa roja", ((0, 0), (1, 2), (2, 1))) == "la casa <b>roja</b>"


PIECES = st.sampled_from(
    [
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<br>",
        "<p>",
        "</p>",
        "{x}",
        "word",
        "Wort,",
        " ",
        "&amp;",
        "<img>",
        "<code>",
        "</code>",
        "https://a.b/c",
        ".",
    ]
)


@given(
    st.lists(PIECES, max_size=14),
    st.text(alphabet="ab ,.", max_size=12),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8),
)
def test_no_mark_is_lost_whatever_the_translation_is(pieces: list[str], change: str, links: list[Link]) -> None:
    def marks(line: str) -> list[str]:
        return sorted(re.findall(r"</?\w+>|\{x\}|https://a\.b/c", line))

    line, change = "".join(pieces), " ".join(change.split())
    for kind in ("html", "markdown"):
        [written] = put_back(kind, [line], change, links)
        assert marks(written) == marks(line)
        [same] = put_back(kind, [line])
        assert marks(same) == marks(line)


ODD = st.text(alphabet="<>!/[]&#;-\"'`*_|={}a1 \t\x00\x85\u2028", max_size=30)


@given(st.lists(st.one_of(ODD, st.text(max_size=60)), max_size=4), st.sampled_from(["html", "markdown"]))
def test_any_lines_can_be_cut(lines: list[str], kind: str) -> None:
    markup = Markup(kind)
    for line in lines:
        cut = markup.cut(line)
        raw = "".join(each.raw if isinstance(each, Segment) else each for each in cut)
        assert raw == re.sub(r"[\x00-\x1f\x7f-\x9f]", "", line.expandtabs(4))
        for each in cut:
            if isinstance(each, Segment):
                each.restore("a b", ((0, 1),))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["html", "markdown"])
@pytest.mark.parametrize(
    "unit",
    [
        "<b>",
        "**",
        "**a ",
        "`",
        "[",
        "{",
        "a@",
        "<a href=",
        "![",
        "&",
        "https://a.",
        "| ",
        "- ",
        "<!--",
        "_a",
        "<b>x</b> ",
        "<b>a",
        "</i>",
    ],
)
def test_a_line_twice_as_long_takes_twice_the_time(kind: str, unit: str) -> None:
    def seconds(count: int) -> float:
        line = f"a {unit * count} b"
        began = time.process_time()
        for each in Markup(kind).cut(line):
            if isinstance(each, Segment):
                words = each.text.split()
                each.restore(" ".join(words), tuple((i, i) for i in range(len(words))))
        return time.process_time() - began

    tries = (seconds(32_000) < max(0.5, 64 * seconds(2_000)) for _ in range(3))  # whatever else the machine does meanwhile
    assert any(tries), "sixteen times as long"


@pytest.mark.parametrize("line", ["<" + "a" * 200_000, "<b>" * 2_000 + "x" + "</b>" * 2_000, "x " + "!" * 200_000 + "<b>a</b>"])
def test_no_line_is_too_long_or_too_deep(line: str) -> None:
    assert put_back("html", [line]) in ([line], [line.replace("<a", "&lt;a")])
    put_back("markdown", [line])


def test_each_segment_goes_to_the_language_of_its_line(transformer_package: Path) -> None:
    package = open_package(str(transformer_package))
    usual = Translator.load(str(transformer_package), "cpu", "torch")
    for kind in ("html", "markdown"):
        translator = Translator(usual.engine, usual.tokenizer, usual.config, ("de", "en"), Treatment(format=kind))
        translator.translate([">>de<< Hello <p>World</p>", "Hello <p>World</p>"])
        assert sum(translator.notices[notice] for notice in translator.notices if ">>de<<" in notice) == 1, "the second line"
        assert translator.translate(["<!--"]) == ["<!--"]
        assert translator.translate(["Hello"]) != ["Hello"], "a text of its own"
    assert package.config.languages.targets == ()


@pytest.mark.slow
def test_a_translated_page_keeps_its_marks(transformer_package: Path, tmp_path: Path) -> None:
    for kind, lines in (("html", HTML), ("markdown", MARKDOWN)):
        stdin = "".join(f"{line}\n" for line in lines).encode()
        found = mtcli("translate", "-m", transformer_package, "--format", kind, stdin=stdin).stdout.decode().split("\n")
        assert len(found) == len(lines) + 1
        for line, translated in zip(lines, found, strict=False):
            for mark in re.findall(r"</?\w[^<>]*>|`[^`]*`|\{\w+\}|https?://[\w./?=]+\w|%s|\]\([^)]*\)|^#+|^\||```", line):
                assert mark in translated
    for wrong in (("--format", "xml"), ("--format", "html", "--alignment"), ("--format", "html", "--engine", "ctranslate2")):
        assert mtcli("translate", "-m", transformer_package, *wrong, stdin=b"a\n", code=2).stdout == b""
