# SPDX-License-Identifier: Apache-2.0
"""What the dictionary transforms share: how new keys are called and checked, and one array transform key by key."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

__all__ = ["KeyByKey", "added_keys", "one_for_each"]


def one_for_each(name: str, given: KeysCollection, keys: Sequence[Hashable]) -> tuple[Hashable, ...]:
    """Return ``given`` as a tuple of one name for each key, all different: two results under one name lose the first.

    Raises:
        ValueError: if there are more or fewer than keys, or two are the same; ``name`` is the argument it names.
    """
    found = ensure_tuple(given)
    if len(found) != len(keys) or len(set(found)) != len(keys):
        raise ValueError(f"`{name}` needs one for each of {tuple(keys)}, all different, got {found}.")
    return found


def added_keys(prefix: str, output_keys: KeysCollection | None, keys: Sequence[Hashable]) -> tuple[Hashable, ...]:
    """Return where the targets of ``keys`` go: ``output_keys``, or ``{prefix}_{key}`` if they are None.

    The target's own name comes first, since MONAI's ``Spacingd("label")`` takes every key that begins with ``label_``
    for meta data.

    Raises:
        ValueError: if the keys are not one for each, all different.
    """
    return one_for_each("output_keys", [f"{prefix}_{k}" for k in keys] if output_keys is None else output_keys, keys)


class KeyByKey(MapTransform):
    """A dictionary transform that gives each key to one array transform.

    Args:
        keys: what is transformed.
        transform: the array transform.
        output_keys: where the results go, one for each key; by default in the place of what was transformed.
        allow_missing_keys: do not raise for keys that the data lacks.

    Raises:
        ValueError: if the output keys are not one for each key, all different.
    """

    def __init__(
        self,
        keys: KeysCollection,
        transform: Callable[[Any], Any],
        output_keys: KeysCollection | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = self.keys if output_keys is None else one_for_each("output_keys", output_keys, self.keys)
        self.transform = transform

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Return a copy of the data with the results of the transform."""
        d = dict(data)
        for key, output_key in self.key_iterator(d, self.output_keys):
            d[output_key] = self.transform(d[key])
        return d
