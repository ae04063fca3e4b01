"""The command line itself: help that starts fast, and bad input that gets one line, the right exit code and no damage."""

from __future__ import annotations

import ast
import fcntl
import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, TINY, contents, mtcli, run

from mtcli.errors import PackageError
from mtcli.package import set_aside

ROOT = Path(__file__).parents[1]
COMMANDS = [
    *("", "train", "translate", "score", "tokenizer", "tokenizer train", "tokenizer encode", "tokenizer decode"),
    *("models", "models list", "models info", "models test", "models note", "export", "import"),
    *("data", "data stats", "data clean", "data rules", "data split", "data backtranslate", "data distill", "data get"),
]

IMPORTS = """
import json, sys
import typer.main
from mtcli.cli import commands
from mtcli.cli.lean import lean
for arguments in json.loads(sys.argv[1]):
    try:
        lean(typer.main.get_command(commands(arguments)))(arguments)
    except SystemExit as exit:
        assert not exit.code, (arguments, exit.code)
    heavy = ("torch", "torch._dynamo", "sympy", "sacrebleu", "sentencepiece", "rich", "numpy", "pydantic")
    print("\\n" + json.dumps([name for name in heavy if name in sys.modules]))
"""
"""Runs commands one after another, and prints after each which heavy modules are loaded by then."""


def loaded_after(*commands: str) -> list[str]:
    """The heavy modules that are loaded after these commands."""
    arguments = json.dumps([command.split() for command in commands])
    done = subprocess.run([sys.executable, "-c", IMPORTS, arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_help_and_version_load_nothing_heavy() -> None:
    assert loaded_after("--version", *(f"{command} --help" for command in COMMANDS)) == []


@pytest.mark.parametrize("size", ["", "0", "abc"])
def test_a_strange_number_of_processes_is_no_matter(size: str) -> None:
    assert mtcli("--version", env={"WORLD_SIZE": size}).stderr == b""


def test_models_load_no_torch(transformer_package: Path) -> None:
    assert loaded_after("models", "models list", f"models info {transformer_package}") == []


def test_score_loads_no_torch() -> None:
    loaded = loaded_after(f"score -i {DATA / 'dev.en'} {DATA / 'dev.en'}")
    assert "sacrebleu" in loaded and "torch" not in loaded


def test_help_names_what_there_is() -> None:
    text = mtcli("--help").stdout.decode()
    assert all(re.search(rf"^  {name} ", text, re.M) for name in ("train", "translate", "score", "tokenizer", "models"))
    assert re.fullmatch(r"mtcli \d+\.\d+\.\d+\S*\n", mtcli("--version").stdout.decode())


@pytest.fixture
def place(transformer_package: Path, tmp_path: Path) -> Path:
    """A folder with a package `de-en`, the text that it was trained on, and what should not be there."""
    place = tmp_path / "place"
    shutil.copytree(transformer_package.parent, place)
    text = (place / "train.en").read_bytes()
    (place / "two.en").write_bytes(b"One.\nTwo.\n")
    (place / "blank.en").write_bytes(b"\n" * 300)
    (place / "empty.en").touch()
    (place / "folder.en").mkdir()
    (place / "cut.gz").write_bytes(gzip.compress(text)[:-100])
    (place / "wrong.gz").write_bytes(gzip.compress(text)[:100] + b"\0" * 100)
    (place / "plain.gz").write_bytes(text)
    (place / "long.en").write_bytes(b"word " * 2_000 + b"\n")
    (place / "glossary.tsv").write_bytes(b"Haus\thouse\nTisch\n")
    (place / "sentences.tsv").write_bytes(b"Haus\t" + b"house " * 50 + b"\n")
    os.mkfifo(place / "pipe.en")
    return place


def damage(package: Path, how: str) -> None:
    """Break a package: `ACTION FILE` or `edit FILE OLD NEW`."""
    action, name, *texts = shlex.split(how)
    path = package / name
    data = path.read_bytes()
    match action:
        case "remove":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "garble":
            path.write_bytes(b"\x08garbage \xff\n" * 20)
        case "halve":
            path.write_bytes(data[: len(data) // 2])
        case "edit":
            old, new = (text.encode() for text in texts)
            assert old in data
            path.write_bytes(data.replace(old, new))


TRAIN = "train -m de-en --src train.de --tgt train.en --steps 3 --set training.validations=1 " + " ".join(TINY)
NEW = "train -m new --src train.de --tgt train.en"
CLEAN = "data clean --src train.de --tgt train.en --out-src o.de --out-tgt o.en"

WRONG_DECODING = [  # setting, words that the error must hold
    ("n_best=0", "n_best at least 1"),
    ("n_best=9", "n_best decoding.beam_size"),
    ("n_best=200000", "n_best 100000"),
    ("beam_size=2000", "beam_size 1000"),
    ("length_penalty=nan", "length_penalty must be a number"),
    ("length_penalty=-1", "length_penalty negative"),
    ("length_penalty=100", "length_penalty less than 100"),
    ("min_length_ratio=3", "min_length_ratio decoding.max_length_ratio"),
    ("max_length_ratio=0", "max_length_ratio positive"),
    ("no_repeat_ngram=-1", "no_repeat_ngram negative"),
    ("no_repeat_ngram=2000000", "no_repeat_ngram 1000000"),
    ("temperature=200", "temperature 100"),
    ("top_p=0", "top_p (0, 1]"),
    ("top_k=3", "top_k decoding.temperature"),
]

OF_SEARCHING = [
    *("--beam-size 5", "--n-best 1", "--length-penalty 0", "--min-length-ratio 0", "--max-length-ratio 2", "--no-repeat-ngram 0"),
    *("--temperature 0", "--top-k 0", "--top-p 1", "--seed 1", "--split-sentences", "--no-split-sentences"),
]

BAD_INPUT = [  # command, exit code, words that the error must hold
    ("translate -m de-en nothing.de", 1, "nothing.de no such file"),
    ("score nothing.en -i train.en", 1, "nothing.en no such file"),
    ("score train.en -i nothing.en", 1, "nothing.en no such file"),
    ("tokenizer encode -m de-en nothing.de", 1, "nothing.de no such file"),
    ("tokenizer decode -m de-en nothing.de", 1, "nothing.de no such file"),
    ("tokenizer train -m new --src nothing.de --tgt train.en", 1, "nothing.de no such file"),
    ("train -m new --src nothing.de --tgt train.en", 1, "nothing.de no such file"),
    (f"{NEW} --dev-src nothing.de --dev-tgt train.en", 1, "nothing.de no such file"),
    ("score train.en -i empty.en", 1, "empty.en is empty"),
    ("score empty.en -i train.en", 1, "empty.en is empty"),
    ("score train.en", 1, "standard input is empty"),
    ("tokenizer train -m new --src empty.en --tgt train.en", 1, "empty.en 0 lines train.en more"),
    ("train -m new --src empty.en --tgt train.en", 1, "empty.en is empty"),
    ("translate -m de-en folder.en", 1, "folder.en folder"),
    ("score folder.en -i train.en", 1, "folder.en folder"),
    ("tokenizer encode -m de-en folder.en", 1, "folder.en folder"),
    ("train -m new --src folder.en --tgt train.en", 1, "folder.en folder"),
    ("translate -m de-en -o folder.en train.de", 1, "folder.en folder name a file"),
    ("translate -m de-en -o new/ train.de", 1, "new/ folder name a file"),
    ("translate -m de-en -o '' train.de", 1, "folder, or no name: name a file"),
    ("translate -m de-en -o de-en/tokenizer.model train.de", 2, "-o de-en/tokenizer.model package write elsewhere"),
    ("translate -m de-en -o out.gz --resume train.de", 1, "out.gz plain file pack it afterwards"),
    ("translate -m de-en -o /dev/null --resume train.de", 1, "/dev/null plain file"),
    ("translate -m de-en -o missing/out.en train.de", 1, "missing/out.en cannot be written"),
    ("score cut.gz -i train.en", 1, "cut.gz damaged gzip"),
    ("score wrong.gz -i train.en", 1, "wrong.gz damaged gzip"),
    ("score plain.gz -i train.en", 1, "plain.gz damaged gzip"),
    ("translate -m de-en plain.gz", 1, "plain.gz damaged gzip"),
    ("tokenizer encode -m de-en plain.gz", 1, "plain.gz damaged gzip"),
    ("train -m new --src cut.gz --tgt train.en", 1, "cut.gz damaged gzip"),
    ("score train.en -i two.en", 1, "train.en 300 two.en 2"),
    ("score two.en", 1, "standard input 1 two.en 2"),
    ("tokenizer train -m new --src train.de --tgt two.en", 1, "two.en 2 lines train.de more"),
    ("train -m new --src train.de --tgt two.en", 1, "train.de 300 two.en 2"),
    (f"{NEW} --dev-src train.de --dev-tgt two.en", 1, "train.de 300 two.en 2"),
    (f"{NEW} --src train.de", 2, "2 1 pairs"),
    (f"{NEW} --dev-src train.de", 2, "1 0 pairs"),
    ("train -q -m new --src blank.en --tgt train.en", 1, "no pair training text both sides"),
    ("train -m new --src blank.en --tgt blank.en", 1, "no pair training text both sides"),
    ("tokenizer train -m new --src blank.en --tgt blank.en", 1, "vocabulary"),
    ("translate --from xx", 1, "from xx mtcli models"),
    ("translate --from es --to fr", 1, "es to fr at once two steps --from en --to fr"),
    ("translate --from de -m de-en", 2, "--from -m"),
    ("models test de-en --src nothing.de --ref train.en --name x", 1, "nothing.de no such file"),
    ("models test de-en --src train.de --ref two.en --name x", 1, "train.de 300 two.en 2"),
    ("models test nowhere --src train.de --ref train.en --name x", 1, "nowhere mtcli models"),
    ("models test de-en --src train.de --ref train.en --name ' '", 2, "--name"),
    ("models note de-en nothing.md", 1, "nothing.md no such file"),
    ("export -m de-en --to package", 2, "new folder OUT"),
    ("export -m de-en --to package de-en", 1, "de-en exists already"),
    (f"{NEW} --recipe nowhere", 1, "nowhere mtcli models"),
    (f"{NEW} --set training.noise=2", 2, "training.noise 1"),
    ("translate -m nowhere", 1, "nowhere mtcli models"),
    ("translate -m folder.en", 1, "folder.en"),
    ("translate -m train.de", 1, "train.de"),
    ("tokenizer encode -m nowhere", 1, "nowhere mtcli models"),
    ("models info nowhere", 1, "nowhere mtcli models"),
    ("train -m two.en --src train.de --tgt train.en", 1, "two.en"),
    ("tokenizer train -m two.en --src train.de --tgt train.en", 1, "two.en"),
    (f"{NEW} --set model.widht=64", 2, "model.widht did you mean model.width"),
    (f"{NEW} --set modle.width=64", 2, "modle did you mean model"),
    (f"{NEW} --set zzz.width=64", 2, "zzz known: model training"),
    (f"{NEW} --set width=64", 2, "width=64 section.key=value"),
    (f"{NEW} --set format.width=64", 2, "format"),
    (f"{TRAIN} --set format.width=64", 2, "format"),
    (f"{NEW} --set model.width=wide", 2, "model.width whole number wide"),
    (f"{NEW} --set model.width=64.5", 2, "model.width whole number 64.5"),
    (f"{NEW} --set tokenizer.joint=1", 2, "tokenizer.joint true false"),
    (f"{NEW} --set tokenizer.tgt_vocab_size=500", 2, "tokenizer.tgt_vocab_size tokenizer.vocab_size"),
    (f"{NEW} --set model.width=33", 2, "model.width 33 model.heads"),
    (f"{NEW} --set model.heads=0", 2, "model.heads [1, 65536]"),
    (f"{NEW} --set model.architecture=transfromer", 2, "transfromer did you mean transformer"),
    (f"{NEW} --arch cnn", 2, "cnn rnn"),
    (f"{NEW} --preset huge", 2, "huge tiny small base big"),
    (f"{NEW} --time soon", 2, "--time soon 30m"),
    (f"{NEW} --time 30", 2, "--time 30 30m"),
    (f"{NEW} --steps -1", 2, "--steps -1 at least 1"),
    (f"{NEW} --epochs 0", 2, "--epochs 0 at least 1"),
    (f"{NEW} --set training.steps=-1", 2, "training.steps negative"),
    (f"{NEW} --weight nan", 2, "--weight nan 0.001 1000"),
    ("train -m new --from de-en --src train.en --tgt train.de", 2, "de-en from de to en other way round --from"),
    ("train -m new --src long.en --tgt long.en -q", 1, "two equal sides"),
    (f"{TRAIN} --recipe en-de", 1, "de-en has begun with as the recipe --fresh"),
    (f"{TRAIN} --set training.r_drop=5", 1, "de-en 3 steps training.r_drop = 5 larger budget --fresh"),
    (f"{NEW} --seed 99999999999999999999999999", 2, "seed"),
    (f"{NEW} --device tpu", 2, "--device tpu cpu cuda"),
    ("translate -m de-en --device tpu", 2, "--device tpu cpu cuda"),
    ("translate -m de-en --n-best 6", 2, "--n-best (6) --beam-size (5)"),
    ("translate -m de-en --n-best 3 --beam-size 2", 2, "--n-best (3) --beam-size (2)"),
    ("translate -m de-en --resume", 2, "--resume file of -o"),
    ("translate -m de-en -o out --resume --format html", 2, "--resume leave out --format"),
    ("translate -m de-en -o out --resume --n-best 2", 2, "--resume --n-best without --json"),
    ("translate -m de-en --n-best 0", 2, "--n-best at least 1"),
    ("translate -m de-en --beam-size 0", 2, "--beam-size at least 1"),
    ("translate -m de-en --length-penalty -1", 2, "--length-penalty negative"),
    ("translate -m de-en --length-penalty nan", 2, "--length-penalty must be a number"),
    (f"{CLEAN} --rule lenght=3", 2, "lenght no such rule long"),
    (f"{CLEAN} --rule long=much", 2, "long=much long=off long=NUMBER"),
    (f"{CLEAN} --rule long=-5", 2, "long=-5 long=off not negative"),
    (f"{CLEAN} --rule ratio=nan", 2, "ratio=nan ratio=off"),
    (f"{CLEAN} --rule near=0", 2, "near=0 no limit near=off"),
    ("score train.en -i train.en --langs en_zh", 2, "en_zh write it like de-en"),
    ("score train.en -i train.en --test t", 2, "choose bs"),
    ("score train.en -i train.en --train-tgt train.en", 2, "--train-tgt --details --report"),
    ("score train.en -i train.en --json --format tsv", 2, "--json --format tsv one of the two"),
    ("score train.en -i train.en --metric chrf:char_order=0", 2, "char_order 0 from 1 to 99"),
    (f"{CLEAN} --explain o.de", 2, "--explain files of their own"),
    ("data clean --src train.de --tgt train.en --out-src o --out-tgt ./o", 2, "--out-src --out-tgt files of their own"),
    (f"{CLEAN} --held-src two.en --held-tgt blank.en --explain two.en", 1, "two.en very file write to another"),
    ("data clean --src train.de --tgt pipe.en --out-src a --out-tgt b", 2, "read twice give files no pipe"),
    (f"{CLEAN} --langs german", 2, "german write it like de-en"),
    (f"{CLEAN} --held-src two.en", 2, "1 source files 0 target files pairs"),
    ("data clean --src - --tgt train.en --out-src a --out-tgt b", 2, "read twice give files"),
    ("data clean --src train.de --tgt train.en --out-src train.de --out-tgt b", 1, "train.de very file write to another"),
    ("data clean --src train.de --tgt two.en --out-src a --out-tgt b", 1, "two.en 2 lines train.de more"),
    ("data clean --src empty.en --tgt empty.en --out-src a --out-tgt b", 1, "empty.en is empty"),
    ("data distill -m de-en --src train.de --out-tgt o --best-of 2", 2, "--best-of nearest to the reference give --tgt"),
    ("data distill -m de-en --src train.de --out-tgt o --best-of 2 --tgt two.en", 1, "two.en 2 lines train.de more"),
    ("data backtranslate -m nothing --tgt train.en --out-src o", 1, "nothing model"),
    ("data distill -m de-en --src train.de --out-tgt train.de", 1, "train.de very file write to another"),
    ("data distill -m de-en --src train.de --tgt train.en --out-tgt train.en", 1, "train.en very file write to another"),
    ("data distill -m de-en --src two.en --out-tgt o.gz", 1, "o.gz plain file pack it afterwards"),
    ("data distill -m de-en --src two.en --out-tgt pipe.en", 1, "pipe.en plain file"),
    ("data distill -m de-en --src - --tgt - --best-of 2 --out-tgt o", 2, "- standard input read once give files"),
    ("data backtranslate -m de-en --tgt train.en --out-src train.en", 1, "train.en very file write to another"),
    ("data backtranslate -m de-en --tgt train.en --out-src -", 2, "interrupted standard output name a file"),
    ("data stats --src - --tgt -", 2, "- standard input read once give files"),
    ("data stats --src train.de --tgt train.en --report train.de", 1, "train.de very file write to another"),
    ("data stats --src train.de --tgt nothing.en", 1, "nothing.en no such file"),
    ("data stats --src train.de --tgt train.en --report nowhere/page", 1, "nowhere cannot be written"),
    ("data split --src train.de --tgt train.en -o new --dev 0 --test 0", 2, "nothing to hold out --dev --test"),
    ("data split --src train.de --tgt train.en -o new --dev 9999", 1, "cannot be held out of 300"),
    ("data split --src train.de --tgt train.en -o new --dev 100000000000", 1, "cannot be held out of 300"),
    ("data split --src pipe.en --tgt pipe.en -o new", 2, "pipe.en a pipe read once give files"),
    ("data split --src train.de --tgt train.en -o . --dev 9 --test 9", 1, "train.de is there already another folder"),
    ("score -i train.en", 2, "nothing to score against --test-set NAME"),
    ("score train.en --src -", 2, "- standard input read once"),
    ("score - -i -", 2, "- standard input read once"),
    ("score pipe.en -i pipe.en", 2, "pipe.en pipe read once give files"),
    ("score train.en -i two.en --report train.en", 1, "train.en very file write to another"),
    ("score two.en -i two.en --train-tgt train.en --report train.en", 1, "train.en very file write to another"),
    ("score train.en -i train.en --metric comet", 2, "comet source --src FILE"),
    ("score train.en -i train.en --src train.de --metric confidence", 2, "confidence -m MODEL no options"),
    ("score train.en -i train.en --src train.de -m de-en", 2, "-i -m would make some confidence"),
    ("score train.en --test-set wmt14", 2, "--test-set leave out --src REF"),
    ("score --test-set wmt1", 2, "wmt1 no such set did you mean wmt1"),
    ("score --test-set wmt14", 2, "wmt14 needs --langs one of de-en"),
    ("score train.en -i train.en --src train.de --metric comet:beam=5", 2, "comet:model=NAME"),
    ("score train.en -i train.en --src train.de --metric comet", 2, "comet-score not installed uv tool install"),
    ("score train.en -i train.en -b --details", 2, "-b --details give one of the two"),
    ("score train.en -i train.en --report nowhere/page", 1, "nowhere cannot be written"),
    ("score train.en -i train.en --metric rouge", 2, "rouge bleu chrf ter"),
    ("score train.en -i train.en --metric bleu:tok=zh", 2, "unknown option tok tokenize"),
    ("score train.en -i train.en --metric bleu:tokenize=klingon", 2, "tokenize klingon 13a"),
    ("score train.en -i train.en --metric ter:no_punct=perhaps", 2, "no_punct perhaps no_punct=false"),
    ("score train.en -i train.en --metric chrf:beta=two", 2, "beta two number"),
    ("score train.en -i train.en --compare two.en", 1, "train.en 300 two.en 2"),
    ("score train.en -i train.en --compare train.en --test t", 2, "--test t bs ar"),
    ("score train.en -m de-en", 2, "-m --src give both"),
    ("score train.en -i train.en --format html", 2, "--format html text, markdown, tsv, json"),
    ("tokenizer encode -m de-en --side left", 2, "--side left src tgt"),
    ("tokenizer train -m new --src train.de --tgt train.en --type words", 2, "words unigram bpe"),
    ("tokenizer train -m new --src train.de --tgt train.en --vocab-size -1", 2, "vocab_size negative"),
    ("tokenizer train -m new --src train.de --tgt train.en --vocab-size 2147483648", 2, "vocab_size above 1000000"),
    ("tokenizer train -m new --src - --tgt -", 2, "- standard input read once"),
    ("tokenizer train -m de-en --src train.de --tgt train.en", 1, "de-en --fresh"),
    (f"{TRAIN} -q --src train.de --tgt train.en", 1, "de-en other text --fresh"),
    (f"{TRAIN} --dev-src train.de --dev-tgt train.en", 1, "300 of 300 training pairs stand in the dev set"),
    (f"{TRAIN} --set model.width=64", 1, "de-en model.width 32 64 --fresh"),
    (f"{TRAIN} --seed 7", 1, "de-en training.seed 1 7 --fresh"),
    (f"{TRAIN} --arch rnn", 1, "de-en model.architecture transformer rnn --fresh"),
    (f"{TRAIN} --set tokenizer.vocab_size=600", 1, "de-en tokenizer.vocab_size 500 600 --fresh"),
    ("train -m de-en --fresh --src blank.en --tgt blank.en", 1, "no pair training text both sides"),
    ("train -m de-en --fresh --src nothing.de --tgt train.en", 1, "nothing.de no such file"),
    ("tokenizer train -m de-en --fresh --src blank.en --tgt blank.en", 1, "vocabulary"),
    ("tokenizer train -m new --src train.de --tgt train.en --vocab-size 20", 1, "20 pieces too small at least"),
    ("tokenizer train -m new --src train.de --tgt train.en --vocab-size 1", 1, "1 pieces too small at least"),
    ("tokenizer train -q -m train.de/new --src train.de --tgt train.en", 1, "train.de/new cannot be made"),
    ("tokenizer train -q -m /proc/new --src train.de --tgt train.en", 1, "/proc/new: cannot be made"),
    (f"{NEW} --set model.width=31 --set model.heads=1", 2, "model.width even"),
    (f"{NEW} --set model.dropout=1", 2, "model.dropout [0, 1)"),
    (f"{NEW} --set model.encoder_layers=999", 2, "model.encoder_layers [1, 100]"),
    (f"{NEW} --set model=3", 2, "--set model=3 section.key=value"),
    (f"{NEW} --set training.patience=0", 2, "training.patience at least 1"),
    (f"{NEW} --set training.learning_rate=0", 2, "training.learning_rate positive"),
    (f"{NEW} --set training.subword_sampling=2", 2, "training.subword_sampling [0, 1]"),
    (f"{NEW} --set training.label_smoothing=1", 2, "training.label_smoothing [0, 1)"),
    (f"{NEW} --set training.average_decay=1", 2, "training.average_decay [0, 1)"),
    (f"{NEW} --set decoding.max_source_length=1", 2, "decoding.max_source_length [8, 100000]"),
    (f"{NEW} -q --set 'training.freeze=[\"decodre\"]'", 2, "training.freeze decodre no weight"),
    (f"{NEW} {' '.join(TINY)} --set 'training.freeze=[\"\"]'", 2, "training.freeze leaves nothing to train"),
    (f"{NEW} --weight 2 --weight 1", 2, "2 weights 1 pairs --weight"),
    (f"{NEW} -q --set training.max_length=1", 1, "no sentence pair left too long"),
    ("train -m new --src train.en --tgt train.en", 1, "300 two equal sides source translation"),
    (f"{NEW} --preset tiny --from de-en", 2, "--preset --from de-en"),
    (f"{NEW} --preset tiny --recipe de-en", 2, "--recipe --preset"),
    (f"{NEW} --from de-en --set model.width=64", 2, "de-en model.width 32 64 would not fit"),
    (f"{TRAIN} --from de-en", 1, "de-en was trained from nothing, not from de-en --fresh"),
    ("translate -m de-en --engine ctranslate2 --device gpu", 2, "--device gpu choose auto, cpu or cuda"),
    *((f"translate -m de-en --score-target two.en {option}", 2, "--score-target leave out") for option in OF_SEARCHING),
    ("translate -m de-en -m whole --score-target two.en", 2, "--score-target one model"),
    ("translate -m de-en - --prefix -", 2, "standard input once give a file"),
    ("translate -m de-en --beam-size 2000", 2, "--beam-size 1000"),
    ("translate -m de-en --temperature 1 --n-best 200000", 2, "--n-best 100000"),
    ("translate -m de-en --temperature 200", 2, "--temperature 100"),
    ("translate -m de-en --temperature 1e-300", 2, "--temperature 0 [0.001, 100]"),
    ("translate -m de-en --no-repeat-ngram 99999999999999999999", 2, "--no-repeat-ngram 1000000"),
    ("translate -m de-en --temperature 1 --top-p 0", 2, "--top-p (0, 1]"),
    ("translate -m de-en --top-k 3", 2, "--top-k --temperature"),
    ("translate -m de-en --seed 3", 2, "--seed --temperature"),
    ("translate -m de-en --temperature 1 --beam-size 3", 2, "--beam-size --temperature 0"),
    ("translate -m de-en --min-length-ratio 3", 2, "--min-length-ratio (3.0) --max-length-ratio (2.0)"),
    ("translate -m de-en --max-length-ratio 0 --min-length-ratio 0", 2, "--max-length-ratio positive"),
    ("translate -m de-en --max-length-ratio 2000", 2, "--max-length-ratio 1000"),
    *((f"{NEW} --set decoding.{setting}", 2, f"decoding.{words}") for setting, words in WRONG_DECODING),
    ("translate -m de-en --to fr", 2, "--to fr the model translates to"),
    ("translate -m de-en --format rtf", 2, "--format rtf text, html or markdown"),
    ("translate -m de-en --format html --alignment", 2, "--format html --alignment"),
    ("translate -m de-en --format html --prefix two.en", 2, "--format html --prefix"),
    ("translate -m de-en --glossary glossary.tsv", 1, "glossary.tsv, line 2 tab"),
    ("translate -m de-en --glossary blank.en", 1, "blank.en no term"),
    ("translate -m de-en --glossary sentences.tsv", 1, "sentences.tsv, line 1 at most 200"),
    ("translate -m de-en --glossary two.en --temperature 1", 2, "glossary --temperature"),
    ("translate -m de-en --engine marian", 2, "--engine marian auto, torch, ctranslate2"),
    ("translate -m de-en --engine ctranslate2 --alignment", 2, "--engine ctranslate2 which words"),
    ("translate -m de-en --prefix empty.en", 1, "empty.en 0 lines has more"),
    ("translate -m de-en --prefix two.en -o out", 1, "two.en 1 lines has more"),
    ("translate -m de-en --prefix long.en", 1, "the prefix that begins with pieces make it shorter"),
    (f"translate -m de-en {'x' * 300}", 1, "cannot be opened name too long"),
    ("translate -m de-en two.en -o two.en", 1, "two.en very file read"),
    ("export -m de-en --to onnx", 2, "--to onnx ctranslate2 or package"),
    ("export -m de-en --to ctranslate2 --quantization int3", 2, "--quantization int3 float32"),
]


@pytest.mark.parametrize(
    ("command", "code", "words"), BAD_INPUT, ids=[command.replace(TRAIN, "train again") for command, _, _ in BAD_INPUT]
)
def test_bad_input(command: str, code: int, words: str, place: Path) -> None:
    assert_refused(place, command, code, words)


def assert_refused(place: Path, command: str, code: int, words: str, stdout: str = "", stdin: bytes = b"Hallo\n") -> None:
    """The command exits with the code and one line of error that holds the words; nothing is printed and no file changed."""
    before = contents(place)
    stdin = b"" if command == "score train.en" else stdin
    found, output, errors = run(place, command, stdin, stdout)
    assert (found, output, len(errors)) == (code, b"", 1), errors
    assert errors[0].startswith("mtcli: error: ")
    assert [word for word in words.split() if word not in errors[0]] == [], errors[0]
    assert "this is a bug" not in errors[0]
    assert contents(place) == before


BROKEN_PACKAGE = [  # how the package is broken, command, words that the error must hold
    ("remove model.toml", "translate -m de-en", "de-en"),
    ("garble model.toml", "translate -m de-en", "model.toml cannot be read"),
    ("garble model.toml", "models info de-en", "model.toml cannot be read"),
    ("garble model.toml", TRAIN, "model.toml cannot be read"),
    ("halve model.toml", "translate -m de-en", "de-en"),
    ("empty model.toml", "translate -m de-en", "model.toml format"),
    ("edit model.toml 'format = 1' 'format = 99'", "translate -m de-en", "model.toml format 99 update mtcli"),
    ("edit model.toml 'format = 1' 'format = 99'", "tokenizer encode -m de-en", "model.toml format 99 update mtcli"),
    ("edit model.toml 'format = 1' 'format = 99'", "models info de-en", "model.toml format 99 update mtcli"),
    ("edit model.toml 'format = 1' 'format = 99'", TRAIN, "model.toml format 99 update mtcli"),
    ("edit model.toml 'format = 1' ''", "translate -m de-en", "model.toml format"),
    ("edit model.toml '\"transformer\"' '\"cnn\"'", "translate -m de-en", "model.toml model.architecture cnn"),
    ("edit model.toml '\"transformer\"' '\"cnn\"'", TRAIN, "model.toml model.architecture cnn"),
    ("edit model.toml 'format = 1' 'format = 1\nmodel = 3'", "translate -m de-en", "model.toml"),
    ("edit model.toml 'width = 32' 'width = \"32\"'", "translate -m de-en", "model.toml model.width whole number"),
    ("edit model.toml 'width = 32' 'widht = 32'", "translate -m de-en", "model.toml model.widht model.width"),
    ("edit model.toml 'width = 32' 'width = 64'", "translate -m de-en --engine torch", "weights.safetensors shape 32 64"),
    (
        "edit model.toml 'encoder_layers = 1' 'encoder_layers = 2'",
        "translate -m de-en --engine torch",
        "weights.safetensors missing",
    ),
    ("empty weights.safetensors", "translate -m de-en --engine torch", "weights.safetensors damaged"),
    ("halve weights.safetensors", "translate -m de-en --engine torch", "weights.safetensors damaged"),
    ("garble weights.safetensors", "translate -m de-en --engine torch", "weights.safetensors damaged"),
    ("remove tokenizer.model", "translate -m de-en", "de-en tokenizer.model"),
    ("remove tokenizer.model", "tokenizer encode -m de-en", "de-en tokenizer.model"),
    ("empty tokenizer.model", "translate -m de-en", "tokenizer"),
    ("halve tokenizer.model", "tokenizer encode -m de-en", "tokenizer damaged"),
    ("garble tokenizer.model", "translate -m de-en", "tokenizer damaged"),
    ("garble tokenizer.model", TRAIN, "tokenizer damaged"),
    ("edit model.toml 'joint = true' 'joint = false'", "translate -m de-en", "de-en tokenizer.tgt.model"),
    ("edit model.toml 'tgt_vocab_size = ' 'tgt_vocab_size = -'", "translate -m de-en", "tokenizer.tgt_vocab_size negative"),
    ("edit model.toml 'tgt_vocab_size = ' 'tgt_vocab_size = 3 # '", "translate -m de-en", "tokenizer damaged"),
    ("edit model.toml 'tgt_vocab_size = ' 'tgt_vocab_size = 1'", "translate -m de-en --engine torch", "weights.safetensors"),
    ("halve training/state.safetensors", f"{TRAIN} --steps 5", "state.safetensors --fresh"),
    ("empty training/state.safetensors", TRAIN, "state.safetensors --fresh"),
    ("remove training/state.safetensors", TRAIN, "de-en trained training/ gone --fresh"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("how", "command", "words"), BROKEN_PACKAGE)
def test_broken_package(how: str, command: str, words: str, place: Path) -> None:
    damage(place / "de-en", how)
    assert_refused(place, command, 1, words)


def test_two_do_not_train_one_package(place: Path) -> None:
    handle = os.open(place / "de-en", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert_refused(place, f"{TRAIN} --steps 9", 1, "de-en: another command trains or tests it")
    os.close(handle)


def test_a_folder_that_cannot_be_renamed_is_told() -> None:
    with pytest.raises(PackageError, match="cannot be set aside"):
        set_aside(Path("/proc/self/fd"))


@pytest.mark.parametrize(
    "command",
    [
        *("score train.en -i train.en", "score --json train.en -i train.en", "models", "models info de-en", "--version"),
        *("tokenizer encode -m de-en", "tokenizer decode -m de-en", "translate -m de-en", "translate -m de-en -o /dev/full"),
        *("data stats --src train.de --tgt train.en", "data rules", "--help"),
    ],
)
def test_full_disk(command: str, place: Path) -> None:
    assert_refused(place, command, 1, "No space left", stdout="/dev/full")


@pytest.mark.parametrize(
    "command", ["score train.en -i train.en", "models", "tokenizer encode -m de-en train.de", "translate train.de"]
)
def test_closed_output(command: str, place: Path) -> None:
    assert_refused_without(">&-", command, place, "standard output is closed")


@pytest.mark.parametrize("command", ["score train.en", "tokenizer encode -m de-en", "translate -m de-en"])
def test_closed_input(command: str, place: Path) -> None:
    assert_refused_without("<&-", command, place, "input")


def assert_refused_without(closed: str, command: str, place: Path, words: str) -> None:
    """The command fails with one line of error when the shell starts it with a stream closed."""
    line = f'exec "$@" {closed}'
    arguments = ["sh", "-c", line, "sh", sys.executable, "-m", "mtcli", *command.split()]
    done = subprocess.run(arguments, capture_output=True, stdin=subprocess.DEVNULL, cwd=place)
    errors = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, len(errors)) == (1, b"", 1), errors
    assert errors[0].startswith("mtcli: error: ") and words in errors[0]


@pytest.mark.parametrize(
    "command",
    [
        *(
            "score --nonsense",
            "train -m new",
            "train -m new --src train.de",
            "translate --nonsense",
            "nonsense",
            "models nonsense",
        ),
        *(f"{NEW} --steps many", "translate -m de-en --beam-size wide", "translate a.de b.de", "tokenizer encode"),
        "translate -m de-en --threads -1",
        "translate -m de-en --threads 99999999999999999999",
        "score train.en -i train.en --samples 99999999999",
    ],
)
def test_wrong_usage(command: str, place: Path) -> None:
    before = contents(place)
    code, output, errors = run(place, command)
    assert (code, output) == (2, b"")
    assert errors[0].startswith("Usage: mtcli") and errors[-1].startswith("Error: ")
    assert contents(place) == before


def test_debug_shows_the_traceback(place: Path) -> None:
    code, output, errors = run(place, "score nothing.en -i train.en --debug")
    assert (code, output) == (1, b"")
    assert errors[0].startswith("Traceback") and "nothing.en" in errors[-1]


def test_broken_packages_are_listed(place: Path) -> None:
    damage(place / "de-en", "garble model.toml")
    (place / "models").mkdir()
    (place / "de-en").rename(place / "models" / "spoilt")
    code, output, errors = run(place, "models list")
    assert (code, errors) == (0, [])
    assert re.search(r"^spoilt +broken +\d\.\d MB +- ", output.decode(), re.M)


def literal(node: ast.AST) -> list[str]:
    """What of a message is the same each time."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return [part.value for part in parts if isinstance(part, ast.Constant)]
        case ast.BinOp(left=left, right=right):
            return [*literal(left), *literal(right)]
    return []


def messages() -> dict[str, str]:
    """A pattern for each message that is raised somewhere in mtcli, and the place."""
    found = {}
    for path in sorted((ROOT / "mtcli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            call = node.exc if isinstance(node, ast.Raise) else node.value if isinstance(node, ast.Return) else node
            name = getattr(getattr(call, "func", None), "id", "")
            raised = isinstance(node, ast.Raise | ast.Return) and name in ERRORS
            if isinstance(call, ast.Call) and (raised or name == "_check") and call.args and literal(call.args[-1]):
                parts = [re.escape(" ".join(part.split())).replace(r"\ ", r"\s") for part in literal(call.args[-1])]
                found[".*".join(parts)] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


ERRORS = ("UsageError", "DataError", "PackageError", "TrainingError", "TranslationError")
ELSEWHERE = {  # what a single command cannot cause here: where it is caused, by the words that stand in the test
    "standard output is closed: nothing can be printed": "test_cli.py: test_closed_output",
    "standard output is closed: give -o FILE": "test_cli.py: test_closed_output",
    "standard output: cannot be written": "test_cli.py: test_full_disk",
    "standard input is closed": "test_cli.py: test_closed_input",
    "another command trains or tests it": "test_cli.py: another command trains or tests it",
    "cannot be set aside": "test_cli.py: cannot be set aside",
    "hypotheses to score": "test_scoring.py: there are no hypotheses to score",
    "lines in reference": "test_scoring.py: lines in reference",
    "lines and more, but": "test_scoring.py: lines and more, but",
    "knows one reference": "test_judges.py: knows one reference",
    "comet-score ended with exit code": "test_judges.py: exit code 1: KeyError",
    "comet-score wrote no scores": "test_judges.py: wrote no scores that can be read",
    "comet-score gave": "test_judges.py: gave 499 scores for 500 lines",
    "data get calls mtdata": "test_fetching.py: mtdata, which is not installed",
    "of different languages": "test_fetching.py: different languages, deu-eng and fra-eng",
    "nothing was kept": "test_fetching.py: give --accept",
    "mtdata fetched no text": "test_fetching.py: mtdata fetched no text",
    "is there and has": "test_data.py: has 30 lines, but",
    "was begun by another command": "test_data.py: was begun by another command",
    "made by another command": "test_data.py: is there, made by another command, or of another text",
    "mtdata ended with": "test_fetching.py: mtdata ended with exit code 1",
    "is not on disk": "test_judges.py: is not on disk",
    "cannot be fetched from": "test_judges.py: its sum is not",
    "give --time": "test_training.py: give more --time",
    "give more --time": "test_training.py: give more --time",
    "training has diverged": "test_training.py: training\\.learning_rate",
    "another process of this run was lost": "test_processes.py: test_a_lost_process_ends_the_run",
    "has no tags for them": "test_corpora.py: has no tags",
    "cannot tell its language": "test_corpora.py: cannot tell its language",
    "the model does not translate to": "test_corpora.py: does not translate to",
    "or set MTCLI_CACHE": "test_store.py: /proc/x: cannot be written",
    "it is made again": "test_store.py: damaged: ",
    "was changed while it was read": "test_store.py: was changed while it was read",
    "was emptied while it was being filled": "test_store.py: was emptied while it was being filled",
    "mend the files": "test_guards.py: mend the files",
    "exchange --src and --tgt, or the names": "test_settings.py: exchange --src and --tgt",
    "has not made a step from": "test_settings.py: has not made a step from",
    "which one process alone can read": "test_settings.py: which one process alone can read",
    "to train on and to hold one out": "test_settings.py: hold one out",
    "are not translations of each other": "test_guards.py: translations of each other",
    "its sides swapped": "test_guards.py: sides swapped",
    "a worker process was killed": "test_engines.py: --threads 1",
    ", from line": "test_engines.py: from line",
    "Transformers only": "test_shipped.py: this is an RNN",
    "already, the language to translate to": "test_shipped.py: the text looks like de already",
    "no model package says its languages": "test_shipped.py: no model package says its languages",
    "this is no text": "test_streams.py: this is no text",
    "another process is writing it": "test_signals.py: another process is writing it",
    "is it the same text?": "test_signals.py: is it the same text?",
    "such a file has at most": "test_hostile.py: has at most",
    "would not be read again": "test_package.py: would not be read again",
    "is no file": "test_archive.py: is no file",
    "gives no number": "test_hostile.py: its weights are damaged",
    "leads out of the package": "test_hostile.py: leads out of the package",
    "is not a": "test_hostile.py: is not a f",
    "the tokenizer is damaged": "test_hostile.py: tokenizer damaged",
    "finds nothing, not even a bad translation": "test_hostile.py: test_bits_that_flip_and_files_that_are_cut",
    "each shares a side with the dev set": "test_settings.py: no sentence pair is left",
    "no GPU is at hand": "test_engines.py: no GPU is at hand",
    "load it after the fork": "test_engines.py: load it after the fork",
    "or take --engine torch": "test_engines.py: or take --engine torch",
    "say to which with --langs": "test_judges.py: say to which with --langs",
    "copy the package to a place of yours": "test_package.py: copy the package to a place of yours",
    "--report is a page": "test_scoring.py: name a file",
    "is where something is mounted": "test_settings.py: mounted",
    "want more memory than": "test_scoring.py: give at most 6666",
    "not 0 1 2 3": "test_tokenizer.py: not 0 1 2 3",
    "has another tokenizer than": "test_options.py: another tokenizer",
    "is a section: set": "test_config.py: is a section",
    "give another -m": "test_archive.py: give another -m",
    "is no zip archive": "test_archive.py: is no zip archive that can be read",
    "which is no part of a model package": "test_archive.py: which is no part of a model package",
    "is not packed as is usual": "test_archive.py: is not packed as is usual",
    "holds no model package": "test_archive.py: holds no model package",
    "this is no model package": "test_archive.py: more than 100 times its size",
    "before it is handed on": "test_archive.py: has no weights",
    "the format cannot be": "test_archive.py: the format cannot be onnx",
    "--tensorboard: it is not installed": "test_progress.py: --tensorboard: it is not installed",
    "the model for CTranslate2 is damaged": "",  # what only CTranslate2 could find; all that is known is checked before
}


def test_only_warnings_of_other_libraries_are_told() -> None:
    script = (
        "import logging; from mtcli.cli.options import set_up; set_up(False); other = logging.getLogger('torch');"
        "other.info('cache_hits: 0'); other.warning('odd'); logging.getLogger('mtcli').info('said')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stderr == b"mtcli: odd\nmtcli: said\n"


@pytest.mark.slow
def test_every_message_has_a_row(place: Path) -> None:
    """Each error that is raised anywhere is caused by a command in the tables above, or ELSEWHERE says by what."""
    said = []
    for command, _, _ in BAD_INPUT:
        said += run(place, command, b"" if command == "score train.en" else b"Hallo\n")[2]
    shutil.copytree(place / "de-en", place / "whole")
    for how, command, _ in BROKEN_PACKAGE:
        shutil.rmtree(place / "de-en")
        shutil.copytree(place / "whole", place / "de-en")
        damage(place / "de-en", how)
        said += run(place, command, b"Hallo\n")[2]
    text = "\n".join(said)
    missing = {where: pattern for pattern, where in messages().items() if not re.search(pattern, text)}
    for words, test in ELSEWHERE.items():
        name, _, found = test.partition(": ")
        assert not test or found in Path(__file__).with_name(name).read_text("utf-8"), test
        missing = {where: pattern for where, pattern in missing.items() if re.escape(words).replace(r"\ ", r"\s") not in pattern}
    assert not missing, "\n".join(f"MISS {w} {p}" for w, p in missing.items())
