"""The report of a training: it says what happened, looks the same anywhere, and no text breaks it."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import DATA, Page, head
from sacrebleu.metrics.chrf import CHRF

from mtcli import Translator
from mtcli.config import Config, parse_config
from mtcli.package import read_config
from mtcli.report import Tested as TranslatedSet  # pytest would take a class called Tested for a test
from mtcli.report import html_report
from mtcli.scoring import METRICS, score

ENVIRONMENT = {"mtcli": "0.1", "command": "mtcli train -m de-en --src 'a <b>.de'"}


def scored(name: str, lines: list[tuple[str, str, str]], *metrics: str) -> TranslatedSet:
    return TranslatedSet(name, lines, score([hyp for *_, hyp in lines], [[ref for _, ref, _ in lines]], metrics or METRICS))


def svgs(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.S)]


def charts(page: str) -> dict[str, ElementTree.Element]:
    return {svg.attrib["aria-label"]: svg for svg in svgs(page) if "aria-label" in svg.attrib}


def words_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", page))


def step(number: int, seconds: float = 0.0, loss: float = 3.0) -> dict[str, Any]:
    values = {"loss": loss, "tgt_tokens": 1000, "learning_rate": 0.001, "grad_norm": 1.0, "seconds": seconds or number / 10}
    return {"step": number, "epoch": 1, "progress": 0.1, **values}


def validation(number: int, bleu: float, best: bool = True) -> dict[str, Any]:
    return {"validation": {"step": number, "dev_loss": 2.5, "dev_bleu": bleu, "dev_chrf": bleu + 20}, "best": best}


def report(records: list[dict[str, Any]], *sets: TranslatedSet, name: str = "de-en", config: Config | None = None) -> str:
    page = html_report(name, config or Config(), 1_234_567, records, list(sets), ENVIRONMENT)
    Page(page)
    return page


@pytest.fixture(scope="module")
def records(transformer_package: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (transformer_package / "training" / "metrics.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def translated(transformer_package: Path, tmp_path_factory: pytest.TempPathFactory) -> TranslatedSet:
    folder = tmp_path_factory.mktemp("lines")
    src, ref = (head(f"test.{code}", 40, folder).read_text("utf-8").splitlines() for code in ("de", "en"))
    return scored("test", list(zip(src, ref, Translator.load(str(transformer_package), beam_size=1).translate(src), strict=True)))


@pytest.fixture(scope="module")
def page(transformer_package: Path, records: list[dict[str, Any]], translated: TranslatedSet) -> str:
    config = parse_config(read_config(transformer_package))
    return html_report("de-en", config, 12_345, records, [translated], ENVIRONMENT)


@pytest.mark.slow
def test_a_real_training_gives_a_page_that_says_what_happened(
    page: str, transformer_package: Path, translated: TranslatedSet
) -> None:
    text, config = words_of(page), parse_config(read_config(transformer_package))
    assert "de → en" in text
    assert "mtcli translate -m de-en < input.txt" in text
    for each in translated.scores:
        assert str(each) in text
    assert f"best at update {config.scores.step}: BLEU {config.scores.dev_bleu:.2f}" in text
    for key, value in ENVIRONMENT.items():
        assert key in text and value in text


def test_every_tag_is_closed_and_every_drawing_is_xml(page: str, records: list[dict[str, Any]]) -> None:
    Page(page)
    drawn = charts(page)
    assert list(drawn) == [f"{name} over updates" for name in ("Loss", "Dev scores", "Learning rate", "Speed")]
    validations = sum("validation" in record for record in records)
    assert validations > 1
    assert len(drawn["Dev scores over updates"].findall("circle")) == 2 * validations
    assert len(drawn["Dev scores over updates"].findall("circle[@class='one ring']")) == 1


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    parsed = Page(page)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(parsed.seen)
    assert not {"src", "href", "xlink:href", "style"} & {name for name, _ in parsed.attributes}
    assert not any(name.startswith("on") for name, _ in parsed.attributes)
    assert "://" not in page and "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_all_settings_are_shown(page: str, transformer_package: Path) -> None:
    text = words_of(page)
    for section, values in parse_config(read_config(transformer_package)).to_dict().items():
        if isinstance(values, dict):
            assert f"[{section}]" in text
            for key, value in values.items():
                shown = re.escape(json.dumps(value, ensure_ascii=False))
                assert re.search(rf"\b{key}\s+{shown}(\s|$)", text), f"{section}.{key}"


def test_curves_stay_inside_their_chart(page: str) -> None:
    for svg in charts(page).values():
        _, _, width, height = map(float, svg.attrib["viewBox"].split())
        for path in svg.findall("path"):
            for x, y in (point.split() for point in path.attrib["d"][1:].split("L")):
                assert 0 <= float(x) <= width and 0 <= float(y) <= height


def test_best_and_worst_sentences_are_those_of_sacrebleu(translated: TranslatedSet) -> None:
    text = report([], translated)
    values = sorted(CHRF().sentence_score(hyp, [ref]).score for _, ref, hyp in translated.lines)
    shown = [float(value) for value in re.findall(r"rowspan=3><b>([\d.]+)</b>", text)]
    assert shown == pytest.approx([*reversed(values[-10:]), *values[:10]], abs=0.051)


def test_scores_by_length_are_those_of_the_lines_of_that_length() -> None:
    lines = [(source, reference, reference) for source, reference, _ in real_lines(60)]
    short = [(src, ref, "no") for src, ref, _ in lines if len(src.split()) <= 5]
    rest = [line for line in lines if len(line[0].split()) > 5]
    table = words_of(report([], scored("test", short + rest)).partition("By length")[2].partition("Sentences</h2>")[0])
    rows = re.findall(r"(\d+)–(\d+)\s+(\d+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)", table)
    assert [(row[0], int(row[2])) for row in rows] == [("1", len(short)), ("6", len(rest))]
    bleu, chrf = score([hyp for *_, hyp in short], [[ref for _, ref, _ in short]], ("bleu", "chrf"))
    assert (float(rows[0][3]), float(rows[0][4])) == pytest.approx((bleu.value, chrf.value), abs=0.051)
    assert float(rows[0][5]) < 0.5
    assert rows[1][3:] == ("100.0", "100.0", "1.00")


def real_lines(count: int) -> list[tuple[str, str, str]]:
    src, ref = ((DATA / f"test.{code}").read_text("utf-8").splitlines()[:count] for code in ("de", "en"))
    return list(zip(src, ref, ref, strict=True))


def test_letters_of_scripts_without_blanks_count_as_words() -> None:
    table = report([], scored("test", [("我们昨天没有帮助他们", "We did not help them.", "We help.")]))
    assert "<th scope=row>6–10</th><td>1</td>" in table


def test_hostile_text_is_shown_and_never_run() -> None:
    evil = "</td><script>alert('1')</script>\"&amp;"
    config = parse_config({"languages": {"src": evil, "tgt": evil}, "data": {"licence": evil, "dev": evil, "src": [evil]}})
    lines = [(evil, evil, evil)] * 12
    sets = [TranslatedSet(evil, lines, scored("", lines).scores)]
    text = html_report(evil, config, 1, [step(1)], sets, {evil: evil})
    assert "script" not in Page(text).seen and "<script" not in text
    assert words_of(text).count(evil) > 3 * len(lines)


def test_text_that_runs_to_the_left_finds_its_own_direction() -> None:
    config = parse_config({"languages": {"src": "zh", "tgt": "ar"}})
    text = report([], scored("test", [("你好", "مرحبا", "مرحبا بك")]), config=config)
    assert '<meta charset="utf-8">' in text
    assert '<td class="source" dir="auto" lang="zh">你好</td>' in text
    assert '<td class="translation" dir="auto" lang="ar">مرحبا بك</td>' in text


@pytest.mark.slow
def test_long_lines_are_cut_off() -> None:
    text = report([], scored("test", [("wort " * 2_000, "word " * 2_000, "word " * 1_800)] * 30, "bleu", "chrf"))
    assert len(text.encode()) < 100_000
    assert "31 and more" in text


def test_the_name_in_the_command_is_quoted_for_a_shell() -> None:
    assert "mtcli translate -m 'my model; ls' < input.txt" in words_of(report([], name="my model; ls"))


def test_nothing_recorded_and_nothing_tested_still_gives_a_page() -> None:
    text = report([])
    assert "There is no record of the training." in text
    assert svgs(text) == []
    assert "Sentences" not in words_of(text)


@pytest.mark.parametrize("bleu", [0.0, 12.5])
def test_one_update_and_one_validation_are_drawn_as_dots(bleu: float) -> None:
    drawn = charts(report([step(1), validation(1, bleu)]))
    assert [len(svg.findall("circle")) for svg in drawn.values()] == [2, 2, 1]
    assert not any(svg.findall("path") for svg in drawn.values())


def test_the_last_best_validation_is_the_one_marked() -> None:
    records = [step(1), validation(1, 5.0), step(2), validation(2, 9.0), step(3), validation(3, 7.0, best=False)]
    text = report(records)
    assert "best at update 2: BLEU 9.00, chrF2 29.00" in text
    rings = charts(text)["Dev scores over updates"].findall("circle[@class='one ring']/title")
    assert [ring.text for ring in rings] == ["BLEU 9 at update 2"]


def test_the_time_of_validations_is_no_time_of_training() -> None:
    records = [step(1, 1.0), step(2, 2.0), validation(2, 1.0), step(3, 1000.0), step(4, 1001.0)]
    path = charts(report(records))["Speed over updates"].find("path")
    assert path is not None
    heights = {point.split()[1] for point in path.attrib["d"][1:].split("L")}
    assert len(heights) == 1, "1,000 tokens a second all the time"


def test_a_long_training_is_thinned_out_fast() -> None:
    records = [step(i, loss=2 + 1000 / (100 + i) + i % 7) for i in range(1, 100_001)]
    started = time.process_time()
    text = report([*records, validation(100_000, 30.0)])
    assert time.process_time() - started < 3
    assert len(text.encode()) < 100_000
    path = charts(text)["Loss over updates"].find("path")
    assert path is not None
    points = [tuple(map(float, point.split())) for point in path.attrib["d"][1:].split("L")]
    assert 300 <= len(points) <= 402
    jumps = [abs(a[1] - b[1]) for a, b in pairwise(points[20:])]
    assert max(jumps) < 2, "smooth"
