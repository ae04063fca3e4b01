"""The test sets that sacreBLEU knows, as files."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from sacrebleu.dataset import DATASETS
from sacrebleu.dataset.base import Dataset
from sacrebleu.dataset.wmt_xml import WMTXMLDataset

from mtcli.errors import DataError, UsageError


def find(name: str, langs: str, download: bool) -> tuple[str, list[str]]:
    """The source file and the reference files of a test set such as `wmt14` with languages such as `de-en`.

    Raises UsageError when there is no such set, DataError when it is not on disk and may not be fetched, or cannot be.
    """
    if name not in DATASETS:
        near = ", ".join(difflib.get_close_matches(name, DATASETS)) or "what `sacrebleu --list` prints"
        raise UsageError(f"--test-set {name}: there is no such set: did you mean {near}?")
    dataset = DATASETS[name]
    if langs not in dataset.langpairs:
        raise UsageError(f"--test-set {name} needs --langs, one of {', '.join(dataset.langpairs)}")
    return _files(dataset, langs, download)


def _files(dataset: Dataset, langs: str, download: bool) -> tuple[str, list[str]]:
    """What sacreBLEU names, and writes if it must, from what it fetched earlier or fetches now."""
    urls = list(dataset.data or [])
    packed = [Path(dataset._rawdir, dataset._get_tarball_filename(url)) for url in urls]  # type: ignore[no-untyped-call]
    missing = [url for url, file in zip(urls, packed, strict=True) if not file.exists() or not file.stat().st_size]
    if not isinstance(dataset, WMTXMLDataset):  # which reads what was fetched each time
        texts = [dataset._get_txt_file_path(langs, field) for field in dataset.fieldnames(langs)]  # type: ignore[no-untyped-call]
        missing = [] if all(map(os.path.exists, texts)) else missing
    if missing and not download:
        raise DataError(f"{dataset.name} is not on disk: give --download to fetch {' and '.join(missing)} into {dataset._outdir}")
    try:
        return dataset.get_source_file(langs), dataset.get_reference_files(langs)  # type: ignore[no-untyped-call]
    except (OSError, SystemExit) as error:  # URLError is an OSError; SystemExit is sacreBLEU's word for a sum that is not right
        for url, file in zip(urls, packed, strict=True):
            if url in missing:
                file.unlink(missing_ok=True)
        why = "its sum is not the one that sacreBLEU knows" if isinstance(error, SystemExit) else str(error)
        raise DataError(f"{dataset.name} cannot be fetched from {' and '.join(missing or urls)}: {why}") from error
