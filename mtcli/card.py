"""The model card: a README that the tool writes into each package."""

from __future__ import annotations

import shlex

from mtcli.config import Config, TestRecord
from mtcli.vocab import VocabSizes


def model_card(name: str, config: Config, parameters: int, vocab: VocabSizes) -> str:
    """Markdown that says what the model is, what it learnt from and how good it is."""
    data, model, scores = config.data, config.model, config.scores
    languages = f"{config.languages.src or 'source'} to {config.languages.tgt or 'target'}"
    vocabulary = f"{config.tokenizer.type}, {'joint' if vocab.shared else 'separate'}: {vocab}"
    shape = f"{model.encoder_layers}+{model.decoder_layers} layers, width {model.width}"
    notes = f"{config.notes.strip()}\n\n" if config.notes.strip() else ""
    attribution = f"| Text by | {data.attribution} |\n" if data.attribution else ""
    text = f", which was trained on text under {data.origin_text}" if data.origin_text else ""
    origin = f"| Begun from | {data.origin}{text} |\n" if data.origin else ""
    command = f"mtcli translate -m {shlex.quote(name)}{config.languages.choice} < input.txt"
    return f"""# {name}

A translation model from {languages}, made by `mtcli train`.

| | |
|---|---|
| Architecture | {model.architecture}, {shape}, {parameters / 1e6:.1f} million parameters |
| Vocabulary | {vocabulary} |
| Trained on | {data.pairs:,} sentence pairs of {", ".join(data.src)} and {", ".join(data.tgt)} |
| Licence of the text | {data.licence or "not stated: `mtcli train --set data.licence=...` puts it here"} |
{attribution}{origin}| Speed | {scores.sentences_per_second:,.0f} dev sentences a second, greedy, on the machine that trained it |
| Updates | {scores.step:,}, in {scores.training_seconds / 60:.0f} minutes |

## Scores

On {data.dev_pairs:,} dev pairs ({data.dev}), decoded greedily:

- BLEU {scores.dev_bleu:.2f}, `{scores.bleu_signature}`
- chrF2 {scores.dev_chrf:.2f}, `{scores.chrf_signature}`
- loss {scores.dev_loss:.3f} nats a piece

{_tests(config.tests)}{notes}The whole recipe is in `model.toml`. To translate: `{command}`.
"""


def _tests(tests: tuple[TestRecord, ...]) -> str:
    if not tests:
        return ""
    rows = "\n".join(
        f"| {test.name.replace('|', '&#124;')} | {test.lines:,} | {test.bleu:.1f} | {test.chrf:.1f}"
        f" | {test.copied_bleu:.1f} | {test.copied_chrf:.1f} |"
        f" {test.sentences_per_second:,.0f} |"
        for test in tests
    )
    signatures = sorted({f"`{signature}`" for test in tests for signature in (test.bleu_signature, test.chrf_signature)})
    return f"""As `mtcli translate` translates, on test sets, beside what one gets by leaving the source as it is:

| test set | lines | BLEU | chrF2 | source: BLEU | chrF2 | lines a second |
|---|---|---|---|---|---|---|
{rows}

{", ".join(signatures)}

"""
