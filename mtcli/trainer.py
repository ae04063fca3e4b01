"""Text files to a training run that is ready for its first step: what `mtcli train` does before it trains."""

from __future__ import annotations

import dataclasses
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from mtcli.cache import cached, reading
from mtcli.config import Config, TrainingConfig
from mtcli.corpora import Texts, read_texts
from mtcli.data.batches import ParallelCorpus, Side
from mtcli.data.mapped import RunsOfFiles
from mtcli.engines.torch_engine import pick_device
from mtcli.epochs import Ahead, Epochs
from mtcli.errors import PackageError, UsageError
from mtcli.files import check_files
from mtcli.heap import keep_memory
from mtcli.lines import remove
from mtcli.model import EncoderDecoder, build
from mtcli.package import (
    CONFIG,
    TOKENIZER,
    TRAINING,
    ModelPackage,
    claim,
    create,
    open_package,
    place,
    save_tokenizer,
    set_aside,
    state_path,
)
from mtcli.run import TrainingRun
from mtcli.sampling import Sampler
from mtcli.settings import BUDGETS, TrainingRequest, check_wishes, configure
from mtcli.store import encode, is_pipe
from mtcli.tags import tag
from mtcli.tokenizer import FOR_TOKENIZER, SIDES, Tokenizer, default_vocab_size, load_tokenizer, train_tokenizer, with_sizes
from mtcli.training import parallel
from mtcli.training.loop import TrainingLoop
from mtcli.training.memory import batch_tokens_for

EPOCHS = 52
"""Passes over the corpus when no budget is given ..."""
MOST_STEPS = 100_000
"""... but no more updates than this."""


def start(request: TrainingRequest) -> TrainingRun:
    """Read the text, open or begin the package, and make everything ready for the first step.

    Raises DataError, UsageError or PackageError; nothing has been written then if the request could not be carried out.
    """
    device = parallel.join(pick_device(request.device))
    check_files(request.files)
    check_wishes(request)
    _check_shared(request)
    with parallel.first_alone():
        if parallel.rank():
            request = dataclasses.replace(request, fresh=False)  # the first process has begun again for all
        folder = place(request.name)
        origin = open_package(request.origin) if request.origin else None
        texts = read_texts(
            (request.src, request.tgt),
            (request.dev_src, request.dev_tgt),
            (request.test_src, request.test_tgt),
            request.weights,
            origin.config.languages.targets if origin else (),
        )
        config = configure(request, folder, texts, origin)
        texts = texts.with_dev(config.training.dev_size, config.training.seed)
        run = _prepare(folder, config, texts, device, request.fresh, origin)
    run.loop.started -= time.monotonic() - request.began  # loading, reading and tokenising count as training time, too
    return run


def _check_shared(request: TrainingRequest) -> None:
    """Several processes each read the text. Raises UsageError where only one of them could."""
    for name in request.files if parallel.world() > 1 else ():
        if is_pipe(name):
            raise UsageError(f"{name}: is a pipe, which one process alone can read: give files where several train together")


def _prepare(
    folder: Path, config: Config, texts: Texts, device: torch.device, fresh: bool, origin: ModelPackage | None
) -> TrainingRun:
    if folder.exists() and not parallel.rank():
        claim(folder)
    torch.manual_seed(config.training.seed)
    models = _new_tokenizer(config, texts, origin) if fresh or not (folder / TOKENIZER).exists() else None
    tokenizer = load_tokenizer(*models, config.tokenizer.joint) if models else ModelPackage(folder, config).tokenizer()
    if origin and origin.tokenizer_files() != (models or ModelPackage(folder, config).tokenizer_files()):
        raise PackageError(f"{folder} has another tokenizer than {origin.folder}, whose weights are to be taken: give another -m")
    if config.data.origin and not (origin or state_path(folder).exists()):
        raise PackageError(f"{folder} has not made a step from {config.data.origin}: give --from {config.data.origin} again")
    training = config.training
    sampler = Sampler(tokenizer, config.tokenizer.type, training.subword_sampling) if training.subword_sampling else None
    epochs = Epochs(_ids(texts, tokenizer), texts.pairs, texts.weight_of_row, training, tokenizer, sampler)
    keep_memory()
    known = config.decoding.max_source_length if config.data.origin else 0
    if origin:
        known = origin.config.decoding.max_source_length
        origin = dataclasses.replace(origin, config=dataclasses.replace(origin.config, model=config.model))  # another dropout
    model = origin.load_model(tokenizer.sizes, device) if origin else build(config.model, tokenizer.sizes)
    config = _complete(config, tokenizer, epochs.plain, len(texts.dev), model, device, known)
    corpora = epochs if epochs.alike or device.type == "cpu" else Ahead(epochs)  # training on a CPU needs all of it
    loop = TrainingLoop(model, corpora, _with_budget(config.training, epochs.shown(0)), device)
    run = TrainingRun(ModelPackage(folder, config), tokenizer, loop, texts.dev, texts.test)
    if not fresh:
        run.resume()
        _check_goes_on(run)
    if not parallel.rank():
        _write(run, models, fresh)
    return run


def _check_goes_on(run: TrainingRun) -> None:
    """Raises PackageError when other settings are asked for, and budget or patience leave nothing to train with them."""
    folder, asked = run.package.folder, run.package.config.training
    spent = run.finished or run.loop.used() >= 1
    if run.loop.step and (spent or run.stale >= asked.patience):
        old = open_package(str(folder)).config.training
        for field in dataclasses.fields(asked):
            before, now = getattr(old, field.name), getattr(asked, field.name)
            if before != now and (field.name not in BUDGETS or now) and (spent or field.name != "patience"):
                raise PackageError(
                    f"{folder} has made {run.loop.step:,} steps and has ended: training.{field.name} = {now} "
                    "would change nothing: give a larger budget, or --fresh to begin again"
                )


def _new_tokenizer(config: Config, texts: Texts, origin: ModelPackage | None) -> tuple[bytes, bytes]:
    if origin:
        return origin.tokenizer_files()
    tags = tuple(map(tag, texts.targets))

    def make(folder: Path) -> None:
        pairs = texts.sample(FOR_TOKENIZER)
        size = config.tokenizer.vocab_size or default_vocab_size(len(texts.rows))
        asked = dataclasses.replace(config.tokenizer, vocab_size=size)
        models = train_tokenizer(asked, [src for src, _ in pairs], [tgt for _, tgt in pairs], tags)
        for side, model in zip(SIDES, models, strict=True):
            (folder / f"{side}.model").write_bytes(model)

    rows = sha256(texts.rows.tobytes()).hexdigest()
    folder = cached("tokenizer", [texts.sums, rows, dataclasses.asdict(config.tokenizer), tags], make)
    with reading(folder):
        src, tgt = ((folder / f"{side}.model").read_bytes() for side in SIDES)
        load_tokenizer(src, tgt, config.tokenizer.joint)  # raises an error when they are damaged
    return src, tgt


def _ids(texts: Texts, tokenizer: Tokenizer) -> ParallelCorpus:
    """The pairs that are trained on."""
    sides = []
    for name, files in zip(SIDES, zip(*texts.files, strict=True), strict=True):
        runs = [encode(text, tokenizer, name) for text in files]
        sides.append(Side(RunsOfFiles(runs), texts.rows, np.concatenate([each.lengths() for each in runs])[texts.rows]))
    return ParallelCorpus(*sides)


def _write(run: TrainingRun, models: tuple[bytes, bytes] | None, fresh: bool) -> None:
    """Make the package, or bring it up to date."""
    folder, config = run.package.folder, run.package.config
    if folder.exists():
        claim(folder)  # another may have begun it meanwhile
    if not fresh:
        run.forget_later_records()
    elif folder.exists():
        set_aside(folder)
    if (folder / CONFIG).exists():
        if models:
            save_tokenizer(folder, *models, config.tokenizer.joint)
        run.package.save_config(config)
    elif models:
        create(folder, config.to_dict(), *models, config.tokenizer.joint)
    claim(folder)
    (folder / TRAINING).mkdir(exist_ok=True)
    for left in [*folder.rglob(".*.tmp")]:  # of a run that was killed while writing
        remove(left)


def _complete(
    config: Config,
    tokenizer: Tokenizer,
    corpus: ParallelCorpus,
    dev_pairs: int,
    model: EncoderDecoder,
    device: torch.device,
    known: int,
) -> Config:
    """The settings with what only the text and the machine could tell; sources of `known` pieces are nothing new to the model."""
    data = dataclasses.replace(config.data, pairs=len(corpus), tgt_tokens=corpus.tgt_tokens, dev_pairs=dev_pairs)
    longest = max(32, known, int(corpus.src.lengths.max()))
    decoding = dataclasses.replace(config.decoding, max_source_length=min(longest, config.decoding.max_source_length))
    pieces = with_sizes(config.tokenizer, tokenizer.sizes)
    batch_tokens = config.training.batch_tokens or batch_tokens_for(model, device, int(corpus.lengths.sum()))
    training = dataclasses.replace(config.training, batch_tokens=batch_tokens)
    return dataclasses.replace(config, data=data, decoding=decoding, tokenizer=pieces, training=training)


def _with_budget(config: TrainingConfig, corpus: ParallelCorpus) -> TrainingConfig:
    if config.steps or config.epochs or config.seconds:
        return config
    batches = int(corpus.lengths.sum()) // config.batch_tokens  # at the least
    if batches * EPOCHS < MOST_STEPS:
        batches = len(corpus.epoch(config.batch_tokens, config.seed, 0))
    return dataclasses.replace(config, steps=min(MOST_STEPS, EPOCHS * batches))
