"""Two text files in, a model package out: what `mtcli train` does."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mtcli.card import model_card
from mtcli.config import (
    Config,
    DataRecord,
    ScoreRecord,
    TrainingConfig,
    languages_of,
    parse_config,
    preset,
    preset_for,
    with_overrides,
)
from mtcli.data.batches import ParallelCorpus
from mtcli.data.split import Pairs, split
from mtcli.errors import DataError, PackageError
from mtcli.lines import read_parallel, unwritable
from mtcli.model import build
from mtcli.package import (
    CONFIG,
    TOKENIZER,
    TRAINING,
    WEIGHTS,
    ModelPackage,
    create,
    place,
    read_config,
    save_tokenizer,
    set_aside,
    write,
)
from mtcli.scoring import score
from mtcli.tokenizer import Tokenizer, load_tokenizer, normalise, train_tokenizer
from mtcli.training.checkpoint import dump, restore
from mtcli.training.loop import StepRecord, TrainingLoop, diverged, token_losses
from mtcli.training.memory import keep_memory
from mtcli.translator import Translator, pick_device
from mtcli.vocab import VocabSizes

log = logging.getLogger("mtcli")

EPOCHS = 60
"""Passes over the corpus when no budget is given ..."""
MOST_STEPS = 100_000
"""... but no more updates than this."""


@dataclass(frozen=True)
class TrainingRequest:
    """What the user asked for."""

    name: str
    """Name or folder of the package."""
    src: list[str]
    tgt: list[str]
    """Training files, line-aligned in pairs."""
    dev_src: list[str]
    dev_tgt: list[str]
    """Dev files; with none, a part of the training text is held out."""
    preset: str = ""
    """Size of the model; by the size of the corpus when empty."""
    overrides: tuple[str, ...] = ()
    """`section.key=value`, stronger than all else."""
    device: str = "auto"
    fresh: bool = False
    """Set an existing package aside and begin again."""


@dataclass(frozen=True)
class ValidationRecord:
    """How good the averaged weights are."""

    scores: ScoreRecord
    best: bool
    """Whether they are the best so far, and so are what the package now holds."""
    patience_left: int
    """Validations without a better one that may still follow."""
    samples: tuple[tuple[str, str, str], ...]
    """Source, reference and translation of some sentences, always the same ones."""


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
    """One run of one package: prepared by `start`, driven by `records`."""

    def __init__(self, package: ModelPackage, tokenizer: Tokenizer, loop: TrainingLoop, dev: Pairs) -> None:
        self.package, self.tokenizer, self.loop, self.dev = package, tokenizer, loop, dev
        self.validated_at = -1
        """Update of the last validation."""
        self.next_validation = 1 / package.config.training.validations
        """Share of the budget at which the next validation is due."""
        self.stale = 0
        """Validations since the best one."""
        self.best = ScoreRecord(dev_bleu=-1.0)
        self.finished = False
        self._saved_at = time.monotonic()
        self._log_bytes: int | None = 0
        """How long the log was when the state was saved that this run goes on from; None when it does not tell."""
        longest = package.config.training.max_length
        src, tgt = tokenizer.encode([s for s, _ in dev], "src"), tokenizer.encode([t for _, t in dev], "tgt")
        self._dev_corpus = ParallelCorpus([ids[:longest] for ids in src], [ids[:longest] for ids in tgt])

    @property
    def plan(self) -> Plan:
        """See Plan."""
        parameters = sum(p.numel() for p in self.loop.model.parameters())
        return Plan(
            self.package.folder, self.package.config, parameters, self.tokenizer.sizes, str(self.loop.device), self.loop.step
        )

    def records(self) -> Iterator[StepRecord | ValidationRecord]:
        """Train, validate and save until the budget is used up or patience is lost."""
        steps = self.loop.steps()
        while not self.finished and self.stale < self.package.config.training.patience:
            if self._validation_is_due():
                yield self._validate()
            elif record := next(steps, None):
                self._log(dataclasses.asdict(record))
                yield record
            else:
                if self.loop.step > self.validated_at:
                    yield self._validate()
                break
            if time.monotonic() - self._saved_at >= self.package.config.training.save_seconds:
                self.save()
        if not self.finished:
            self.finished = self.stale < self.package.config.training.patience  # else patience may be raised later
            self.save()

    def _validation_is_due(self) -> bool:
        return self.loop.step > max(0, self.validated_at) and self.next_validation <= self.loop.progress < 1

    def save(self) -> None:
        """Write what resuming needs."""
        extra = {
            "validated_at": self.validated_at,
            "next_validation": self.next_validation,
            "stale": self.stale,
            "best": dataclasses.asdict(self.best),
            "finished": self.finished,
            "budget": _budget(self.package.config),
            "log_bytes": self._metrics.stat().st_size if self._metrics.exists() else 0,
        }
        write(state_path(self.package.folder), dump(self.loop, extra))
        self._saved_at = time.monotonic()

    def resume(self) -> None:
        """Go on from the saved state, if there is one. Raises PackageError when it is damaged, or gone from a trained package."""
        path = state_path(self.package.folder)
        if not path.exists():
            if (self.package.folder / WEIGHTS).exists():
                raise PackageError(
                    f"{self.package.folder} is trained, and what resuming needs ({TRAINING}/) is gone: "
                    "give --fresh to set it aside and begin again, or another -m"
                )
            return
        extra = restore(self.loop, str(path))
        self.validated_at, self.next_validation, self.stale = extra["validated_at"], extra["next_validation"], extra["stale"]
        self.best, self._log_bytes = ScoreRecord(**extra["best"]), extra.get("log_bytes")
        same_budget = extra["budget"] == _budget(self.package.config)
        self.finished = extra["finished"] and same_budget
        if not same_budget:
            self.next_validation = self.loop.progress + 1 / self.package.config.training.validations
            self.stale = 0

    def _validate(self) -> ValidationRecord:
        started = time.monotonic()
        model = self.loop.averaged.eval()
        loss = self._dev_loss()
        translating = time.monotonic()
        decoding = dataclasses.replace(self.package.config.decoding, beam_size=1, n_best=1)
        hyps = Translator(model, self.tokenizer, decoding, self.loop.device).translate([src for src, _ in self.dev])
        speed = len(hyps) / max(1e-6, time.monotonic() - translating)
        bleu, chrf = score(hyps, [[tgt for _, tgt in self.dev]], ("bleu", "chrf"))
        scores = ScoreRecord(
            step=self.loop.step,
            dev_loss=round(loss, 4),
            dev_bleu=round(bleu.value, 2),
            dev_chrf=round(chrf.value, 2),
            bleu_signature=bleu.signature,
            chrf_signature=chrf.signature,
            training_seconds=round(self.loop.seconds, 1),
            sentences_per_second=round(speed, 1),
        )
        best = (scores.dev_bleu, -scores.dev_loss) > (self.best.dev_bleu, -self.best.dev_loss)
        self.stale = 0 if best else self.stale + 1
        if best:
            self._keep(scores)
        self._plan_next_validation(time.monotonic() - started)
        self._log({"validation": dataclasses.asdict(scores), "best": best})
        self.save()
        samples = tuple((*self.dev[i], hyps[i]) for i in range(min(3, len(self.dev))))
        return ValidationRecord(scores, best, self.package.config.training.patience - self.stale, samples)

    def _keep(self, scores: ScoreRecord) -> None:
        if not state_path(self.package.folder).exists():
            self.save()  # weights without a state could not be resumed from
        self.best = scores
        config = dataclasses.replace(self.package.config, scores=scores)
        card = model_card(self.package.folder.name, config, self.plan.parameters, self.tokenizer.sizes)
        self.package = self.package.save(config, self.loop.averaged, card)

    def _plan_next_validation(self, seconds: float) -> None:
        """After a validation that took so long: it must fit once more at the end, and most of the time is for training."""
        config = self.package.config.training
        self.loop.reserve = 1.2 * seconds
        self.validated_at = self.loop.step
        gap = max(1 / config.validations, 4 * seconds / config.seconds if config.seconds else 0)
        self.next_validation = self.loop.progress + gap

    @torch.inference_mode()
    def _dev_loss(self) -> float:
        model = self.loop.averaged
        batches = (batch.to(self.loop.device) for batch in self._dev_corpus.in_order(self.package.config.training.batch_tokens))
        loss = float(torch.cat([token_losses(model, batch) for batch in batches]).mean())
        if not math.isfinite(loss):
            raise diverged(self.loop.step)
        return loss

    def _log(self, values: dict[str, Any]) -> None:
        try:
            with open(self._metrics, "a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
        except OSError as error:
            raise unwritable(self._metrics, error) from error

    def forget_later_records(self) -> None:
        """Cut from the log what was done after the state was saved, and so is done again."""
        if self._metrics.exists():
            log = self._metrics.read_bytes()[: self._log_bytes]
            write(self._metrics, log[: log.rfind(b"\n") + 1])

    @property
    def _metrics(self) -> Path:
        return self.package.folder / TRAINING / "metrics.jsonl"


def start(request: TrainingRequest) -> TrainingRun:
    """Read the text, open or begin the package, and make everything ready for the first step.

    Raises DataError, UsageError or PackageError; nothing has been written then if the request could not be carried out.
    """
    began = time.monotonic()
    device = pick_device(request.device)
    pairs = list(zip(*read_parallel(request.src, request.tgt), strict=True))
    dev = list(zip(*read_parallel(request.dev_src, request.dev_tgt), strict=True))
    folder = place(request.name)
    config = _configure(request, folder, pairs, dev)
    if not dev:
        pairs, dev = split(pairs, max(1, min(config.training.dev_size, len(pairs) // 20)), config.training.seed, normalise)
    run = _prepare(folder, config, pairs, dev, device, request.fresh)
    run.loop.started -= time.monotonic() - began  # reading and tokenising count as training time, too
    return run


def _configure(request: TrainingRequest, folder: Path, pairs: Pairs, dev: Pairs) -> Config:
    """Settings by rising strength: preset, what the package says, what the request says."""
    values = {} if request.fresh or not (folder / CONFIG).exists() else read_config(folder)
    asked = with_overrides({}, list(request.overrides))
    if {"steps", "seconds"} & asked.get("training", {}).keys():  # a new budget takes the place of the old one
        values["training"] = {k: v for k, v in values.get("training", {}).items() if k not in ("steps", "seconds")}
    architecture = asked.get("model", {}).get("architecture") or values.get("model", {}).get("architecture", "transformer")
    layers = [preset(preset_for(len(pairs)), architecture), values]
    layers += [preset(request.preset, architecture)] if request.preset else []
    config = parse_config(_merge(*layers, asked))
    if values:
        _check_unchanged(folder, parse_config(values), config)
    data = DataRecord(
        src=tuple(Path(name).name for name in request.src),
        tgt=tuple(Path(name).name for name in request.tgt),
        pairs=len(pairs),
        dev=", ".join(Path(name).name for name in [*request.dev_src, *request.dev_tgt]) or "held out of the training text",
        licence=config.data.licence,
        fingerprint=_fingerprint(pairs, dev),
    )
    if config.data.fingerprint not in ("", data.fingerprint):
        raise PackageError(f"{folder} was trained on other text: give --fresh to set it aside and begin again, or another -m")
    languages = config.languages if config.languages.src else languages_of(request.src[0], request.tgt[0])
    return dataclasses.replace(config, data=data, languages=languages)


def _merge(*layers: dict[str, Any]) -> dict[str, Any]:
    """Nested values; those of later layers win."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for section, value in layer.items():
            merged[section] = {**merged.get(section, {}), **value} if isinstance(value, dict) else value
    return merged


def _check_unchanged(folder: Path, old: Config, new: Config) -> None:
    """What a begun package cannot change: its tokenizer, the shape of its model, the order of its data."""
    fixed = [("tokenizer", field.name) for field in dataclasses.fields(old.tokenizer)] if (folder / TOKENIZER).exists() else []
    if state_path(folder).exists() or (folder / WEIGHTS).exists():
        fixed += [("model", field.name) for field in dataclasses.fields(old.model)]
        fixed += [("training", key) for key in ("seed", "batch_tokens", "max_length", "dev_size")]
    for section, key in fixed:
        before, now = getattr(getattr(old, section), key), getattr(getattr(new, section), key)
        if before != now:
            raise PackageError(f"{folder} has {section}.{key} = {before}, not {now}: give --fresh to begin again, or another -m")


def _prepare(folder: Path, config: Config, pairs: Pairs, dev: Pairs, device: torch.device, fresh: bool) -> TrainingRun:
    keep_memory()
    torch.manual_seed(config.training.seed)
    src, tgt = [s for s, _ in pairs], [t for _, t in pairs]
    models = None if (folder / TOKENIZER).exists() and not fresh else train_tokenizer(config.tokenizer, src, tgt)
    tokenizer = load_tokenizer(*models) if models else ModelPackage(folder, config).tokenizer()
    corpus = _encode(tokenizer, src, tgt, config.training.max_length)
    config = _complete(config, tokenizer, corpus, len(dev))
    loop = TrainingLoop(build(config.model, tokenizer.sizes), corpus, _with_budget(config.training, corpus), device)
    run = TrainingRun(ModelPackage(folder, config), tokenizer, loop, dev)
    if not fresh:
        run.resume()
        run.forget_later_records()
    elif folder.exists():
        set_aside(folder)
    if (folder / CONFIG).exists():
        if models:
            save_tokenizer(folder, *models)
        run.package.save_config(config)
    elif models:
        create(folder, config.to_dict(), *models)
    (folder / TRAINING).mkdir(exist_ok=True)
    for left in folder.rglob(".*.tmp"):  # of a run that was killed while writing
        left.unlink()
    return run


def _encode(tokenizer: Tokenizer, src: list[str], tgt: list[str], max_length: int) -> ParallelCorpus:
    """The pairs as ids, without those that are empty or too long on a side."""
    pairs = list(zip(tokenizer.encode(src, "src"), tokenizer.encode(tgt, "tgt"), strict=True))
    kept = [(s, t) for s, t in pairs if 0 < len(s) <= max_length and 0 < len(t) <= max_length]
    if len(kept) < len(pairs):
        log.warning("%d pairs are left out: a side is empty or has more than %d pieces", len(pairs) - len(kept), max_length)
    if not kept:
        raise DataError("no sentence pair is left to train on: every one has an empty or too long side, or stands in the dev set")
    return ParallelCorpus([s for s, _ in kept], [t for _, t in kept])


def _complete(config: Config, tokenizer: Tokenizer, corpus: ParallelCorpus, dev_pairs: int) -> Config:
    """The settings with what only the text could tell."""
    data = dataclasses.replace(config.data, pairs=len(corpus), tgt_tokens=corpus.tgt_tokens, dev_pairs=dev_pairs)
    longest = max(32, int(corpus.src.lengths.max()))
    decoding = dataclasses.replace(config.decoding, max_source_length=min(longest, config.decoding.max_source_length))
    pieces = dataclasses.replace(config.tokenizer, vocab_size=config.tokenizer.vocab_size or tokenizer.sizes.tgt)
    return dataclasses.replace(config, data=data, decoding=decoding, tokenizer=pieces)


def _with_budget(config: TrainingConfig, corpus: ParallelCorpus) -> TrainingConfig:
    if config.steps or config.seconds:
        return config
    batches = len(corpus.epoch(config.batch_tokens, config.seed, 0))
    return dataclasses.replace(config, steps=min(MOST_STEPS, EPOCHS * batches))


def _budget(config: Config) -> list[float]:
    return [config.training.steps, config.training.seconds]


def state_path(folder: Path) -> Path:
    """The file with what resuming needs."""
    return folder / TRAINING / "state.safetensors"


def _fingerprint(*corpora: Pairs) -> str:
    digest = hashlib.sha256()
    for pairs in corpora:
        for src, tgt in pairs:
            digest.update(f"{src}\n{tgt}\n".encode(errors="surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()
