"""One training run: updates, validations, saves, and what is told at the end."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from mtcli import __version__
from mtcli.card import model_card
from mtcli.config import NOT_DRAWN, Config, DecodingConfig, ScoreRecord, parse_config
from mtcli.data.batches import ParallelCorpus
from mtcli.data.split import Pairs
from mtcli.engines.torch_engine import TorchEngine
from mtcli.errors import PackageError, TrainingError, out_of_memory
from mtcli.export import export_ctranslate2
from mtcli.lines import LineReader, writing
from mtcli.model import EncoderDecoder
from mtcli.package import REPORT, TRAINING, ModelPackage, seal, state_path, write
from mtcli.report import Tested, html_report
from mtcli.scoring import bleu_and_chrf
from mtcli.search.decoder import Decoder, JointState
from mtcli.tokenizer import Tokenizer
from mtcli.training import parallel
from mtcli.training.checkpoint import dump, restore, resuming
from mtcli.training.loop import StepRecord, TrainingLoop, diverged, token_losses
from mtcli.translator import Translator
from mtcli.treatment import Treatment
from mtcli.vocab import VocabSizes

CHARTED = ("step", "loss", "tgt_tokens", "learning_rate", "seconds"), ("step", "dev_loss", "dev_bleu", "dev_chrf")
"""What the report reads of an update, and of a validation."""


class _Asked(Exception):
    """Somebody has asked the run to stop."""


class _Interruptible(Decoder):
    """A decoder that gives up when the loop is asked to stop."""

    loop: TrainingLoop

    def step(self, tokens: torch.Tensor, state: JointState) -> tuple[torch.Tensor, JointState]:
        """See Decoder."""
        if self.loop.stop_asked:
            raise _Asked
        return super().step(tokens, state)


@dataclass(frozen=True)
class ValidationRecord:
    """How good the averaged weights are."""

    scores: ScoreRecord
    best: bool
    """Whether they are the best so far, and so are what the package now holds."""
    patience_left: int
    """Validations without progress that may still follow: see config.TrainingConfig.patience."""
    samples: tuple[tuple[str, str, str], ...]
    """Source, reference and translation of some sentences, always the same ones."""


MOST_LONGER = 4.0
"""Times that a validation may take what the one before took, as translations grow."""


@dataclass(frozen=True)
class Plan:
    """What is known before the first step, for people to read."""

    folder: Path
    config: Config
    parameters: int
    vocab: VocabSizes
    device: str
    resumed_at: int
    """Updates that an earlier run has made."""


class TrainingRun:
    """One run of one package: prepared by `trainer.start`, driven by `records`, ended by `conclude`.

    Where several processes train together each has one; only the first validates and touches files.
    """

    def __init__(self, package: ModelPackage, tokenizer: Tokenizer, loop: TrainingLoop, dev: Pairs, test: Pairs) -> None:
        self.package, self.tokenizer, self.loop, self.dev, self.test = package, tokenizer, loop, dev, test
        fine_tunes = bool(package.config.data.origin)
        self.validated_at = -1 if fine_tunes else 0
        """Update of the last validation; what another package's weights can do is measured before the first update."""
        self.next_validation = 0.0 if fine_tunes else self._gap
        """Share of the budget at which the next validation is due."""
        self.stale = 0
        """Validations since one that had a better BLEU or a lower loss than all before it.

        What another package's weights can do does not count there: while the learning rate is high it is hard to beat.
        """
        self.lowest_loss, self.highest_bleu = math.inf, -1.0
        self.best = ScoreRecord(dev_bleu=-1.0)
        self.finished = False
        self._saved_at = time.monotonic()
        self._log_bytes = 0
        """How long the log was when the state was saved that this run goes on from."""
        longest = package.config.training.max_length
        src, tgt = tokenizer.encode([s for s, _ in dev], "src"), tokenizer.encode([t for _, t in dev], "tgt")
        self._dev_corpus = ParallelCorpus.of((s[:longest], t[:longest]) for s, t in zip(src, tgt, strict=True))

    @property
    def _gap(self) -> float:
        """Share of the budget between two validations; what the last one takes of a budget in seconds must be known before it."""
        training = self.package.config.training
        return min(1 / training.validations, 0.5 if training.seconds else 1.0)

    @property
    def plan(self) -> Plan:
        """See Plan."""
        return Plan(
            self.package.folder,
            self.package.config,
            self.loop.model.size,
            self.tokenizer.sizes,
            str(self.loop.device),
            self.loop.step,
        )

    def records(self) -> Iterator[StepRecord | ValidationRecord]:
        """Train, validate and save until the budget is used up, patience is lost, or `loop.stop_asked` is set.

        Raises TrainingError when the loss grows without bound; what was saved before then stays.
        """
        try:
            yield from self._records()
        except TrainingError as error:
            kept = f"the best model so far, of step {self.best.step}, stays in" if self.best.dev_bleu >= 0 else "no model is in"
            raise TrainingError(f"{error}; {kept} {self.package.folder}") from error

    def _records(self) -> Iterator[StepRecord | ValidationRecord]:
        self._share()
        steps, patience = self.loop.steps(), self.package.config.training.patience
        while not self.finished and self.stale < patience and not self.loop.stopping:
            if self._validation_is_due():
                yield from self._validate()
            elif record := next(steps, None):
                self._log(dataclasses.asdict(record))
                yield record
            else:
                if self.loop.step > self.validated_at:
                    yield from self._validate()
                if not self.loop.step:
                    raise TrainingError("the time was over before the first update: give more --time")
                break
            if time.monotonic() - self._saved_at >= self.package.config.training.save_seconds:
                self.save()
        if not self.finished:
            self.finished = self.stale < patience and not self.loop.stopping  # patience may be raised later
            self.save()

    def _validation_is_due(self) -> bool:
        return self.loop.step > self.validated_at and self.next_validation <= self.loop.progress < 1

    def _share(self) -> None:
        """Take over from the first process what only it knows."""
        own = [self.validated_at, self.next_validation, self.stale, self.finished, self.loop.reserve]
        shared = parallel.of_first([float(value) for value in own], self.loop.device)
        self.validated_at, self.stale, self.finished = int(shared[0]), int(shared[2]), bool(shared[3])
        self.next_validation, self.loop.reserve = shared[1], shared[4]

    def save(self) -> None:
        """Write what resuming needs."""
        self._saved_at = time.monotonic()
        if parallel.rank():
            return
        extra = {
            "validated_at": self.validated_at,
            "next_validation": self.next_validation,
            "stale": self.stale,
            "lowest_loss": self.lowest_loss,
            "highest_bleu": self.highest_bleu,
            "best": dataclasses.asdict(self.best),
            "finished": self.finished,
            "budget": _budget(self.package.config),
            "log_bytes": self._metrics.stat().st_size if self._metrics.exists() else 0,
        }
        write(state_path(self.package.folder), dump(self.loop, extra))

    def resume(self) -> None:
        """Go on from the saved state, if there is one. Raises PackageError when it is damaged, or gone from a trained package."""
        path = state_path(self.package.folder)
        if not path.exists():
            if self.package.trained:
                raise PackageError(
                    f"{self.package.folder} is trained, and what resuming needs ({TRAINING}/) is gone: "
                    "give --fresh to set it aside and begin again, or another -m"
                )
            return
        with resuming(str(path)):
            extra = restore(self.loop, str(path))
            self.validated_at, self.stale = int(extra["validated_at"]), int(extra["stale"])
            self.next_validation = float(extra["next_validation"])
            self.lowest_loss, self.highest_bleu = float(extra["lowest_loss"]), float(extra["highest_bleu"])
            self.best = parse_config({"scores": extra["best"]}).scores
            self._log_bytes = int(extra["log_bytes"])
            same_budget = extra["budget"] == _budget(self.package.config)
            self.finished = bool(extra["finished"]) and same_budget
        if self.package.trained and _goodness(self.package.config.scores) > _goodness(self.best):
            self.best = self.package.config.scores  # kept just before the run was killed
        if not same_budget:
            self.next_validation = self.loop.progress + self._gap
            self.stale = 0

    def _validate(self) -> Iterator[ValidationRecord]:
        record = None
        if not parallel.rank():
            with contextlib.suppress(_Asked):  # then it is done when the run goes on
                record = self._validation()
        self._share()
        self.loop.agree()
        if record:
            yield record

    def _validation(self) -> ValidationRecord:
        started = time.monotonic()
        loss = self._dev_loss()
        translating = time.monotonic()
        greedy = dataclasses.replace(self.package.config.decoding, beam_size=1, n_best=1, retry=False, **NOT_DRAWN)
        hyps = self._translate(self.loop.averaged, self.dev, greedy)
        translated = max(1e-6, time.monotonic() - translating)
        bleu, chrf = bleu_and_chrf(hyps, [tgt for _, tgt in self.dev])
        scores = ScoreRecord(
            step=self.loop.step,
            dev_loss=round(loss, 4),
            dev_bleu=round(bleu.value, 2),
            dev_chrf=round(chrf.value, 2),
            bleu_signature=bleu.signature,
            chrf_signature=chrf.signature,
            training_seconds=round(self.loop.seconds, 1),
            sentences_per_second=round(len(hyps) / translated, 1),
        )
        again = scores.step == self.best.step  # a validation that a run was killed after
        best = _goodness(scores) > _goodness(self.best) or (again and _goodness(scores) == _goodness(self.best))
        gains = best or scores.dev_loss < self.lowest_loss or scores.dev_bleu > self.highest_bleu
        self.stale = 0 if gains else self.stale + 1
        if scores.step:
            self.lowest_loss, self.highest_bleu = min(self.lowest_loss, scores.dev_loss), max(self.highest_bleu, scores.dev_bleu)
        if best:
            self._keep(scores, hyps)
        # A model that has learnt little says little: later the same lines will take longer.
        longer = sum(len(tgt) for _, tgt in self.dev) / max(1, sum(map(len, hyps)))
        seconds = time.monotonic() - started + translated * (min(MOST_LONGER, max(1.0, longer)) - 1)
        self._plan_next_validation(seconds, translated * self._cost_of_test())
        self._log({"validation": dataclasses.asdict(scores), "best": best})
        self.save()
        samples = tuple((*self.dev[i], hyps[i]) for i in range(min(3, len(self.dev))))
        return ValidationRecord(scores, best, self.package.config.training.patience - self.stale, samples)

    def _cost_of_test(self) -> float:
        """Time of translating the test set at the end, in those of translating the dev set greedily, about."""
        test, dev = (sum(len(src) for src, _ in pairs) for pairs in (self.test, self.dev))
        return self.package.config.decoding.beam_size * test / max(1, dev)

    def _translate(self, model: EncoderDecoder, pairs: Pairs, decoding: DecodingConfig) -> list[str]:
        config = self.package.config
        decoder = _Interruptible([model], self.tokenizer.never_generated(), self.loop.dtype)
        decoder.loop = self.loop
        engine = TorchEngine(decoder, self.loop.device)
        as_users_have_it = Treatment(split=decoding.retry and config.data.single_sentences)  # the dev set as it stands
        translator = Translator(
            engine, self.tokenizer, decoding, config.languages.targets, as_users_have_it, config.languages.src
        )
        return translator.translate([src for src, _ in pairs])

    def _keep(self, scores: ScoreRecord, hyps: list[str]) -> None:
        if not state_path(self.package.folder).exists():
            self.save()  # weights without a state could not be resumed from
        self.best = scores
        config = dataclasses.replace(self.package.config, scores=scores, tests=(), notes="")  # those were of other weights
        self.package = self.package.save(config, self.loop.averaged, self._card(config))
        write(self._dev_hyps, "".join(f"{hyp}\n" for hyp in hyps).encode())

    def _card(self, config: Config) -> str:
        return model_card(self.package.name, config, self.plan.parameters, self.tokenizer.sizes)

    def _plan_next_validation(self, seconds: float, at_the_end: float) -> None:
        """After a validation that took so long: it must fit once more at the end, then what else is to be done there.

        Most of the time is for training.
        """
        config = self.package.config.training
        self.loop.reserve = min(1.2 * seconds, config.seconds / 2) + min(at_the_end, 0.4 * config.seconds)
        self.validated_at = self.loop.step
        self.loop.progress = self.loop.used()  # what validating took is used up, too
        gap = max(self._gap, 4 * seconds / config.seconds if config.seconds else 0)
        self.next_validation = self.loop.progress + gap

    @torch.inference_mode()
    def _dev_loss(self) -> float:
        model = self.loop.averaged.eval()
        loss: float | None = None
        while loss is None:
            size = max(1, self.package.config.training.batch_tokens // self.loop.micro_batches)
            batches = (batch.to(self.loop.device) for batch in self._dev_corpus.in_order(size))
            try:
                loss = float(torch.cat([token_losses(model, batch) for batch in batches]).mean())
            except (MemoryError, RuntimeError) as error:
                if size == 1 or not out_of_memory(error):
                    raise
                self.loop.halve()
        if not loss < 2 * math.log(self.tokenizer.sizes.tgt):  # guessing among all pieces alike costs half of that
            raise diverged(self.loop.step)
        return loss

    def conclude(self) -> list[Tested]:
        """Export the best weights, translate the test text and write the report; returns the scores of dev and test text.

        Nothing is done, and nothing returned, in a process that does not write, and when there is no model.
        """
        if parallel.rank() or self.best.dev_bleu < 0:
            return []
        self.loop.stop_asked = False  # all is trained
        self.package.save_card(self._card(self.package.config))  # of the licence, too, that was named since
        if self.package.config.model.architecture == "transformer":
            export_ctranslate2(self.package)
        else:
            seal(self.package.folder)
        hyps = list(LineReader(self._dev_hyps)) if self._dev_hyps.exists() else []
        tested = [_tested("dev", self.dev, hyps)] if len(hyps) == len(self.dev) else []
        if self.test:
            model = self.package.load_model(self.tokenizer.sizes, self.loop.device)
            hyps = self._translate(model, self.test, dataclasses.replace(self.package.config.decoding, n_best=1))
            tested.append(_tested("test", self.test, hyps))
        page = html_report(
            self.package.name, self.package.config, self.plan.parameters, self.logged(), tested, self._environment()
        )
        write(self.package.folder / REPORT, page.encode(errors="replace"))
        return tested

    def _environment(self) -> dict[str, str]:
        device = self.loop.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads of a CPU"
        versions = {library: metadata.version(library) for library in ("torch", "sentencepiece", "sacrebleu")}
        system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        kinds = {"Device": name, "Matrix products": str(self.loop.dtype).removeprefix("torch."), "System": system}
        return {"mtcli": __version__, **versions, **kinds}

    def _log(self, values: dict[str, Any]) -> None:
        if parallel.rank():
            return
        with writing(self._metrics), open(self._metrics, "a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def logged(self) -> list[dict[str, Any]]:
        """What the log says of updates and validations so far; lines that are damaged are left out."""
        return list(filter(None, map(_record, LineReader(self._metrics)))) if self._metrics.exists() else []

    def forget_later_records(self) -> None:
        """Cut from the log what was done after the state was saved, and so is done again."""
        if self._metrics.exists():
            log = self._metrics.read_bytes()[: self._log_bytes]
            write(self._metrics, log[: log.rfind(b"\n") + 1])

    @property
    def _metrics(self) -> Path:
        return self.package.folder / TRAINING / "metrics.jsonl"

    @property
    def _dev_hyps(self) -> Path:
        """How the best weights translate the dev text."""
        return self.package.folder / TRAINING / "dev.hyp"


def _tested(name: str, pairs: Pairs, hyps: list[str]) -> Tested:
    scores = bleu_and_chrf(hyps, [tgt for _, tgt in pairs])
    return Tested(name, [(*pair, hyp) for pair, hyp in zip(pairs, hyps, strict=True)], list(scores))


def _record(line: str) -> dict[str, Any]:
    """What a line of the log says; nothing where it is damaged."""
    try:
        values: dict[str, Any] = json.loads(line)
        numbers = values.get("validation", values)
        return values if all(math.isfinite(numbers[name]) for name in CHARTED["validation" in values]) else {}
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError):
        return {}


def _goodness(scores: ScoreRecord) -> tuple[float, float]:
    """What is greater for better weights."""
    return scores.dev_bleu, -scores.dev_loss


def _budget(config: Config) -> list[float]:
    return [config.training.steps, config.training.epochs, config.training.seconds]
