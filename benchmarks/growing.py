"""What `mtcli data distill` and `mtcli data backtranslate` are worth, on one corpus. Goes on where it was interrupted.

python benchmarks/growing.py --src FILE --tgt FILE --dev-src FILE --dev-tgt FILE --test-src FILE --test-tgt FILE
    --langs de-en --work FOLDER [--show distill] [--teacher MODEL] [--steps 1200] [--student-steps 6000]
    [options of mtcli train]

`distill`: a student of less than a quarter of its teacher's parameters learns from people's translations, and from the teacher's.
`backtranslate`: a model of half of the pairs is held against ones that also have the target side of the other half, translated
back by a model of the same half (beam, and sampled), and against one of all pairs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from mtcli.lines import read_parallel

TEACHER = {"width": 128, "ff_width": 512, "heads": 4, "encoder_layers": 5, "decoder_layers": 2, "dropout": 0.1}
"""Of the student, and of all models that show what back-translation is worth."""
STUDENT = {"width": 64, "ff_width": 192, "heads": 4, "encoder_layers": 3, "decoder_layers": 2, "dropout": 0.05}


def mtcli(*arguments: str | Path) -> str:
    return subprocess.run([sys.executable, "-m", "mtcli", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def main() -> None:
    """Print parameters and the BLEU of each model on the test set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("src", "tgt", "dev-src", "dev-tgt", "test-src", "test-tgt", "langs", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--show", choices=["distill", "backtranslate"], help="only this; else both")
    parser.add_argument("--teacher", help="a trained package; else one is trained")
    parser.add_argument("--steps", default="1200")
    parser.add_argument("--student-steps", default="6000")
    given, of_train = parser.parse_known_args()
    work = Path(given.work)
    work.mkdir(exist_ok=True)
    pairs = [pair for pair in read_parallel([given.src], [given.tgt]) if all(pair)]
    src, tgt = ([pair[side] for pair in pairs] for side in (0, 1))
    real, alone = slice(0, None, 2), slice(1, None, 2)
    from_lang, to_lang = given.langs.split("-")
    src_all, tgt_all = write(work / f"all.{from_lang}", src), write(work / f"all.{to_lang}", tgt)
    src_half, tgt_half = write(work / f"half.{from_lang}", src[real]), write(work / f"half.{to_lang}", tgt[real])
    tgt_alone = write(work / f"alone.{to_lang}", tgt[alone])

    def train(name: str, shape: dict[str, float], *files: Path, turned: bool = False) -> Path:
        """A model of source and target files by turns; `turned` translates the other way."""
        order = (1, 0) if turned else (0, 1)
        options = [option for i, file in enumerate(files) for option in (("--src", "--tgt")[i % 2], file)]
        held = [(given.dev_src, given.dev_tgt)[side] for side in order]
        sets = [option for key, value in shape.items() for option in ("--set", f"model.{key}={value}")]
        model = work / name
        steps = given.student_steps if shape is STUDENT else given.steps
        options += ["--dev-src", held[0], "--dev-tgt", held[1], "--steps", steps, *sets, *of_train]
        mtcli("train", "-q", "-m", model, *options)
        return model

    def evaluate(name: str, model: str | Path) -> None:
        hypotheses = work / f"{name}.hyp"
        if not hypotheses.exists():
            mtcli("translate", "-q", "-m", model, given.test_src, "-o", hypotheses)
        bleu = mtcli("score", given.test_tgt, "-i", hypotheses, "--metric", "bleu", "-b").strip()
        print(f"{name:12} BLEU {bleu}", flush=True)

    if given.show != "backtranslate":
        teacher = given.teacher or train("teacher", TEACHER, src_all, tgt_all)
        evaluate("teacher", teacher)
        distilled = work / f"distilled.{to_lang}"
        options = ["--src", src_all, "--tgt", tgt_all, "--best-of", "5", "--out-tgt", distilled]
        if not distilled.exists():
            mtcli("data", "distill", "-m", teacher, *options)
        evaluate("distilled", train("distilled", STUDENT, src_all, distilled))
        evaluate("student", train("student", STUDENT, src_all, tgt_all))
    if given.show != "distill":
        reverse = train("reverse", TEACHER, tgt_half, src_half, turned=True)
        evaluate("half", train("half", TEACHER, src_half, tgt_half))
        for name, options in (("beam", []), ("sampled", ["--sample"])):
            back = work / f"{name}.{from_lang}"
            if not back.exists():
                mtcli("data", "backtranslate", "-m", reverse, "--tgt", tgt_alone, "--out-src", back, *options)
            evaluate(name, train(name, TEACHER, src_half, tgt_half, back, tgt_alone))
        evaluate("all", train("all", TEACHER, src_all, tgt_all))


if __name__ == "__main__":
    main()
