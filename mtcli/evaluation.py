"""What is found out about a package after training: scores on test sets, and what people say who read its translations."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from mtcli.card import model_card
from mtcli.config import TestRecord
from mtcli.errors import PackageError, UsageError
from mtcli.judges import SentenceMean
from mtcli.lines import as_text, read_lines, read_parallel
from mtcli.package import ModelPackage, claim, open_package
from mtcli.scoring import bleu_and_chrf
from mtcli.tags import spelt, target_of
from mtcli.translator import Translator
from mtcli.treatment import Treatment


def translated(model: str, src: list[str], to: str) -> tuple[str, list[str]]:
    """The model's name, and how it translates the lines `src`, to the language `to` where it knows several.

    Raises PackageError when it cannot be used, UsageError when it is not told which language.
    """
    translator = Translator.load(model, threads=0, treatment=Treatment(_target(model, src, to)))
    with closing(translator.engine):
        hyps = translator.translate(src)
    translator.tell(len(hyps))
    return model, hyps


def _target(model: str, src: list[str], to: str) -> str:
    targets = open_package(model).config.languages.targets
    tagged = not to and all(target_of(line) in targets for line in src if line.strip())
    if targets and not tagged and spelt(to, targets) not in targets:
        raise UsageError(f"{model} translates to {' and '.join(targets)}: say to which with --langs, such as en-{targets[0]}")
    return to if targets else ""


def confidence(model: str, src: list[str], to: str) -> SentenceMean:
    """A metric that needs no reference: how probable the model finds a piece of each translation of `src`.

    `to` is the language of these where the model knows several; UsageError when it is not told.
    """
    treatment = Treatment(_target(model, src, to), scoring=True)

    def judge(hyps: Sequence[str], _: object) -> list[float]:
        translator = Translator.load(model, treatment=treatment)
        with closing(translator.engine):
            scores = translator.score(list(zip(src, hyps, strict=True)))
        return [0.0 if math.isnan(each.log_probability) else math.exp(each.log_probability / each.pieces) for each in scores]

    return SentenceMean("confidence", judge, model=Path(model).name)


def record_test(model: str, src: str, ref: str, name: str, to: str = "") -> TestRecord:
    """Translate the file `src`, as users have it, and keep the scores against `ref` in the package, under `name`.

    `to` is the language to translate to, of a model that knows several. Raises DataError when the files differ in length or are
    empty, PackageError when the package cannot be used or written, UsageError when it does not translate to that language.
    """
    package, name = _claimed(model), " ".join(as_text(name).split())
    if not name:
        raise UsageError("--name: give the test set a name")
    pairs = read_parallel([src], [ref])
    lines, refs = [src for src, _ in pairs], [ref for _, ref in pairs]
    translator = Translator.load(model, threads=0, treatment=Treatment(to))
    with closing(translator.engine):
        began = time.monotonic()
        hyps = translator.translate(lines)
        seconds = max(1e-6, time.monotonic() - began)
    translator.tell(len(lines))
    (bleu, chrf), copied = (bleu_and_chrf(each, refs) for each in (hyps, lines))
    record = TestRecord(
        name=name,
        lines=len(pairs),
        bleu=round(bleu.value, 2),
        chrf=round(chrf.value, 2),
        copied_bleu=round(copied[0].value, 2),
        copied_chrf=round(copied[1].value, 2),
        bleu_signature=bleu.signature,
        chrf_signature=chrf.signature,
        sentences_per_second=round(len(pairs) / seconds, 1),
    )
    others = [test for test in package.config.tests if test.name != name]
    _update(package, tests=(*others, record))
    return record


def record_notes(model: str, file: str) -> None:
    """Keep the Markdown text in a file as the notes of the package. Raises DataError when it cannot be read."""
    _update(_claimed(model), notes="\n".join(read_lines(file)))


def _claimed(model: str) -> ModelPackage:
    """The package, which no other command may train or test meanwhile."""
    folder = open_package(model).folder
    if not os.access(folder, os.W_OK):
        raise PackageError(
            f"{folder}: cannot be written, and what is found out is kept in it: copy the package to a place of yours"
        )
    claim(folder)
    return open_package(str(folder))  # as it is now that nobody else writes it


def _update(package: ModelPackage, **changes: Any) -> None:
    """Write `model.toml`, and the card that says the same."""
    from mtcli.model import build_empty

    vocab = package.tokenizer().sizes
    parameters = build_empty(package.config.model, vocab).size
    package = package.save_config(dataclasses.replace(package.config, **changes))
    package.save_card(model_card(package.name, package.config, parameters, vocab))
