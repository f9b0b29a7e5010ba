# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_boundary.commands import inspect_configuration


def test_everything_that_would_run_is_listed_and_nothing_is(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(
        "imports: ['$import os']\n"
        "name: plain\n"
        "made: $open('made', 'w')\n"
        "part: {_target_: torch.nn.ReLU, inplace: true, sizes: [1, '$1 + 1']}\n"
    )
    found = [tuple(entry) for entry in inspect_configuration(file)]
    assert found == [
        ("imports::0", "import", "import os"),
        ("made", "expression", "open('made', 'w')"),
        ("part", "target", "torch.nn.ReLU"),
        ("part::sizes::1", "expression", "1 + 1"),
    ]
    assert not Path("made").exists()
    (tmp_path / "more.json").write_text('{"made": 3}')
    assert ("made", "expression", "open('made', 'w')") not in inspect_configuration([file, tmp_path / "more.json"])


def test_what_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`file` needs a YAML or JSON file, nothing.yaml does not exist"):
        inspect_configuration("nothing.yaml")
    for content in ("a: [", "- 1\n"):
        (tmp_path / "c.yaml").write_text(content)
        with pytest.raises(ValueError, match=r"`file` needs a configuration"):
            inspect_configuration(tmp_path / "c.yaml")
