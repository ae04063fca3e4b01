"""What a training takes from other packages and from the one that it goes on with, and what it refuses to take."""

from __future__ import annotations

import dataclasses
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, TINY, contents, head, mtcli, train_tiny

from mtcli.config import parse_config
from mtcli.errors import PackageError
from mtcli.identify import guess
from mtcli.model.layers import Dropout
from mtcli.package import all_packages, open_package, place, translating
from mtcli.settings import TrainingRequest
from mtcli.trainer import start

LESS = [*TINY, "--set", "training.validations=1", "--set", "training.batch_tokens=512"]


def texts(folder: Path, lines: int = 100) -> list[str | Path]:
    """Options for so many lines."""
    return ["--src", head("train.de", lines, folder), "--tgt", head("train.en", lines, folder)]


def config_of(package: Path):  # type: ignore[no-untyped-def]
    return open_package(str(package)).config


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text whose lines are five times as long as usual."""
    folder = tmp_path_factory.mktemp("longer")
    for language in ("de", "en"):
        lines = (DATA / f"train.{language}").read_text("utf-8").splitlines()
        groups = [" ".join(lines[i : i + 5]) for i in range(0, 500, 5)]
        (folder / f"long.{language}").write_text("".join(f"{line}\n" for line in groups))
    return folder


def test_what_was_found_on_other_text_is_found_anew(transformer_package: Path, longer: Path, tmp_path: Path) -> None:
    short, pieces = config_of(transformer_package).decoding.max_source_length, config_of(transformer_package).tokenizer
    given = ["--src", longer / "long.de", "--tgt", longer / "long.en", "--steps", "1"]
    mtcli("train", "-m", tmp_path / "like", "--recipe", transformer_package, *given)
    assert config_of(tmp_path / "like").decoding.max_source_length > 1.5 * short
    assert 0 < config_of(tmp_path / "like").tokenizer.tgt_vocab_size != pieces.tgt_vocab_size
    mtcli("train", "-m", tmp_path / "from", "--from", transformer_package, *given)
    assert config_of(tmp_path / "from").decoding.max_source_length > 1.5 * short
    assert config_of(tmp_path / "from").tokenizer == pieces, "the weights are for these"
    mtcli("train", "-m", tmp_path / "tuned", "--from", tmp_path / "from", *texts(tmp_path), "--steps", "1")
    known = config_of(tmp_path / "from").decoding.max_source_length
    assert config_of(tmp_path / "tuned").decoding.max_source_length == known, "what the model knew it still knows"


def test_a_run_with_a_recipe_goes_on_by_the_same_command(transformer_package: Path, tmp_path: Path) -> None:
    command = ["train", "-m", tmp_path / "like", "--recipe", transformer_package, *texts(tmp_path)]
    mtcli(*command, "--steps", "1")
    mtcli(*command, "--steps", "2")
    assert config_of(tmp_path / "like").scores.step == 2


def test_a_card_says_what_a_model_was_begun_from(transformer_package: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    licence = ["--set", 'data.licence="CC-BY 2.0 FR"', "--set", 'data.attribution="tatoeba.org"']
    mtcli("train", "-m", first, "--from", transformer_package, *texts(tmp_path), *licence, "--steps", "1")
    mtcli("train", "-m", tmp_path / "second", "--from", first, *texts(tmp_path), "--steps", "1")
    card = (tmp_path / "second" / "README.md").read_text("utf-8")
    assert "| Begun from | first, which was trained on text under CC-BY 2.0 FR; tatoeba.org |" in card
    assert "| Licence of the text | not stated" in card, "that of the new text nobody has told"
    third, fourth = tmp_path / "third", tmp_path / "fourth"
    for package, begun in ((third, first), (fourth, third)):
        mtcli("train", "-m", package, "--from", begun, *texts(tmp_path), *licence, "--steps", "1")
    assert config_of(fourth).data.origin_text == "CC-BY 2.0 FR; tatoeba.org", "each text once"
    assert "Begun from" in (first / "README.md").read_text("utf-8")
    assert "Begun from" not in (transformer_package / "README.md").read_text("utf-8")


def test_a_trained_package_does_not_take_settings_that_were_never_used(tmp_path: Path) -> None:
    package = tmp_path / "de-en"
    command = ["train", "-m", package, *texts(tmp_path), *LESS]
    mtcli(*command, "--steps", "3")
    before = {path: path.read_bytes() for path in package.rglob("*") if path.is_file()}
    for other in (["--steps", "3", "--set", "training.noise=0.5"], ["--epochs", "1"], ["--steps", "2"]):
        said = mtcli(*command, *other, code=1).stderr.decode()
        assert "has made 3 steps" in said and "give a larger budget, or --fresh" in said
    assert {path: path.read_bytes() for path in package.rglob("*") if path.is_file()} == before
    mtcli(*command, "--steps", "3", "--set", 'data.licence="CC0"')
    assert config_of(package).data.licence == "CC0", "that needs no training"
    mtcli(*command, "--steps", "4", "--set", "training.noise=0.5")
    assert config_of(package).training.noise == 0.5


def test_a_fine_tuning_that_has_not_begun_wants_its_origin_again(transformer_package: Path, tmp_path: Path) -> None:
    package, given = tmp_path / "tuned", [*texts(tmp_path), "--steps", "1"]
    mtcli("train", "-m", package, "--from", transformer_package, *given)
    for name in ("training", "ct2"):  # as if the run had been killed before its first save
        shutil.rmtree(package / name)
    for name in ("weights.safetensors", "SHA256SUMS"):
        (package / name).unlink()
    said = mtcli("train", "-m", package, *given, code=1).stderr.decode()
    assert f"has not made a step from {transformer_package.name}: give --from {transformer_package.name} again" in said
    mtcli("train", "-m", package, "--from", transformer_package, *given)


def test_another_language_may_be_learnt_by_a_model_of_a_like_one(transformer_package: Path, tmp_path: Path) -> None:
    src, tgt = head("train.de", 100, tmp_path).rename(tmp_path / "text.nl"), head("train.en", 100, tmp_path)
    mtcli("train", "-m", tmp_path / "new", "--from", transformer_package, "--src", src, "--tgt", tgt, "--steps", "1")
    assert config_of(tmp_path / "new").languages.src == "nl"
    src, tgt = src.rename(tmp_path / "text.src"), tgt.rename(tmp_path / "text.tgt")
    mtcli("train", "-m", tmp_path / "other", "--from", transformer_package, "--src", src, "--tgt", tgt, "--steps", "1")
    assert config_of(tmp_path / "other").languages == config_of(transformer_package).languages


def test_texts_with_each_others_names_are_refused(tmp_path: Path) -> None:
    src, tgt = head("train.de", 300, tmp_path), head("train.en", 300, tmp_path)
    src.rename(tmp_path / "text.en")
    tgt.rename(tmp_path / "text.de")
    command = ["train", "-m", tmp_path / "new", *LESS, "--steps", "1"]
    said = mtcli(*command, "--src", tmp_path / "text.de", "--tgt", tmp_path / "text.en", code=1).stderr.decode()
    assert "text.de seems to be in en" in said and "exchange --src and --tgt" in said
    (tmp_path / "text.en").rename(tmp_path / "right.de")
    (tmp_path / "text.de").rename(tmp_path / "right.en")
    mtcli(*command, "--src", tmp_path / "right.de", "--tgt", tmp_path / "right.en")


def test_one_pair_is_too_little(tmp_path: Path) -> None:
    said = mtcli("train", "-m", tmp_path / "new", *texts(tmp_path, 1), *LESS, code=1).stderr.decode()
    assert "1 sentence pair is not enough to train on and to hold one out: give more text" in said
    held = ["--dev-src", tmp_path / "dev.de", "--dev-tgt", tmp_path / "dev.en"]
    for name in ("dev.de", "dev.en"):
        head(name, 2, tmp_path)
    mtcli("tokenizer", "train", "-m", tmp_path / "new", *texts(tmp_path), "--vocab-size", "500")
    mtcli("train", "-m", tmp_path / "new", *texts(tmp_path, 1), *held, *LESS[2 : len(TINY) - 2], "--steps", "1")


def test_a_shift_is_told_with_its_file(tmp_path: Path) -> None:
    whole = texts(tmp_path, 300)
    src, tgt = ((DATA / f"train.{language}").read_text("utf-8").splitlines()[300:1500] for language in ("de", "en"))
    (tmp_path / "bad.de").write_text("".join(f"{line}\n" for line in src[:-1]))
    (tmp_path / "bad.en").write_text("".join(f"{line}\n" for line in [*tgt[:500], *tgt[501:]]))
    bad = ["--src", tmp_path / "bad.de", "--tgt", tmp_path / "bad.en"]
    said = mtcli("train", "-m", tmp_path / "new", *whole, *bad, *LESS, code=1).stderr.decode()
    found = said.split("from about line ")[1].split(" on, target lines")[0]
    line, _, name = found.partition(" of ")
    assert name.endswith("bad.de") and 440 < int(line) < 560, said


def test_tags_are_seen_though_the_first_line_has_none(tmp_path: Path) -> None:
    src, tgt = head("train.de", 300, tmp_path), head("train.en", 300, tmp_path)
    first, *lines = src.read_text("utf-8").splitlines()
    src.write_text("".join(f"{line}\n" for line in [first, *(f">>en<< {line}" for line in lines)]))
    run = start(TrainingRequest(str(tmp_path / "new"), [str(src)], [str(tgt)]))
    assert run.package.config.languages.targets == ("en",)
    src.write_text("".join(f"{line}\n" for line in [*(f">>en<< {line}" for line in lines[:9]), *lines, first][:300]))
    run = start(TrainingRequest(str(tmp_path / "other"), [str(src)], [str(tgt)]))
    assert run.package.config.languages.targets == (), "nine lines that somebody quotes"


def test_a_model_of_both_directions_is_found_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [*texts(tmp_path), "--src", tmp_path / "train.en", "--tgt", tmp_path / "train.de"]
    mtcli("train", "-m", tmp_path / "shelf" / "both", *both, *LESS, "--steps", "1")
    monkeypatch.setenv("MTCLI_MODELS", str(tmp_path / "shelf"))
    assert config_of(tmp_path / "shelf" / "both").languages.sources == ("de", "en")
    for src, tgt in (("de", "en"), ("en", "de")):
        assert translating(src, tgt)[0].name == "both"
    assert guess(["Wie geht es dir heute Morgen?"], list(translating("", "de")[0].config.languages.sources)) == "de"


@pytest.mark.parametrize("seed", [-1, 1 - 2**31])
def test_seeds_may_be_negative(seed: int, tmp_path: Path) -> None:
    sampled = ["--set", "training.subword_sampling=0.3", "--seed", seed]
    mtcli("train", "-m", tmp_path / "new", *texts(tmp_path), *LESS, "--steps", "1", *map(str, sampled))


def test_a_weight_that_is_better_than_the_saved_state_knows_stays(tmp_path: Path) -> None:
    """A run is killed once the weights of a validation are kept, and before its state is saved."""
    package, command = tmp_path / "de-en", ["train", "-m", tmp_path / "de-en", *texts(tmp_path), *LESS]
    mtcli(*command, "--steps", "2")
    state = (package / "training" / "state.safetensors").read_bytes()
    opened = open_package(str(package))
    scores = dataclasses.replace(opened.config.scores, step=1_000, dev_bleu=99.0)
    opened.save_config(dataclasses.replace(opened.config, scores=scores))
    weights = (package / "weights.safetensors").read_bytes()
    assert (package / "training" / "state.safetensors").read_bytes() == state
    assert "best at step 1000" in mtcli(*command, "--steps", "4").stderr.decode()
    assert (package / "weights.safetensors").read_bytes() == weights
    assert config_of(package).scores.dev_bleu == 99.0


def test_the_panel_bears_a_damaged_log(tmp_path: Path) -> None:
    from mtcli.cli.panel import Panel

    package = tmp_path / "de-en"
    mtcli("train", "-m", package, *texts(tmp_path), *LESS, "--steps", "3")
    log = package / "training" / "metrics.jsonl"
    lines = log.read_text().splitlines()
    log.write_text("\n".join([lines[0][:20], *lines[1:]]) + "\n")
    run = start(TrainingRequest(str(package), *([str(path)] for path in (tmp_path / "train.de", tmp_path / "train.en"))))
    assert len(Panel(run, stopping=lambda: False)._meter.losses.points) == 2


def test_passes_tell_how_long_they_will_take(tmp_path: Path) -> None:
    from mtcli.cli.panel import FIRST_STEPS, Meter
    from mtcli.training.loop import StepRecord

    values = ("training.epochs=40", "training.batch_tokens=256", *itertools.islice(TINY, 1, None, 2))
    src, tgt = head("train.de", 100, tmp_path), head("train.en", 100, tmp_path)
    run = start(TrainingRequest(str(tmp_path / "new"), [str(src)], [str(tgt)], overrides=values))
    meter, records = Meter(run), (each for each in run.records() if isinstance(each, StepRecord))
    assert not meter.left
    for record in itertools.islice(records, FIRST_STEPS):
        meter.step(record)
    assert meter.left.endswith(" left")


@pytest.mark.slow
def test_a_signal_does_not_wait_for_a_validation(tmp_path: Path) -> None:
    package = tmp_path / "de-en"
    endless = ["--set", "decoding.max_length_ratio=900", "--set", "training.validations=2", "--set", "training.max_length=900"]
    command = ["train", "-m", str(package), *map(str, texts(tmp_path)), *LESS, *endless, "--steps", "4"]
    with subprocess.Popen([sys.executable, "-m", "mtcli", *command], stderr=subprocess.PIPE, text=True) as process:
        log = package / "training" / "metrics.jsonl"
        while not (log.exists() and log.read_text().count('"step"') == 2):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "stopped after step 2; the same command goes on from there" in said
    assert not any("validation" in json.loads(line) for line in log.read_text().splitlines())
    assert parse_config({}).scores == config_of(package).scores


@pytest.mark.slow
@pytest.mark.parametrize("source", ["<(cat train.de)", "pipe"])
def test_several_processes_refuse_what_one_alone_can_read(source: str, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "mtcli"]
    script = f"{' '.join(torchrun)} train -m new --src {source} --tgt train.en --steps 1"
    texts(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode and "is a pipe, which one process alone can read: give files" in done.stderr
    assert not (tmp_path / "models").exists()


def test_fine_tuning_takes_the_dropout_that_is_asked_for(transformer_package: Path, tmp_path: Path) -> None:
    src, tgt = texts(tmp_path)[1::2]
    for overrides, dropout in (((), 0.3), (("model.dropout=0.05",), 0.05)):
        run = start(
            TrainingRequest(
                str(tmp_path / f"d{dropout}"), [str(src)], [str(tgt)], origin=str(transformer_package), overrides=overrides
            )
        )
        found = {module.probability for module in run.loop.model.modules() if isinstance(module, Dropout)}
        assert found == {dropout} == {run.package.config.model.dropout}


def test_fine_tuning_that_goes_on_knows_what_its_origin_knew(longer: Path, transformer_package: Path, tmp_path: Path) -> None:
    given = ["--src", longer / "long.de", "--tgt", longer / "long.en", "--steps", "1"]
    mtcli("train", "-m", tmp_path / "from", "--from", transformer_package, *given)
    known = config_of(tmp_path / "from").decoding.max_source_length
    mtcli("train", "-m", tmp_path / "tuned", "--from", tmp_path / "from", *texts(tmp_path), "--steps", "1")
    mtcli("train", "-m", tmp_path / "tuned", *texts(tmp_path), "--steps", "2")
    assert config_of(tmp_path / "tuned").decoding.max_source_length == known


def test_a_model_of_paragraphs_takes_them_whole(longer: Path, tmp_path: Path) -> None:
    for language in ("de", "en"):
        lines = (longer / f"long.{language}").read_text("utf-8").splitlines()
        (tmp_path / f"text.{language}").write_text("".join(f"{' '.join(lines[i : i + 5])}\n" for i in range(100 - 5)))
    files = ["--src", tmp_path / "text.de", "--tgt", tmp_path / "text.en", "--steps", "1"]
    mtcli("train", "-m", tmp_path / "whole", *files, *LESS, "--set", "training.max_length=900")
    assert 200 < config_of(tmp_path / "whole").decoding.max_source_length < 900
    mtcli(
        "train",
        "-m",
        tmp_path / "cut",
        *files,
        *LESS,
        "--set",
        "training.max_length=900",
        "--set",
        "decoding.max_source_length=90",
    )
    assert config_of(tmp_path / "cut").decoding.max_source_length == 90


def test_a_licence_that_is_named_later_stands_in_the_card(tmp_path: Path) -> None:
    command = ["train", "-m", tmp_path / "de-en", *texts(tmp_path), *LESS, "--steps", "1"]
    mtcli(*command)
    mtcli(*command, "--set", 'data.licence="CC0"')
    assert "CC0" in (tmp_path / "de-en" / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_another_tokenizer_is_not_given_weights_that_do_not_know_it(tmp_path: Path) -> None:
    origin = train_tiny(tmp_path / "origin", "--set", "tokenizer.type=bpe", "--set", "tokenizer.vocab_size=400")
    for language in ("de", "en"):
        lines = (DATA / f"train.{language}").read_text("utf-8").splitlines(keepends=True)[300:900]
        (tmp_path / f"other.{language}").write_text("".join(lines))
    other = ["--src", tmp_path / "other.de", "--tgt", tmp_path / "other.en"]
    mtcli("tokenizer", "train", "-m", tmp_path / "own", *other, "--type", "bpe", "--vocab-size", "400")
    said = mtcli("train", "-m", tmp_path / "own", "--from", origin, *other, "--steps", "1", code=1).stderr.decode()
    assert "own has another tokenizer than" in said and "give another -m" in said


def test_settings_that_would_change_nothing_are_refused_after_patience_ended(tmp_path: Path) -> None:
    patience = ["--set", "training.patience=1", "--set", "training.validations=40", "--set", "training.learning_rate=1e-9"]
    command = ["train", "-m", tmp_path / "de-en", *texts(tmp_path), *TINY, *patience, "--steps", "40"]
    mtcli(*command)
    assert config_of(tmp_path / "de-en").scores.step < 30, "it has stopped by itself"
    assert "would change nothing" in mtcli(*command, "--set", "training.noise=0.5", code=1).stderr.decode()
    assert config_of(tmp_path / "de-en").training.noise == 0


def test_a_package_in_use_is_not_taken_away(tmp_path: Path) -> None:
    mtcli("train", "-m", tmp_path / "de-en", *texts(tmp_path), *LESS, "--steps", "1")
    before = contents(tmp_path / "de-en")
    handle = os.open(tmp_path / "de-en", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    for command in (
        ["tokenizer", "train", "-m", tmp_path / "de-en", "--fresh", *texts(tmp_path)],
        ["train", "-m", tmp_path / "de-en", "--fresh", *texts(tmp_path), *LESS, "--steps", "1"],
        ["models", "test", tmp_path / "de-en", "--name", "x", "--src", DATA / "test.de", "--ref", DATA / "test.en"],
        ["models", "note", tmp_path / "de-en", DATA / "test.en"],
    ):
        assert "another command trains or tests it" in mtcli(*command, code=1).stderr.decode()
    os.close(handle)
    assert contents(tmp_path / "de-en") == before and not (tmp_path / "de-en.old").exists()


def test_packages_that_are_being_made_are_none(
    transformer_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(transformer_package, tmp_path / ".ours.123.new.tmp")
    monkeypatch.setenv("MTCLI_MODELS", str(tmp_path))
    assert tmp_path / ".ours.123.new.tmp" not in list(all_packages())


def test_nothing_left_to_train_on_is_told(tmp_path: Path) -> None:
    for language in ("de", "en"):
        lines = (DATA / f"train.{language}").read_text("utf-8").splitlines(keepends=True)[:200]
        for name, some in (("all", lines), ("some", lines[:120]), ("rest", lines[120:])):
            (tmp_path / f"{name}.{language}").write_text("".join(some))
    names = [
        (f"--{held}{side}", tmp_path / f"{name}.{of}")
        for held, name in (("", "all"), ("dev-", "some"), ("test-", "rest"))
        for side, of in (("src", "de"), ("tgt", "en"))
    ]
    options = [part for pair in names for part in pair]
    assert "no sentence pair is left" in mtcli("train", "-m", tmp_path / "m", *options, *LESS, code=1).stderr.decode()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "training.nois=1"), "did you mean training.noise?"),
        (("--preset", "huge"), "unknown preset huge"),
        (("--recipe", "nothing"), "no model package nothing"),
        (("--src", "-", "--tgt", "-"), "standard input, which can be read once"),
    ],
)
def test_what_is_wrong_with_the_command_is_told_before_text_is_read(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    files = ("--src", tmp_path / "none", "--tgt", tmp_path / "none") if "--src" not in options else ()
    done = mtcli("train", "-m", tmp_path / "m", *files, *options, code=1 if options[0] == "--recipe" else 2)
    assert said in done.stderr.decode()


def test_passes_over_weighted_text_are_counted_with_its_weights(tmp_path: Path) -> None:
    src, tgt = (str(path) for path in texts(tmp_path, 200)[1::2])
    steps = []
    for weights in ([], [3.0]):
        request = TrainingRequest(str(tmp_path / f"m{len(weights)}"), [src], [tgt], weights=weights, overrides=tuple(TINY[1::2]))
        steps.append(start(request).package.config.training.steps or start(request).loop.config.steps)
    assert 2.5 < steps[1] / steps[0] < 3.5


def test_a_place_that_cannot_be_replaced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    mtcli("train", "-m", tmp_path / "link", *texts(tmp_path), *LESS, "--steps", "1")
    assert (tmp_path / "link").is_symlink() and config_of(tmp_path / "real").scores.step == 1
    (tmp_path / "mount").mkdir()
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path).name == "mount")
    with pytest.raises(PackageError, match="mounted"):
        place(str(tmp_path / "mount"))
