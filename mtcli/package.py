"""Model packages: one folder a translation model. The names of its files stand here and nowhere else."""

from __future__ import annotations

import itertools
import logging
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtcli.config import FORMAT, Config, parse_config
from mtcli.errors import PackageError, UsageError
from mtcli.lines import replacing

if TYPE_CHECKING:
    import torch

    from mtcli.model import EncoderDecoder
    from mtcli.tokenizer import Tokenizer
    from mtcli.vocab import VocabSizes

log = logging.getLogger("mtcli")

CONFIG = "model.toml"
TOKENIZER = "tokenizer.model"
TGT_TOKENIZER = "tokenizer.tgt.model"
"""Beside TOKENIZER, which is then the source's, when the vocabularies are separate."""
WEIGHTS = "weights.safetensors"
CARD = "README.md"
REPORT = "report.html"
CT2 = "ct2"
"""Folder with the model for CTranslate2; there only while it fits the weights. A small package has no others."""
TRAINING = "training"
"""Folder with what resuming needs; translating does not."""
DEFAULT = "de-en"
"""The one of the shipped packages that translates when none is named."""


@dataclass(frozen=True)
class ModelPackage:
    """One folder, and what its `model.toml` says."""

    folder: Path
    config: Config

    @property
    def trained(self) -> bool:
        """Whether there are weights to translate with."""
        return (self.folder / WEIGHTS).exists() or (self.folder / CT2).exists()

    def tokenizer(self) -> Tokenizer:
        """Raises PackageError when there is none or it is damaged."""
        from mtcli.tokenizer import load_tokenizer

        try:
            return load_tokenizer(*self.tokenizer_files())
        except PackageError as error:
            raise PackageError(f"{self.folder}: {error}") from error

    def tokenizer_files(self) -> tuple[bytes, bytes | None]:
        """The serialised sentencepiece model of both sides, or one of each. Raises PackageError when one is missing."""
        src = self._read(TOKENIZER, "train it with `mtcli tokenizer train` or `mtcli train`")
        return src, None if self.config.tokenizer.joint else self._read(TGT_TOKENIZER, "copy the package again")

    def load_model(self, vocab: VocabSizes, device: torch.device) -> EncoderDecoder:
        """The model, ready to translate. Raises PackageError when its weights are missing, damaged or of another shape."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        from mtcli.model import build
        from mtcli.quantized import read_parameters

        model = build(self.config.model, vocab)
        quantized = not (self.folder / WEIGHTS).exists() and (self.folder / CT2).exists()
        try:
            if quantized:
                names = [name for name, _ in model.named_parameters()]
                model.load_parameters(read_parameters(self.folder / CT2, names))
            else:
                model.load_parameters(load(self._read(WEIGHTS, "`mtcli train` fills the package")))
        except (SafetensorError, ValueError) as error:
            place = self.folder / (CT2 if quantized else WEIGHTS)
            raise PackageError(f"{place}: damaged or not of this model ({error}): copy the package again") from error
        return model.to(device).eval()

    def save(self, config: Config, model: EncoderDecoder, card: str) -> ModelPackage:
        """Write weights, `model.toml` and model card; each file is either the old one or the new one.

        What was exported from the old weights goes first: it is never there beside weights that it does not fit.
        """
        from safetensors.torch import save

        weights = {name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()}
        with replacing(self.folder / WEIGHTS) as temporary:
            temporary.write_bytes(save(weights))
            discard(self.folder / CT2)
        package = self.save_config(config)
        write(self.folder / CARD, card.encode())
        return package

    def save_config(self, config: Config) -> ModelPackage:
        """Write `model.toml`."""
        save_config(self.folder, config.to_dict())
        return ModelPackage(self.folder, config)

    def _read(self, name: str, remedy: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise PackageError(f"{self.folder}: has no {name}: {remedy}") from None
        except OSError as error:
            raise PackageError(f"{self.folder / name}: cannot be read ({error.strerror})") from error


def write(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at once. Raises DataError when the disk is full or the folder cannot be written."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def discard(folder: Path) -> None:
    """Remove a folder at once, if there is one: killed at any instant, no part of it is left under its name."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    if folder.exists():
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def create(folder: Path, values: dict[str, Any], src: bytes, tgt: bytes | None) -> None:
    """Make a new package of a `model.toml` and a tokenizer: the folder appears when it is complete."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        save_config(temporary, values)
        save_tokenizer(temporary, src, tgt)
        if folder.exists():  # and is empty: see `place`
            folder.rmdir()
        temporary.rename(folder)
        for left in folder.parent.glob(".*.tmp"):  # of commands that were killed while making this package
            if re.fullmatch(rf"\.{re.escape(folder.name)}\.\d+\.tmp", left.name):
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be made ({error.strerror})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_tokenizer(folder: Path, src: bytes, tgt: bytes | None) -> None:
    """Write one joint sentencepiece model, or one for each side."""
    if tgt is not None:
        write(folder / TGT_TOKENIZER, tgt)
    write(folder / TOKENIZER, src)


def save_config(folder: Path, values: dict[str, Any]) -> None:
    """Write `model.toml` in `folder`, which is made when it does not exist."""
    import tomli_w

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be made ({error.strerror})") from error
    write(folder / CONFIG, tomli_w.dumps({"format": FORMAT} | values | {"format": FORMAT}).encode())


def read_config(folder: Path) -> dict[str, Any]:
    """The values of the `model.toml` in `folder`, checked. Raises PackageError when it is damaged or of a newer format."""
    path = folder / CONFIG
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PackageError(f"{folder}: is not a model package (it has no {CONFIG})") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageError(f"{path}: cannot be read ({error})") from error
    version = values.get("format")
    if not isinstance(version, int):
        raise PackageError(f"{path}: does not say its format")
    if version > FORMAT:
        raise PackageError(f"{path}: has format {version}, this mtcli reads up to {FORMAT}: update mtcli")
    try:
        parse_config(values)
    except UsageError as error:
        raise PackageError(f"{path}: {error}") from error
    return values


def open_package(name: str) -> ModelPackage:
    """The package that `name` stands for. Raises PackageError when there is none or it is damaged."""
    folder = find(name)
    if folder is None:
        places = ", ".join(str(place) for place in shelves())
        raise PackageError(f"no model package {name}: it is no folder, nor in {places}; `mtcli models` lists what there is")
    return _package_in(folder)


def _package_in(folder: Path) -> ModelPackage:
    return ModelPackage(folder, parse_config(read_config(folder)))


def find(name: str) -> Path | None:
    """The folder that `name` stands for: an existing path, else the first of the shelves that has it, be it damaged."""
    for folder in (Path(name), *(shelf / name for shelf in shelves())):
        if any((folder / part).exists() for part in (CONFIG, TOKENIZER, WEIGHTS)):
            return folder
    return None


def shelves() -> list[Path]:
    """The folders where packages are looked for by name, in order."""
    import platformdirs

    own = os.environ.get("MTCLI_MODELS")
    found = [*([Path(own)] if own else []), Path("models"), Path(platformdirs.user_data_dir("mtcli")) / "models", shipped()]
    return list({shelf.resolve(): shelf for shelf in found}.values())


def shipped() -> Path:
    """Where the packages are that come with mtcli: in the wheel beside its modules, in a checkout beside `mtcli/`."""
    here = Path(__file__).parent
    return here / "models" if (here / "models").exists() else here.parent / "models"


def place(name: str) -> Path:
    """Where a package called `name` is written: a path as it stands, a bare name on the first shelf.

    Raises PackageError when something else is there.
    """
    folder = Path(name) if os.sep in name or Path(name).exists() else shelves()[0] / name
    if folder.exists() and not (folder / CONFIG).exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise PackageError(f"{folder}: exists and is not a model package: give another -m")
    return folder


def all_packages() -> Iterator[Path]:
    """Folders of all packages on the shelves, the one that a name stands for first."""
    for shelf in shelves():
        if shelf.is_dir():
            yield from sorted(path.parent for path in shelf.glob(f"*/{CONFIG}"))


def translating(src: str, tgt: str) -> list[ModelPackage]:
    """The trained packages on the shelves that translate from `src` to `tgt`, any language where one is empty, in their order."""
    found = []
    for folder in all_packages():
        try:
            package = _package_in(folder)
        except PackageError:
            continue  # `mtcli models` tells of it
        languages = package.config.languages
        if package.trained and src in ("", languages.src) and tgt in ("", languages.tgt, *languages.targets):
            found.append(package)
    return found


@dataclass(frozen=True)
class Summary:
    """What a list of packages says of one."""

    name: str
    languages: str
    """Such as `de-en`; `broken` when the package cannot be read."""
    megabytes: float
    """Size of what translating needs."""
    bleu: float | None
    """On the first test set that the package was tried on, else on the dev set; None before training."""
    licence: str
    folder: Path


def summaries() -> Iterator[Summary]:
    """What there is on the shelves; a broken package says so."""
    for folder in all_packages():
        files = (file for file in folder.rglob("*") if file.is_file() and TRAINING not in file.relative_to(folder).parts)
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        try:
            package = _package_in(folder)
        except PackageError:
            yield Summary(folder.name, "broken", megabytes, None, "", folder)
            continue
        config = package.config
        languages = f"{config.languages.src or '?'}-{config.languages.tgt or '?'}"
        bleu = config.tests[0].bleu if config.tests else config.scores.dev_bleu
        yield Summary(folder.name, languages, megabytes, bleu if package.trained else None, config.data.licence, folder)


_claimed: dict[tuple[int, int], int] = {}
"""Open handles of the folders that `claim` holds, by what stays theirs when they are renamed."""


def claim(folder: Path) -> None:
    """Keep other processes from training the package as long as this one lives. Raises PackageError when another does."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    key = (os.fstat(handle).st_dev, os.fstat(handle).st_ino)
    if key in _claimed:
        os.close(handle)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise PackageError(f"{folder}: another command is training it: wait for its end, or give another -m") from None
    except OSError:
        pass  # a file system without locks
    _claimed[key] = handle


def set_aside(folder: Path) -> None:
    """Rename a package to the first free `NAME.old`, `NAME.old2`, ..."""
    names = (f"{folder.name}.old{i if i > 1 else ''}" for i in itertools.count(1))
    aside = next(path for path in map(folder.with_name, names) if not path.exists())
    try:
        folder.rename(aside)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be set aside ({error.strerror})") from error
    log.warning("%s was set aside as %s", folder, aside)
