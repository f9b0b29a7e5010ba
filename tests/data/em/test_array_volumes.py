# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import h5py
import numpy as np
import pytest

from monai_boundary.data import em_datalist

IDS = np.kron(np.arange(6).reshape(1, 2, 3), np.ones((2, 4, 4))).astype(np.uint32)
RAW = (IDS * 7 % 256).astype(np.uint8)


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values


def test_two_arrays_that_could_be_the_labels_are_listed(tmp_path):
    write(tmp_path / "a.h5", raw=RAW, labels=IDS, gt=IDS)
    with pytest.raises(ValueError, match=r"`label_dataset` needs a name \(--label_dataset labels\).*: labels, gt\."):
        em_datalist(tmp_path)
    (item,) = em_datalist(tmp_path, mode="volume", label_dataset="/gt")
    assert item["label"] == f"{tmp_path / 'a.h5'}::gt"
    (item,) = em_datalist(tmp_path, mode="volume", label_kind=None)
    assert sorted(item) == ["image", "section", "sections", "spacing", "volume"], "labels are not looked at"


def test_a_second_name_of_the_labels_is_no_second_label(tmp_path):
    write(tmp_path / "a.h5", raw=RAW, labels=IDS)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["gt"] = h5py.SoftLink("/labels")
    (item,) = em_datalist(tmp_path, mode="volume")
    assert item["label"].endswith("::labels")


def test_the_image_is_what_is_left(tmp_path):
    write(tmp_path / "a.h5", mine=RAW, labels=IDS, table=np.arange(3))
    (item,) = em_datalist(tmp_path, mode="volume")
    assert item["image"].endswith("::mine")


def test_an_image_without_a_known_label_says_what_the_file_holds(tmp_path):
    write(tmp_path / "a.h5", raw=RAW, membranes=IDS)
    with pytest.raises(ValueError, match=r"a\.h5 holds membranes, raw \(--label_dataset\)"):
        em_datalist(tmp_path)
    assert em_datalist(tmp_path, mode="volume", label_dataset="membranes")[0]["label"].endswith("::membranes")


def test_a_linked_file_is_taken_once(tmp_path, caplog):
    write(tmp_path / "a.h5", raw=RAW, labels=IDS)
    (tmp_path / "b.h5").symlink_to(tmp_path / "a.h5")
    assert len(em_datalist(tmp_path, mode="volume")) == 1
    assert "b.h5: it is another name of" in caplog.text
