"""A model in the format of CTranslate2, the fast engine of `mtcli translate`, and packages to hand on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from mtcli.checksums import unseal
from mtcli.ct2 import VMAP, vmap
from mtcli.errors import PackageError, UsageError
from mtcli.lines import as_text, remove, replacing, vanishing, writing
from mtcli.package import CARD, CONFIG, CT2, TGT_TOKENIZER, TOKENIZER, ModelPackage, is_free, seal
from mtcli.vocab import BOS_ID, EOS_ID, UNK_ID

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mtcli.model.transformer import Attention, FeedForward, Transformer
    from mtcli.tokenizer import Tokenizer

Quantization = Literal["float32", "float16", "int8"]


def export_ctranslate2(package: ModelPackage, out: str = "", quantization: str = "int8") -> Path:
    """Write the model for CTranslate2: into its package, or with its tokenizer to a new folder `out`. Returns the folder.

    Raises UsageError for a model that CTranslate2 cannot hold, PackageError when the folder is taken, DataError when it cannot
    be written.
    """
    _check(package, quantization)
    folder = _free(out) if out else package.folder / CT2
    with _new_folder(folder) as temporary:
        _save(package, temporary, quantization)
        if out:
            _copy_files(package, temporary, TOKENIZER, TGT_TOKENIZER)
            _save_vmap(package.tokenizer(), temporary)
        else:
            unseal(package.folder)
    if not out:
        seal(package.folder)
    return folder


def export_package(package: ModelPackage, out: str, quantization: str = "int8") -> Path:
    """Write the smallest package that translates alike: the weights once, for CTranslate2, and nothing of training.

    A name that ends in `.zip` makes one file of it, for `archive.import_package`. Raises what `export_ctranslate2` raises.
    """
    _check(package, quantization)
    path = _free(out)
    if path.suffix == ".zip":
        with replacing(path) as file, vanishing(path.with_name(f".{path.name}.{os.getpid()}.new.tmp")) as temporary:
            remove(temporary)
            _hand_on(package, temporary, quantization)
            _pack(temporary, path.stem, file)
    else:
        with _new_folder(path) as temporary:
            _hand_on(package, temporary, quantization)
    return path


def _hand_on(package: ModelPackage, folder: Path, quantization: str) -> None:
    (folder / CT2).mkdir(parents=True)
    _save(package, folder / CT2, quantization)
    _copy_files(package, folder, CONFIG, CARD, TOKENIZER, TGT_TOKENIZER)
    seal(folder)


def _pack(folder: Path, name: str, path: Path) -> None:
    """Write an archive of what is in `folder`, there in a folder `name`. The same files give the same archive."""
    with ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.writestr(ZipInfo(f"{as_text(name)}/{file.relative_to(folder)}"), file.read_bytes(), ZIP_DEFLATED)


def _check(package: ModelPackage, quantization: str) -> None:
    if package.config.model.architecture != "transformer":
        raise UsageError(f"{package.folder}: CTranslate2 holds Transformers only, this is an RNN")
    if quantization not in get_args(Quantization):
        raise UsageError(f"--quantization cannot be {quantization}: choose one of {', '.join(get_args(Quantization))}")


def _free(out: str) -> Path:
    if not out:
        raise UsageError("name the new folder: mtcli export -m MODEL --to package OUT")
    folder = Path(out)
    if not is_free(folder):
        raise PackageError(f"{folder}: exists already: give another name")
    return folder


def _copy_files(package: ModelPackage, folder: Path, *names: str) -> None:
    for name in names:
        if (package.folder / name).exists():
            shutil.copy(package.folder / name, folder / name)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` if the block ends well and vanishes if not."""
    folder = Path(os.path.realpath(folder))
    with writing(folder), vanishing(folder.with_name(f".{folder.name}.{os.getpid()}.new.tmp")) as temporary:
        remove(temporary)  # of a killed process that had this number
        temporary.mkdir(parents=True)
        yield temporary
        old = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        remove(old)
        if folder.exists():
            folder.rename(old)
        try:
            temporary.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        remove(old)


def _save(package: ModelPackage, folder: Path, quantization: str) -> None:
    import numpy as np
    import torch
    from ctranslate2.specs import TransformerSpec

    tokenizer, config = package.tokenizer(), package.config.model
    model = cast("Transformer", package.load_model(tokenizer.sizes, torch.device("cpu")))
    spec = TransformerSpec.from_config((config.encoder_layers, config.decoder_layers), config.heads, pre_norm=True)
    with torch.no_grad():
        _fill(spec, model, tokenizer, package.config.decoding.longest + 1)
    src = tokenizer.vocabulary("src")
    spec.register_source_vocabulary(src)
    spec.register_target_vocabulary(src if tokenizer.joint else tokenizer.vocabulary("tgt"))
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = tokenizer.pieces([UNK_ID, BOS_ID, EOS_ID], "tgt")
    spec.config.decoder_start_token, spec.config.add_source_eos = spec.config.bos_token, True
    spec.config.layer_norm_epsilon = model.decoder_norm.eps
    spec.config.add_attribute("quantization", quantization)
    spec.validate()
    with np.errstate(over="ignore"):  # IMPOSSIBLE is minus infinity in float16
        spec.optimize(None if quantization == "float32" else quantization)
    spec.save(str(folder))


def _save_vmap(tokenizer: Tokenizer, folder: Path) -> None:
    """For others: `mtcli` itself knows from the tokenizer what stands there."""
    if tokenizer.sizes.spared:
        (folder / VMAP).write_bytes(vmap(tokenizer.vocabulary("tgt")))


def _fill(spec: Any, model: Transformer, tokenizer: Tokenizer, positions: int) -> None:
    """Give `spec` copies of the weights: quantisation changes them in place."""
    from torch.nn import functional as F

    from mtcli.model.transformer import DecoderLayer, EncoderLayer, sinusoids
    from mtcli.search.decoder import IMPOSSIBLE

    places = sinusoids(0, positions, model.tgt_embedding.embedding_dim).numpy()
    for side, embedding in ((spec.encoder, model.src_embedding), (spec.decoder, model.tgt_embedding)):
        [embeddings] = side.embeddings if side is spec.encoder else [side.embeddings]
        embeddings.weight = _copy(embedding.weight)
        side.position_encodings.encodings = places
    spec.decoder.projection.weight = _copy(model.tgt_embedding.weight)
    spec.decoder.projection.bias = _copy(F.pad(model.output_bias, (0, tokenizer.sizes.spared), value=IMPOSSIBLE))
    spec.decoder.projection.bias[tokenizer.never_generated()] = IMPOSSIBLE  # CTranslate2 need not be told of them
    _norm(spec.encoder.layer_norm, model.encoder_norm)
    _norm(spec.decoder.layer_norm, model.decoder_norm)
    for to, layer in zip(spec.encoder.layer, cast("list[EncoderLayer]", model.encoder), strict=True):
        _self_attention(to.self_attention, layer.attention, layer.attention_norm)
        _feed_forward(to.ffn, layer.ff, layer.ff_norm)
    for to, decoder_layer in zip(spec.decoder.layer, cast("list[DecoderLayer]", model.decoder), strict=True):
        _self_attention(to.self_attention, decoder_layer.self_attention, decoder_layer.self_norm)
        _norm(to.attention.layer_norm, decoder_layer.memory_norm)
        memory = decoder_layer.memory_attention
        for linear, source in zip(to.attention.linear, (memory.query, memory.key_value, memory.out), strict=True):
            _linear(linear, source.weight, source.bias)
        _feed_forward(to.ffn, decoder_layer.ff, decoder_layer.ff_norm)


def _self_attention(to: Any, attention: Attention, norm: nn.LayerNorm) -> None:
    import torch

    _norm(to.layer_norm, norm)
    query, key_value = attention.query, attention.key_value
    _linear(to.linear[0], torch.cat([query.weight, key_value.weight]), torch.cat([query.bias, key_value.bias]))
    _linear(to.linear[1], attention.out.weight, attention.out.bias)


def _feed_forward(to: Any, ff: FeedForward, norm: nn.LayerNorm) -> None:
    _norm(to.layer_norm, norm)
    _linear(to.linear_0, ff.inner.weight, ff.inner.bias)
    _linear(to.linear_1, ff.outer.weight, ff.outer.bias)


def _norm(to: Any, norm: nn.LayerNorm) -> None:
    to.gamma, to.beta = _copy(norm.weight), _copy(norm.bias)


def _linear(to: Any, weight: Tensor, bias: Tensor) -> None:
    to.weight, to.bias = _copy(weight), _copy(bias)


def _copy(tensor: Tensor) -> Any:
    return tensor.detach().clone().numpy()
