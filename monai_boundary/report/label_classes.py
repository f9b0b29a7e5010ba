# SPDX-License-Identifier: Apache-2.0
"""What is scored in a segmentation: each label, labels by name, or regions, which are several labels together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_boundary._extras import check_modules
from monai_boundary._typing import AnyArray, BoolArray
from monai_boundary.ops.label_values import check_label, mask_of_ids
from monai_boundary.ops.tumour_regions import TUMOUR_REGIONS, tumour_regions

ClassTable = dict[str, tuple[int, ...]]

MOST_CLASSES = 120


def read_class_table(source: str | Mapping[str, Any]) -> ClassTable:
    """Return the label values of each class or region, by name.

    Args:
        source: ``"core=1+4,edema=2"``; a JSON or YAML file, or a mapping, of name -> value or values. nnU-Net's and the
            Decathlon's ``dataset.json`` are understood, too: their ``labels`` are taken, without the background.

    Raises:
        ValueError: if there is no class, or a value is not an integer > 0.

    Example:
        >>> read_class_table("core=1+4,edema=2")
        {'core': (1, 4), 'edema': (2,)}
        >>> read_class_table({"labels": {"0": "background", "1": "Anterior", "2": "Posterior"}})
        {'Anterior': (1,), 'Posterior': (2,)}
    """
    entries: Any = source
    if isinstance(source, str):
        entries = _read_entries(source) if "=" not in source else _parse_entries(source)
    entries = entries.get("labels", entries) if isinstance(entries, Mapping) else entries
    if not isinstance(entries, Mapping) or not entries:
        raise ValueError(f"`classes` needs names with label values, such as 'core=1+4,edema=2', got {source!r}.")
    if all(isinstance(value, str) and _is_number(key) for key, value in entries.items()):
        entries = {value: key for key, value in entries.items()}  # the Decathlon's way round
    table = {str(name): _values(name, value) for name, value in entries.items() if not _is_background(value)}
    if not table:
        raise ValueError(f"`classes` needs a class other than the background, got {source!r}.")
    return table


def without_ignored(table: ClassTable) -> tuple[ClassTable, tuple[int, ...]]:
    """Return a table without what it calls ``ignore``, and the labels of that: voxels that nobody labelled.

    Args:
        table: of :func:`read_class_table`.

    Raises:
        ValueError: if no class is left.

    Example:
        >>> without_ignored({"core": (1, 4), "ignore": (5,)})
        ({'core': (1, 4)}, (5,))
    """
    ignored = [name for name in table if name.casefold() == "ignore"]
    kept = {name: values for name, values in table.items() if name not in ignored}
    if not kept:
        raise ValueError(f"`classes` needs a class beside {', '.join(ignored)}, got none.")
    return kept, tuple(value for name in ignored for value in table[name])


def classes_in(name: str, values: AnyArray) -> list[int]:
    """Return the labels > 0 of a segmentation, in order.

    Args:
        name: what an error calls it.
        values: integers >= 0.

    Raises:
        ValueError: if there are so many labels that they must be instances.
    """
    found = np.flatnonzero(np.bincount(values.ravel())) if _is_small(values) else np.unique(values)
    labels = [int(v) for v in found if v != 0]
    if len(labels) > MOST_CLASSES:
        raise ValueError(
            f"`{name}` needs at most {MOST_CLASSES} classes, got {len(labels)}: if they are instances, say `instances`."
        )
    return labels


def pairs_of_masks(
    prediction: AnyArray,
    truth: AnyArray,
    table: ClassTable | str | None = None,
    ignore_labels: Sequence[int] = (),
) -> dict[str, tuple[BoolArray, BoolArray]]:
    """Return the masks of each class in prediction and truth.

    Args:
        prediction: label values, of the truth's shape; floats within 1e-3 of an integer are that integer.
        truth: label values.
        table: of :func:`read_class_table`; ``"brats"`` for the nested regions of brain tumours, whatever the year;
            None for every label that is in one of the two.
        ignore_labels: labels of the truth whose voxels are not scored.

    Returns:
        class -> (mask of the prediction, mask of the truth). Classes of a table are there even if both are empty.

    Raises:
        ValueError: if labels are not whole, negative, not in the table, or too many to be classes.
        TypeError: if an input does not hold numbers.
    """
    labels = {"prediction": check_label("prediction", prediction), "truth": check_label("truth", truth)}
    # NIfTI has the first axis fastest, which all that follows would turn round again for each class
    labels = {name: np.ascontiguousarray(values) for name, values in labels.items()}
    ignored = np.isin(labels["truth"], list(ignore_labels)) if ignore_labels else None
    if ignored is not None:
        labels = {name: np.where(ignored, 0, values) for name, values in labels.items()}
    if table == "brats":
        regions = [tumour_regions(values, name=name) for name, values in labels.items()]
        return {name: (regions[0][k], regions[1][k]) for k, name in enumerate(TUMOUR_REGIONS)}
    there = {name: classes_in(name, values) for name, values in labels.items()}
    if table is None:
        table = {str(value): (value,) for value in sorted(set(there["prediction"]) | set(there["truth"]))}
    assert not isinstance(table, str)
    known = {value for values in table.values() for value in values}
    for name, found in there.items():
        strange = [value for value in found if value not in known]
        if strange:
            raise ValueError(
                f"`{name}` needs the labels of the table, {', '.join(map(str, sorted(known)))}, got "
                f"{', '.join(map(str, strange[:10]))}."
            )
    return {
        name: (mask_of_ids(labels["prediction"], values), mask_of_ids(labels["truth"], values))
        for name, values in table.items()
    }


def _parse_entries(text: str) -> dict[str, list[str]]:
    entries = {}
    for part in text.split(","):
        name, sign, values = part.partition("=")
        if not sign or not name.strip():
            raise ValueError(f"`classes` needs entries such as 'core=1+4', got {part!r} in {text!r}.")
        if name.strip() in entries:
            raise ValueError(f"`classes` needs different names, got {name.strip()!r} twice in {text!r}.")
        entries[name.strip()] = values.split("+")
    return entries


def _read_entries(path: str) -> Any:
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"`classes` needs 'name=value,...', or an existing JSON or YAML file, got {path!r}.")
    text = file.read_text(encoding="utf-8")
    if file.suffix.lower() == ".json":
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"`classes` needs a JSON file, could not read {path}: {error}.") from error
    check_modules("a table in YAML", "yaml", extra="report")
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"`classes` needs a YAML file, could not read {path}: {error}.") from error


def _values(name: object, value: Any) -> tuple[int, ...]:
    entries = value if isinstance(value, (list, tuple)) else [value]
    if not entries or not all(_is_number(v) and int(v) > 0 for v in entries):
        raise ValueError(f"`classes` needs integers > 0 for {name!r}, got {value!r}.")
    return tuple(int(v) for v in entries)


def _is_background(value: Any) -> bool:
    return _is_number(value) and int(value) == 0


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, str) and value.strip().isdigit())
    )


def _is_small(values: AnyArray) -> bool:
    return bool(values.size and values.max() < 65536)
