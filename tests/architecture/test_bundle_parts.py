# SPDX-License-Identifier: Apache-2.0
"""The bundles' YAML is what ``bundles/make_configs.py`` makes of ``bundles/parts``, and shows no trace of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jinja2 import UndefinedError

from bundles.make_configs import BUNDLES, differing, made_configs, main
from tests.architecture.source_tree import relative

MADE = made_configs()
STEPS = ("train", "evaluate", "inference", "multi_gpu_train")


def test_committed_files_are_what_the_parts_make() -> None:
    different = [relative(path) for path in differing(MADE)]
    assert not different, f"change bundles/parts, run `python bundles/make_configs.py`: {', '.join(different)} differ"


def test_every_bundle_is_made() -> None:
    folders = [folder.parent for folder in BUNDLES.glob("*/configs/metadata.json")]
    missing = [
        relative(folder / f"{step}.yaml") for folder in folders for step in STEPS if folder / f"{step}.yaml" not in MADE
    ]
    assert len(folders) >= 4
    missing += [relative(test) for test in (BUNDLES / "unit_tests").glob("*.py") if test not in MADE]
    assert not missing, f"bundles/parts has nothing for {', '.join(missing)}"


@pytest.mark.parametrize("path", [path for path in MADE if path.suffix == ".yaml"], ids=relative)
def test_made_file_stands_alone(path: Path) -> None:
    text = MADE[path]
    assert not re.search(r"#%|%#|<<|>>|#<|parts/", text)
    assert not text.startswith("\n")
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert isinstance(yaml.safe_load(text), dict)
    keys = re.findall(r"^([+\w:]+):", text, re.MULTILINE)
    assert len(keys) == len(set(keys)), "a key stands twice, and YAML takes the last"


def parts(root: Path, **files: str) -> tuple[Path, Path]:
    """Write parts and an empty bundle ``liver``; return both folders."""
    (root / "bundles" / "liver" / "configs").mkdir(parents=True)
    for name, text in files.items():
        path = root / "parts" / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "parts", root / "bundles"


def test_drawn_parts(tmp_path: Path) -> None:
    shared = "#< a remark >#\n# Of <<bundle>>.\n\na: 1\n#% block b %#\nb: 2\n#% endblock %#\n\nc: <<c>>   # kept\n"
    filled = "#% block b %#\nb: 3\n#% include 'liver/_d.yaml' %#\n#% endblock %#\n"
    source = f"#% extends 'train.yaml' %#\n#% set c = 4 %#\n\n{filled}"
    folders = parts(tmp_path, train=shared, liver__train=source, liver___d="d: 5\n", spleen__train="not: made\n")
    made = made_configs(*folders)
    target = tmp_path / "bundles" / "liver" / "configs" / "train.yaml"
    assert made == {target: "# Of liver.\n\na: 1\nb: 3\nd: 5\n\nc: 4   # kept\n"}
    assert differing(made) == [target]
    target.write_text(made[target], encoding="utf-8")
    assert differing(made) == []


def test_a_name_that_nothing_defines_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="'classes' is undefined"):
        made_configs(*parts(tmp_path, liver__train="a: <<classes>>\n"))


def test_check_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = BUNDLES / "liver" / "configs" / "train.yaml"
    monkeypatch.setattr("bundles.make_configs.made_configs", lambda: {path: "a: 1\n"})
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == "differs: liver/configs/train.yaml\n"
    assert not path.exists()
