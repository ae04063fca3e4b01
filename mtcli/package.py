"""Model packages: one folder a translation model. The names of its files stand here and nowhere else."""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtcli import checksums, ct2
from mtcli.config import FORMAT, Config, TestRecord, parse_config
from mtcli.errors import PackageError, UsageError
from mtcli.lines import as_text, remove, replacing, vanishing

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
SEALED = (TOKENIZER, TGT_TOKENIZER, WEIGHTS, *(f"{CT2}/{name}" for name in ct2.FILES))
"""What no person edits, and whose sums are kept."""
OF_TRAINING = ("state.safetensors", "metrics.jsonl", "dev.hyp")
PARTS = {CONFIG, CARD, REPORT, checksums.FILE, *SEALED, *(f"{TRAINING}/{name}" for name in OF_TRAINING)}
"""All files that a package may have."""
LARGEST = 1 << 28
"""Most bytes of a file that holds no weights, and of what a file of weights may hold beside them."""
LARGEST_CONFIG = 1 << 20
"""Most bytes of `model.toml`."""
_LARGEST_OF = {
    **dict.fromkeys((TOKENIZER, TGT_TOKENIZER, *(f"{CT2}/{name}" for name in ct2.FILES if name != ct2.FILE)), LARGEST),
    **{CONFIG: LARGEST_CONFIG, checksums.FILE: LARGEST_CONFIG, CARD: 2 * LARGEST_CONFIG},
}
_DEEP = re.compile(r"""(?<![\w"'\\-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){20}""")
"""A key of so many parts, which takes the parser time that grows with their square."""
DEFAULT = "de-en"
"""The one of the shipped packages that translates when none is named."""


@dataclass(frozen=True)
class ModelPackage:
    """One folder, and what its `model.toml` says."""

    folder: Path
    config: Config

    @property
    def name(self) -> str:
        """That of its folder, with `?` for bytes that are no text."""
        return as_text(self.folder.resolve().name)

    @property
    def trained(self) -> bool:
        """Whether there are weights to translate with."""
        return (self.folder / WEIGHTS).exists() or (self.folder / CT2).exists()

    def tokenizer(self) -> Tokenizer:
        """Raises PackageError when there is none or it is damaged."""
        from mtcli.tokenizer import load_tokenizer

        try:
            return load_tokenizer(*self.tokenizer_files(), self.config.tokenizer.joint)
        except PackageError as error:
            raise PackageError(f"{self.folder}: {error}") from error

    def tokenizer_files(self) -> tuple[bytes, bytes]:
        """The serialised sentencepiece model of each side. Raises PackageError when one is missing or damaged."""
        from mtcli.tokenizer import first_pieces

        src, pieces = self._read(TOKENIZER, "train it with `mtcli tokenizer train` or `mtcli train`"), self.config.tokenizer
        if not pieces.joint:
            return src, self._read(TGT_TOKENIZER, "copy the package again")
        return src, first_pieces(src, pieces.tgt_vocab_size) if pieces.tgt_vocab_size else src

    def load_model(self, vocab: VocabSizes, device: torch.device) -> EncoderDecoder:
        """The model, ready to translate. Raises PackageError when its weights are missing, damaged or of another shape."""
        from mtcli.model import build_empty
        from mtcli.quantized import parameters

        model = build_empty(self.config.model, vocab)
        if not (self.folder / WEIGHTS).exists() and (self.folder / CT2).exists():
            tensors = parameters(self._ct2_model(vocab)[1], [name for name, _ in model.named_parameters()])
            tensors["output_bias"] = tensors["output_bias"][: vocab.tgt]
        else:
            tensors = self._weights(4 * model.size)
        try:
            model.load_parameters(tensors)
        except ValueError as error:
            raise self._damaged(WEIGHTS, error) from error
        return model.to(device).eval()

    def _weights(self, size: int) -> dict[str, torch.Tensor]:
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            return load(self._read(WEIGHTS, "`mtcli train` fills the package", size + LARGEST))
        except SafetensorError as error:
            raise self._damaged(WEIGHTS, error) from error

    def ct2_files(self, src: list[str], tgt: list[str], vocab: VocabSizes) -> dict[str, bytes]:
        """Name and content of each file for CTranslate2, which takes them on trust; `src` and `tgt` are the pieces of all ids.

        The file that says what may be generated is made here.

        Raises PackageError when they are damaged or of another model.
        """
        files = {ct2.FILE: self._ct2_model(vocab)[0], ct2.CONFIG: self._ct2_read(ct2.CONFIG)}
        self._ct2_settings(files[ct2.CONFIG])
        shared, *separate = ct2.VOCABULARIES
        sides = [(shared, src)] if (self.folder / CT2 / shared).exists() else zip(separate, (src, tgt), strict=True)
        for name, pieces in sides:
            files[name] = self._ct2_read(name)
            if self._ct2_json(name, files[name]) != pieces:
                raise self._damaged(CT2, "its vocabulary is not that of the tokenizer")
        if vocab.spared:
            files[ct2.VMAP] = ct2.vmap(tgt)
        return files

    def ct2_settings(self) -> dict[str, Any]:
        """What stands in the configuration for CTranslate2. Raises PackageError when it is damaged."""
        return self._ct2_settings(self._ct2_read(ct2.CONFIG))

    def _ct2_settings(self, content: bytes) -> dict[str, Any]:
        settings: dict[str, Any] = self._ct2_json(ct2.CONFIG, content)
        try:
            ct2.check_settings(settings)
        except ValueError as error:
            raise self._damaged(CT2, error) from error
        return settings

    def _ct2_model(self, vocab: VocabSizes) -> tuple[bytes, dict[str, ct2.Variable]]:
        """The content of the file with the weights, and what stands in it."""
        positions = self.config.decoding.longest + 1
        content = self._ct2_read(ct2.FILE, ct2.size(self.config.model, vocab, positions))
        try:
            variables = ct2.read_variables(content)
            ct2.check(variables, self.config.model, vocab, positions)
        except ValueError as error:
            raise self._damaged(CT2, error) from error
        return content, variables

    def _ct2_read(self, name: str, size: int = 0) -> bytes:
        return self._read(f"{CT2}/{name}", self._again(CT2), size + LARGEST)

    def _ct2_json(self, name: str, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._damaged(CT2, f"{name}: {error}") from error

    def _damaged(self, name: str, why: object) -> PackageError:
        return PackageError(f"{self.folder / name}: damaged or not of this model ({why}): {self._again(name)}")

    def _again(self, name: str) -> str:
        """What helps when a file is damaged."""
        exported = name.startswith(CT2) and (self.folder / WEIGHTS).exists()
        return "write it again with `mtcli export --to ctranslate2`" if exported else "copy the package again"

    def save(self, config: Config, model: EncoderDecoder, card: str) -> ModelPackage:
        """Write weights, `model.toml` and model card; each file is either the old one or the new one.

        What was exported from the old weights goes first: it is never there beside weights that it does not fit.
        """
        from safetensors.torch import save

        weights = {name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()}
        with replacing(self.folder / WEIGHTS) as temporary:
            temporary.write_bytes(save(weights))
            checksums.unseal(self.folder)
            discard(self.folder / CT2)
        package = self.save_config(config)
        self.save_card(card)
        seal(self.folder)
        return package

    def save_config(self, config: Config) -> ModelPackage:
        """Write `model.toml`."""
        save_config(self.folder, config.to_dict())
        return ModelPackage(self.folder, config)

    def save_card(self, card: str) -> None:
        """Write the model card."""
        write(self.folder / CARD, card.encode(errors="replace"))

    def _read(self, name: str, missing: str, largest: int = LARGEST) -> bytes:
        """The content of a file, which is what it was when its sum was taken; `missing` says what helps if there is none."""
        path = self.folder / name
        try:
            if (size := path.stat().st_size) > largest:
                raise PackageError(f"{path}: has {size:,} bytes, such a file has at most {largest:,}: {self._again(name)}")
            content = path.read_bytes()
        except FileNotFoundError:
            raise PackageError(f"{self.folder}: has no {name}: {missing}") from None
        except OSError as error:
            raise PackageError(f"{path}: cannot be read ({error.strerror})") from error
        if not checksums.agrees(self.folder, name, content):
            raise PackageError(
                f"{path}: damaged (its sum is not the one in {checksums.FILE}): {self._again(name)}; "
                f"if you changed it yourself, remove {checksums.FILE}"
            )
        return content


def write(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at once. Raises DataError when the disk is full or the folder cannot be written."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def discard(folder: Path) -> None:
    """Remove a folder at once, if there is one: killed at any instant, no part of it is left under its name."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    if folder.exists():
        with vanishing(aside):
            folder.rename(aside)


def seal(folder: Path) -> None:
    """Write the sums of the files that a package now has."""
    checksums.seal(folder, SEALED)


def create(folder: Path, values: dict[str, Any], src: bytes, tgt: bytes, joint: bool) -> None:
    """Make a new package of a `model.toml` and a tokenizer: the folder appears when it is complete."""
    try:
        with vanishing(folder.with_name(f".{folder.name}.{os.getpid()}.tmp")) as temporary:
            remove(temporary)  # of a killed process that had this number
            temporary.mkdir(parents=True)
            save_config(temporary, values)
            save_tokenizer(temporary, src, tgt, joint)
            seal(temporary)
            if folder.exists():  # and is empty: see `place`
                folder.rmdir()
            temporary.rename(folder)
        for left in folder.parent.glob(".*.tmp"):  # of commands that were killed while making this package
            if re.fullmatch(rf"\.{re.escape(folder.name)}\.\d+\.tmp", left.name):
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be made ({error.strerror})") from error


def save_tokenizer(folder: Path, src: bytes, tgt: bytes, joint: bool) -> None:
    """Write the sentencepiece model of each side; of a joint one that of the source, which holds the other."""
    checksums.unseal(folder)
    if not joint:
        write(folder / TGT_TOKENIZER, tgt)
    write(folder / TOKENIZER, src)


def save_config(folder: Path, values: dict[str, Any]) -> None:
    """Write `model.toml` in `folder`.

    Raises PackageError, and writes nothing, when it could not be read again.
    """
    import tomli_w

    text = tomli_w.dumps({"format": FORMAT} | values | {"format": FORMAT})
    content = text.encode(errors="replace")  # names of files may be any bytes
    if len(content) > LARGEST_CONFIG or _DEEP.search(text):
        raise PackageError(f"{folder / CONFIG}: would not be read again with such names or notes: give shorter ones")
    write(folder / CONFIG, content)


def read_config(folder: Path) -> dict[str, Any]:
    """The values of the `model.toml` in `folder`, checked. Raises PackageError when it is damaged or of a newer format."""
    path = folder / CONFIG
    try:
        _check_inside(folder)
        text = path.read_text(encoding="utf-8")
        if _DEEP.search(text):
            raise ValueError("it has keys of more than 20 parts")
        values = tomllib.loads(text)
        version = values.get("format")
        if not isinstance(version, int):
            raise PackageError(f"{path}: does not say its format")
        if version > FORMAT:
            raise PackageError(f"{path}: has format {version}, this mtcli reads up to {FORMAT}: update mtcli")
        parse_config(values)
    except FileNotFoundError:
        raise PackageError(f"{folder}: is not a model package (it has no {CONFIG})") from None
    except UsageError as error:
        raise PackageError(f"{path}: {error}") from error
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        raise PackageError(f"{path}: cannot be read ({error})") from error
    return values


def _check_inside(folder: Path) -> None:
    """Raises PackageError when something in a package leads out of it, is no file that could be copied, or is too large."""
    for part in (*PARTS, CT2, TRAINING):
        path = folder / part
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
            raise PackageError(f"{path}: leads out of the package: put what it points to in its place")
        if os.path.lexists(path) and not (path.is_dir() if part in (CT2, TRAINING) else path.is_file()):
            raise PackageError(f"{path}: is not a {'folder' if part in (CT2, TRAINING) else 'file'}: copy the package again")
        if part in _LARGEST_OF and path.exists() and (size := path.stat().st_size) > (most := _LARGEST_OF[part]):
            raise PackageError(f"{path}: has {size:,} bytes, such a file has at most {most:,}: copy the package again")


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
    own = os.environ.get("MTCLI_MODELS")
    found = [*([Path(own)] if own else []), Path("models"), *_of_the_user(), shipped()]
    return list({os.path.realpath(shelf): shelf for shelf in found}.values())


def _of_the_user() -> list[Path]:
    """The user's own shelf; none for one without a home, as in a container that runs as any user."""
    import platformdirs

    try:
        return [Path(platformdirs.user_data_dir("mtcli")) / "models"]
    except RuntimeError:
        return []


def shipped() -> Path:
    """Where the packages are that come with mtcli: in the wheel beside its modules, in a checkout beside `mtcli/`."""
    here = Path(__file__).parent
    return here / "models" if (here / "models").exists() else here.parent / "models"


def state_path(folder: Path) -> Path:
    """The file with what resuming needs."""
    return folder / TRAINING / "state.safetensors"


def place(name: str) -> Path:
    """Where a package called `name` is written: a path as it stands, a bare name on the first shelf.

    Raises PackageError when something else is there.
    """
    folder = Path(name) if os.sep in name or Path(name).exists() else shelves()[0] / name
    folder = Path(os.path.realpath(folder)) if folder.is_symlink() else folder
    if not (is_free(folder) or (folder / CONFIG).exists()):
        raise PackageError(f"{folder}: exists and is not a model package: give another -m")
    if os.path.ismount(folder) and not (folder / CONFIG).exists():
        raise PackageError(f"{folder}: is where something is mounted, which cannot be replaced: give a folder in it")
    return folder if folder.name else folder.absolute()


def is_free(folder: Path) -> bool:
    """Whether a new folder can have this place: nothing is there but an empty folder, and nobody works in that."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()) and not folder.samefile("."))


def all_packages() -> Iterator[Path]:
    """Folders of all packages on the shelves, the one that a name stands for first."""
    for shelf in shelves():
        if shelf.is_dir():
            yield from filter(_holds_package, sorted(shelf.glob("[!.]*")))  # what has a dot is being made


def _holds_package(folder: Path) -> bool:
    """Whether it does, or cannot be looked into."""
    try:
        (folder / CONFIG).lstat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def translating(src: str, tgt: str) -> list[ModelPackage]:
    """The trained packages on the shelves that translate from `src` to `tgt`, any language where one is empty, in their order."""
    found = []
    for folder in all_packages():
        try:
            package = _package_in(folder)
        except PackageError:
            continue  # `mtcli models` tells of it
        if package.trained and package.config.languages.cover(src, tgt):
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
    attribution: str
    """Whose text it is."""
    folder: Path
    tests: tuple[TestRecord, ...]
    """All test sets that the package was tried on."""


def summaries() -> Iterator[Summary]:
    """What there is on the shelves; a broken package says so."""
    for folder in all_packages():
        megabytes = _megabytes(folder)
        try:
            package = _package_in(folder)
        except PackageError:
            yield Summary(folder.name, "broken", megabytes, None, "", "", folder, ())
            continue
        config = package.config
        languages = f"{config.languages.src or '?'}-{config.languages.tgt or '?'}"
        bleu = config.tests[0].bleu if config.tests else config.scores.dev_bleu
        known, data = bleu if package.trained else None, config.data
        yield Summary(folder.name, languages, megabytes, known, data.licence, data.attribution, folder, config.tests)


def _megabytes(folder: Path) -> float:
    files = (file for file in folder.rglob("*") if file.is_file() and TRAINING not in file.relative_to(folder).parts)
    try:
        return sum(file.stat().st_size for file in files) / 1e6
    except OSError:  # `summaries` calls it broken
        return 0.0


_claimed: dict[tuple[int, int], int] = {}
"""Open handles of the folders that `claim` holds, by what stays theirs when they are renamed."""


def claim(folder: Path) -> None:
    """Keep other processes from training or testing the package as long as this one lives. Raises PackageError when one does."""
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
        raise PackageError(f"{folder}: another command trains or tests it: wait for its end, or give another -m") from None
    except OSError:
        pass  # a file system without locks
    _claimed[key] = handle


def set_aside(folder: Path) -> None:
    """Rename a package to the first free `NAME.old`, `NAME.old2`, ... Raises PackageError when it is in use, or cannot be."""
    claim(folder)
    names = (f"{folder.name}.old{i if i > 1 else ''}" for i in itertools.count(1))
    aside = next(path for path in map(folder.with_name, names) if not path.exists())
    try:
        folder.rename(aside)
    except OSError as error:
        raise PackageError(f"{folder}: cannot be set aside ({error.strerror})") from error
    log.warning("%s was set aside as %s", folder, aside)
