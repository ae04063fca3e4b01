"""The training text is looked through: each kind of spoilt text, made from the real one, is found; the real one is not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DATA, TINY, mtcli

from mtcli.data import guards
from mtcli.data.guards import inspect
from mtcli.data.split import Pairs
from mtcli.errors import DataError


def real(name: str, count: int = 3000) -> Pairs:
    """Pairs of a Tatoeba file, in a random order that is always the same: the file's own goes by length."""
    sides = ((DATA / f"{name}.{side}").read_text("utf-8").removesuffix("\n").split("\n") for side in ("de", "en"))
    pairs = list(zip(*sides, strict=True))
    return random.Random(1).sample(pairs, min(count, len(pairs)))


def found(pairs: Pairs, **held: Pairs) -> str:
    return "\n".join(inspect(pairs, held).notices)


def shifted(pairs: Pairs, at: int, by: int) -> Pairs:
    """From line `at` on, targets stand `by` lines too late."""
    src, tgt = ([pair[side] for pair in pairs] for side in (0, 1))
    return list(zip(src, [*tgt[:at], *["Well."] * by, *tgt[at:]], strict=False))


def shuffled(pairs: Pairs) -> Pairs:
    tgt = [t for _, t in pairs]
    random.Random(1).shuffle(tgt)
    return [(s, t) for (s, _), t in zip(pairs, tgt, strict=True)]


def test_real_text_raises_no_alarm() -> None:
    inspection = inspect(real("train"), {"dev": real("dev"), "test": real("test")})
    assert inspection.notices == [] and inspection.leaked == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: [(s, s) for s, _ in p], "have two equal sides"),
        (lambda p: [(s, "") for s, _ in p], "has text on both sides"),
        (shuffled, "not translations of each other"),
        (lambda p: shifted(p, 0, 1), "mend the files"),
        (lambda p: shifted(p, 1700, 2), "mend the files"),
    ],
)
def test_text_that_would_teach_nothing_is_refused(spoil: Callable[[Pairs], Pairs], message: str) -> None:
    with pytest.raises(DataError, match=message):
        inspect(spoil(real("train")), {})


@pytest.mark.parametrize(("at", "by"), [(700, 1), (1700, 2), (2400, 3)])
def test_the_line_where_a_side_begins_to_be_late_is_named(at: int, by: int) -> None:
    with pytest.raises(DataError, match=f"stand {by} too late") as error:
        inspect(shifted(real("train"), at, by), {})
    [line] = re.findall(r"line ([\d,]+) of the training text", str(error.value))
    assert abs(int(line.replace(",", "")) - at) <= 64


def test_a_side_that_is_early_is_found_too() -> None:
    turned = [(t, s) for s, t in shifted([(t, s) for s, t in real("train")], 1200, 1)]
    with pytest.raises(DataError, match="stand 1 too early"):
        inspect(turned, {})


def test_text_sorted_by_length_is_not_taken_for_shifted_or_shuffled() -> None:
    assert found(sorted(real("train"), key=lambda pair: len(pair[0]))) == ""


@pytest.mark.parametrize("size", [2000, 8000])
def test_shuffled_text_of_one_length_is_refused(size: int) -> None:
    alike = sorted(real("train", 20_000), key=lambda pair: len(pair[0]))[-size:]
    assert found(alike) == ""
    with pytest.raises(DataError, match="by their words, lines of others fit as well"):
        inspect(shuffled(alike), {})


def test_shuffled_text_of_words_that_come_once_is_refused_for_its_lengths() -> None:
    def line(number: int) -> str:
        return " ".join(f"w{number}x{i}" for i in range(1 + number % 9))

    pairs = [(line(n), line(n).upper()) for n in range(2000)]
    assert found(pairs) == ""
    with pytest.raises(DataError, match="lengths correlate"):
        inspect(shuffled(pairs), {})


def test_odd_pairs_are_counted() -> None:
    pairs = [*real("train", 2000), ("", "Nothing."), ("Hamburg", "Hamburg"), *real("train", 3)]
    notices = found(pairs)
    assert "1 pairs of the training text have an empty side" in notices
    assert "1 pairs of the training text have two equal sides" in notices
    assert "3 pairs of the training text stand there more than once" in notices


def test_a_dev_set_in_the_wrong_order_of_languages_is_refused() -> None:
    with pytest.raises(DataError, match="the dev set seems to have its sides swapped"):
        inspect(real("train"), {"dev": [(t, s) for s, t in real("dev")]})
    pairs = real("train")
    assert "pairs of the training text seem to have their sides swapped" in found(pairs + [(t, s) for s, t in pairs[:300]])


def test_of_much_text_it_is_told_about_how_many_pairs_are_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = real("train", 8000)
    turned = [(t, s) if i % 5 == 0 else (s, t) for i, (s, t) in enumerate(pairs)]
    [exact] = re.findall(r"([\d,]+) pairs of the training text seem to have their sides swapped", found(turned))
    monkeypatch.setattr(guards, "DIRECTIONS", 4000)
    [about] = re.findall(r"about ([\d,]+) pairs of the training text seem to have their sides swapped", found(turned))
    assert 0.4 < int(about.replace(",", "")) / int(exact.replace(",", "")) < 2


@pytest.mark.parametrize("side", [0, 1])
def test_held_out_sentences_are_left_out_of_training(side: int) -> None:
    train, dev = real("train"), real("dev", 40)
    known = [(pair[0], "Something else.") if side == 0 else ("Etwas anderes.", pair[1]) for pair in dev]
    inspection = inspect(train + known, {"dev": dev})
    long = [i for i, pair in enumerate(dev) if pair[side].count(" ") >= 2]
    assert {len(train) + i for i in long} <= set(inspection.leaked)
    assert all(i >= len(train) for i in inspection.leaked)
    assert any("share a side with the dev set and are left out" in notice for notice in inspection.notices)


def test_a_dev_set_that_is_the_training_text_is_refused() -> None:
    with pytest.raises(DataError, match="stand in the dev set"):
        inspect(real("train", 500), {"dev": real("train", 500)})


@pytest.mark.slow
def test_the_command_ends_with_one_line_and_writes_nothing(tmp_path: Path) -> None:
    for name, lines in (("a.de", ["Ja.", "Nein.", "Gut."]), ("a.en", ["Yes.", "No."])):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    spoilt = shifted(real("train", 2000), 900, 1)
    for side, name in enumerate(("b.de", "b.en")):
        (tmp_path / name).write_text("".join(pair[side] + "\n" for pair in spoilt), encoding="utf-8")
    for stem, words in (("a", ["a.de", "3", "a.en", "2"]), ("b", ["line", "too late", "mend the files"])):
        files = ["--src", tmp_path / f"{stem}.de", "--tgt", tmp_path / f"{stem}.en"]
        error = mtcli("train", "-m", tmp_path / "package", *files, *TINY, code=1).stderr.decode()
        assert error.count("\n") == 1 and all(word in error for word in words), error
    assert not (tmp_path / "package").exists()
