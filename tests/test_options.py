"""Each option of `mtcli translate` does what it says, by the real command or the real translator."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import torch
from conftest import DATA, head, mtcli, train_tiny
from safetensors.torch import load_file, save_file

from mtcli import Translator
from mtcli.alignment import links, words_of
from mtcli.config import DecodingConfig, TokenizerConfig
from mtcli.degenerate import is_degenerate
from mtcli.engines.torch_engine import TorchEngine
from mtcli.errors import DataError, UsageError
from mtcli.glossary import Glossary
from mtcli.hypothesis import Hypothesis, Sentence
from mtcli.package import open_package
from mtcli.parts import Cutter, Noting, Part
from mtcli.sentences import in_capitals, in_small_letters, kept_apart, split_sentences, with_plain_marks, without_emoji
from mtcli.tokenizer import load_tokenizer, train_tokenizer
from mtcli.translator import Translation, _in_a_row, _Read, _translation
from mtcli.treatment import Treatment
from mtcli.vocab import EOS_ID

LINES = (DATA / "test.de").read_text(encoding="utf-8").splitlines()[:12]
TEXT = "".join(f"{line}\n" for line in LINES).encode()


@pytest.fixture(params=["transformer_package", pytest.param("rnn_package", marks=pytest.mark.slow)])
def package(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def parts_of(translator: Translator, texts: list[str]) -> list[list[Part]]:
    return translator.cutter.parts(texts, Noting(Counter(), range(len(texts))))


class Found:
    """An engine that finds what it was given, of each sentence the same, and keeps what it was asked."""

    name = "found"

    def __init__(self, *hypotheses: list[int], again: list[int] | None = None) -> None:
        """`again` is what a second search finds."""
        self.hypotheses, self.again = hypotheses, again
        self.asked: list[DecodingConfig] = []
        self.counts: list[int] = []

    def submit(self, sentences: list[Sentence], config: DecodingConfig) -> Callable[[], list[list[Hypothesis]]]:
        rows = self.hypotheses if not self.asked or self.again is None else [self.again]
        self.asked.append(config)
        self.counts.append(len(sentences))
        return lambda: [[Hypothesis(ids, -1.0 - i, 0.5) for i, ids in enumerate(rows)][: config.n_best] for _ in sentences]

    def close(self) -> None:
        pass


def translated(*args: str | Path, stdin: bytes = TEXT) -> list[str]:
    return mtcli("translate", *args, stdin=stdin).stdout.decode().splitlines()


def test_a_prefix_begins_each_translation(package: Path, tmp_path: Path) -> None:
    prefixes = ["I have", "", "Tom", *["He is not"] * (len(LINES) - 3)]
    (tmp_path / "begin").write_text("".join(f"{prefix}\n" for prefix in prefixes))
    found = translated("-m", package, "--prefix", tmp_path / "begin")
    assert all(text.startswith(prefix) for text, prefix in zip(found, prefixes, strict=True))
    assert found[1] == translated("-m", package)[1]
    for lines, words in ((LINES[:3], "has more"), (LINES * 2, f"{len(LINES)} lines")):
        stdin = "".join(f"{line}\n" for line in lines).encode()
        said = mtcli(
            "translate", "-m", package, "--prefix", tmp_path / "begin", "-o", tmp_path / "out", stdin=stdin, code=1
        ).stderr
        assert words in said.decode()
        assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["transformer", pytest.param("rnn", marks=pytest.mark.slow)])
def test_scores_of_given_translations_are_the_loss_of_training(architecture: str, tmp_path: Path) -> None:
    dev_src, dev_tgt = head("dev.de", 30, tmp_path), head("dev.en", 30, tmp_path)
    package = train_tiny(tmp_path / "de-en", "--arch", architecture, "--dev-src", str(dev_src), "--dev-tgt", str(dev_tgt))
    loss = tomllib.loads((package / "model.toml").read_text())["scores"]["dev_loss"]
    lines = translated("-m", package, "--score-target", dev_tgt, dev_src, "--json")
    scores = [json.loads(line) for line in lines]
    assert -sum(score["log_probability"] for score in scores) / sum(score["pieces"] for score in scores) == pytest.approx(
        loss, abs=2e-3
    )
    plain = [float(line) for line in translated("-m", package, "--score-target", dev_tgt, dev_src)]
    assert plain == pytest.approx([score["log_probability"] for score in scores], abs=1e-3)
    alone = Translator.load(str(package), "cpu", treatment=Treatment(scoring=True)).score([(scores[7]["src"], scores[7]["tgt"])])
    assert alone[0].log_probability == pytest.approx(plain[7], abs=1e-3)
    mtcli("translate", "-m", package, "--score-target", dev_tgt, "--n-best", "2", dev_src, code=2)


def test_numbers_of_a_blank_line_are_numbers_as_of_others(transformer_package: Path) -> None:
    assert translated("-m", transformer_package, "--json", stdin=b"\n") == [
        '{"src": "", "hyps": [{"text": "", "score": 0.0, "confidence": 1.0}]}'
    ]


def test_what_was_found_is_scored_as_it_was_when_it_was_found(package: Path) -> None:
    translator = Translator.load(str(package), "cpu", "torch", "float32", length_penalty=1, retry=False, max_length_ratio=1)
    scorer = Translator.load(str(package), "cpu", treatment=Treatment(scoring=True))
    sentences = [parts[0].sentence for parts in parts_of(translator, LINES)]
    found = [hyps[0] for hyps in translator.engine.submit(sentences, translator.config)()]
    scores = cast(TorchEngine, scorer.engine).score(
        [(sentence.ids, hyp.ids) for sentence, hyp in zip(sentences, found, strict=True)], scorer.config
    )
    for sentence, hyp, score in zip(sentences, found, scores, strict=True):
        if len(hyp.ids) < translator.config.limits(len(sentence.ids))[1]:
            assert score / (len(hyp.ids) + 1) == pytest.approx(hyp.score, abs=2e-3), "the pieces that may not come have little"
        else:
            assert score < hyp.score * len(hyp.ids), "it was cut, and has an EOS now"


@pytest.mark.slow
def test_json_holds_confidence_and_alignment(package: Path) -> None:
    for line in translated("-m", package, "--json", "--alignment", "--n-best", "2"):
        values = json.loads(line)
        assert len(values["hyps"]) == 2
        for hyp in values["hyps"]:
            assert 0 < hyp["confidence"] <= 1
            pairs = [tuple(map(int, link.split("-"))) for link in hyp["alignment"].split()]
            words = Counter(tgt for _, tgt in pairs)
            assert words == Counter(range(len(hyp["text"].split()))), "each target word has one source word"
            assert all(0 <= src < len(values["src"].split()) for src, _ in pairs)
    text, links_of = translated("-m", package, "--alignment")[0].split(" ||| ")
    assert len(links_of.split()) == len(text.split())
    assert all(line.count("|||") == 3 for line in translated("-m", package, "--alignment", "--n-best", "2"))


def test_words_and_links_come_from_pieces() -> None:
    assert words_of(["▁Ha", "llo", "▁", "▁Welt", "!"]) == [0, 0, 1, 1, 1]
    assert words_of(["▁", "x", "▁y"]) == [0, 0, 1]
    attention = torch.tensor([[0.1, 0.3, 0.4, 0.2], [0.1, 0.1, 0.1, 0.7], [0.9, 0.0, 0.06, 0.04]])
    assert links(attention, (-1, 0, 0, 1), [0, 1, 2]) == [(0, 0), (1, 1), (0, 2)] or links(attention, (-1, 0, 0, 1), [0, 1, 2])[
        :2
    ] == [
        (0, 0),
        (1, 1),
    ]


def test_words_are_counted_over_the_sentences_of_a_line(transformer_package: Path) -> None:
    translator = Translator.load(str(transformer_package), "cpu", treatment=Treatment(alignment=True, split=True))
    [parts] = parts_of(translator, ["Ich bin da. Wo bist du?"])
    assert [sorted(set(part.words)) for part in parts] == [[0, 1, 2], [3, 4, 5]]
    [parts] = parts_of(translator, ["你好。我很好！"])
    assert [sorted(set(part.words)) for part in parts] == [[0], [0]], "one word, as it is written"


def test_a_tag_is_a_word_if_it_stands_in_the_line(transformer_package: Path) -> None:
    tokenizer = Translator.load(str(transformer_package), "cpu").tokenizer

    def words(line: str, treatment: Treatment) -> list[list[int]]:
        cutter = Cutter(tokenizer, DecodingConfig(), ("fr", "es"), treatment)
        return [sorted(set(part.words)) for part in cutter.parts([line], Noting(Counter(), [0]))[0]]

    aligned = Treatment(to="fr", alignment=True, split=True)
    assert words(">>es<< Ich bin da. Wo bist du?", aligned) == [[-1, 1, 2, 3], [-1, 4, 5, 6]]
    assert words("  >>fr<< Ich bin da.", aligned) == [[-1, 1, 2, 3]]
    assert words("Ich bin da. Wo bist du?", aligned) == [[-1, 0, 1, 2], [-1, 3, 4, 5]]
    assert words(">>fr<< Ich bin da.", Treatment(format="html")) == [[-1, 0, 1, 2]], "markup has taken the tag from the text"


def test_a_line_counts_once_whatever_is_cut_from_it(transformer_package: Path) -> None:
    translator = Translator.load(str(transformer_package), "cpu", treatment=Treatment(format="html"), max_source_length=8)
    translator.translate(
        ["<p>Ich bin heute leider nicht da.</p>" * 3, "<p>Ich bin morgen leider auch nicht da.</p>", "<p>Ja</p>"]
    )
    assert translator.notices["were too long and were translated in parts"] == 2


def test_confidence_is_the_mean_over_all_pieces() -> None:
    parts = [Translation("a", -1, 0.01, 1), Translation("b", -1, 0.99, 49)]
    assert _in_a_row(parts).confidence == pytest.approx(math.exp((math.log(0.01) + 49 * math.log(0.99)) / 50))
    assert _in_a_row([Translation("a", -1, 0.8, 5)] * 5000).confidence == pytest.approx(0.8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("--glossary", "terms.tsv", "--temperature", "1"),
        ("--score-target", "terms.tsv", "--format", "html"),
        ("--score-target", "-"),
        ("--prefix", "-"),
        ("--format", "html", "--prefix", "terms.tsv"),
        ("--max-length-ratio", "inf"),
        ("--temperature", "inf"),
    ],
)
def test_what_cannot_go_together_is_refused(transformer_package: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "terms.tsv").write_text("Hund\tdog\n")
    args = [str(tmp_path / option) if option == "terms.tsv" else option for option in options]
    done = mtcli("translate", "-m", transformer_package, *args, stdin=TEXT, code=2)
    assert done.stdout == b"" and done.stderr.decode().count("\n") == 1


@pytest.mark.slow
def test_what_is_too_long_to_score_has_no_number(transformer_package: Path, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("word " * 9000 + "\nshort\n")
    [long, short] = map(
        json.loads, translated("-m", transformer_package, "--score-target", tmp_path / "long", "--json", stdin=b"a\nb\n")
    )
    assert long["log_probability"] is None
    assert short["log_probability"] < 0


def test_samples_follow_the_seed(package: Path) -> None:
    def drawn(**options: float) -> list[list[str]]:
        found = Translator.load(str(package), "cpu", "auto", "float32", **options).translate_n_best(LINES)
        return [[each.text for each in of_line] for of_line in found]

    first, again, other = (drawn(temperature=1, n_best=3, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert [len(of_line) for of_line in first] == [3] * len(LINES)
    assert drawn(temperature=1, top_k=1) == drawn(temperature=0.5, top_p=1e-9)
    drawing = package.with_name("drawing")
    shutil.copytree(package, drawing, dirs_exist_ok=True)
    text = (
        (drawing / "model.toml").read_text().replace("temperature = 0.0", "temperature = 1.0").replace("top_k = 0", "top_k = 3")
    )
    (drawing / "model.toml").write_text(text)
    assert Translator.load(str(drawing), "cpu").config.top_k == 3
    assert Translator.load(str(drawing), "cpu", temperature=0).config.top_k == 0
    for wrong in ({"top_k": 5}, {"temperature": -1}, {"temperature": 1, "top_p": 0}):
        with pytest.raises(UsageError):
            drawn(**wrong)


def test_the_translations_of_a_line_differ(transformer_package: Path) -> None:
    tokenizer = Translator.load(str(transformer_package), "cpu").tokenizer
    [one, other] = tokenizer.encode(["I am here.", "He is there."], "tgt")
    in_letters = tokenizer.ids(["▁I", "▁", *"am", "▁", *"here", "."], "tgt")
    assert in_letters != one and tokenizer.decode([in_letters], "tgt") == ["I am here."]
    found = [one, in_letters, other, tokenizer.encode(["We are."], "tgt")[0]]
    for options, asked, expected in [
        ({}, 1, [("I am here.", -1.0)]),
        ({"n_best": 2}, 5, [("I am here.", -1.0), ("He is there.", -3.0)]),
        ({"n_best": 2, "beam_size": 2}, 2, [("I am here.", -1.0)]),
        ({"n_best": 3, "temperature": 1.0}, 3, [("I am here.", -1.0), ("I am here.", -2.0), ("He is there.", -3.0)]),
    ]:
        engine = Found(*found)
        translator = Translator(engine, tokenizer, DecodingConfig(**options))
        [of_line] = translator.translate_n_best(["Ich bin hier."])
        assert engine.asked[0].n_best == asked
        assert [(each.text, each.score) for each in of_line] == expected, options


def test_lengths_and_repetitions_are_bounded(package: Path) -> None:
    tokenizer = Translator.load(str(package), "cpu", "torch").tokenizer
    short = [line for line in LINES if len(line) < 40]
    source = tokenizer.encode(short, "src")
    for options in ({"min_length_ratio": 1.5}, {"no_repeat_ngram": 2}):
        translator = Translator.load(str(package), "cpu", "auto", retry=False, **options)
        found = translator.engine.submit([parts[0].sentence for parts in parts_of(translator, short)], translator.config)()
        for src, [best] in zip(source, found, strict=True):
            if "min_length_ratio" in options:
                assert len(best.ids) >= min(1.5 * len(src), translator.config.max_length(len(src)) - 1)
            else:
                assert len(set(zip(best.ids, best.ids[1:], strict=False))) == len(best.ids) - 1


def test_glossary_terms_are_put_in(package: Path, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("Hund\twolfhound\n\nrotes Fahrrad\tred bicycle\n", encoding="utf-8")
    translator = Translator.load(str(package), "cpu", treatment=Treatment(glossary=str(terms)))
    found = translator.translate(["Der Hund ist da.", "Ein rotes Fahrrad!", "Hunde."])
    assert "wolfhound" in found[0].replace(".", " ").split()
    assert "red bicycle" in found[1]
    assert "wolfhound" not in found[2]


@pytest.mark.slow
def test_a_glossary_that_cannot_be_read_is_told(transformer_package: Path, tmp_path: Path) -> None:
    (tmp_path / "terms.tsv").write_text("Hund\twolfhound\nno tab\n")
    said = mtcli("translate", "-m", transformer_package, "--glossary", tmp_path / "terms.tsv", stdin=TEXT, code=1).stderr
    assert b"line 2" in said


def test_a_glossary_finds_whole_words_the_longest_first(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("dog\tHund\nhot dog\tWurst\nbig\tgroß\n", encoding="utf-8")
    glossary = Glossary.load(str(path))
    assert glossary.wanted("A hot dog, a dog.") == ["Wurst", "Hund"]
    assert glossary.wanted("Dog days: dogs, Dog") == ["Hund"]
    assert glossary.wanted("") == []
    assert glossary.wanted("A HOT DOG IS BIG", any_case=True) == ["Wurst", "groß"]
    path.write_text("große Straße\tbig street\n", encoding="utf-8")
    assert Glossary.load(str(path)).wanted("DIE GROSSE STRASSE", any_case=True) == ["big street"]
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="no term"):
        Glossary.load(str(path))


@pytest.mark.slow
def test_models_translate_together(tmp_path: Path) -> None:
    dev = ["--dev-src", str(head("dev.de", 10, tmp_path)), "--dev-tgt", str(head("dev.en", 10, tmp_path))]
    one, other = (train_tiny(tmp_path / seed, "--seed", seed, *dev) for seed in ("1", "2"))
    alone, twice, together = (
        Translator.load(names, "cpu", "auto", "float32", n_best=2, retry=False).translate_n_best(LINES)
        for names in (str(one), [str(one), str(one)], [str(one), str(other)])
    )
    for a, b in zip(alone, twice, strict=True):
        assert [each.text for each in a] == [each.text for each in b]
        assert [each.score for each in a] == pytest.approx([each.score for each in b], abs=1e-4)
    assert alone != together
    third = train_tiny(tmp_path / "3")
    said = mtcli("translate", "-m", one, "-m", third, stdin=TEXT, code=2).stderr
    assert b"another tokenizer" in said


def test_sentences_of_a_line_are_translated_by_themselves(package: Path) -> None:
    usual = Translator.load(str(package), "cpu")
    apart = usual.translate(["Ich bin da.", "Wo bist du?", "Ich bin da. Wo bist du?"])
    assert apart[2] == f"{apart[0]} {apart[1]}", "the model was trained on single sentences"
    together = Translator.load(str(package), "cpu", treatment=Treatment(split=False))
    both = ["Ich bin da. Wo bist du?"]
    assert [len(parts_of(translator, both)[0]) for translator in (usual, together)] == [2, 1]


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("Hallo Welt. Wie geht es dir? Gut!", 3),
        ("Am 3. Mai kam Dr. Müller. Er blieb.", 2),
        ("J. Smith met Mr. Brown, e.g. here. „Was?“ Ja.", 3),
        ("Yes... no. Maybe... But", 3),
        ("Er sagte: „Komm!“ und ging.", 1),
        ("3.5 Prozent. 20 waren da.", 2),
        ("你好。我很好！", 2),
        ("¿Qué? ¡Nada! Vale.", 3),
        ("", 1),
        ("...", 1),
        ("... Und dann ging er.", 1),
        ("- ... Ja. Nein", 2),
        ("No. Tom does. No. 5 does not.", 3),
        ("Das ist Max. Siehe Art. 5 hier. Vimos el mar. Era azul.", 4),
        ("J'ai raté mon vol. J'ai dû attendre. L'art. L'avion. He is a good chap. I like him. She ate a fig. A man came.", 8),
        ("Für max. 10 Personen, nach min. 5 Jahren. Siehe Bd. II des Werks, Art. IV. See Fig. A for it.", 3),
        ("a" + "。," * 100_000, 2),
        ("a" * 100_000 + ". " * 50_000 + "." * 100_000 + "A. (((" * 50_000, 2),
    ],
)
def test_sentences_end_where_they_end(line: str, sentences: int) -> None:
    found = split_sentences(line)
    assert len(found) == sentences
    assert "".join(found).replace(" ", "") == line.replace(" ", "")


@pytest.mark.parametrize(
    ("line", "small"),
    [
        ("DAS IST TOLL!", "Das ist toll!"),
        ("«¿DÓNDE ESTÁ EL PERRO?»", "«¿Dónde está el perro?»"),
        ("42 KILO ÄPFEL {X}", "42 Kilo äpfel {x}"),
        ("ПРИВЕТ, МИР", "Привет, мир"),
    ],
)
def test_a_sentence_in_capitals_keeps_its_first(line: str, small: str) -> None:
    assert in_capitals(line) and in_small_letters(line) == small


@pytest.mark.parametrize("line", ["", "NATO", "UND DIE nato", "Das ist toll!", "A B C", "1 2", "你好 世界", "1.000 EUR"])
def test_what_is_no_sentence_in_capitals(line: str) -> None:
    assert not in_capitals(line)


def test_sentences_in_capitals_are_translated_as_in_small_letters(transformer_package: Path, tmp_path: Path) -> None:
    loud, usual = ["ICH BIN HIER. Wo bist du? WIR GEHEN JETZT.", "Ja."], ["Ich bin hier. Wo bist du? Wir gehen jetzt.", "Ja."]
    split = Treatment(split=True)
    translator = Translator.load(str(transformer_package), "cpu", treatment=split)
    ids = [[part.sentence.ids for part in of_line] for of_line in parts_of(translator, usual)]
    assert [[part.sentence.ids for part in of_line] for of_line in parts_of(translator, loud)] == ids
    assert translator.translate(loud) == translator.translate(usual)
    assert translator.notices["were in capitals and were translated as if in small letters"] == 1
    several = Cutter(translator.tokenizer, translator.config, ("de", "en"), split)
    tagged = [several.parts([f">>de<< {line}"], Noting(Counter(), [0])) for line in ("ICH BIN HIER", "Ich bin hier")]
    assert [part.sentence.ids for part in tagged[0][0]] == [part.sentence.ids for part in tagged[1][0]]

    (tmp_path / "terms.tsv").write_text("HIER\there\n")
    with_term = Cutter(translator.tokenizer, translator.config, (), Treatment(split=True, glossary=str(tmp_path / "terms.tsv")))
    [first, _, third] = with_term.parts(loud[:1], Noting(Counter(), [0]))[0]
    assert first.sentence.ids == translator.tokenizer.encode(["ICH BIN HIER."], "src")[0] and third.sentence.ids == ids[0][2]


def test_a_glossary_is_for_sentences_in_capitals_too(transformer_package: Path, tmp_path: Path) -> None:
    (tmp_path / "terms.tsv").write_text("Hund\tterrier\nHaus\tcottage\n")
    glossary = Treatment(split=True, glossary=str(tmp_path / "terms.tsv"))
    translator = Translator.load(str(transformer_package), "cpu", treatment=glossary)
    for line in ("DER HUND IST IM HAUS.", "HUND UND HAUS"):
        [[part]] = parts_of(translator, [line])
        assert part.terms == ("terrier", "cottage")
        assert part.sentence.ids == translator.tokenizer.encode([in_small_letters(line)], "src")[0]
    assert [part.terms for part in parts_of(translator, ["DER HUND BELLT. Der HUND bellt, HUND"])[0]] == [("terrier",), ()]
    [[loud]] = parts_of(translator, ["DER Hund BELLT"])
    assert loud.terms == ("terrier",)


@pytest.mark.parametrize(
    ("text", "words", "emoji"),
    [
        ("Bis morgen! 👋", "Bis morgen!", "👋"),
        ("Ja 👍🏽❤️\t🏴󠁧󠁢󠁳󠁣󠁴󠁿 \u2028👨‍👩‍👧 ", "Ja", "👍🏽❤️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👨‍👩‍👧"),
        ("Um acht ⏰⭐🇩🇪", "Um acht", "⏰⭐🇩🇪"),
        ("☀", "", "☀"),
        ("😀 Ja", "😀 Ja", ""),
        ("25 °", "25 °", ""),
        ("", "", ""),
        ("   ", "", ""),
    ],
)
def test_emoji_at_the_end_are_told_from_the_words(text: str, words: str, emoji: str) -> None:
    assert without_emoji(text) == (words, emoji)


def test_emoji_at_the_end_stand_after_the_translation(package: Path) -> None:
    translator = Translator.load(str(package), "cpu", n_best=2)
    plain, shown, alone = translator.translate_n_best(["Ich bin hier.", "Ich bin hier. 👋🏽\t🎉 ", "👍"])
    assert [each.text for each in shown] == [f"{each.text} 👋🏽 🎉" for each in plain]
    assert [each.score for each in shown] == [each.score for each in plain]
    assert [each.text for each in alone] == ["👍"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ich bin hier.", ["+Ich bin hier."]),
        ("- Milch", ["-", "+Milch"]),
        ("  12. Den Ofen vorheizen. ", ["12.", "+Den Ofen vorheizen."]),
        ("a) Ja! 👍", ["a)", "+Ja!", "👍"]),
        ("B) Nein.", ["B)", "+Nein."]),
        ("(c) Wer weiß?", ["(c)", "+Wer weiß?"]),
        ("(leise) Ja.", ["+(leise) Ja."]),
        ("- 5 Grad", ["+- 5 Grad"]),
        ("-Ja", ["+-Ja"]),
        ("12:30", ["12:30"]),
        ("?!", ["?!"]),
        ("3 Äpfel", ["+3 Äpfel"]),
        ("* 👍", ["*", "👍"]),
        ("Siehe https://a.de/b?c=1#d, dann (www.e.org)!", ["+Siehe", "https://a.de/b?c=1#d,", "+dann", "(www.e.org)!"]),
        ("An m.m@a.de, @tom_1 und #wetter", ["+An", "m.m@a.de,", "@tom_1", "+und", "#wetter"]),
        ("https://a.de - 12 - https://b.de", ["https://a.de", "- 12 -", "https://b.de"]),
        ("5 @ 3 # 4, C#, a@b, #1 @", ["+5 @ 3 # 4, C#, a@b, #1 @"]),
        ("", []),
        (" \t ", []),
    ],
)
def test_what_is_nothing_to_translate_is_told_from_the_words(text: str, parts: list[str]) -> None:
    assert [f"{'' if kept else '+'}{part}" for part, kept in kept_apart(text, 0, lambda _: True)] == parts
    assert kept_apart(f">>de<< {text}", 7, lambda _: True) == kept_apart(text, 0, lambda _: True)


def test_what_is_nothing_to_translate_stays_as_it_is(package: Path) -> None:
    translator = Translator.load(str(package), "cpu", treatment=Treatment(split=True))
    here, come = translator.translate(["Ich bin hier.", "Wo bist du?"])
    lines = {
        "12:30": "12:30",
        "  +49 30 \t 1234 ": "+49 30 1234",
        "- Ich bin hier.": f"- {here}",
        "1. Ich bin hier. Wo bist du?": f"1. {here} {come}",
        "Ich bin hier. https://example.com/x?y=1 Wo bist du? #wetter": f"{here} https://example.com/x?y=1 {come} #wetter",
        "max@example.org @tom: Ich bin hier. 👋🏽👍": f"max@example.org @tom: {here} 👋🏽👍",
    }
    assert translator.translate(list(lines)) == list(lines.values())
    begun, kept = (found[0].text for found in translator.submit(["- Ich bin hier. 👋", "- Ich bin hier."], ["I am", ""])())
    assert begun.startswith("I am") and begun.endswith(" 👋")
    assert kept == f"- {here}", "a line without a prefix is one as any other"
    assert translator.translate(["Ich bin hier. https://a.b/\0c\x1b[31m"]) == [f"{here} https://a.b/c[31m"]


def test_words_that_stay_as_they_are_translate_themselves(transformer_package: Path) -> None:
    translator = Translator.load(str(transformer_package), "cpu", treatment=Treatment(split=True, alignment=True))
    [plain], [kept], [alone], [glued] = translator.translate_n_best(
        ["Ich bin hier.", "- Ich bin hier. www.example.com 👋", "12 13", "Ich bin hier.👋"]
    )
    count = len(plain.text.split())
    moved = [(src + 1, tgt + 1) for src, tgt in plain.alignment]
    assert sorted(kept.alignment) == sorted([(0, 0), *moved, (4, count + 1), (5, count + 2)])
    assert alone.alignment == ((0, 0), (1, 1))
    assert glued.text == f"{plain.text} 👋" and (2, count) in glued.alignment


def test_addresses_that_a_vocabulary_knows_are_words_like_others() -> None:
    text = [*(DATA / "train.de").read_text("utf-8").splitlines()[:400], *["Siehe https://example.com jetzt."] * 400]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("bpe", 500), text, text))
    cutter = Cutter(tokenizer, DecodingConfig(), (), Treatment(split=False))
    known, unknown = cutter.parts(
        ["Siehe https://example.com jetzt.", "Siehe https://xyz.org/q?v=12 jetzt."], Noting(Counter(), range(2))
    )
    assert [part.after for part in known] == [()]
    assert [part.after for part in unknown] == [((0, "https://xyz.org/q?v=12"),), ()]


@pytest.mark.parametrize(
    ("language", "sentence", "said"),
    [
        ("de", "Das kostet 15 €, nicht £1.500,50!", "Das kostet 15 Euro, nicht 1.500,50 Pfund!"),
        ("de-AT", "30°C, 90° F", "30 Grad Celsius, 90 Grad Fahrenheit"),
        ("en", "$20 at 30 ° – “US$”", '20 dollars at 30 degrees - "US$"'),
        ("es", "$1 millón, $5 mil", "1 millón dólares, 5 mil dólares"),
        ("en", "$5 million, US$20, $20k, $1.5bn…", "5 million dollars, US$20, $20k, $1.5bn..."),
        ("es", "20$ y €", "20 dólares y €"),
        ("fr", "5 €uros", "5 €uros"),
        ("tr", "15 €", "15 €"),
        ("", "15 €", "15 €"),
    ],
)
def test_units_and_currencies_are_said_in_words(language: str, sentence: str, said: str) -> None:
    assert with_plain_marks(sentence, language) == said


def test_signs_that_a_vocabulary_does_not_know_are_words(package: Path) -> None:
    translator = Translator.load(str(package), "cpu")
    assert translator.translate(["Das kostet 15 €."]) == translator.translate(["Das kostet 15 Euro."])


def test_a_vocabulary_that_knows_capitals_keeps_them() -> None:
    text = [line.upper() for line in (DATA / "train.de").read_text("utf-8").splitlines()[:400]]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("unigram", 500), text, text))
    parts = Cutter(tokenizer, DecodingConfig(), (), Treatment(split=False)).parts(text[:20], Noting(Counter(), range(20)))
    assert [part.sentence.ids for [part] in parts] == tokenizer.encode(text[:20], "src")


@pytest.mark.parametrize("longest", [16, 17])
def test_a_tag_counts_in_the_length_of_a_part(longest: int) -> None:
    text = (DATA / "train.de").read_text("utf-8").splitlines()[:400]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("unigram", 500), text, text, (">>en<<", ">>fr<<")))
    cutter = Cutter(tokenizer, DecodingConfig(max_source_length=longest), ("en", "fr"), Treatment(split=False, to="fr"))
    notices: Counter[str] = Counter()
    [parts] = cutter.parts([" ".join(text[:20])], Noting(notices, range(1)))
    [tag] = tokenizer.encode([">>fr<<"], "src")
    assert [part.sentence.ids[: len(tag)] for part in parts] == [tag] * len(parts)
    assert longest - 1 <= max(len(part.sentence.ids) for part in parts) <= longest
    assert list(notices) == ["were too long and were translated in parts"]


@pytest.mark.parametrize("known", [False, True])
def test_marks_that_a_vocabulary_does_not_know_are_those_of_a_keyboard(known: bool) -> None:
    typeset, typed = "“Ich geh’”, sagt Tom – und ging…", '"Ich geh\'", sagt Tom - und ging...'
    text = [*(DATA / "train.de").read_text("utf-8").splitlines()[:400], *[typed] * 20, *[typeset] * 20 * known]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("unigram", 500), text, text))
    cutter = Cutter(tokenizer, DecodingConfig(), (), Treatment(split=False))
    [[part]] = cutter.parts([typeset], Noting(Counter(), range(1)))
    assert [list(part.sentence.ids)] == tokenizer.encode([typeset if known else typed], "src")


def test_what_cannot_be_right_is_told_from_what_is_odd() -> None:
    usual = list(range(20, 40))
    assert is_degenerate(usual, [], 50)
    assert is_degenerate(usual, usual, len(usual))
    assert is_degenerate(usual, [5, *[6, 7, 8] * 3, 9], 50)
    assert is_degenerate(usual, [5] * 8, 50)
    assert not is_degenerate(usual, usual, 50)
    assert not is_degenerate(usual, [5, 6, 7, 5, 6, 7], 50)
    assert not is_degenerate([3] * 9, [5] * 9, 50), "the source says it so often, too"


def test_words_of_amounts_and_invisible_ones_are_those_of_the_line() -> None:
    text = (DATA / "train.de").read_text("utf-8").splitlines()[:400] + ["Das sind 15 Euro und 30 Grad Celsius."] * 20
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("unigram", 500), text, text))
    cutter = Cutter(tokenizer, DecodingConfig(), (), Treatment(split=True, alignment=True), "de")
    for line, expected in (
        ("Das sind 30 °C und 15€ im Haus.", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("15€ und so. Er ist da.", [0, 1, 2, 3, 4, 5]),
        ("Das \u200b ist „gut“ \u00ad gut…", [0, 2, 3, 5]),
        ("Das\u2581ist gut.", [0, 1]),
    ):
        [parts] = cutter.parts([line], Noting(Counter(), range(1)))
        assert list(dict.fromkeys(word for part in parts for word in part.words)) == expected, line


def test_a_term_is_found_however_its_marks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text("15 €\tbucks\nHans–Peter\tJohn\n@firma\t@company\nguten Tag\tgood day\n", encoding="utf-8")
    glossary = Glossary.load(str(path), "de")
    assert glossary.wanted("Das kostet 15 Euro.") == glossary.wanted("Das kostet 15 €.") == ["bucks"]
    assert glossary.wanted("Hans-Peter geht, Hans–Peter kommt") == ["John", "John"]
    assert glossary.wanted('"Guten Tag", sagt er. Guten Tag') == ["good day"], "a capital begins a text, or a term has it"
    text = (DATA / "train.de").read_text("utf-8").splitlines()[:400]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("unigram", 500), text, text))
    cutter = Cutter(tokenizer, DecodingConfig(), (), Treatment(split=False, glossary=str(path)), "de")
    [[part]] = cutter.parts(["Schreib an @firma heute"], Noting(Counter(), range(1)))
    assert part.terms == ("@company",)
    [[first, _]] = cutter.parts(["Schreib @firma123xyz heute"], Noting(Counter(), range(1)))
    assert [word for _, word in first.after] == ["@firma123xyz"], "an address that holds a term stays as it is"
    path.write_text("Hans-Peter\tone\nHans–Peter\tother\n", encoding="utf-8")
    assert Glossary.load(str(path), "de").wanted("Hans-Peter, Hans–Peter") == ["one", "other"]


def test_what_is_alike_is_searched_for_once(transformer_package: Path) -> None:
    tokenizer = Translator.load(str(transformer_package), "cpu").tokenizer
    [good] = tokenizer.encode(["I am here."], "tgt")
    text = ["Ich bin hier.", "Er ist da.", "Ich bin hier.", "", "Ich  bin hier."]
    for prefixes, counts in (((), [2, 2]), (("I", "He", "I", "", "You"), [3, 3])):
        engine = Found([30] * 9, again=good)
        translator = Translator(engine, tokenizer, DecodingConfig())
        found = [best.text for (best,) in translator.submit(text, prefixes)()]
        assert found == ["I am here.", "I am here.", "I am here.", "", "I am here."]
        assert engine.counts == counts
        assert list(translator.notices.values()) == [4], "lines that looped are counted, each of them"


@pytest.mark.parametrize(
    ("options", "ngram"),
    [
        ({}, 3),
        ({"no_repeat_ngram": 4}, 3),
        ({"no_repeat_ngram": 2}, 2),
        ({"no_repeat_ngram": 2, "min_length_ratio": 0.5}, None),
        ({"temperature": 1.0}, None),
        ({"temperature": 1.0, "no_repeat_ngram": 4}, None),
    ],
)
def test_loops_are_counted_whatever_the_options(transformer_package: Path, options: dict[str, float], ngram: int | None) -> None:
    tokenizer = Translator.load(str(transformer_package), "cpu").tokenizer
    [good] = tokenizer.encode(["I am here."], "tgt")
    engine = Found([30] * 9, again=good)
    translator = Translator(engine, tokenizer, DecodingConfig(**options))
    [found] = translator.translate(["Ich bin hier."])
    [(notice, count)] = translator.notices.items()
    assert "loops" in notice and count == 1
    assert [asked.no_repeat_ngram for asked in engine.asked[1:]] == ([] if ngram is None else [ngram])
    assert ("again" in notice, found == "I am here.") == (ngram is not None, ngram is not None)


def test_bytes_that_are_no_letter_are_never_printed(transformer_package: Path) -> None:
    tokenizer = Translator.load(str(transformer_package), "cpu").tokenizer
    broken = tokenizer.ids(["▁I", "▁", "<0xE2>", "<0x82>", "▁", "a", "m", "<0xE2>"], "tgt")
    assert tokenizer.decode([broken], "tgt") == ["I \ufffd\ufffd am\ufffd"]
    [good] = tokenizer.encode(["He is there."], "tgt")
    for again, expected in ((good, "He is there."), (broken, "I am")):
        translator = Translator(Found(broken, again=again), tokenizer, DecodingConfig())
        assert translator.translate(["Ich bin hier."]) == [expected]
        [notice] = translator.notices
        assert "broken letters" in notice and "again" in notice
    translator = Translator(Found(broken), tokenizer, DecodingConfig())
    assert translator.translate(["Ich bin \ufffd."]) == ["I \ufffd\ufffd am\ufffd"], "the source has some, too"
    assert not translator.notices
    read = _Read(Hypothesis(broken, -1, 0.5), "I \ufffd\ufffd am\ufffd", broken=True)
    words = _translation(read, ((0, 0), (1, 1), (2, 2), (3, 3)))
    assert (words.text, words.alignment) == ("I am", ((0, 0), (2, 1)))


@pytest.mark.slow
def test_loops_are_translated_again_without_them(transformer_package: Path, tmp_path: Path) -> None:
    package = shutil.copytree(transformer_package, tmp_path / "looping", ignore=shutil.ignore_patterns("ct2", "SHA256SUMS"))
    weights = load_file(package / "weights.safetensors")
    weights["output_bias"][open_package(str(package)).tokenizer().ids(["u"], "tgt")] += 3  # it wants to say one thing for ever
    weights["output_bias"][EOS_ID] += 3
    save_file(weights, package / "weights.safetensors")
    text = [line for line in LINES if len(line) < 60]
    usual, again = (Translator.load(str(package), "cpu", beam_size=1, retry=retry) for retry in (False, True))
    [before, after] = (translator.translate(text) for translator in (usual, again))
    assert any("uuuuuuuu" in line or len(set(line)) < 4 for line in before)
    assert before != after
    assert all(not re.search(r"(.)\1{8}", line) for old, line in zip(before, after, strict=True) if old != line)
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    [(notice, count)] = [item for item in again.notices.items() if "loops" in item[0]]
    assert changed <= count <= len(text)
    stdin = "".join(f"{line}\n" for line in text).encode()
    said = mtcli("translate", "-m", package, "--beam-size", "1", stdin=stdin).stderr.decode()
    assert f"{count} of {len(text)} lines {notice}" in said


def test_a_line_without_a_blank_is_cut_in_time() -> None:
    text = (DATA / "train.de").read_text("utf-8").splitlines()[:400]
    tokenizer = load_tokenizer(*train_tokenizer(TokenizerConfig("unigram", 500), text, text))
    cutter = Cutter(tokenizer, DecodingConfig(max_source_length=50), (), Treatment(split=False))

    def seconds(count: int) -> float:
        began = time.process_time()
        cutter._cut([5] * count, 50)
        return time.process_time() - began

    tries = (seconds(400_000) < max(0.5, 32 * seconds(50_000)) for _ in range(3))  # whatever else the machine does meanwhile
    assert any(tries), "eight times as long"


def test_one_string_is_no_list_of_lines(transformer_package: Path) -> None:
    with pytest.raises(TypeError, match="list of strings"):
        Translator.load(str(transformer_package), "cpu").translate("Guten Morgen!")  # type: ignore[arg-type]
