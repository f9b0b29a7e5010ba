# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_boundary.data import EMSource, split_sections


def sections(depth, volume="v"):
    return [{"image": f"{volume}/{k}.png", "volume": volume, "section": k} for k in range(depth)]


def stack(depth, volume="v"):
    source = f"{volume}.h5::volumes/raw"
    return {"image": source, "label": f"{volume}.h5::ids", "volume": volume, "section": -1, "sections": [0, depth]}


def numbers(items):
    return [item["section"] for item in items]


def covered(items):
    return [k for item in items for k in range(*item["sections"])]


def test_sixteen_and_eight():
    train, val = split_sections(sections(24), n_train=16, n_val=8)
    assert numbers(train) == list(range(16))
    assert numbers(val) == list(range(16, 24))


def test_fewer_than_all_leave_out_the_sections_between():
    train, val = split_sections(sections(24), n_train=10, n_val=4)
    assert numbers(train) == list(range(10))
    assert numbers(val) == [20, 21, 22, 23]


def test_n_val_alone_leaves_the_others_for_training():
    train, val = split_sections(sections(10), n_val=3)
    assert numbers(train) == list(range(7))
    assert numbers(val) == [7, 8, 9]


def test_items_need_not_come_in_order():
    train, val = split_sections(sections(6)[::-1], n_val=2)
    assert numbers(train) == [0, 1, 2, 3]
    assert numbers(val) == [4, 5]


@given(
    depth=st.integers(2, 60),
    folds=st.integers(2, 8),
    seed=st.one_of(st.none(), st.integers(0, 10**6)),
    three_d=st.booleans(),
)
def test_folds_are_blocks_that_partition_the_sections(depth, folds, seed, three_d):
    folds = min(folds, depth)
    data = [stack(depth)] if three_d else sections(depth)
    number = covered if three_d else numbers
    seen = []
    for fold in range(folds):
        train, val = split_sections(data, num_folds=folds, fold=fold, seed=seed)
        block = number(val)
        assert block == list(range(block[0], block[0] + len(block))), "one block of neighbours"
        assert len(block) in (depth // folds, -(-depth // folds))
        assert sorted(number(train) + block) == list(range(depth))
        seen += block
    assert sorted(seen) == list(range(depth))


def test_folds_in_order_without_a_seed_and_shuffled_with_one():
    plain = [numbers(split_sections(sections(24), num_folds=6, fold=k)[1])[0] for k in range(6)]
    assert plain == [0, 4, 8, 12, 16, 20]
    seeded = [numbers(split_sections(sections(24), num_folds=6, fold=k, seed=3)[1])[0] for k in range(6)]
    again = [numbers(split_sections(sections(24), num_folds=6, fold=k, seed=3)[1])[0] for k in range(6)]
    assert sorted(seeded) == plain
    assert seeded == again
    assert seeded != plain


def test_seeded_fixed_split_moves_the_block_and_repeats():
    blocks = {tuple(numbers(split_sections(sections(24), n_train=16, n_val=8, seed=s)[1])) for s in range(12)}
    assert len(blocks) > 3
    for block in blocks:
        assert block == tuple(range(block[0], block[0] + 8))
    one, two = (split_sections(sections(24), n_train=16, n_val=8, seed=5) for _ in range(2))
    assert one == two
    assert not set(numbers(one[0])) & set(numbers(one[1]))


def test_every_volume_is_split_on_its_own():
    data = sections(8, "a") + sections(4, "b")
    train, val = split_sections(data, num_folds=4, fold=1)
    assert [(i["volume"], i["section"]) for i in val] == [("a", 2), ("a", 3), ("b", 1)]
    assert len(train) == 9


def test_gap_keeps_neighbours_apart():
    train, val = split_sections(sections(12), num_folds=3, fold=1, gap=2)
    assert numbers(val) == [4, 5, 6, 7]
    assert numbers(train) == [0, 1, 10, 11]


def test_a_stack_is_cut_into_sub_volumes():
    train, val = split_sections([stack(110)], num_folds=5, fold=2, gap=1)
    assert [i["image"] for i in train] == ["v.h5::volumes/raw@0:43", "v.h5::volumes/raw@67:110"]
    assert [i["label"] for i in train] == ["v.h5::ids@0:43", "v.h5::ids@67:110"]
    assert [i["image"] for i in val] == ["v.h5::volumes/raw@44:66"]
    assert val[0]["sections"] == [44, 66]
    train, val = split_sections([stack(110)], n_train=80, n_val=30)
    assert [str(EMSource.parse(i["image"])) for i in train + val] == [
        "v.h5::volumes/raw@0:80",
        "v.h5::volumes/raw@80:110",
    ]


def test_a_part_can_be_split_again():
    train, _ = split_sections([stack(100)], n_train=80, n_val=20)
    inner, held = split_sections(train, n_train=60, n_val=20)
    assert inner[0]["image"].endswith("@0:60")
    assert held[0]["image"].endswith("@60:80")
    _, tail = split_sections([stack(100)], n_val=40)
    first, second = split_sections(tail, n_val=10)
    assert first[0]["image"].endswith("@60:90")
    assert second[0]["image"].endswith("@90:100")
    assert second[0]["sections"] == [90, 100]


def test_whole_volumes():
    data = [item for name in "abcde" for item in sections(2, name)]
    held = []
    for fold in range(3):
        train, val = split_sections(data, num_folds=3, fold=fold, by="volume", seed=1)
        names = {i["volume"] for i in val}
        assert not names & {i["volume"] for i in train}
        assert len(train) + len(val) == 10
        held += sorted(names)
    assert sorted(held) == list("abcde")


def test_volumes_of_one_subject_stay_together():
    owners = {"a": "r1", "b": "r1", "c": "r2", "d": "r3", "e": "r3"}
    data = [{**item, "subject": owner} for name, owner in owners.items() for item in sections(1, name)]
    held = []
    for fold in range(3):
        train, val = split_sections(data, num_folds=3, fold=fold, by="auto")
        assert not {i["subject"] for i in val} & {i["subject"] for i in train}
        assert len(train) + len(val) == 5
        held.append([i["volume"] for i in val])
    assert held == [["a", "b"], ["c"], ["d", "e"]]
    with pytest.raises(ValueError, match="`num_folds` needs at most 3, the number of subjects, got 4"):
        split_sections(data, num_folds=4, by="auto")


def test_stacks_of_one_subject_stay_together_and_whole():
    data = [
        {**stack(2, name), "subject": owner} for name, owner in (("a", "r1"), ("b", "r2"), ("c", "r2"), ("d", "r3"))
    ]
    train, val = split_sections(data, num_folds=3, fold=1, by="auto")
    assert val == data[1:3], "whole, as they came"
    assert train == [data[0], data[3]]


def test_whole_volumes_are_dealt_where_one_is_too_small_for_blocks():
    deep = [item for name in "ab" for item in sections(3, name)]
    assert [numbers(part) for part in split_sections(deep, num_folds=3, fold=1, by="auto")] == [[0, 2, 0, 2], [1, 1]]
    shallow = [*sections(3, "a"), *sections(1, "b"), *sections(1, "c")]
    assert [i["volume"] for i in split_sections(shallow, num_folds=3, fold=0, by="auto")[1]] == ["a"] * 3
    with pytest.raises(ValueError, match="`num_folds` needs at most 10, the sections of volume 'v', got 12"):
        split_sections(sections(10), num_folds=12, by="auto")
    assert numbers(split_sections(sections(10), n_val=2, by="auto")[1]) == [8, 9]


def test_items_are_not_changed():
    data = [stack(10)]
    split_sections(data, n_val=2)
    assert data == [stack(10)]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({}, "`num_folds` or `n_val` is needed, and not both, got None and None"),
        ({"num_folds": 3, "n_val": 2}, "not both, got 3 and 2"),
        ({"n_train": 3}, "`num_folds` or `n_val`"),
        ({"num_folds": 3, "n_train": 3}, "`n_val` is needed with `n_train`, got n_train=3 alone"),
        ({"num_folds": 1}, "`num_folds` needs an integer >= 2, got 1"),
        ({"num_folds": 3, "fold": 3}, r"`fold` needs 0..2, got 3"),
        ({"num_folds": 12}, "`num_folds` needs at most 10, the sections of volume 'v', got 12"),
        ({"n_train": 6, "n_val": 5}, r"`n_val` needs n_train \+ n_val <= 10, the sections of 'v', got 6 \+ 5"),
        ({"n_val": 10}, "`n_val` needs"),
        ({"n_train": 6, "n_val": 2, "gap": 3}, r"`n_train` needs at most 5 \(volume 'v', gap 3\), got 6"),
        ({"num_folds": 2, "gap": 9}, "`gap` needs to leave training sections in volume 'v', got 9"),
        ({"n_val": 2.5}, "`n_val` needs an integer >= 1, got 2.5"),
        ({"num_folds": 2, "by": "slice"}, "`by` needs one of"),
        ({"num_folds": 2, "by": "volume"}, "`num_folds` needs at most 1, the number of volumes, got 2"),
        ({"n_val": 2, "by": "volume"}, "`num_folds` is needed with by='volume'"),
    ],
)
def test_bad_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        split_sections(sections(10), **kwargs)


def test_bad_datalists():
    with pytest.raises(ValueError, match="`datalist` needs at least one item"):
        split_sections([], n_val=1)
    with pytest.raises(ValueError, match="`datalist` needs one stack per volume, got 2 items of 'v'"):
        split_sections([stack(5), stack(5)], n_val=1)
