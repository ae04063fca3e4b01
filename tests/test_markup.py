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


def segments(kind: str, *lines: str) -> list[str]:
    """The texts that the lines hold, after making sure that nothing else is lost."""
    markup = Markup(kind)
    cut = [markup.cut(line) for line in lines]
    assert ["".join(each.raw if isinstance(each, Segment) else each for each in of_line) for of_line in cut] == [*lines]
    return [each.text for of_line in cut for each in of_line if isinstance(each, Segment)]


KEPT = [
    ("Test[^1] und[^zwei] so.", ["Test und so."]),
    ("[^1]: Das ist ein Hund.", ["Das ist ein Hund."]),
    ("Siehe [das Haus](https://de.org/Haus_(Bau)) an", ["Siehe das Haus an"]),
    ("Siehe [das Haus](https://de.org 'Titel') an", ["Siehe das Haus an"]),
    ("Siehe [das Haus](https://de.org (Titel)) an", ["Siehe das Haus an"]),
    ('Siehe [das Haus](<https://de.org/a b> "Titel") an', ["Siehe das Haus an"]),
    ("Siehe [`mtcli`](https://x.de) und [das `Haus`](x) an", ["Siehe und das an"]),
    ("[![Build](https://img.de/b.svg)](https://ci.de/x) Text", ["Text"]),
    ("Hier [![Build](b.svg)][ci] steht", ["Hier steht"]),
    ("![Der Hund][bild]", []),
    ("![Der [gute] Hund](bild.png 'Titel') ist da", ["ist da"]),
    ("[kein Ziel](hier nicht) und [nichts]", ["[kein Ziel](hier nicht) und [nichts]"]),
    ("[bild]: <https://de.org/a b> 'Titel'", []),
    ("> [!NOTE]", []),
    ("> [!TIP]- Ein Titel", ["Ein Titel"]),
    ("Hund | Katze", ["Hund", "Katze"]),
    ("Hund \\| Katze", ["Hund Katze"]),
    ("a|b", ["a|b"]),
    ("Ein Hund\\", ["Ein Hund"]),
    ("# Titel #", ["Titel"]),
    ("## Titel in C# ##  ", ["Titel in C#"]),
    ("# C#", ["C#"]),
    ("# #", []),
    ("Die Formel $x^2 + y_1$ und $$a$$ gilt", ["Die Formel und gilt"]),
    ("5 $ und 6 $", ["5 $ und 6 $"]),
    ("$5 oder $6, US$7 und US$8, $9 und 10$", ["$5 oder $6, US$7 und US$8, $9 und 10$"]),
    ("Gut :smile: so, um 10:30:45", ["Gut so, um 10:30:45"]),
    ("::: warning", []),
    ("::: warning Pass auf", ["Pass auf"]),
    ("::: {.note .x}", []),
    ('Ein {% include "a.html" %} Hund', ["Ein Hund"]),
    ("{% if a %}Ja{% else %}Nein{% endif %}", ["Ja", "Nein"]),
    ("Hallo <%= name %>, du", ["Hallo, du"]),
    ("{n, plural, one {ein <b>Hund</b>} other {# Hunde}} sind da", ["sind da"]),
    ("**`Code`** ist **gut**", ["ist gut"]),
    ("Siehe https://de.org/Haus_(Bau). Ja", ["Siehe. Ja"]),
    ("Er (https://de.org/Haus) geht", ["Er () geht"]),
    ("Er ([#12](https://a.b)) und [Haus](x)-Tür", ["Er (#12) und Haus-Tür"]),
    ("add \\_\\_lt\\_\\_ to `a` := `b`", ["add lt to :="]),
    ("Basis](https://a.b/_c_) und [das", ["Basis und das"]),
    ("{: .no_toc }", []),
    ('[Haus](x){:target="_blank"} und ![B](b.png){width=50%}', ["Haus und"]),
    ("# Titel {#id .klasse}", ["Titel"]),
    ("[TOC]", []),
    ("Du hast %{count} von #{name} und {x!r}, {x:>10}, %ld, %n, %1", ["Du hast von und,,,,"]),
    ("{{{ a }}} und %d%% gut, 50 % und 7%", ["und gut, 50 % und 7%"]),
    ("Das {# ist {{x}} #} gut", ["Das gut"]),
    ("\ufeff# Titel", ["Titel"]),
    ("\ufeff```", []),
    ("Wenn x <y und", ["Wenn x <y und"]),
    ("Ein Hut` und", ["Ein Hut` und"]),
    ("Ein ``Hut'' und `Hund´", ["Ein ``Hut'' und `Hund´"]),
]


@pytest.mark.parametrize(("line", "texts"), KEPT)
def test_signs_of_markdown_are_not_given_to_the_model(line: str, texts: list[str]) -> None:
    assert segments("markdown", line) == texts
    assert put_back("markdown", [line]) == [line]


GOING_ON = [
    ("markdown", ['<img src="a.png"', '     alt="Logo">Hund'], ["Hund"]),
    ("markdown", ['Ein <a href="x"', "   title='Ja'>Hund</a>"], ["Ein", "Hund"]),
    ("markdown", ["<div", '  class="a">', "Hund"], ["Hund"]),
    ("markdown", ['Ein <a href="x', "", "Hund"], ["Ein", "Hund"]),
    ("markdown", ["Mit `make", "install` und `rm` gut", "Hund"], ["Mit", "und gut", "Hund"]),
    ("markdown", ["Mit `make", "", "Ein Hund"], ["Mit", "Ein Hund"]),
    ("markdown", ["Mit `make", "- Ein `rm` Hund"], ["Mit", "Ein Hund"]),
    ("markdown", ["Hund", "    Katze", "", "    code", "# Titel", "    code"], ["Hund", "Katze", "Titel"]),
    ("markdown", ["Hund|Katze", "---|---", "Hund|Katze", "", "Hund|Katze"], ["Hund|Katze", "Hund", "Katze", "Hund|Katze"]),
    ("markdown", ["# Titel `a", "Hund"], ["Titel `a", "Hund"]),
    ("markdown", ["| ` | Hund |", "| `a | b |", "Katze"], ["Hund", "`a", "b", "Katze"]),
    ("markdown", ["Taste ` und", "Ein ``Haus` und", "Hund"], ["Taste ` und", "Ein ``Haus` und", "Hund"]),
    ("markdown", ["Ein ``Hund", "und Katze'' da"], ["Ein ``Hund", "und Katze'' da"]),
    ("markdown", ["Es gilt x <y", "und List<String", "Hund"], ["Es gilt x <y", "und List<String", "Hund"]),
    ("markdown", ["Eine {{ Klammer", "Eine {# und {% auch", "Hund"], ["Eine {{ Klammer", "Eine {# und {% auch", "Hund"]),
    ("html", ["{{ nein", "", "Hund {Hund,Katze}"], ["Hund {Hund,Katze}"]),
    ("html", ["\ufeff\ufeffHund"], ["Hund"]),
    ("html", ["{# nein", "", "nein #} Hund", "{% nein", "nein %}", "{{ nein", "nein }} Katze"], ["Hund", "Katze"]),
    ("html", ["&nbsp;&#160; Hund &amp;&nbsp;", "Katze&#xa0;"], ["Hund &", "Katze"]),
]


@pytest.mark.parametrize(("kind", "lines", "texts"), GOING_ON)
def test_what_a_line_begins_goes_on(kind: str, lines: list[str], texts: list[str]) -> None:
    assert segments(kind, *lines) == texts


def test_a_link_by_its_words_leads_where_it_did() -> None:
    assert put_back("markdown", ["Siehe [die *Hilfe*][] an"], "See the help", [(0, 0), (1, 1), (2, 2)]) == [
        "See [the *help*][die *Hilfe*]"
    ]


def test_settings_before_a_text_stay_as_they_are() -> None:
    assert segments("markdown", "---", "title: Das Haus", "# Haus", "---", "Haus", "---", "Baum") == ["Haus", "Baum"]
    assert segments("markdown", "---", "", "Haus") == ["Haus"], "a rule"
    markup = Markup("markdown")
    markup.cut("---")
    assert markup.open


def test_blocks_of_formulas_and_code_stay_as_they_are() -> None:
    assert segments("markdown", "$$", "x + y", "$$", "Haus", "$$ viel", "", "Baum") == ["Haus", "Baum"]
    assert segments("markdown", "1. ```sh", "   ls", "   ```py", "   ```", "", "    Haus") == ["Haus"]


def test_paragraphs_of_items_are_text_and_code_in_them_is_not() -> None:
    item = ["1. Erstens", "", "    Text", "", "        code", "", "       - code", "Ende", "", "    code"]
    assert segments("markdown", *item[:5]) == ["Erstens", "Text"]
    assert segments("markdown", *item[:4], *item[7:]) == ["Erstens", "Text", "Ende"]
    assert segments("markdown", "- a", "    - b", "", "        Text", "", "            code") == ["a", "b", "Text"]
    assert segments("markdown", "- a", "      geht weiter", "", "  Text", "# Titel", "", "    code") == [
        *("a", "geht weiter", "Text", "Titel")
    ]
    assert segments("markdown", "[^1]: a", "", "    Text", "", "        code", "b", "", "    code") == ["a", "Text", "b"]
    assert segments("markdown", "* * *", "", "    code", "    - code", "    code") == []


PARTED = [
    ("<button>Ja</button><button>Nein</button>", ["Ja", "Nein"]),
    ('<a href="/a">Ja</a><a href="/b">Nein</a>', ["Ja", "Nein"]),
    ("<nav><a>Heim</a><a>Kontakt</a>", ["Heim", "Kontakt"]),
    ("<noscript>Ja</noscript><iframe>Nein</iframe>", ["Ja", "Nein"]),
    ("<label>Ja</label>Nein<dialog>Gut</dialog>", ["Ja", "Nein", "Gut"]),
    ("<b>Ja</b> <i>Nein</i>", ["Ja Nein"]),
    ("<% if a %>Ja<% else %>Nein", ["Ja", "Nein"]),
    ("Hallo <%= name %>, du", ["Hallo, du"]),
    ('{# Ja #}Das {% include "a.html" %} ist', ["Das ist"]),
    ("{n, select, a {ein <b>Hund</b>} other {{n} Hunde}} sind da", ["sind da"]),
    ("Siehe https://de.org/Haus_(Bau).", ["Siehe."]),
    ("<p>Wo ist <a href=x.html>das <code>Haus</code></a>?</p>", ["Wo ist das?"]),
    ('<a href="a"><img src="b" alt="Hund"></a> Das ist ein Hund.', ["Das ist ein Hund."]),
    ('<p>Das ist <a href="a"><img src="b"></a> ein Hund.</p>', ["Das ist ein Hund."]),
    ("Ein {x} {y}.", ["Ein."]),
    ("<b>Das Haus", ["Das Haus"]),
]


@pytest.mark.parametrize(("line", "texts"), PARTED)
def test_words_that_do_not_belong_together_are_parted(line: str, texts: list[str]) -> None:
    assert segments("html", line) == texts
    assert put_back("html", [line]) == [line]


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
    assert of("<b>Das Haus ist", "The house is", "0-1 1-1 2-2") == "<b>The house is"
    assert of("Wo ist <a>das <code>x</code></a>?", "Where is it?", "0-0 1-1 2-2") == "Where is <a>it <code>x</code></a>?"
    assert of("<a><img></a> Das ist", "This is", "0-1 1-0") == "<a><img></a> This is"
    assert of("Das <a><img></a> ist", "(This) is", "0-0 1-1") == "(This) <a><img></a> is"
    assert of("Ja <i>x <wbr></i> da", "yes there", "0-0 1-0 2-1") == "<i>yes <wbr></i> there"


def test_signs_of_markdown_stand_where_their_words_do() -> None:
    def of(line: str, change: str, *links: Link) -> str:
        return put_back("markdown", [line], change, [*links])[0]

    assert of("Haus[^1] ist", "is house,", (0, 1), (1, 0)) == "is house[^1],"
    assert of("Das Haus.[^1] Ja", "The house. Yes", (0, 0), (1, 1), (2, 2)) == "The house.[^1] Yes"
    assert of("Er (https://a.b) geht", "He () goes", (0, 0), (1, 1), (2, 2)) == "He (https://a.b) goes"
    assert of("~~das~~ ~~Haus~~", "house", (0, 0), (1, 0)) == "~~house~~", "not ~~~~ beside it"


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


ODD = st.text(alphabet="<>!/[]()^&#;:-\"'`*_|={}%$~\\a1 \t\x00\x85\u2028", max_size=30)


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
        "](",
        "](a '",
        "](<",
        "[![a](",
        "[^",
        "$a",
        "$a\\",
        "$$",
        "{% ",
        "{a, plural, ",
        "{a, plural, {}",
        "https://a(",
        "www.(a)",
        "(a",
        " #",
        "<%",
        ":a",
        "</b><b>a",
        "<b> ",
        "\\",
        "~~~",
        "> ",
        "{{ ",
        "```` a ",
        "{{ a",
        "{# ",
        "`a ",
        "{a=",
        "{{ }} ",
        "<code>x</code> ä ",
        "<CODE>x</CODE> ",
        "<a b=c ",
        "&nbsp;",
        "%",
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


def test_letters_that_grow_when_they_are_small_move_no_mark() -> None:
    cut = Markup("html").cut(f"<p>{'İ' * 8} yaz <CODE>x</code> ve <b>kalın</b> metin.</p>")
    assert [each.text for each in cut if isinstance(each, Segment)] == [f"{'İ' * 8} yaz ve kalın metin."]
