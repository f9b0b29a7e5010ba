# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.data import split_patients


def patients(count, scans=2):
    return [{"patient": f"p{k}", "site": "AAB"[k % 3], "scan": s} for k in range(count) for s in range(scans)]


def names(items):
    return {item["patient"] for item in items}


@given(st.integers(2, 12), st.integers(2, 5), st.integers(0, 3), st.booleans())
def test_patients_are_in_one_fold_each(count, folds, seed, stratified):
    folds = min(folds, count)
    seen = []
    for fold in range(folds):
        options = {"stratify": "site"} if stratified else {}
        train, val = split_patients(patients(count), num_folds=folds, fold=fold, seed=seed, **options)
        assert names(train).isdisjoint(names(val))
        assert len(train) + len(val) == 2 * count
        assert len(names(val)) in (count // folds, count // folds + 1)
        seen += names(val)
    assert sorted(seen) == sorted(names(patients(count)))


@given(st.integers(2, 12), st.data())
def test_a_number_of_patients_for_validation(count, data):
    n_val = data.draw(st.integers(1, count - 1))
    train, val = split_patients(patients(count), n_val=n_val, stratify="site")
    assert len(names(val)) == n_val
    assert names(train).isdisjoint(names(val))


def test_patients_are_chosen_by_the_seed_and_their_names_alone():
    items = patients(9)
    _, first = split_patients(items, n_val=3, seed=1)
    _, again = split_patients(items[::-1], n_val=3, seed=1)
    assert names(first) == names(again)
    assert [item["scan"] for item in first][:2] == [0, 1], "the items keep their order"
    assert len({frozenset(names(split_patients(items, n_val=3, seed=seed)[1])) for seed in range(8)}) > 2


def test_sites_are_spread():
    for fold in range(3):
        _, val = split_patients(patients(9, scans=1), num_folds=3, fold=fold, stratify="site")
        assert sorted(item["site"] for item in val) == ["A", "A", "B"]
    _, val = split_patients(patients(9, scans=1), n_val=3, stratify="site")
    assert sorted(item["site"] for item in val) == ["A", "A", "B"]


def test_a_patient_of_two_sites_stays_together():
    """Time points of p0 lie in two folders: by the option it is on one side, in every fold."""
    items = [*patients(6, scans=1), {"patient": "p0", "site": "B", "scan": 1}]
    with pytest.raises(ValueError, match="`stratify` needs one 'site' per patient, got 'A' and 'B' for 'p0'"):
        split_patients(items, num_folds=3, stratify="site")
    held = []
    for fold in range(3):
        train, val = split_patients(items, num_folds=3, fold=fold, stratify="site", several_strata="join")
        assert names(train).isdisjoint(names(val))
        assert len(train) + len(val) == 7
        held += sorted(names(val))
    assert sorted(held) == sorted(names(items))
    plain = split_patients(patients(6), num_folds=3, stratify="site")
    assert split_patients(patients(6), num_folds=3, stratify="site", several_strata="join") == plain
    with pytest.raises(ValueError, match="`several_strata` needs one of 'refuse', 'join', got 'both'"):
        split_patients(items, num_folds=3, several_strata="both")


def test_by_another_key():
    items = [{"case": f"c{k}", "patient": "same"} for k in range(4)]
    assert len(split_patients(items, n_val=1, by="case")[1]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`num_folds` or `n_val` is needed, and not both, got None and None"),
        ({"num_folds": 2, "n_val": 1}, "`num_folds` or `n_val` is needed, and not both, got 2 and 1"),
        ({"num_folds": 4}, "`num_folds` needs 2..3, the number of patients, got 4"),
        ({"num_folds": 3, "fold": 3}, r"`fold` needs 0..2, got 3"),
        ({"n_val": 3}, "`n_val` needs 1..2 of 3 patients, got 3"),
        ({"n_val": 0}, "`n_val` needs 1..2 of 3 patients, got 0"),
        ({"n_val": 1, "by": "subject"}, r"`datalist` needs the key 'subject' in every item, got one with \['patient'"),
        ({"n_val": 1, "stratify": "scan"}, "`stratify` needs one 'scan' per patient, got '0' and '1' for 'p0'"),
    ],
)
def test_bad_patient_splits(options, message):
    with pytest.raises(ValueError, match=message):
        split_patients(patients(3), **options)
