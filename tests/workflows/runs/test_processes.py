# SPDX-License-Identifier: Apache-2.0
"""What processes of one training make once, send to each other, and validate."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Transform

from monai_boundary.workflows import LoadedDataset
from monai_boundary.workflows.runs.processes import CaseShare, made_on_node, made_together, once_per_node
from monai_boundary.workflows.volumes.dataset import volume_dataset
from tests.gloo import in_two_processes


def test_the_first_process_of_a_machine_makes_and_all_have_it(tmp_path: Path) -> None:
    def make() -> int:
        (tmp_path / f"made by {os.environ['RANK']}").touch()
        return 7

    assert in_two_processes(lambda _: once_per_node(make), tmp_path / "two") == [7, 7]
    assert [path.name for path in tmp_path.glob("made*")] == ["made by 0"]


def test_each_machine_makes_its_own(tmp_path: Path) -> None:
    def on_another_machine(rank: int) -> str:
        os.environ |= {"GROUP_RANK": str(rank), "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        return once_per_node(lambda: f"made on {rank}")

    assert in_two_processes(on_another_machine, tmp_path) == ["made on 0", "made on 1"]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_of_one_ends_all(tmp_path: Path, failing: int) -> None:
    """The other says where it happened and what, and does not wait for ever."""

    def read(number: int) -> int:
        if number == failing:
            raise RuntimeError("Failed to instantiate x") from ValueError(f"`image` needs a file, got {number}.")
        return number

    found = in_two_processes(lambda _: made_together(read, [0, 1]), tmp_path)
    assert str(found[failing]) == "Failed to instantiate x"
    assert str(found[1 - failing]) == f"process {failing} of 2 failed: `image` needs a file, got {failing}."


def test_numbers_of_a_machine_are_shared(tmp_path: Path) -> None:
    def make(number: int) -> None:
        (tmp_path / f"{number} by {os.environ['RANK']}").touch()

    def seen(_: int) -> list[str]:
        made_on_node(make, 3)
        return sorted(path.name for path in tmp_path.glob("* by *"))

    assert in_two_processes(seen, tmp_path / "two") == [["0 by 0", "1 by 1", "2 by 0"]] * 2, "all is there afterwards"


class Read(Transform):
    """Leaves a file that says which process read which case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, item: dict[str, int]) -> dict[str, torch.Tensor]:
        (self.folder / f"case {item['case']} by {os.environ['RANK']}").touch()
        return {"map": MetaTensor(torch.full((1, 2), float(item["case"])), meta={"case": item["case"]})}


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_maps_are_computed_once(tmp_path: Path, cache: str) -> None:
    """Five cases, uneven over two processes: each is read by one, and both have all."""

    def items(_: int) -> list[list[float]]:
        cases = [{"case": case} for case in range(5)]
        dataset = volume_dataset(cases, Compose([Read(tmp_path)]), cache, tmp_path / "cache")
        return [dataset[k]["map"].flatten().tolist() for k in range(5)]

    assert in_two_processes(items, tmp_path / "two") == [[[float(case)] * 2 for case in range(5)]] * 2
    assert sorted(path.name for path in tmp_path.glob("case *")) == [f"case {k} by {k % 2}" for k in range(5)]


def test_what_is_known_of_an_image_is_sent_with_it(tmp_path: Path) -> None:
    def items(_: int) -> list[object]:
        dataset = LoadedDataset([{"case": 4}, {"case": 5}], Compose([Read(tmp_path)]), progress=False)
        return [dataset[k]["map"].meta["case"] for k in range(2)]

    assert in_two_processes(items, tmp_path / "two") == [[4, 5]] * 2


def test_what_is_not_kept_is_read_by_each(tmp_path: Path) -> None:
    def items(_: int) -> list[float]:
        cases = [{"case": case} for case in range(3)]
        dataset = LoadedDataset(cases, Compose([Read(tmp_path)]), cache_num=2, progress=False)
        return [float(dataset[k]["map"][0, 0]) for k in range(3)]

    assert in_two_processes(items, tmp_path / "two") == [[0, 1, 2]] * 2
    read = sorted(path.name for path in tmp_path.glob("case *"))
    assert read == ["case 0 by 0", "case 1 by 1", "case 2 by 0", "case 2 by 1"]


@pytest.mark.parametrize("cases", range(6))
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_case_is_validated(cases: int, processes: int) -> None:
    """By one process; of too few, the last processes repeat one, and that many rows are left out."""
    shares = [CaseShare(range(cases), rank, processes) for rank in range(processes)]
    taken = [index for share in shares for index in share]
    repeated = shares[0].repeated
    assert sorted(taken[: len(taken) - repeated]) == list(range(cases))
    assert [len(list(share)) for share in shares] == [len(share) for share in shares]
    assert all(len(share) for share in shares) or cases == 0
    assert repeated == (max(0, processes - cases) if cases else 0)
