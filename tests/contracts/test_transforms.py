# SPDX-License-Identifier: Apache-2.0
"""What every public transform promises: types, shapes, inputs left alone, meta data, and one result in both forms."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform
from torch import Tensor

from monai_boundary import transforms
from tests.contracts.transform_cases import CASES, MASKS, ONLY_DICTIONARY, TransformCase, mask_of

DTYPES = (torch.bool, torch.uint8, torch.int16, torch.int64, torch.float16, torch.bfloat16, torch.float64)
RUNS = [pytest.param(case, shape, id=f"{case}-{len(shape)}-D") for case in CASES for shape in case.shapes]
every_run = pytest.mark.parametrize(("case", "shape"), RUNS)


def test_every_transform_has_a_case() -> None:
    exported = {name: getattr(transforms, name) for name in transforms.__all__}
    forms = {name for name, value in exported.items() if value.__name__ == name}
    maps = {name for name in forms if issubclass(exported[name], MapTransform)}
    assert forms - maps == {case.name for case in CASES}
    assert maps == {f"{case.name}d" for case in CASES} | ONLY_DICTIONARY


def given_of(case: TransformCase, shape: tuple[int, ...], kind: str = "walls") -> dict[str, Tensor]:
    torch.manual_seed(0)
    return case.given(mask_of(kind, shape))


def assert_same(found: list[Tensor], wanted: list[Tensor]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.as_tensor(one).as_subclass(Tensor), torch.as_tensor(other).as_subclass(Tensor))


@every_run
@pytest.mark.parametrize("kind", MASKS)
def test_type_and_shape_are_stated(case: TransformCase, shape: tuple[int, ...], kind: str) -> None:
    """Also of a label that is empty or full. (A label without any object has no slices around it.)"""
    if case.name == "SlicesAround" and kind == "empty":
        pytest.skip("there is nothing to slice around, which is an error")
    given = given_of(case, shape, kind)
    made = case.run(given)
    size = shape[:2] if case.name == "SlicesAround" else shape
    assert len(made) >= len(case.made)
    for one in made:
        assert type(one) is Tensor
        assert one.dtype == (case.dtype or next(iter(given.values())).dtype)
        assert one.shape == (case.channels(len(shape)), *size)
        assert torch.isfinite(one).all()


@every_run
def test_inputs_are_left_alone(case: TransformCase, shape: tuple[int, ...]) -> None:
    given = given_of(case, shape)
    before = copy.deepcopy(given)
    for one in case.run(given):
        one.zero_()  # nor does the result share their memory
    assert_same(list(given.values()), list(before.values()))
    for one in case.run_dictionary(given):
        one.zero_()
    assert given.keys() == before.keys()
    assert_same(list(given.values()), list(before.values()))


@every_run
def test_both_forms_give_the_same(case: TransformCase, shape: tuple[int, ...]) -> None:
    given = given_of(case, shape)
    assert_same(case.run_dictionary(given), case.run(given))


@every_run
def test_they_pickle_and_repeat(case: TransformCase, shape: tuple[int, ...]) -> None:
    given = given_of(case, shape)
    wanted = case.run(given)
    again = pickle.loads(pickle.dumps(case.array()))(*given.values())
    made = [again] if isinstance(again, Tensor) else [one for one in again if one is not None]
    assert_same(made, wanted)
    pickle.loads(pickle.dumps(case.dictionary(given)))


@every_run
def test_arrays_and_views(case: TransformCase, shape: tuple[int, ...]) -> None:
    given = given_of(case, shape)
    wanted = case.run(given)
    assert_same(case.run({key: value.numpy() for key, value in given.items()}), wanted)  # type: ignore[misc]
    turned = {key: value.movedim(1, -1).contiguous().movedim(-1, 1) for key, value in given.items()}
    assert not all(value.is_contiguous() for value in turned.values())
    assert_same(case.run(turned), wanted)
    flipped = {key: value.flip(-1).numpy()[..., ::-1] for key, value in given.items()}  # negative strides
    assert_same(case.run(flipped), wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(("case", "shape"), [run for run in RUNS if run.values[0].discrete])  # type: ignore[union-attr]
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_labels_of_any_type(case: TransformCase, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    given = given_of(case, shape)
    if dtype == torch.bool and any(value.max() > 1 for value in given.values()):
        pytest.skip("there are more values than two")
    assert_same(case.run({key: value.to(dtype) for key, value in given.items()}), case.run(given))


@every_run
def test_meta_data_are_kept(case: TransformCase, shape: tuple[int, ...]) -> None:
    affine = torch.diag(torch.tensor([*[2.0, 3.0, 4.0][: len(shape)], 1.0], dtype=torch.float64))
    affine[0, -1] = 7.0
    meta = {"filename_or_obj": "case.nii.gz"}
    given = {k: MetaTensor(v, affine=affine, meta=dict(meta)) for k, v in given_of(case, shape).items()}
    for one in [*case.run(given), *case.run_dictionary(given)]:
        assert isinstance(one, MetaTensor)
        assert one.meta["filename_or_obj"] == "case.nii.gz"
        if case.name == "SlicesAround":  # the affine of a slice has a test of its own
            continue
        torch.testing.assert_close(torch.as_tensor(one.affine).double(), affine)
        assert all(one.meta is not source.meta for source in given.values())
