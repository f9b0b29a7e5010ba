# SPDX-License-Identifier: Apache-2.0
"""What every public metric promises: one result by function, class, batch and list; inputs left alone; NaN, never 0."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import re
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor

from monai_boundary import metrics
from monai_boundary.metrics import ItemMetric
from tests.contracts.metric_cases import CASES, PARTS, SHAPES, SPACING, MetricCase

BASES = {"InstanceMetric", "ItemMetric", "MaskMetric", "MillimetreMetric"}
PAIRS = (("blobs", "blobs"), ("moved", "blobs"))
DTYPES = (torch.uint8, torch.int16, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64)
every_case = pytest.mark.parametrize("case", CASES, ids=str)
RUNS = [pytest.param(case, SHAPES[name], id=f"{case}-{name}") for case in CASES for name in case.shapes]
every_run = pytest.mark.parametrize(("case", "shape"), RUNS)


def test_every_metric_has_a_case() -> None:
    exported = {name: getattr(metrics, name) for name in metrics.__all__}
    classes = {n for n, v in exported.items() if inspect.isclass(v) and issubclass(v, ItemMetric)}
    assert classes - BASES == {case.metric.__name__ for case in CASES}
    functions = {name for name in exported if name.startswith("compute_")}
    assert functions == {case.function.__name__ for case in CASES} | PARTS


def rows_of(metric: Any, y_pred: Any, y: Any, **options: Any) -> Tensor:
    metric.reset()
    found: Tensor = metric(y_pred, y, **options)
    return found


@every_run
def test_the_class_accumulates_the_function(case: MetricCase, shape: tuple[int, ...]) -> None:
    """Item by item, and their mean where a score is a mean (counts are added up)."""
    y_pred, y = case.batch(shape, PAIRS)
    metric = case.make(len(shape))
    metric(y_pred, y)
    details, compared = metric.details(), 0
    for item in range(len(y)):
        for name, value in case.compute(y_pred[item], y[item]).items():
            if name in details:
                torch.testing.assert_close(
                    details[name][item].squeeze(), torch.as_tensor(value, dtype=torch.float64).squeeze(), equal_nan=True
                )
                compared += 1
    assert compared >= 2
    aggregated = metric.aggregate()
    assert aggregated.keys() == set(metric.score_names)
    for name in details.keys() & aggregated.keys():
        values = details[name][~details[name].isnan()]
        wanted = values.sum() if name in metric.counted else values.mean()
        torch.testing.assert_close(aggregated[name], wanted, equal_nan=True)


@every_run
def test_batches_lists_and_singles_agree(case: MetricCase, shape: tuple[int, ...]) -> None:
    y_pred, y = case.batch(shape, PAIRS)
    metric = case.make(len(shape))
    wanted = rows_of(metric, y_pred, y)
    assert wanted.dtype == torch.float64
    assert wanted.shape == (len(y), *metric.row_shape)
    torch.testing.assert_close(rows_of(metric, list(y_pred), list(y)), wanted, equal_nan=True)
    singles = [rows_of(metric, p[None], t[None]) for p, t in zip(y_pred, y, strict=True)]
    torch.testing.assert_close(torch.cat(singles), wanted, equal_nan=True)


@every_run
def test_inputs_are_left_alone(case: MetricCase, shape: tuple[int, ...]) -> None:
    given = case.batch(shape, PAIRS)
    before = copy.deepcopy(given)
    metric = case.make(len(shape))
    metric(*given)
    metric.aggregate()
    case.compute(given[0][0], given[1][0])
    for one, other in zip(given, before, strict=True):
        assert torch.equal(one, other)


@every_run
def test_views_and_types(case: MetricCase, shape: tuple[int, ...]) -> None:
    y_pred, y = case.batch(shape, PAIRS)
    metric = case.make(len(shape))
    wanted = rows_of(metric, y_pred, y)
    turned = [x.movedim(2, -1).contiguous().movedim(-1, 2) for x in (y_pred, y)]
    assert not turned[1].is_contiguous()
    torch.testing.assert_close(rows_of(metric, *turned), wanted, equal_nan=True)
    for dtype in DTYPES if case.ids else (torch.bool, *DTYPES):
        prediction = y_pred if case.probability else y_pred.to(dtype)
        torch.testing.assert_close(rows_of(metric, prediction, y.to(dtype)), wanted, equal_nan=True)


@every_run
@pytest.mark.parametrize("kinds", [(p, t) for p in ("empty", "full", "blobs") for t in ("empty", "full", "blobs")])
def test_empty_and_full(case: MetricCase, shape: tuple[int, ...], kinds: tuple[str, str]) -> None:
    """A score is a number or NaN; the mean over items of which none is defined is NaN too."""
    metric = case.make(len(shape))
    rows = rows_of(metric, *case.batch(shape, (kinds,)))
    assert not rows.isinf().any()
    counted = metric.counted
    for name, value in metric.aggregate().items():
        column = metric.details().get(name)
        if column is not None and column.isnan().all() and name not in counted:
            assert math.isnan(value)
    assert metric.count_undefined() in (0, 1)


# of a structure that is missed: overlaps and shares are 0, distances the diagonal at least, errors at least so much
WORST = {
    r"(.*_)?(dice|jaccard|nsd_.*|boundary_f_.*|boundary_iou|trimap_iou_.*|pq|rq)": (0, 0),
    r"(lesion_(recall|f1)|found_lesions|right_lesions|matched)": (0, 0),
    r"(ari|ari_area|ari_best|rand_recall)": (0, 0.01),
    r"(.*_)?(hd|hd95|assd|hausdorff)_mm": ("diagonal", math.inf),
    r"(.*volume_difference_percent)": (100, 100),
    r".*volume_difference_ml|lesion_count_difference|betti_error|betti0_error": (0.1, math.inf),
    r"voi_merge|arand|cremi_score(_area|_best)?": (0.1, math.inf),
    r"(.*_)?missed(_.*)?": (1, math.inf),
}
SAYS_NOTHING = (  # of what was missed: it is undefined, counts something else, or is the other half of an error
    r"(sq|lesion_precision|rand_precision|voi_split|betti[12]_error|.*false.*|.*_threshold|components|true_lesions)"
    r"|predicted_lesions"
)


@every_run
def test_a_missed_structure_looks_good_in_no_score(case: MetricCase, shape: tuple[int, ...]) -> None:
    """And a data set of it alone has no mean that does: beside each stands how many were missed."""
    metric = case.make(len(shape))
    metric(*case.batch(shape, (("empty", "blobs"),) * 2))
    spacing = case.make(len(shape)).spacing if case.spaced and not case.ids else (1.0,) * len(shape)
    diagonal = math.hypot(*(s * n for s, n in zip(spacing, shape, strict=True)))
    scores = {name: abs(float(value)) for name, value in metric.aggregate().items()}
    scores = {name: value for name, value in scores.items() if len(shape) == 3 or not name.endswith("_ml")}
    for name, value in scores.items():
        rules = [limits for pattern, limits in WORST.items() if re.fullmatch(pattern, name)]
        assert len(rules) == (0 if re.fullmatch(SAYS_NOTHING, name) else 1), f"what has {name} to be of a miss?"
        for low, high in rules:
            assert (diagonal - 1e-6 if low == "diagonal" else low) <= value <= high, name
    if not case.ids:
        assert any("missed" in name or name == "found_lesions" for name in scores)


@every_case
def test_they_pickle_with_what_they_hold(case: MetricCase) -> None:
    shape = SHAPES["3-D"]
    metric = case.make(3)
    metric(*case.batch(shape, PAIRS))
    again = pickle.loads(pickle.dumps(metric))
    for name, value in metric.aggregate().items():
        torch.testing.assert_close(again.aggregate()[name], value, equal_nan=True)
    torch.testing.assert_close(
        rows_of(again, *case.batch(shape, PAIRS)), rows_of(metric, *case.batch(shape, PAIRS)), equal_nan=True
    )


@every_run
def test_the_spacing_of_a_meta_tensor(case: MetricCase, shape: tuple[int, ...]) -> None:
    """It is the spacing of a metric that was told none: mm for masks; EM has it in nm, and says so."""
    ndim = len(shape)
    y_pred, y = case.batch(shape, PAIRS)
    wanted = rows_of(case.make(ndim), y_pred, y)
    affine = torch.diag(torch.tensor([*SPACING[ndim], 1.0], dtype=torch.float64))
    truth = [MetaTensor(one, affine=affine, meta={"units": "nm"} if case.ids else {}) for one in y]
    untold = case.metric(**case.options)
    torch.testing.assert_close(rows_of(untold, list(y_pred), truth), wanted, equal_nan=True)
