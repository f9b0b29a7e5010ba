# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_boundary.data.phantoms.head import HEAD_MM, PhantomHead, partial_volume, phantom_spacing


def test_tissues_share_the_brain(rng: np.random.Generator) -> None:
    head = PhantomHead((40, 40, 24), (4.0, 4.0, 5.0), rng)
    for share in (head.fluid, head.grey, head.white, head.ventricles):
        assert share.shape == head.brain.shape
        assert 0 <= share.min() <= share.max() <= 1
    inside = (head.fluid + head.grey + head.white)[head.brain]
    np.testing.assert_allclose(inside, 1, atol=1e-5)
    assert 0.15 < head.brain.mean() < 0.5
    assert not head.brain[0].any(), "the head ends within the image"
    np.testing.assert_allclose(head.picture(1, 1, 1)[head.brain], 1, atol=1e-5)


def test_the_size_in_mm_does_not_change_the_head() -> None:
    small, large = (PhantomHead((32, 32, 16), (s, s, 2 * s), np.random.default_rng(3)) for s in (2.0, 4.0))
    assert large.scale == pytest.approx(2 * small.scale)
    np.testing.assert_allclose(small.white, large.white, atol=1e-4)


def test_a_scan_is_stripped_noisy_and_of_its_own_range(rng: np.random.Generator) -> None:
    head = PhantomHead((32, 32, 16), (5.0, 5.0, 8.0), rng)
    flat = np.ones((32, 32, 16), dtype=np.float32)
    clean = head.scanned(flat, np.random.default_rng(0), noise=0.0, bias=0.0, blur=0.0)
    noisy = head.scanned(flat, np.random.default_rng(0), noise=0.1, bias=0.0, blur=0.0)
    assert not clean[~head.brain].any()
    assert 300 * 0.8 < clean[head.brain].mean() < 900 * 1.2
    assert noisy[head.brain].std() > 1.5 * clean[head.brain].std()


def test_partial_volume_is_half_on_the_border() -> None:
    np.testing.assert_allclose(partial_volume(np.array([-9.0, 0.0, 9.0]), 1.0), [0, 0.5, 1], atol=1e-6)


def test_spacing() -> None:
    assert phantom_spacing((64, 48, 24), None)[1] == pytest.approx((2.4 * HEAD_MM[1] / 64,) * 2 + (2.25 * 60 / 24,))
    assert phantom_spacing((16, 16, 4), (1, 2, 3)) == ((16, 16, 4), (1.0, 2.0, 3.0))
    for shape in ((16, 16), (8, 16, 4), (16, 16, 3)):
        with pytest.raises(ValueError, match=r"`shape` needs \(x, y, z\) with x, y >= 16 and z >= 4, got"):
            phantom_spacing(shape, None)
    with pytest.raises(ValueError, match="`spacing` needs finite entries > 0"):
        phantom_spacing((16, 16, 4), (1, 0, 3))
