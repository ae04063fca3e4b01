"""A corpus that a model makes: sources for text that has none, and translations that a smaller model learns from more easily."""

from __future__ import annotations

from contextlib import closing

from mtcli.errors import UsageError
from mtcli.files import check_files
from mtcli.lines import LineReader, LinesBeside, going_on, is_complete, part_of
from mtcli.pipe import StreamOptions, how_made, tell, translate_stream
from mtcli.scoring import chrf_of_sentences
from mtcli.translator import Translator

BACK_TRANSLATED = "<bt> "
"""What a line begins with that a model wrote, so that those who learn from it know (Caswell, Chelba & Grangier 2019)."""


def backtranslate(model: str, tgt: str, out_src: str, sampled: bool, tagged: bool, seed: int, threads: int) -> None:
    """Write a source line for each line of `tgt`, by a model of the other direction; goes on where it was interrupted.

    `sampled` draws from the model instead of searching for the best, which gives the more varied text (Edunov et al. 2018).
    """
    _check([tgt], out_src)
    options = StreamOptions(threads=threads, resume=True, mark=BACK_TRANSLATED if tagged else "")
    translate_stream([model], tgt, out_src, options, {"temperature": 1.0, "seed": seed} if sampled else {})


def distill(model: str, src: str, tgt: str, out_tgt: str, best_of: int, threads: int) -> None:
    """Write what a teacher makes of each line of `src`; goes on where it was interrupted (Kim & Rush 2016).

    With `best_of` above 1 it is that of the teacher's best translations which is nearest to the line of `tgt`, by chrF.
    Raises DataError when the two files differ in length.
    """
    if best_of > 1 and not tgt:
        raise UsageError("--best-of chooses the translation that is nearest to the reference: give --tgt")
    _check([src, tgt], out_tgt)
    if best_of == 1:
        translate_stream([model], src, out_tgt, StreamOptions(threads=threads, resume=True), {})
    elif not is_complete(out_tgt, src, how := how_made([model], [src, tgt], best_of)):
        _write_nearest(model, LineReader(src), tgt, out_tgt, best_of, how, threads)


def _check(read: list[str], output: str) -> None:
    check_files(read, [output, str(part_of(output))])
    if output == "-":
        raise UsageError("what was interrupted is gone on with, which standard output cannot be: name a file")


def _write_nearest(model: str, reader: LineReader, tgt: str, out_tgt: str, best_of: int, how: str, threads: int) -> None:
    beside = LinesBeside(tgt, reader)
    translator = Translator.load(model, threads=threads, n_best=best_of, beam_size=max(5, best_of))
    with closing(translator.engine), going_on(out_tgt, how) as writer:
        reader.skip(writer.lines)
        beside.take(writer.lines)
        total = 0
        for block in reader.blocks():
            total += len(block)
            lines = zip(translator.translate_n_best(block), beside.take(len(block)), strict=True)
            writer.write([_nearest([each.text for each in found], ref) for found, ref in lines])
        beside.end()
    tell(translator, reader, total)


def _nearest(hyps: list[str], ref: str) -> str:
    scores = chrf_of_sentences(hyps, [[ref] * len(hyps)])
    return hyps[scores.index(max(scores))]
