"""Text files to a training run that is ready for its first step: what `mtcli train` does before it trains."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtcli.cache import cached, reading
from mtcli.config import (
    LITTLE,
    Config,
    DataRecord,
    Languages,
    TrainingConfig,
    languages_of,
    parse_config,
    preset,
    preset_for,
    with_overrides,
)
from mtcli.corpora import Texts, read_texts
from mtcli.data.batches import ParallelCorpus, Side
from mtcli.data.mapped import RunsOfFiles
from mtcli.engines.torch_engine import pick_device
from mtcli.epochs import Ahead, Epochs
from mtcli.errors import PackageError, UsageError
from mtcli.lines import as_text
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
    read_config,
    save_tokenizer,
    set_aside,
)
from mtcli.run import TrainingRun, state_path
from mtcli.sampling import Sampler
from mtcli.sentences import split_sentences
from mtcli.store import encode
from mtcli.tags import tag
from mtcli.tokenizer import SIDES, Tokenizer, default_vocab_size, load_tokenizer, train_tokenizer
from mtcli.training import parallel
from mtcli.training.loop import TrainingLoop
from mtcli.training.memory import batch_tokens_for, keep_memory

EPOCHS = 52
"""Passes over the corpus when no budget is given ..."""
MOST_STEPS = 100_000
"""... but no more updates than this."""
WITHOUT_HURRY = {"training": {"r_drop": 1.0}}
"""What little text wants from a Transformer when no budget is given: updates take twice as long, and pay after some 25 passes."""
FINE_TUNING = 0.25
"""Learning rate of fine-tuning, in those of the preset."""
BUDGETS = ("steps", "epochs", "seconds")
FOUND = (("training", "batch_tokens"), ("tokenizer", "vocab_size"))
"""What is found when it is 0; a begun package holds what was found."""


SAMPLE = 5_000
"""Lines that are looked at for how many sentences they have."""
FOR_TOKENIZER = 500_000
"""Pairs from which the pieces are learnt, at the least, if there are so many: more would take much memory and change little."""


@dataclass(frozen=True)
class TrainingRequest:
    """What the user asked for."""

    name: str
    """Name or folder of the package."""
    src: list[str]
    tgt: list[str]
    """Training files, line-aligned in pairs."""
    dev_src: list[str] = dataclasses.field(default_factory=list)
    dev_tgt: list[str] = dataclasses.field(default_factory=list)
    """Dev files; with none, a part of the training text is held out."""
    test_src: list[str] = dataclasses.field(default_factory=list)
    test_tgt: list[str] = dataclasses.field(default_factory=list)
    """Files to translate and score with the best weights at the end."""
    weights: list[float] = dataclasses.field(default_factory=list)
    """How often an epoch shows each pair of each file; with none, all once."""
    origin: str = ""
    """Package whose tokenizer and weights training goes out from."""
    recipe: str = ""
    """Package whose settings are taken: shape, tokenizer, training and its budget, decoding."""
    preset: str = ""
    """Size of the model; by the size of the corpus when empty."""
    overrides: tuple[str, ...] = ()
    """`section.key=value`, stronger than all else."""
    device: str = "auto"
    fresh: bool = False
    """Set an existing package aside and begin again."""


def start(request: TrainingRequest) -> TrainingRun:
    """Read the text, open or begin the package, and make everything ready for the first step.

    Raises DataError, UsageError or PackageError; nothing has been written then if the request could not be carried out.
    """
    began = time.monotonic()
    device = parallel.join(pick_device(request.device))
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
        config = _configure(request, folder, texts, origin)
        texts = texts.with_dev(config.training.dev_size, config.training.seed)
        run = _prepare(folder, config, texts, device, request.fresh, origin)
    run.loop.started -= time.monotonic() - began  # reading and tokenising count as training time, too
    return run


def _configure(request: TrainingRequest, folder: Path, texts: Texts, origin: ModelPackage | None) -> Config:
    """Settings by rising strength: preset, the package to go out from, the recipe, what the package says, what is asked for."""
    begun = {} if request.fresh or not (folder / CONFIG).exists() else read_config(folder)
    values = _merge(_recipe(request), begun)
    asked = with_overrides({}, list(request.overrides))
    for section, key in FOUND:
        if asked.get(section, {}).get(key) == 0 and values.get(section, {}).get(key):
            del asked[section][key]
    if set(BUDGETS) & asked.get("training", {}).keys():  # a new budget takes the place of the old one
        values["training"] = {k: v for k, v in values.get("training", {}).items() if k not in BUDGETS}
    architecture = asked.get("model", {}).get("architecture") or values.get("model", {}).get("architecture", "transformer")
    size = request.preset or preset_for(len(texts.rows))
    budget = any(part.get("training", {}).get(key) for part in (values, asked) for key in BUDGETS)
    unhurried = WITHOUT_HURRY if architecture == "transformer" and size in LITTLE and not budget else {}
    layers = [_going_out_from(origin, request.preset)] if origin else [preset(size, architecture), unhurried]
    layers.append(values)
    layers += [preset(request.preset, architecture)] if request.preset else []
    config = parse_config(_merge(*layers, asked))
    if origin:
        _check_same_shape(origin, config)
    if begun:
        _check_unchanged(folder, parse_config(begun), config)
    return dataclasses.replace(
        config, data=_data_record(request, folder, texts, config), languages=_languages(request, texts, config)
    )


def _going_out_from(origin: ModelPackage, named_preset: str) -> dict[str, Any]:
    """What a package hands on to one that is fine-tuned from it. Raises UsageError when a preset is named as well."""
    if named_preset:
        raise UsageError(f"--preset and --from cannot go together: the shape of the model is that of {origin.folder}")
    values = origin.config.to_dict()
    rate = origin.config.training.learning_rate * (1 if origin.config.data.origin else FINE_TUNING)
    kept = ("languages", "model", "tokenizer", "decoding")
    return {**{key: values[key] for key in kept if key in values}, "training": {"learning_rate": rate}}


def _recipe(request: TrainingRequest) -> dict[str, Any]:
    """The settings of the package that is the recipe; none without one."""
    if not request.recipe:
        return {}
    if request.preset:
        raise UsageError("--recipe says all that --preset says: leave that out")
    values = open_package(request.recipe).config.to_dict()
    return {section: values[section] for section in ("model", "tokenizer", "training", "decoding")}


def _check_same_shape(origin: ModelPackage, config: Config) -> None:
    """All but dropout and sampling must stay as the weights that are taken over need it."""
    for section in ("model", "tokenizer"):
        old, new = getattr(origin.config, section), getattr(config, section)
        for field in dataclasses.fields(old):
            before, now = getattr(old, field.name), getattr(new, field.name)
            if before != now and field.name != "dropout":
                raise UsageError(f"{origin.folder} has {section}.{field.name} = {before}: {now} would not fit its weights")


def _sentences_a_line(texts: Texts) -> float:
    return round(statistics.fmean(len(split_sentences(src)) for src, _ in texts.sample(SAMPLE)), 2)


def _data_record(request: TrainingRequest, folder: Path, texts: Texts, config: Config) -> DataRecord:
    old = config.data
    data = DataRecord(
        src=tuple(map(_name, request.src)),
        tgt=tuple(map(_name, request.tgt)),
        weights=tuple(request.weights),
        origin=open_package(request.origin).name if request.origin else old.origin,
        pairs=len(texts.rows),
        sentences_a_line=_sentences_a_line(texts),
        dev=", ".join(map(_name, [*request.dev_src, *request.dev_tgt])) or "held out of the training text",
        licence=old.licence,
        attribution=old.attribution,
        fingerprint=texts.fingerprint,
    )
    other = "give --fresh to set it aside and begin again, or another -m"
    if old.fingerprint not in ("", data.fingerprint):
        raise PackageError(f"{folder} was trained on other text: {other}")
    if old.fingerprint and old.origin != data.origin:
        raise PackageError(f"{folder} was trained from {old.origin or 'nothing'}, not from {data.origin}: {other}")
    return data


def _name(file: str) -> str:
    """What `model.toml` has of a file."""
    return as_text(Path(file).name)


def _languages(request: TrainingRequest, texts: Texts, config: Config) -> Languages:
    named = config.languages
    if texts.targets not in ((), named.targets) and (request.origin or named.src or named.tgt):
        raise UsageError(
            f"the target files are in {' and '.join(texts.targets)}, but the tokenizer was made for "
            f"{' and '.join(named.targets) or named.tgt or 'one language'} and has no tags for them: begin with another -m"
        )
    if named.src or named.tgt:
        return named
    found = languages_of(request.src[0], request.tgt[0])
    return Languages(found.src, "+".join(texts.targets), texts.targets) if texts.targets else found


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
    if state_path(folder).exists() or ModelPackage(folder, old).trained:
        fixed += [("model", field.name) for field in dataclasses.fields(old.model)]
        fixed += [("training", key) for key in ("seed", "batch_tokens", "max_length", "dev_size", "freeze")]
    for section, key in fixed:
        before, now = getattr(getattr(old, section), key), getattr(getattr(new, section), key)
        if before != now:
            raise PackageError(f"{folder} has {section}.{key} = {before}, not {now}: give --fresh to begin again, or another -m")


def _prepare(
    folder: Path, config: Config, texts: Texts, device: torch.device, fresh: bool, origin: ModelPackage | None
) -> TrainingRun:
    if folder.exists() and not parallel.rank():
        claim(folder)
    torch.manual_seed(config.training.seed)
    models = _new_tokenizer(config, texts, origin) if fresh or not (folder / TOKENIZER).exists() else None
    tokenizer = load_tokenizer(*models) if models else ModelPackage(folder, config).tokenizer()
    training = config.training
    sampler = Sampler(tokenizer, config.tokenizer.type, training.subword_sampling) if training.subword_sampling else None
    epochs = Epochs(_ids(texts, tokenizer), texts.pairs, texts.weight_of_row, training, tokenizer, sampler)
    keep_memory()
    model = origin.load_model(tokenizer.sizes, device) if origin else build(config.model, tokenizer.sizes)
    config = _complete(config, tokenizer, epochs.plain, len(texts.dev), model, device)
    corpora = epochs if epochs.alike or device.type == "cpu" else Ahead(epochs)  # training on a CPU needs all of it
    loop = TrainingLoop(model, corpora, _with_budget(config.training, epochs.plain), device)
    run = TrainingRun(ModelPackage(folder, config), tokenizer, loop, texts.dev, texts.test)
    if not fresh:
        run.resume()
    if not parallel.rank():
        _write(run, models, fresh)
    return run


def _new_tokenizer(config: Config, texts: Texts, origin: ModelPackage | None) -> tuple[bytes, bytes | None]:
    if origin:
        return origin.tokenizer_files()
    tags = tuple(map(tag, texts.targets))

    def make(folder: Path) -> None:
        pairs = texts.sample(FOR_TOKENIZER)
        size = config.tokenizer.vocab_size or default_vocab_size(len(texts.rows))
        asked = dataclasses.replace(config.tokenizer, vocab_size=size)
        models = train_tokenizer(asked, [src for src, _ in pairs], [tgt for _, tgt in pairs], tags)
        for name, model in zip(("src", "tgt"), models, strict=True):
            if model:
                (folder / f"{name}.model").write_bytes(model)

    rows = sha256(texts.rows.tobytes()).hexdigest()
    folder = cached("tokenizer", [texts.sums, rows, dataclasses.asdict(config.tokenizer), tags], make)
    with reading(folder):
        models = (folder / "src.model").read_bytes(), None if config.tokenizer.joint else (folder / "tgt.model").read_bytes()
        load_tokenizer(*models)  # raises an error when they are damaged
    return models


def _ids(texts: Texts, tokenizer: Tokenizer) -> ParallelCorpus:
    """The pairs that are trained on."""
    sides = []
    for name, files in zip(SIDES, zip(*texts.files, strict=True), strict=True):
        runs = [encode(text, tokenizer, name) for text in files]
        sides.append(Side(RunsOfFiles(runs), texts.rows, np.concatenate([each.lengths() for each in runs])[texts.rows]))
    return ParallelCorpus(*sides)


def _write(run: TrainingRun, models: tuple[bytes, bytes | None] | None, fresh: bool) -> None:
    """Make the package, or bring it up to date."""
    folder, config = run.package.folder, run.package.config
    if not fresh:
        run.forget_later_records()
    elif folder.exists():
        set_aside(folder)
    if (folder / CONFIG).exists():
        if models:
            save_tokenizer(folder, *models)
        run.package.save_config(config)
    elif models:
        create(folder, config.to_dict(), *models)
    claim(folder)
    (folder / TRAINING).mkdir(exist_ok=True)
    for left in [*folder.rglob(".*.tmp")]:  # of a run that was killed while writing
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def _complete(
    config: Config, tokenizer: Tokenizer, corpus: ParallelCorpus, dev_pairs: int, model: EncoderDecoder, device: torch.device
) -> Config:
    """The settings with what only the text and the machine could tell."""
    data = dataclasses.replace(config.data, pairs=len(corpus), tgt_tokens=corpus.tgt_tokens, dev_pairs=dev_pairs)
    longest = max(32, int(corpus.src.lengths.max()))
    decoding = dataclasses.replace(config.decoding, max_source_length=min(longest, config.decoding.max_source_length))
    pieces = dataclasses.replace(config.tokenizer, vocab_size=config.tokenizer.vocab_size or tokenizer.sizes.tgt)
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
