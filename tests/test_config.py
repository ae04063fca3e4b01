"""A `model.toml` says what it means or is refused with a hint."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from mtcli.config import (
    Config,
    DecodingConfig,
    Languages,
    ModelConfig,
    TrainingConfig,
    duration,
    languages_of,
    overrides,
    parse_config,
    parse_override,
    with_overrides,
)
from mtcli.errors import UsageError
from mtcli.presets import PRESETS, preset, preset_for


def test_an_empty_file_means_the_defaults() -> None:
    assert parse_config({}) == Config()
    assert parse_config({"model": {}, "decoding": {}}) == Config()
    assert parse_config({"model": {"width": 128}}) == Config(model=ModelConfig(width=128))


def test_a_config_survives_being_written_and_read() -> None:
    config = Config(
        languages=Languages("de", "en"),
        model=ModelConfig(architecture="rnn", width=64, dropout=0.0),
        training=TrainingConfig(seconds=90, learning_rate=1e-05, precision="float32"),
        decoding=DecodingConfig(beam_size=3, n_best=3, length_penalty=0),
    )
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, src=('a"b\\c\n.de', "ß.de"), dev="é\tü"))
    for each in (Config(), config):
        assert parse_config(tomllib.loads(tomli_w.dumps(each.to_dict()))) == each


@given(st.text(), st.lists(st.text()), st.floats(0, 0.99), st.integers(1, 1 << 40))
def test_any_values_survive_being_written_and_read(text: str, names: list[str], share: float, count: int) -> None:
    values = {"languages": {"src": text}, "data": {"src": names, "pairs": count}, "model": {"dropout": share}}
    config = parse_config(values)
    assert parse_config(tomllib.loads(tomli_w.dumps(config.to_dict()))) == config
    assert (config.languages.src, config.data.src, config.data.pairs, config.model.dropout) == (text, tuple(names), count, share)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modle": {}}, "unknown key modle: did you mean model?"),
        ({"model": {"widht": 5}}, "unknown key model.widht: did you mean model.width?"),
        ({"decoding": {"xyz": 5}}, "unknown key decoding.xyz: known: decoding.beam_size, "),
        ({"model": 5}, "model is a section"),
        ({"model": {"architecture": "transfomer"}}, "model.architecture cannot be 'transfomer': did you mean transformer?"),
        ({"model": {"architecture": "mamba"}}, "choose one of transformer, rnn"),
        ({"model": {"architecture": ["rnn"]}}, "model.architecture cannot be"),
        ({"model": {"width": True}}, "model.width must be a whole number, not True"),
        ({"model": {"width": 64.0}}, "model.width must be a whole number"),
        ({"model": {"width": "64"}}, "model.width must be a whole number"),
        ({"model": {"dropout": False}}, "model.dropout must be a number"),
        ({"model": {"dropout": "0.1"}}, "model.dropout must be a number"),
        ({"tokenizer": {"joint": 1}}, "tokenizer.joint must be true or false"),
        ({"tokenizer": {"joint": "true"}}, "tokenizer.joint must be true or false"),
        ({"languages": {"src": 5}}, "languages.src must be a text"),
        ({"data": {"src": "train.de"}}, "data.src must be a list"),
        ({"data": {"src": ["train.de", 5]}}, "data.src must be a text"),
        ({"format": "1"}, "format must be a whole number"),
    ],
)
def test_wrong_keys_and_types_are_refused_with_a_hint(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_config(values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        *("model.width=0", "model.width=-4", "model.width=255", "model.width=30", "model.hidden=511", "model.heads=0"),
        *("model.encoder_layers=0", "model.decoder_layers=0", "model.ff_width=0", "model.dropout=1", "model.dropout=-0.1"),
        *("model.dropout=nan", "tokenizer.vocab_size=-1", "tokenizer.type=char", "training.batch_tokens=-1"),
        *("training.validations=0", "training.patience=0", "training.max_length=0", "training.dev_size=0"),
        *("training.steps=-1", "training.seconds=-1", "training.seconds=nan", "training.warmup_steps=-1"),
        *("training.learning_rate=0", "training.learning_rate=nan", "training.learning_rate=inf", "training.clip_norm=0"),
        *("training.weight_decay=-1", "training.weight_decay=inf", "training.label_smoothing=1", "training.average_decay=1"),
        *("training.precision=float16", "decoding.beam_size=0", "decoding.n_best=0", "decoding.n_best=6"),
        *("decoding.length_penalty=-1", "decoding.length_penalty=inf", "decoding.max_length_ratio=0"),
        *("decoding.max_length_ratio=inf", "decoding.max_source_length=7", "decoding.batch_tokens=0"),
    ],
)
def test_values_out_of_range_are_refused_by_name(setting: str) -> None:
    section, key = setting.partition("=")[0].split(".")
    with pytest.raises(UsageError) as caught:
        parse_config(with_overrides({}, [setting]))
    message = str(caught.value)
    assert section in message or "n-best" in message
    assert key.replace("_", "-") in message.replace("_", "-")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model.width=512", ("model", "width", 512)),
        (" model.width = 512 ", ("model", "width", 512)),
        ("model.dropout=1e-1", ("model", "dropout", 0.1)),
        ("tokenizer.joint=false", ("tokenizer", "joint", False)),
        ("model.architecture=rnn", ("model", "architecture", "rnn")),
        ("model.architecture='rnn'", ("model", "architecture", "rnn")),
        ("data.src=['a', 'b']", ("data", "src", ["a", "b"])),
        ("data.dev=a=b", ("data", "dev", "a=b")),
        ("data.dev=", ("data", "dev", "")),
    ],
)
def test_a_setting_is_toml_or_else_a_bare_string(text: str, expected: tuple[str, str, object]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["", "=", "width=5", "model.width", "model.=5", ".width=5", "model=5"])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write it as section"):
        parse_override(text)


def test_settings_change_a_copy_and_the_last_one_wins() -> None:
    values = {"format": 1, "model": {"width": 64}}
    changed = with_overrides(values, ["model.width=128", "model.heads=2", "training.steps=5", "model.width=256"])
    assert changed == {"format": 1, "model": {"width": 256, "heads": 2}, "training": {"steps": 5}}
    assert values == {"format": 1, "model": {"width": 64}}


@pytest.mark.parametrize(
    ("setting", "message"),
    [("modl.width=5", "did you mean model?"), ("format.x=5", "format"), ("model.width.x=5", "model.width")],
)
def test_a_setting_of_no_section_is_refused(setting: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_config(with_overrides({"format": 1}, [setting]))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), (" 1d2h3m4s ", 93784)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "1.5h", "-5m", "30m1h", "5 m", "5min", "5m5m", "30M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="90s, 30m, 1h30m or 2d"):
        duration(text)


def test_options_with_a_name_become_settings_only_when_given() -> None:
    assert overrides("", "", None, None, None) == []
    config = parse_config(with_overrides({}, overrides("rnn", "2m", 1, 3, 7)))
    training = config.training
    assert (config.model.architecture, training.seconds, training.steps, training.epochs, training.seed) == ("rnn", 120, 1, 3, 7)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("architecture", ["transformer", "rnn"])
def test_every_preset_is_a_valid_model(name: str, architecture: str) -> None:
    values = preset(name, architecture)
    config = parse_config(values)
    assert config.model.architecture == architecture
    assert all(getattr(config.model, key) == value for key, value in values["model"].items())


def test_presets_grow_with_the_corpus_and_wrong_names_are_refused() -> None:
    chosen = [preset_for(pairs) for pairs in (1, 49_999, 50_000, 399_999, 400_000, 10**9)]
    assert chosen == ["tiny", "tiny", "small", "small", "base", "base"]
    sizes = [ModelConfig(**preset(name, "transformer")["model"]).width for name in PRESETS]
    assert sizes == sorted(sizes)
    with pytest.raises(UsageError, match="choose one of tiny, small, base, big"):
        preset("huge", "transformer")
    with pytest.raises(UsageError, match="did you mean transformer"):
        preset("tiny", "transformr")


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        ("train.de", "train.en", ("de", "en")),
        ("/a.b/corpus.de-en.de.gz", "x.nds.gz", ("de", "nds")),
        ("train.txt", "train", ("", "")),
        ("train.DE", "train.d1", ("", "")),
    ],
)
def test_file_names_tell_the_languages(src: str, tgt: str, expected: tuple[str, str]) -> None:
    assert languages_of(src, tgt) == Languages(*expected)
