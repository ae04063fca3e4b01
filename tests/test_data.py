"""`mtcli data`: what is dropped and why, what is held out, what is counted; pairs never shift, and none is lost unsaid."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
from collections import Counter
from pathlib import Path

import pytest
from conftest import DATA, TINY, Page, mtcli
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from mtcli.cleaning import ALL, CleanRequest, clean
from mtcli.data.lexicon import learn_lexicon
from mtcli.data.rules import RULES, Learned
from mtcli.data.seen import Seen
from mtcli.data.split import draw
from mtcli.errors import DataError
from mtcli.holding import hold_out
from mtcli.identify import margins
from mtcli.lines import read_lines, read_parallel
from mtcli.tokenizer import normalise

TRAIN = read_parallel([str(DATA / "train.de")], [str(DATA / "train.en")])


def write(folder: Path, pairs: list[tuple[str, str]], name: str = "raw") -> tuple[str, str]:
    files = [folder / f"{name}.de", folder / f"{name}.en"]
    for path, side in zip(files, (0, 1), strict=True):
        path.write_text("".join(f"{pair[side]}\n" for pair in pairs), "utf-8", newline="\n")
    return str(files[0]), str(files[1])


def cleaned(
    folder: Path, pairs: list[tuple[str, str]], *rules: str, repair: bool = False
) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """What is kept, and the lines of the explanation, each cut at its tabs."""
    src, tgt = write(folder, pairs)
    out = [str(folder / name) for name in ("out.de", "out.en", "why")]
    found = clean(CleanRequest([src], [tgt], *out, rules=list(rules), repair=repair))
    sides = [Path(path).read_text("utf-8").split("\n")[:-1] for path in out]
    kept, why = list(zip(sides[0], sides[1], strict=True)), [line.split("\t") for line in sides[2]]
    assert found.pairs == len(pairs) == found.kept + sum(found.dropped.values())
    assert (found.kept, Counter(row[1] for row in why)) == (len(kept), +Counter(found.dropped))
    return kept, why


# Rules

NOTHING = Learned(1.0, ("LATIN", "LATIN"), (margins("de"), margins("en")), None)
LINK = "https://example.org/downloads/manuals/2024/the-long-name-of-a-page/with_another_part.html"
BROKEN = {
    "empty": ("", "Good morning."),
    "long": ("ja " * 201, "yes " * 201),
    "word": ("Das ist " + "x" * 51, "This is it"),
    "odd": ("Das ist schÃ¶n.", "This is nice."),
    "markup": ("<b>Hallo</b>", "Hello"),
    "letters": ("1234 5678 %%", "1234 5678 %%"),
    "script": ("Привет, мир", "Hello, world"),
    "ratio": ("Ja.", "Yes, I would very much like to do that, if only I could."),
    "repeats": ("neiiiiiiiiin", "nooooo, nothing"),
    "copied": ("This is a very nice day.", "This is a very nice day."),
    "numbers": ("Es waren 150 Leute.", "There were 244 people."),
    "questions": ("Kommst du?", "You are coming."),
    "language": ("I do not want to go home today.", "Ich will heute nicht nach Hause gehen."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_finds_what_it_is_for_and_nothing_in_good_text(name: str) -> None:
    [rule] = [rule for rule in RULES if rule.name == name]
    assert rule.broken(*BROKEN[name], rule.limit, NOTHING)
    for good in TRAIN[:300]:
        assert not rule.broken(*good, rule.limit, NOTHING) or name in ("questions", "numbers", "language", "letters"), good
    dropped = sum(bool(rule.broken(*pair, rule.limit, NOTHING)) for pair in TRAIN[::5])
    assert dropped <= 0.005 * len(TRAIN[::5])


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        *(("long", 300), ("word", 60), ("odd", 9), ("markup", 2), ("letters", 0), ("ratio", 9), ("repeats", 12), ("copied", 1)),
        *(("numbers", 0), ("questions", 1), ("language", 1000), ("script", 0)),
    ],
)
def test_limits_can_be_changed(name: str, limit: float) -> None:
    [rule] = [rule for rule in RULES if rule.name == name]
    pair = BROKEN[name] if name != "copied" else ("Das ist ein Tag .", "Das ist ein Tag !")
    assert not rule.broken(*pair, limit, NOTHING)


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        ("Um 14.30 Uhr ging er.", "He left at 2:30."),
        ("Am 15.12.2001 waren 10 000 Blatt da.", "On 2001-12-15 there were 10,000 sheets."),
        ("Es waren 25万 Leute.", "There were 250,000 people."),
        ("Das Feld <?> ist leer.", "The field is empty."),
        ("Tippen Sie `<Enter> hping3 nmap tcpdump` ein.", "Type `<Enter> hping3 nmap tcpdump` now."),
        ("Sehr, sehr, sehr, sehr, sehr, sehr, sehr gut.", "Very, very, very, very, very, very, very good."),
        ("Hier steht die Maske XXXXXXXX.", "The mask XXXXXXXX stands here."),
        ("Er hat 1.500 Euro.", "He has 1,500 euros."),
        ("Sie ist ١٢٣ Jahre alt.", "She is 123 years old."),
        (f"Siehe {LINK} im Netz", f"See {LINK} on the net"),
        ("Nein, nein, nein!", "No, no, no!"),
        ("Inhalt ........ 12", "Contents ........ 12"),
        ("Tom Jackson", "Tom Jackson"),
        ("Was?!", "What?!"),
        ("Wenn a < b & c > d", "If a < b & c > d"),
    ],
)
def test_what_only_looks_odd_may_stay(src: str, tgt: str) -> None:
    assert [rule.name for rule in RULES if rule.broken(src, tgt, rule.limit, NOTHING)] in ([], ["letters"])


@pytest.fixture(scope="module")
def learned() -> Learned:
    return Learned(0.86, ("LATIN", "LATIN"), (margins("de"), margins("en")), learn_lexicon(TRAIN))


def test_lines_that_do_not_belong_together_are_told_from_translations(learned: Learned) -> None:
    assert learned.lexicon
    good = random.Random(1).sample(TRAIN, 4000)
    bad = [(src, tgt) for (src, _), (_, tgt) in zip(good, [*good[1:], good[0]], strict=True)]
    scores = [[learned.lexicon.score(*pair) for pair in pairs] for pairs in (good, bad)]
    of_good, of_bad = ([score for score in some if score is not None] for some in scores)
    assert len(of_good) > 0.8 * len(good)
    assert sum(score < 0.4 for score in of_good) < 0.03 * len(of_good)
    assert sum(score < 0.4 for score in of_bad) > 0.85 * len(of_bad)
    assert learn_lexicon(TRAIN[:500]) is None  # too little to learn from


# The command


def test_dirt_is_dropped_and_clean_text_kept(tmp_path: Path) -> None:
    rng = random.Random(3)
    good = list(dict.fromkeys(TRAIN))[:6000]
    spare = TRAIN[-1200:]
    dirt = [
        *((tgt, src) for src, tgt in spare[:400]),
        *((src, spare[400 + (i + 7) % 400][1]) for i, (src, _) in enumerate(spare[400:800])),
        *((src, f"<p>{tgt}</p>") for src, tgt in spare[800:1000]),
        *((src, "".join(rng.choice("qxzj#&%") for _ in tgt)) for src, tgt in spare[1000:]),
    ]
    mixed = [*((pair, True) for pair in good), *((pair, False) for pair in dirt)]
    rng.shuffle(mixed)
    kept, why = cleaned(tmp_path, [pair for pair, _ in mixed])
    places = {int(row[0].rpartition(":")[2]) for row in why}
    assert kept == [pair for i, (pair, _) in enumerate(mixed, 1) if i not in places]  # in order, and none has shifted
    assert all(row[3:] == [*map(normalise, mixed[int(row[0].rpartition(":")[2]) - 1][0])] for row in why)
    lost = sum(mixed[i - 1][1] for i in places)
    assert lost < 0.04 * len(good)
    assert len(places) - lost > 0.9 * len(dirt)


def test_lines_in_another_order_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cleaned(tmp_path, TRAIN[:3000])
    assert "the same order" not in caplog.text
    cleaned(tmp_path, [(src, tgt) for (src, _), (_, tgt) in zip(TRAIN[:3000], TRAIN[3000:6000], strict=True)])
    assert "fit as well" in caplog.text and "do the lines stand in the same order?" in caplog.text


def test_duplicates_are_found_however_far_apart(tmp_path: Path) -> None:
    many = [
        (f"Satz mit dem Wort {a}{b}", f"Sentence with the word {a}{b}")
        for a in "abcdefghijklmnopqrstuvwxyz" * 2
        for b in ("x", "yy")
    ]
    pairs = [*many[:52], *[(f"{s}!", f"{t.upper()}...") for s, t in many[:26]], *TRAIN[:3000], *many[:52]]
    off = [f"{rule.name}=off" for rule in RULES]
    kept, why = cleaned(tmp_path, pairs, *off, "boilerplate=off")
    assert Counter(row[1] for row in why)["near"] >= 26 and Counter(row[1] for row in why)["duplicates"] == 52
    assert [pair for pair in kept if pair in set(many)] == many[:52]
    kept, why = cleaned(tmp_path, pairs, *off, "boilerplate=off", "near=off", "duplicates=off")
    assert kept == pairs and not why


def test_boilerplate_and_overlap(tmp_path: Path) -> None:
    off = [f"{rule.name}=off" for rule in RULES]
    pairs = [("Alle Rechte vorbehalten", f"Sentence {chr(97 + i)}{chr(97 + j)}") for i in range(5) for j in range(10)]
    kept, why = cleaned(tmp_path, pairs, *off)
    assert kept == pairs[:30] and {row[1] for row in why} == {"boilerplate"}
    held = write(tmp_path, TRAIN[10:20], "held")
    src, tgt = write(tmp_path, TRAIN[:100])
    out = [str(tmp_path / name) for name in ("o.de", "o.en")]
    found = clean(CleanRequest([src], [tgt], *out, rules=off, held_src=[held[0]], held_tgt=[held[1]]))
    assert found.dropped["overlap"] >= 10 - 2  # sides as short as `Hi.` are common property
    assert not set(read_lines(out[0])) & {s for s, _ in TRAIN[10:20] if len(s) > 20}


def test_repair_mends_before_rules_look(tmp_path: Path) -> None:
    broken = ("Das ist schÃ¶n &amp; gut\u00a0\u200b.", "This is nice &amp; good .")
    kept, _ = cleaned(tmp_path, [broken, *TRAIN[:50]], repair=True)
    assert kept[0] == ("Das ist schön & gut .", "This is nice & good .")
    kept, why = cleaned(tmp_path, [broken, *TRAIN[:50]])
    assert why[0][1] == "odd" and broken not in kept


@pytest.mark.slow
def test_the_command_counts_and_packs(tmp_path: Path) -> None:
    src, tgt = write(tmp_path, [*TRAIN[:200], ("", "x"), *TRAIN[:3]])
    packed = tmp_path / "raw.de.gz"
    packed.write_bytes(gzip.compress(Path(src).read_bytes()))
    out = ["--out-src", tmp_path / "out.de.gz", "--out-tgt", tmp_path / "out.en"]
    found = json.loads(mtcli("data", "clean", "--src", packed, "--tgt", tgt, *out, "--json").stdout)
    assert found["pairs"] == 204 and found["dropped"]["empty"] == 1 and found["dropped"]["duplicates"] == 3
    assert gzip.decompress((tmp_path / "out.de.gz").read_bytes()).count(b"\n") == found["kept"]
    assert (tmp_path / "out.en").read_bytes().count(b"\n") == found["kept"]
    text = mtcli("data", "clean", "--src", src, "--tgt", tgt, *out).stdout.decode()
    assert "204  100.00 %" in text and len(text.splitlines()) == 4 + len(ALL)
    rules = mtcli("data", "rules").stdout.decode().splitlines()
    assert [row.split()[0] for row in rules[1:]] == [rule.name for rule in ALL] and max(map(len, rules)) <= 80


def test_counts_are_not_among_the_text_on_standard_output(tmp_path: Path) -> None:
    src, tgt = write(tmp_path, TRAIN[:60])
    command = ["data", "clean", "--src", src, "--tgt", tgt, "--out-tgt", tmp_path / "out.en", "--out-src"]
    for name in ("-", "/dev/stdout"):
        done = mtcli(*command, name)
        assert done.stdout.count(b"\n") == (tmp_path / "out.en").read_bytes().count(b"\n") and b"kept" in done.stderr
    assert mtcli(*command, "-", "-q").stderr == b""


@pytest.mark.slow
def test_names_of_files_may_be_any_bytes(tmp_path: Path) -> None:
    src, tgt = write(tmp_path, [("", "nothing"), *TRAIN[:300]], os.fsdecode(b"\xffraw"))
    out = ["--out-src", tmp_path / "out.de", "--out-tgt", tmp_path / "out.en", "--explain", tmp_path / "why"]
    mtcli("data", "clean", "--src", src, "--tgt", tgt, *out)
    assert (tmp_path / "why").read_text("utf-8").startswith(f"{tmp_path}/?raw.de:1\tempty\t")
    mtcli("data", "stats", "--src", src, "--tgt", tgt, "--report", tmp_path / "page")
    assert f"{tmp_path}/?raw.de" in Page((tmp_path / "page").read_text("utf-8")).text
    mtcli("train", "-m", tmp_path / "model", "--src", src, "--tgt", tgt, "--steps", "1", *TINY)
    assert '"?raw.de"' in (tmp_path / "model" / "model.toml").read_text("utf-8")


def test_nothing_is_left_when_the_text_ends_too_soon(tmp_path: Path) -> None:
    src, tgt = write(tmp_path, TRAIN[:3000])
    Path(tgt).write_text("".join(f"{t}\n" for _, t in TRAIN[:2500]), "utf-8")
    before = set(tmp_path.iterdir())
    out = ["--out-src", tmp_path / "out.de", "--out-tgt", tmp_path / "out.en", "--explain", tmp_path / "why"]
    said = mtcli("data", "clean", "--src", src, "--tgt", tgt, *out, code=1).stderr.decode()
    assert "raw.en has 2500 lines" in said and set(tmp_path.iterdir()) == before


@given(st.lists(st.lists(st.sampled_from([f"line {i}" for i in range(40)]), min_size=1, max_size=30), max_size=20))
def test_what_was_seen_is_known(blocks: list[list[str]]) -> None:
    seen, known = Seen(), set[str]()
    for block in blocks:
        expected = []
        for key in block:
            expected.append(key not in known)
            known.add(key)
        assert seen.add(block) == expected


# Holding out


def test_held_out_text_shares_no_side_and_has_the_lengths_of_the_whole(tmp_path: Path) -> None:
    src, tgt = DATA / "train.de", DATA / "train.en"
    command = ["data", "split", "--src", src, "--tgt", tgt, "--dev", "300", "--test", "200"]
    said = mtcli(*command, "-o", tmp_path / "a").stdout.decode()
    parts = {
        name: read_parallel([str(tmp_path / "a" / f"{name}.de")], [str(tmp_path / "a" / f"{name}.en")])
        for name in ("train", "dev", "test")
    }
    assert (len(parts["dev"]), len(parts["test"])) == (300, 200) and said.startswith(f"{len(parts['train']):,} pairs")
    assert set(TRAIN) >= {pair for part in parts.values() for pair in part}
    for side in (0, 1):
        sides = [{pair[side] for pair in part} for part in parts.values()]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    whole = sum(len(s) for s, _ in TRAIN) / len(TRAIN)
    assert all(abs(sum(len(s) for s, _ in parts[name]) / len(parts[name]) / whole - 1) < 0.02 for name in ("dev", "test"))
    mtcli(*command, "-o", tmp_path / "b")
    mtcli(*command, "-o", tmp_path / "c", "--seed", "2")
    texts = [(tmp_path / name / "dev.de").read_bytes() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]
    before = (tmp_path / "a" / "train.de").read_bytes()
    assert b"is there already" in mtcli(*command, "-o", tmp_path / "a", code=1).stderr
    assert (tmp_path / "a" / "train.de").read_bytes() == before


def test_a_folder_that_cannot_be_filled_is_not_left_behind(tmp_path: Path) -> None:
    src, tgt = write(tmp_path, TRAIN[:300])
    before, most = set(tmp_path.iterdir()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, most[1]))
    try:
        with pytest.raises(DataError, match="cannot be written"):
            hold_out([src], [tgt], 9, 9, str(tmp_path / "new" / "folder"), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert set(tmp_path.iterdir()) == before


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")), max_size=30), st.integers(0, 6))
def test_sides_that_stand_in_several_pairs_are_not_given_away(pairs: list[tuple[str, str]], size: int) -> None:
    kept, chosen = draw(pairs, size, 1, str.strip)
    for side in (0, 1):
        assert not {pairs[i][side] for i in kept} & {pairs[i][side] for i in chosen}
        assert len({pairs[i][side] for i in chosen}) == len(chosen) <= size
    assert len(kept) + len(chosen) <= len(pairs)


# Counting


def test_a_corpus_is_counted(tmp_path: Path, transformer_package: Path) -> None:
    pairs = [*TRAIN[:2000], ("gleich", "gleich"), ("", "leer"), ("schlecht \ufffd", "bad"), *TRAIN[:5]]
    src, tgt = write(tmp_path, pairs)
    held = write(tmp_path, TRAIN[1000:1003], "held")
    command = [
        "data",
        "stats",
        "--src",
        src,
        "--tgt",
        tgt,
        "--held-src",
        held[0],
        "--held-tgt",
        held[1],
        "-m",
        transformer_package,
    ]
    page = tmp_path / "page.html"
    found = json.loads(mtcli(*command, "--json", "--report", page).stdout)
    assert found["pairs"] == len(pairs) and found["distinct"] == len(set(pairs)) and found["identical"] == 1
    assert found["src"]["words"] == sum(len(s.split()) for s, _ in pairs)
    assert found["tgt"]["characters"] == sum(len(t) for _, t in pairs)
    assert (found["src"]["empty"], found["src"]["odd"], found["src"]["invalid"]) == (1, 1, 1)
    assert found["tgt"]["distinct"] == len({t for _, t in pairs})
    assert sum(found["src"]["lengths"]) == sum(found["tgt"]["lengths"]) == len(pairs) == sum(found["ratios"]) + 1
    assert next(iter(found["src"]["languages"])) == "de" and found["tgt"]["scripts"] == {"LATIN": 1.0}
    assert found["overlap"] >= 3 and 1 < found["src"]["pieces_per_word"] < 5 and found["shifts"] == []
    text = mtcli(*command).stdout.decode()
    assert text.splitlines()[0].split() == ["pairs", f"{len(pairs):,}"] and max(map(len, text.splitlines())) <= 100
    assert f"{len(pairs):,}" in Page(page.read_text("utf-8")).text


def test_a_shift_is_found_with_its_line(tmp_path: Path) -> None:
    src, tgt = [s for s, _ in TRAIN[:4000]], [t for _, t in TRAIN[:4000]]
    del tgt[1500]
    src.pop()
    files = write(tmp_path, list(zip(src, tgt, strict=True)))
    [shift] = json.loads(mtcli("data", "stats", "--src", files[0], "--tgt", files[1], "--json").stdout)["shifts"]
    line = int(shift.partition("about line ")[2].partition(" ")[0].replace(",", ""))
    assert abs(line - 1501) < 256 and "target lines stand 1 too early" in shift


# Growing


@pytest.mark.slow
def test_back_translations_are_marked_and_go_on_after_a_crash(transformer_package: Path, tmp_path: Path) -> None:
    mono, out = tmp_path / "mono", tmp_path / "out"
    lines = [s for s, _ in TRAIN[:30]]
    lines[3] = ""
    mono.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    plain = mtcli("translate", "-m", transformer_package, mono).stdout.decode().split("\n")[:-1]
    command = ["data", "backtranslate", "-m", transformer_package, "--tgt", mono, "--out-src", out]
    mtcli(*command)
    made = out.read_text("utf-8")
    assert made.split("\n")[:-1] == [f"<bt> {line}" if line else "" for line in plain]
    out.unlink()
    (tmp_path / "out.part").write_text("".join(made.splitlines(True)[:10]) + "<bt> half a", "utf-8")
    mtcli(*command)
    assert out.read_text("utf-8") == made and not (tmp_path / "out.part").exists()
    assert b"is complete" in mtcli(*command).stderr
    (tmp_path / "one").write_text("Hallo!\n")
    other = ["data", "backtranslate", "-m", transformer_package, "--tgt", tmp_path / "one", "--out-src", out]
    assert b"has 30 lines, but" in mtcli(*other, code=1).stderr and out.read_text("utf-8") == made
    (tmp_path / "reversed").write_text("".join(f"{line}\n" for line in reversed(lines)), "utf-8")
    for otherwise in ([*command, "--sample"], [*other[:5], tmp_path / "reversed", *other[6:]]):
        said = mtcli(*otherwise, code=1).stderr
        assert b"is there, made by another command, or of another text" in said and out.read_text("utf-8") == made
    out.unlink()
    (tmp_path / "out.part").write_text("".join(made.splitlines(True)[:10]))
    (tmp_path / "out.part.mtcli").write_text("otherwise")
    assert b"was begun by another command" in mtcli(*command, code=1).stderr
    assert (tmp_path / "out.part").read_text("utf-8").count("\n") == 10
    (tmp_path / "out.mtcli").rename(tmp_path / "out.part.mtcli")  # of another text
    assert b"or of another text" in mtcli(*other[:5], tmp_path / "reversed", *other[6:], code=1).stderr
    mtcli(*command)
    assert out.read_text("utf-8") == made
    out.unlink()
    mtcli(*command, "--no-tag")
    assert out.read_text("utf-8").split("\n")[:-1] == plain
    out.unlink()
    mtcli(*command, "--sample", "--no-tag")
    assert out.read_text("utf-8").split("\n")[:-1] != plain and out.read_text("utf-8").count("\n") == 30


@pytest.mark.slow
def test_of_a_teachers_translations_the_nearest_is_taken(transformer_package: Path, tmp_path: Path) -> None:
    src, tgt = write(tmp_path, TRAIN[:12])
    out = tmp_path / "out"
    command = ["data", "distill", "-m", transformer_package, "--src", src, "--out-tgt", out]
    mtcli(*command)
    assert out.read_bytes() == mtcli("translate", "-m", transformer_package, src).stdout
    out.unlink()
    mtcli(*command, "--tgt", tgt, "--best-of", "4")
    options = mtcli("translate", "-m", transformer_package, src, "--n-best", "4", "--beam-size", "5").stdout.decode().splitlines()
    hyps: dict[int, list[str]] = {}
    for line in options:
        number, text, _ = line.split(" ||| ")
        hyps.setdefault(int(number), []).append(text)
    best = [max(hyps[i], key=lambda h, ref=ref: CHRF().sentence_score(h, [ref]).score) for i, (_, ref) in enumerate(TRAIN[:12])]
    made = out.read_text("utf-8")
    assert made.split("\n")[:-1] == best
    out.unlink()
    (tmp_path / "out.part").write_text("".join(made.splitlines(True)[:5]), "utf-8")
    mtcli(*command, "--tgt", tgt, "--best-of", "4")
    assert out.read_text("utf-8") == made
    assert b"give --tgt" in mtcli(*command, "--best-of", "4", code=2).stderr
