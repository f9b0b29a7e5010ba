# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from monai_boundary.commands import copy_bundle, inspect_configuration, pack_bundle


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


@pytest.mark.parametrize("form", ["['{0}','{1}']", '["{0}", "{1}"]', "{0},{1}"])
def test_layers_as_the_command_line_of_monai_has_them(tmp_path: Path, form: str) -> None:
    """A later layer overrides an entry, adds to a list, and brings its own."""
    (tmp_path / "a.yaml").write_text("imports: ['$import os']\nlr: $1 / 8\nnet: {_target_: a.B, size: $2}\n")
    (tmp_path / "b.yaml").write_text("+imports: ['$import sys']\nlr: 0.1\nnet::size: $3\nmore: {_target_: c.D}\n")
    found = inspect_configuration(form.format(tmp_path / "a.yaml", tmp_path / "b.yaml"))
    assert [tuple(entry) for entry in found] == [
        ("imports::0", "import", "import os"),
        ("imports::1", "import", "import sys"),
        ("net", "target", "a.B"),
        ("net::size", "expression", "3"),
        ("more", "target", "c.D"),
    ]


def test_a_bundle_and_its_pack_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = copy_bundle("wmh_mri_boundary", tmp_path / "mine")
    zipped = pack_bundle(bundle, tmp_path / "mine.zip")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    found = inspect_configuration(zipped)
    assert found == inspect_configuration(bundle)
    assert {entry.key.partition(": ")[0] for entry in found} == {
        f"{name}.yaml" for name in ("train", "evaluate", "inference", "multi_gpu_train")
    }
    assert ("train.yaml: train::trainer", "target", "SupervisedTrainer") in found
    network = "torch.nn.parallel.DistributedDataParallel"
    assert ("multi_gpu_train.yaml: network", "target", network) in found
    assert not list(Path.cwd().iterdir()), "nothing is left of what was unpacked"


def test_what_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`file` needs a YAML or JSON file, nothing.yaml does not exist"):
        inspect_configuration("nothing.yaml")
    for content in ("a: [", "- 1\n"):
        (tmp_path / "c.yaml").write_text(content)
        with pytest.raises(ValueError, match=r"`file` needs a configuration"):
            inspect_configuration(tmp_path / "c.yaml")
    with pytest.raises(ValueError, match=r"`file` needs a file or a list of files, got \['a"):
        inspect_configuration("['a'")
    with pytest.raises(ValueError, match=r"`file` needs a configuration or a bundle, .* has no configs"):
        inspect_configuration(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("configs/train.yaml", "a: 1")
    with pytest.raises(ValueError, match="`bundle` needs a zip of `bundle pack`"):
        inspect_configuration(tmp_path / "other.zip")
