# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from monai_boundary.handlers.pictures.section_panels import cut_and_leaks, draw_case, matched_instances

TRUTH = np.array([[1, 1, 1, 0, 2, 2, 2]] * 5, dtype=np.int32)


def wall(hole: bool) -> np.ndarray:
    probability = np.zeros((5, 7), np.float32)
    probability[:, 3] = 0.9
    if hole:
        probability[:, 3] = 0.0
        probability[:, 5] = 0.9  # the wall stands in the second region instead
    return probability


def test_cut_of_a_whole_wall_has_no_leak() -> None:
    lines, leaks, seeds = cut_and_leaks(wall(hole=False), TRUTH)
    assert not leaks.any()
    assert lines[:, :3].sum() + lines[:, 4:].sum() <= 5, "the lines stand at the wall"
    assert sorted(seeds[seeds > 0].tolist()) == [1, 2]


def test_a_displaced_wall_leaks_into_the_region_in_front_of_it() -> None:
    _, leaks, _ = cut_and_leaks(wall(hole=True), TRUTH)
    assert leaks[:, 4].any()
    assert not leaks[:, :3].any()


def test_no_region_no_lines() -> None:
    lines, leaks, seeds = cut_and_leaks(np.ones((4, 4), np.float32), np.zeros((4, 4), np.int32))
    assert not lines.any()
    assert not leaks.any()
    assert not seeds.any()


def test_a_found_cell_has_the_colour_of_the_region_it_lies_in() -> None:
    """A merged instance has one colour over two regions, and each piece of a split one a shade of the same."""
    regions = np.array([[1, 1, 0, 2, 2, 2, 0, 0]], dtype=np.int32)
    found = np.array([[5, 5, 5, 5, 5, 0, 9, 9]])
    colours = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    (picture,) = matched_instances(found, regions, colours)
    assert (picture[:5] == picture[0]).all()
    assert picture[0, 0] > 0.5, "as much of it in the first region as in the second: the lower id"
    assert picture[0, 1] == picture[0, 2] == 0
    assert not picture[5].any(), "what is scored as membrane is black"
    assert picture[6, 0] == picture[6, 1] == picture[6, 2] > 0, "grey: on true membrane"
    (split,) = matched_instances(np.array([[0, 0, 0, 1, 2, 2, 0, 0]]), regions, colours)
    assert split[3, 1] > 0
    assert split[4, 1] > 0
    assert split[3, 1] != split[4, 1]


def test_the_panels_say_what_they_show_and_the_legend_what_the_colours_mean() -> None:
    found = np.array([[1, 1, 1, 0, 0, 0, 0]] * 5, dtype=np.int32)
    figure = draw_case(wall(hole=False), wall(hole=False), TRUTH, "epoch 1", found)
    titles = [panel.get_title() for panel in figure.axes]
    assert titles[1] == "truth: 2 regions"
    assert titles[3] == "what is scored: 1 instances"
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(entries) == 6
    assert any("leak" in entry for entry in entries)
    without = draw_case(wall(hole=False), wall(hole=False), TRUTH, "epoch 1")
    assert [panel.get_title() for panel in without.axes][3] == "barrier cut from the true seeds"
    assert len(without.legends[0].get_texts()) == 4
