"""What a training is asked for, and the settings that follow from it, from the text and from other packages."""

from __future__ import annotations

import dataclasses
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtcli.config import (
    Config,
    DataRecord,
    Languages,
    languages_of,
    parse_config,
    with_overrides,
)
from mtcli.corpora import Texts
from mtcli.errors import PackageError, UsageError
from mtcli.lines import as_text
from mtcli.package import CONFIG, TOKENIZER, ModelPackage, open_package, read_config, state_path
from mtcli.presets import LITTLE, preset, preset_for
from mtcli.sentences import split_sentences

WITHOUT_HURRY = {"training": {"r_drop": 1.0}}
"""What little text wants from a Transformer when no budget is given: updates take twice as long, and pay after some 25 passes."""
FINE_TUNING = 0.25
"""Learning rate of fine-tuning, in those of the preset."""
BUDGETS = ("steps", "epochs", "seconds")
FOUND = (("training", "batch_tokens"), ("tokenizer", "vocab_size"))
"""What is found when it is 0; a begun package holds what was found."""
SAMPLE = 5_000
"""Lines that are looked at for how many sentences they have."""


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
    began: float = dataclasses.field(default_factory=time.monotonic)
    """When the user asked: a budget of time counts from then."""

    @property
    def files(self) -> list[str]:
        """All that are read."""
        return [*self.src, *self.tgt, *self.dev_src, *self.dev_tgt, *self.test_src, *self.test_tgt]


def check_wishes(request: TrainingRequest) -> None:
    """Raises UsageError or PackageError for settings that no text makes right."""
    with_overrides({}, list(request.overrides))
    _recipe(request)
    if request.preset:
        preset(request.preset, "transformer")


def configure(request: TrainingRequest, folder: Path, texts: Texts, origin: ModelPackage | None) -> Config:
    """Settings by rising strength: preset, the package to go out from, the recipe, what the package says, what is asked for."""
    begun = {} if request.fresh or not (folder / CONFIG).exists() else read_config(folder)
    asked, recipe = with_overrides({}, list(request.overrides)), _recipe(request)
    if asked.get("tokenizer", {}).get("tgt_vocab_size"):
        raise UsageError("tokenizer.tgt_vocab_size is what the target text needs: leave it out, or name tokenizer.vocab_size")
    _check_recipe(folder, recipe, begun, asked)
    values = _merge(recipe, begun)
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
    merged = _merge(*layers, asked)
    config = parse_config(merged)
    if "max_source_length" not in merged.get("decoding", {}):  # see trainer._complete
        most = max(config.training.max_length, origin.config.decoding.max_source_length if origin else 0)
        most = min(100_000, max(8, most))
        config = dataclasses.replace(config, decoding=dataclasses.replace(config.decoding, max_source_length=most))
    if origin:
        _check_same_shape(origin, config)
    if begun:
        _check_unchanged(folder, parse_config(begun), config)
    return dataclasses.replace(
        config, data=_data_record(request, folder, texts, config, origin), languages=_languages(request, texts, config)
    )


def _going_out_from(origin: ModelPackage, named_preset: str) -> dict[str, Any]:
    """What a package hands on to one that is fine-tuned from it. Raises UsageError when a preset is named as well."""
    if named_preset:
        raise UsageError(f"--preset and --from cannot go together: the shape of the model is that of {origin.folder}")
    values = origin.config.to_dict()
    rate = origin.config.training.learning_rate * (1 if origin.config.data.origin else FINE_TUNING)
    kept = ("languages", "model", "tokenizer", "decoding")
    del values["decoding"]["max_source_length"]  # see trainer._complete
    return {**{key: values[key] for key in kept}, "training": {"learning_rate": rate}}


def _recipe(request: TrainingRequest) -> dict[str, Any]:
    """The settings of the package that is the recipe; none without one."""
    if not request.recipe:
        return {}
    if request.preset:
        raise UsageError("--recipe says all that --preset says: leave that out")
    values = open_package(request.recipe).config.to_dict()
    del values["decoding"]["max_source_length"], values["tokenizer"]["tgt_vocab_size"]  # which were found, on other text
    return {section: values[section] for section in ("model", "tokenizer", "training", "decoding")}


def _check_recipe(folder: Path, recipe: dict[str, Any], begun: dict[str, Any], asked: dict[str, Any]) -> None:
    """A begun package goes on as it began: with this recipe, but for what is asked for beside it, or not with it."""
    typed = parse_config(begun).to_dict()
    for section in ("model", "tokenizer", "training"):
        for key, value in recipe.get(section, {}).items():
            now = typed[section][key] if key in begun.get(section, {}) else value
            if now != value and key not in (*BUDGETS, *asked.get(section, {})) and ((section, key) not in FOUND or value):
                raise PackageError(
                    f"{folder} has begun with {section}.{key} = {now}, not {value} as the recipe has it: "
                    "leave --recipe out to go on, or give --fresh to begin again"
                )


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


def _data_record(request: TrainingRequest, folder: Path, texts: Texts, config: Config, origin: ModelPackage | None) -> DataRecord:
    old = config.data
    data = DataRecord(
        src=tuple(map(_name, request.src)),
        tgt=tuple(map(_name, request.tgt)),
        weights=tuple(request.weights),
        origin=origin.name if origin else old.origin,
        origin_text=_text_of(origin.config.data) if origin else old.origin_text,
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


def _text_of(data: DataRecord) -> str:
    """Under which licence and by whom the text is that a package was trained on, and what that one went out from."""
    return "; ".join(dict.fromkeys(filter(None, (data.licence, data.attribution, *data.origin_text.split("; ")))))


def _name(file: str) -> str:
    """What `model.toml` has of a file."""
    return as_text(Path(file).name)


def _languages(request: TrainingRequest, texts: Texts, config: Config) -> Languages:
    named, found = config.languages, _found_languages(request, texts)
    if texts.targets not in ((), named.targets) and (request.origin or named.src or named.tgt):
        raise UsageError(
            f"the target files are in {' and '.join(texts.targets)}, but the tokenizer was made for "
            f"{' and '.join(named.targets) or named.tgt or 'one language'} and has no tags for them: begin with another -m"
        )
    if request.origin and found.src != found.tgt and (found.src, found.tgt) == (named.tgt, named.src):
        raise UsageError(
            f"{request.origin} translates from {named.src} to {named.tgt}, and the files are named the other way round: "
            "exchange --src and --tgt, or begin without --from"
        )
    if request.origin and len(found.src) == len(found.tgt.split("+")[0]) == 2:  # no name such as text.src
        return found  # another language may be learnt by a model of a like one
    return named if named.src or named.tgt else found


def _found_languages(request: TrainingRequest, texts: Texts) -> Languages:
    """Those that the names of the files tell."""
    found = [languages_of(src, tgt) for src, tgt in zip(request.src, request.tgt, strict=True)]
    src = "+".join(sorted({each.src for each in found} - {""})) if texts.targets else found[0].src
    return Languages(src, "+".join(texts.targets), texts.targets) if texts.targets else found[0]


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
