"""Metrics that ask a model about each sentence, made sacreBLEU's: so they are compared and tested like the others."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sacrebleu.metrics.base import Metric, Score, Signature

from mtcli.errors import DataError, UsageError
from mtcli.lines import vanishing
from mtcli.scoring import chrf_of_sentences
from mtcli.workers import called

COMET = "Unbabel/wmt22-comet-da"
"""The model that is asked where none is named."""

Judge = Callable[[Sequence[str], Sequence[Sequence[str]]], list[float]]
"""From hypotheses and lists of references to a number for each hypothesis."""


class _Signature(Signature):
    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__(args)
        self.info.update(args["choices"])


class SentenceMean(Metric):
    """The mean of what a judge gives the sentences, times 100; beside it Pearson's correlation with their chrF."""

    _SIGNATURE_TYPE = _Signature

    def __init__(self, name: str, judge: Judge, **choices: str) -> None:
        """`choices` are what the number depends on, for the signature."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.name, self.judge, self.choices = name, judge, {**choices, "scale": "100"}

    def corpus_score(self, hypotheses: Sequence[str], references: Any, n_bootstrap: int = 1) -> Score:
        """As sacreBLEU's, which says more of the arguments."""
        stats = self._extract_corpus_statistics(hypotheses, references)
        result = self._aggregate_and_compute(stats)
        try:
            correlation = statistics.correlation([value for value, _ in stats], chrf_of_sentences(hypotheses, references))
        except statistics.StatisticsError:  # all the same, or one sentence
            return result
        result._verbose = f"r = {correlation:.2f} with chrF2 of the sentences"
        return result

    def _extract_corpus_statistics(self, hypotheses: Sequence[str], references: Any) -> list[list[float]]:
        self.num_refs = len(references)
        return [[100 * value, 1.0] for value in self.judge(hypotheses, references)]

    def _aggregate_and_compute(self, stats: list[list[float]]) -> Score:
        return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])

    def _compute_score_from_stats(self, stats: Any) -> Score:
        return Score(self.name, float(stats[0]) / float(stats[1]))

    # What sacreBLEU asks of metrics that count.

    def _preprocess_segment(self, sent: str) -> str:
        return sent

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {}

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[float]:
        raise NotImplementedError("sentences are judged together")


def comet(src: Sequence[str], model: str = "") -> SentenceMean:
    """COMET (Rei et al. 2020), by the program `comet-score` in whatever environment it is installed. It may fetch its model.

    Raises UsageError when there is no such program, when it is used DataError when it fails.
    """
    program, model = shutil.which("comet-score"), model or COMET
    if not program:
        raise UsageError("--metric comet calls comet-score, which is not installed: `uv tool install unbabel-comet` does that")
    command: list[str | Path] = [program, "--model", model, "--quiet", "--gpus", "1" if shutil.which("nvidia-smi") else "0"]

    def judge(hyps: Sequence[str], refs: Sequence[Sequence[str]]) -> list[float]:
        with vanishing(Path(tempfile.mkdtemp(prefix="mtcli"))) as folder:
            for name, lines in (("src", src), ("hyp", hyps), ("ref", refs[0])):
                # It ends lines at a CR, too.
                (folder / name).write_text("".join(" ".join(line.split("\r")) + "\n" for line in lines), "utf-8", newline="\n")
            files: list[str | Path] = [
                "-s",
                folder / "src",
                "-t",
                folder / "hyp",
                "-r",
                folder / "ref",
                "--to_json",
                folder / "json",
            ]
            done = called([*command, *files])
            return _read_comet(folder / "json", len(hyps), done.returncode, done.stderr)

    return SentenceMean("COMET", judge, model=model)


def _read_comet(file: Path, count: int, code: int, stderr: str) -> list[float]:
    said = (stderr.strip() or "it said nothing").splitlines()[-1]
    if code:
        raise DataError(f"comet-score ended with exit code {code}: {said}")
    try:
        [sentences] = json.loads(file.read_text("utf-8")).values()
        values = [float(sentence["COMET"]) for sentence in sentences]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"comet-score wrote no scores that can be read ({error}): {said}") from error
    if len(values) != count:
        raise DataError(f"comet-score gave {len(values)} scores for {count} lines")
    return values
