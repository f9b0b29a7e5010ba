# SPDX-License-Identifier: Apache-2.0
"""From white-matter lesions on disk to a MONAI datalist: the layout of the WMH 2017 challenge, and flat folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_boundary.data.folder_tree import FolderTree, folder_tree
from monai_boundary.data.volumes.lesion_cases import LesionCase, image_files, joined_names, lesion_items, lesion_root

__all__ = ["wmh_datalist"]

LABEL_NAMES = ("wmh", "lesion", "lesions", "mask", "seg", "consensus_gt")
# the challenge's label: 1 = lesion, 2 = other pathology, which its evaluation does not look at
OTHER_PATHOLOGY = 2


def wmh_datalist(
    dataset_dir: str | Path,
    *,
    modalities: Sequence[str] = ("flair", "t1"),
    label_name: str | None = None,
    ignore_labels: Sequence[int] | None = None,
    require_labels: bool = True,
) -> list[dict[str, Any]]:
    """Return an item for each patient, for ``LoadImaged`` with a key per modality.

    Recognised below ``dataset_dir``, at any depth and mixed:

    - a patient's folder as in WMH 2017: ``Utrecht/0/pre/FLAIR.nii.gz``, ``Utrecht/0/pre/T1.nii.gz``,
      ``Utrecht/0/wmh.nii.gz`` (the unprocessed images in ``orig/`` are not looked at);
    - a flat one: ``patient07/FLAIR.nii.gz``, ``patient07/T1.nii.gz``, ``patient07/lesion.nii.gz``.

    A folder is a patient's if it has ``pre/``, a label, a FLAIR or an image of ``modalities``; other folders with
    images are named in a warning. Folders that are links are entered. The log says how many patients were found, and in
    which folders.

    Names count without case; ``.nii``, ``.mha`` and ``.nrrd`` do too. Each modality has a key of its own, because the
    files of one patient may differ in orientation and grid: a list of files under one key would be stacked voxel by
    voxel, whatever their headers say. Bring them together with ``ResampleToMatchd`` or ``Orientationd``, then
    ``ConcatItemsd``.

    Args:
        dataset_dir: folder of the data set, of a site, or of one patient.
        modalities: ``("flair", "t1")``, ``("flair",)``, or names of other files in the same folder.
        label_name: name of the label's file without suffix; None looks for ``wmh``, then ``lesion`` and such.
        ignore_labels: ids of the label that are no lesion and no background either. None: 2 (other pathology) in a
            ``wmh`` file, else none.
        require_labels: whether a patient without a label is an error.

    Returns:
        Items in natural order, each with a path under the name of each modality and under ``label``; ``case`` and
        ``patient`` (its folder below ``dataset_dir``, joined by ``-``, or by another mark where two would share a name:
        see ``joined_names`` of ``data.lesion_cases``), ``site`` (the folder above it, or ``""``), and
        ``ignore_labels``, a list of ids.

    Raises:
        ValueError: if no patient is found, or one lacks a modality or the label: both are named.

    Example:
        >>> import tempfile
        >>> from monai_boundary.data import write_lesion_phantom
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_lesion_phantom(folder, patients=1, shape=(32, 32, 8))
        >>> (item,) = wmh_datalist(folder, modalities=("flair",))
        >>> sorted(item), item["patient"], item["ignore_labels"]
        (['case', 'flair', 'ignore_labels', 'label', 'patient', 'site'], 'SiteA-0', [2])
    """
    root = lesion_root(dataset_dir)
    names = LABEL_NAMES if label_name is None else (label_name.lower(),)
    wanted = {"flair", *([modalities.lower()] if isinstance(modalities, str) else (m.lower() for m in modalities))}
    tree = folder_tree(root)
    cases = _cases(tree, names, wanted, ignore_labels)
    if not cases:
        there = sorted({stem for folder in tree.folders for stem in image_files(folder)})
        raise ValueError(
            "`dataset_dir` needs folders of patients with pre/FLAIR.nii.gz (WMH 2017), or an image of "
            f"`modalities` ({', '.join(sorted(wanted))}) or a label ({', '.join(names)}), got none below {root} "
            f"(images there: {', '.join(there[:10]) or 'none'})."
        )
    return lesion_items(cases, modalities, require_labels, root, tree.skipped)


def _cases(
    tree: FolderTree, names: Sequence[str], wanted: set[str], ignore_labels: Sequence[int] | None
) -> list[LesionCase]:
    """Return the cases of a tree, under names of their own; folders with other images are added to what was skipped."""
    cases: list[LesionCase] = []
    for folder in tree.folders:
        inside = folder.relative_to(tree.root).parts
        if inside and inside[-1].lower() in ("pre", "orig"):
            continue
        case = _case(folder, names, wanted, ignore_labels)
        if case is not None:
            case.notes = {"site": "/".join(inside[:-1]), **case.notes}
            cases.append(case)
        else:
            tree.skipped += [
                f"{path} (no image or label of a patient)" for f in image_files(folder).values() for path in f
            ]
    parts = [case.folder.relative_to(tree.root).parts or (tree.root.resolve().name,) for case in cases]
    for case, name in zip(cases, joined_names(parts), strict=True):
        case.name = name
    return cases


def _case(
    folder: Path, names: Sequence[str], wanted: set[str], ignore_labels: Sequence[int] | None
) -> LesionCase | None:
    """Return the case of a patient's folder, or None for any other folder."""
    here = image_files(folder)
    label = next((name for name in names if name in here), None)
    challenge = (folder / "pre").is_dir()
    images = image_files(folder / "pre") if challenge else {n: files for n, files in here.items() if n not in names}
    if not challenge and label is None and not wanted & set(images):
        return None
    default = (OTHER_PATHOLOGY,) if label == "wmh" else ()
    ignored = [int(i) for i in (default if ignore_labels is None else ignore_labels)]
    return LesionCase(
        folder.name, folder, images=images, labels=here.get(label or "", []), notes={"ignore_labels": ignored}
    )
