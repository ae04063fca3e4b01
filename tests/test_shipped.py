"""mtcli comes with translators: found without a name, by their languages, small, and documented."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, head, mtcli, train_tiny

from mtcli import Translator
from mtcli.ct2 import read_variables
from mtcli.errors import PackageError
from mtcli.identify import guess
from mtcli.languages import choose
from mtcli.package import ModelPackage, open_package
from mtcli.quantized import parameters
from mtcli.tags import spelt

ROOT = Path(__file__).parents[1]
SHIPPED = [ROOT / "models" / name for name in ("de-en", "en-de", "en-es+fr", "es-en", "fr-en")]
TIRED = "I am very tired and I want to sleep."
TEXT = (DATA / "test.de").read_text("utf-8").splitlines()[:40]


def elsewhere(folder: Path, *args: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command in a folder without packages, for a user who has none."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MTCLI", "XDG"))}
    env |= {"XDG_DATA_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mtcli", *args]
    done = subprocess.run(command, cwd=folder, env=env, input=stdin, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


def test_without_a_model_german_becomes_english(tmp_path: Path) -> None:
    first, blank, second = elsewhere(tmp_path, "translate", stdin="Wie geht es dir?\n\nGuten Morgen!\n").stdout.splitlines()
    assert first.startswith("How are you")
    assert blank == ""
    assert second.startswith("Good morning")


@pytest.mark.slow
def test_a_model_is_chosen_by_its_languages(tmp_path: Path) -> None:
    def german(*args: str) -> subprocess.CompletedProcess[str]:
        return elsewhere(tmp_path, "translate", *args, stdin="Good morning!\n")

    assert german("--to", "de").stdout == german("--from", "en").stdout == german("--from", "en", "--to", "de").stdout
    guessed = german("--from", "auto")
    assert guessed.stdout == german("--to", "de").stdout
    assert guessed.stdout.startswith("Guten Morgen")
    assert "the text looks like en: translating with" in guessed.stderr
    assert german("--from", "auto", "-q").stderr == ""


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("fr", "Je suis très fatigué et je veux dormir.", "I'm very tired"),
        ("es", "Estoy muy cansado y quiero dormir.", "I'm very tired"),
    ],
)
def test_other_languages_become_english(language: str, text: str, words: str, tmp_path: Path) -> None:
    named = elsewhere(tmp_path, "translate", "--from", language, stdin=f"{text}\n")
    assert named.stdout.startswith(words)
    guessed = elsewhere(tmp_path, "translate", "--from", "auto", stdin=f"{text}\n")
    assert guessed.stdout == named.stdout and f"the text looks like {language}" in guessed.stderr


@pytest.mark.parametrize(("language", "words"), [("fr", "Je suis très fatigué"), ("es", "Estoy muy cansado")])
def test_english_becomes_other_languages(language: str, words: str, tmp_path: Path) -> None:
    named = elsewhere(tmp_path, "translate", "--from", "en", "--to", language, stdin=f"{TIRED}\n").stdout
    assert named.startswith(words)
    guessed = elsewhere(tmp_path, "translate", "--from", "auto", "--to", language, stdin=f"{TIRED}\n")
    assert guessed.stdout == named and "the text looks like en" in guessed.stderr


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (
            ("--from", "de", "--to", "ja"),
            1,
            "no model package translates from de to ja; there is de-en, en-de, en-es, en-fr, es-en, fr-en",
        ),
        (("--to", "ja"), 1, "no model package translates to ja"),
        (("--to", "es+fr"), 1, "no model package translates to es+fr; there is de-en, en-de, en-es, en-fr,"),
        (("--from", "DE", "--to", "fr-CA"), 1, "--from de --to en | mtcli translate --from en --to fr` does in two steps"),
        (("--from", "auto", "--to", "fr"), 1, "the text looks like de, and no model package translates from de to fr at once"),
        (("--from", "auto", "--to", "de"), 1, "the text looks like de already"),
        (("--from", "de", "-m", "de-en"), 2, "give one of the two"),
    ],
)
def test_languages_that_no_model_knows_are_told(tmp_path: Path, args: tuple[str, ...], code: int, message: str) -> None:
    done = elsewhere(tmp_path, "translate", *args, stdin="Das ist ein deutscher Satz.\n", code=code)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("language", "meant"), [("DE", "de"), ("de-CH", "de"), ("de_AT", "de"), ("pt-br", "pt_BR"), ("ja", "ja")]
)
def test_a_language_may_be_spelt_in_other_ways(language: str, meant: str) -> None:
    assert spelt(language, ["en", "de", "pt_BR"]) == meant


def test_names_numbers_and_greetings_come_out(tmp_path: Path) -> None:
    lines = {
        "Ich wohne in Bonn.": "Bonn",
        "Es ist 14:30 Uhr.": "14:30",
        "Das kostet 45 Euro.": "45",
        "Mit freundlichen Grüßen": "Kind regards",
    }
    found = elsewhere(tmp_path, "translate", "-m", "de-en", stdin="".join(f"{line}\n" for line in lines)).stdout.splitlines()
    assert [wanted in line for wanted, line in zip(lines.values(), found, strict=True)] == [True] * len(lines), found


def test_what_else_the_languages_fit_is_told(tmp_path: Path) -> None:
    done = elsewhere(tmp_path, "translate", "--to", "EN", stdin="Guten Morgen!\n")
    assert done.stdout.startswith("Good morning")
    assert "de-en; there is also es-en, fr-en: --from and --to choose" in done.stderr
    assert elsewhere(tmp_path, "translate", "--to", "de-AT", stdin="Good morning!\n").stderr == ""


@pytest.mark.parametrize("text", ["12345", "👍🏽", "OK"])
def test_a_text_that_tells_no_language_is_no_language(text: str, tmp_path: Path) -> None:
    assert guess([text], ["de", "en", "es", "fr"]) == ""
    if text == "12345":
        done = elsewhere(tmp_path, "translate", "--from", "auto", stdin=f"{text}\n")
        assert "the text does not tell its language: translating with" in done.stderr


def test_a_text_in_another_language_is_not_taken_for_one_that_is_known() -> None:
    text = ["Dov'è la stazione? Vorrei un biglietto per Roma."]
    assert guess(text, ["de", "en", "es", "fr"]) != "it"
    with pytest.raises(PackageError, match="the text looks like it, and no model package translates from it;"):
        choose("auto", "", text)


def test_own_packages_come_before_those_that_are_shipped(transformer_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTCLI_MODELS", str(transformer_package.parent))
    assert choose("de", "en", []).folder == transformer_package
    assert choose("", "", []).folder.resolve() == SHIPPED[0]
    assert choose("en", "", []).folder.resolve() == SHIPPED[1]


def test_a_target_that_is_the_only_one_may_be_named(transformer_package: Path) -> None:
    plain = mtcli("translate", "-m", transformer_package, stdin=b"Hallo!\n").stdout
    assert mtcli("translate", "-m", transformer_package, "--to", "en", stdin=b"Hallo!\n").stdout == plain


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
def test_the_language_of_a_text_is_guessed(language: str) -> None:
    lines = (DATA / f"test.{language}").read_text("utf-8").splitlines()
    assert guess(lines, ["de", "en", "es", "fr"]) == language
    single = [guess([line], ["de", "en", "es", "fr", "no such language"]) for line in lines[:12]]
    assert single.count(language) > 10
    with pytest.raises(PackageError, match="no model package says its languages"):
        guess(lines, ["no such language"])


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_package_is_small_complete_and_documented(folder: Path) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.relative_to(folder).as_posix() for file in files} == {
        *("README.md", "model.toml", "tokenizer.model", "SHA256SUMS"),
        *("ct2/config.json", "ct2/model.bin", "ct2/shared_vocabulary.json"),
    }
    assert sum(file.stat().st_size for file in files) < 12e6
    config, card = open_package(str(folder)).config, (folder / "README.md").read_text("utf-8")
    assert f"{config.languages.src}-{config.languages.tgt}" == folder.name
    assert config.data.licence and config.data.attribution
    for target in [f" ({language})" for language in config.languages.targets] or [""]:
        names = ("Tatoeba, test", "FLORES, dev", "200 lines as people type them", "the same lines, clean")
        assert {test.name for test in config.tests} >= {f"{name}{target}" for name in names}
    for test in config.tests:
        assert test.bleu > test.copied_bleu
        assert f"| {test.name} | {test.lines:,} | {test.bleu:.1f} | {test.chrf:.1f} |" in card
        assert test.bleu_signature in card
    assert config.data.attribution in card and config.data.licence in card
    assert config.notes.strip() in card and "good at" in config.notes


def test_shipped_packages_are_listed(tmp_path: Path) -> None:
    header, *rows = elsewhere(tmp_path, "models").stdout.splitlines()
    assert header.split() == ["NAME", "LANGUAGES", "SIZE", "BLEU", "LICENCE", "FOLDER"]
    assert [row.split()[:2] for row in rows] == [[folder.name] * 2 for folder in SHIPPED]
    assert sum(file.stat().st_size for folder in SHIPPED for file in folder.rglob("*")) < 48e6
    assert all("CC-BY 2.0 FR" in row and " MB " in row for row in rows)


def test_programs_read_what_is_listed(tmp_path: Path) -> None:
    listed = elsewhere(tmp_path, "models", "--json").stdout
    assert elsewhere(tmp_path, "models", "list", "--json").stdout == listed
    assert [each["name"] for each in json.loads(listed)] == [folder.name for folder in SHIPPED]
    for each in json.loads(listed):
        config = open_package(each["folder"]).config
        assert [test["chrf"] for test in each["tests"]] == [test.chrf for test in config.tests]
        assert (each["licence"], each["attribution"]) == (config.data.licence, config.data.attribution)


@pytest.mark.slow
def test_a_package_to_hand_on_translates_alike_with_either_engine(transformer_package: Path, handed: Path) -> None:
    assert {file.name for file in handed.iterdir()} == {"README.md", "model.toml", "tokenizer.model", "SHA256SUMS", "ct2"}
    whole, other = (Translator.load(str(package)) for package in (transformer_package, handed))
    assert other.engine.name == "ctranslate2"
    assert other.translate(TEXT) == whole.translate(TEXT)
    options = {"engine": "torch", "precision": "float32", "beam_size": 1}
    translations = [Translator.load(str(package), **options).translate(TEXT) for package in (transformer_package, handed)]  # type: ignore[arg-type]
    assert sum(a == b for a, b in zip(*translations, strict=True)) > 0.7 * len(TEXT)


@pytest.mark.slow
def test_weights_read_back_are_those_that_were_written_but_for_rounding(transformer_package: Path, tmp_path: Path) -> None:
    import torch

    package = open_package(str(transformer_package))
    sizes = package.tokenizer().sizes
    weights = dict(package.load_model(sizes, torch.device("cpu")).named_parameters())
    for quantization, step in (("int8", 1 / 250), ("float16", 1 / 2000), ("float32", 0)):
        out = tmp_path / quantization
        done = mtcli("export", "-m", transformer_package, "--to", "package", out, "--quantization", quantization)
        assert b"Warning" not in done.stderr
        found = parameters(read_variables((out / "ct2" / "model.bin").read_bytes()), weights)
        for name, weight in weights.items():
            if name != "output_bias":  # where pieces that may not be generated are told apart
                assert (found[name] - weight).abs().max() <= step * weight.abs().max() + 1e-7, (quantization, name)
        assert found["output_bias"].abs().max() < 10
        assert ModelPackage(out, package.config).load_model(sizes, torch.device("cpu"))


@pytest.mark.slow
def test_training_goes_out_from_a_package_that_was_handed_on(handed: Path, tmp_path: Path) -> None:
    src, tgt = head("train.de", 300, tmp_path), head("train.en", 300, tmp_path)
    mtcli("train", "-m", tmp_path / "tuned", "--from", handed, "--src", src, "--tgt", tgt, "--steps", "2")
    assert (tmp_path / "tuned" / "weights.safetensors").exists()
    refused = mtcli("train", "-m", handed, "--src", src, "--tgt", tgt, "--steps", "9", code=1)
    assert b"--fresh" in refused.stderr


@pytest.mark.parametrize("cut", [0, 3, 40, 1000, -1])
def test_quantized_weights_that_are_cut_are_refused(handed: Path, tmp_path: Path, cut: int) -> None:
    damaged = Path(shutil.copytree(handed, tmp_path / "damaged"))
    data = (handed / "ct2" / "model.bin").read_bytes()
    (damaged / "ct2" / "model.bin").write_bytes(data[:cut])
    with pytest.raises(PackageError, match="copy the package again"):
        Translator.load(str(damaged), engine="torch")


def test_export_of_a_package_says_what_it_cannot_do(transformer_package: Path, rnn_package: Path, handed: Path) -> None:
    assert b"name the new folder" in mtcli("export", "-m", transformer_package, "--to", "package", code=2).stderr
    assert b"exists already" in mtcli("export", "-m", transformer_package, "--to", "package", handed, code=1).stderr
    assert b"this is an RNN" in mtcli("export", "-m", rnn_package, "--to", "package", "x", code=2).stderr
    assert b"choose ctranslate2 or package" in mtcli("export", "-m", rnn_package, "--to", "onnx", code=2).stderr


@pytest.mark.slow
def test_scores_and_notes_go_into_the_package_and_its_card(handed: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(handed, tmp_path / "de-en"))
    src, ref = head("test.de", 20, tmp_path), head("test.en", 20, tmp_path)
    test = ("models", "test", package, "--src", src, "--ref", ref, "--name", "twenty")
    assert mtcli(*test).stdout.startswith(b"twenty: BLEU ")
    mtcli(*test)
    mtcli("models", "note", package, stdin="## Read\n\nAll nonsense, ä.\n".encode())
    config, card = open_package(str(package)).config, (package / "README.md").read_text("utf-8")
    [record] = config.tests
    hyp = mtcli("translate", "-m", package, src).stdout
    scores = mtcli("score", ref, "--metric", "chrf", stdin=hyp).stdout.decode()
    assert f"= {record.chrf:.2f}" in scores and record.chrf_signature in scores
    copied = mtcli("score", ref, "--metric", "chrf", "-i", src).stdout.decode()
    assert f"= {record.copied_chrf:.2f}" in copied
    assert f"| twenty | 20 | {record.bleu:.1f} |" in card
    assert "## Read\n\nAll nonsense, ä.\n" in card
    assert config.notes == "## Read\n\nAll nonsense, ä."
    assert mtcli("translate", "-m", package, src).stdout == hyp


@pytest.mark.slow
def test_scores_and_notes_of_older_weights_go(tmp_path: Path) -> None:
    package = train_tiny(tmp_path / "de-en")
    src, ref = head("test.de", 20, tmp_path), head("test.en", 20, tmp_path)
    mtcli("models", "test", package, "--src", src, "--ref", ref, "--name", "twenty")
    mtcli("models", "note", package, stdin=b"All nonsense.")
    before = open_package(str(package)).config
    train_tiny(package)
    assert open_package(str(package)).config == before
    train_tiny(package, "--steps", "40")
    after = open_package(str(package)).config
    assert after.scores.step > before.scores.step
    assert (len(before.tests), before.notes) == (1, "All nonsense.")
    assert (after.tests, after.notes) == ((), "")


@pytest.mark.slow
def test_a_recipe_is_another_package_with_its_settings(transformer_package: Path, tmp_path: Path) -> None:
    src, tgt = head("train.de", 300, tmp_path), head("train.en", 300, tmp_path)
    mtcli("train", "-m", tmp_path / "again", "--recipe", transformer_package, "--src", src, "--tgt", tgt)
    first, again = (open_package(str(folder)).config for folder in (transformer_package, tmp_path / "again"))
    assert (again.model, again.tokenizer, again.training) == (first.model, first.tokenizer, first.training)
    assert again.scores.dev_loss == first.scores.dev_loss
    both = ("--recipe", transformer_package, "--preset", "tiny")
    assert b"leave that out" in mtcli("train", "-m", tmp_path / "x", *both, "--src", src, "--tgt", tgt, code=2).stderr
    on = tmp_path / "on"
    mtcli("train", "-m", on, "--recipe", transformer_package, "--from", transformer_package, "--src", src, "--tgt", tgt)
    assert open_package(str(on)).config.training == first.training
    assert open_package(str(on)).config.data.origin == transformer_package.name
    tiny = train_tiny(tmp_path / "tiny", "--recipe", str(transformer_package), "--set", "training.noise=0.5")
    assert open_package(str(tiny)).config.training.noise == 0.5


def test_the_language_is_that_of_the_text_in_markup(tmp_path: Path) -> None:
    page = "<script>the_test(a); // this is the one that we have</script>\n\n<p>Guten Morgen, wie geht es dir?</p>\n"
    guessed = elsewhere(tmp_path, "translate", "--from", "auto", "--format", "html", stdin=page)
    assert "the text looks like de" in guessed.stderr
    assert "<p>Good morning" in guessed.stdout
