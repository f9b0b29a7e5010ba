# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from monai_boundary._extras import EXTRA_OF, check_modules, extras_named, missing_module, pip_line
from tests.architecture.source_tree import PUBLIC_ROOMS

if sys.version_info >= (3, 11):
    import tomllib
else:  # pip brings it
    from pip._vendor import tomli as tomllib

# Runs where nothing that an extra brings can be imported, as after a plain `pip install monai-boundary`.
BARE = """
import json, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

hidden, lines, rooms = map(json.loads, sys.argv[1:])
sys.meta_path.insert(0, Hidden())
said = {}
for room in rooms:
    try:
        __import__(f"monai_boundary.{room}")
    except BaseException as error:
        said[room] = f"{type(error).__name__}: {error}"
from monai_boundary.__main__ import main
for line in lines:
    try:
        main(line.split())
        said[line] = 0
    except SystemExit as error:
        said[line] = error.code
print(json.dumps(said))
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not know which package a module is of")
def test_the_table_is_the_metadata(repo: Path) -> None:
    modules: dict[str, set[str]] = {}
    for module, names in importlib.metadata.packages_distributions().items():
        for name in names:
            modules.setdefault(name.lower().replace("_", "-"), set()).add(module)
    found: dict[str, set[str]] = {}
    extras = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra in set(EXTRA_OF.values()):
        for needed in map(Requirement, extras[extra]):
            own = needed.name == "monai-boundary"  # an extra that brings another
            for module in () if own else modules.get(needed.name.lower(), set()) & EXTRA_OF.keys() or {needed.name}:
                found.setdefault(module, set()).add(extra)
    assert found.keys() == EXTRA_OF.keys()
    assert not {module for module, extra in EXTRA_OF.items() if extra not in found[module]}


def test_all_brings_what_the_bundles_need_and_the_tests_bring_all(repo: Path) -> None:
    """Every bundle and command, and MHA by either reader; the tests have it, so that none of them skips."""
    extras = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    def brought(extra: str) -> set[str]:
        needed = [*map(Requirement, extras[extra])]
        own = {name for n in needed if n.name == "monai-boundary" for name in n.extras}
        return {n.name for n in needed if n.name != "monai-boundary"}.union(*map(brought, own))

    for extra in ("bundle", "em", "itk", "mlflow", "report", "volumes"):
        assert brought(extra) <= brought("all"), extra
    assert brought("all") <= brought("test")
    assert "itk" in brought("test")


def test_without_extras(repo: Path, tmp_path: Path) -> None:
    """Every room and command says the pip line, in one line, where it needs what is not there; the others work."""
    train = repo / "bundles" / "em_neuron_boundary" / "configs" / "train.yaml"
    bundle, report = ('pip install "monai-boundary[bundle]"', 'pip install "monai-boundary[report]"')
    page = f"error: the page needs Jinja2, Plotly and Pillow: {report}"
    expected = {
        "handlers": f"ImportError: monai_boundary.handlers needs matplotlib: {bundle}",
        "workflows": f"ImportError: monai_boundary.workflows needs ignite: {bundle}",
        "study": f"ImportError: monai_boundary.study needs matplotlib: {bundle}",
        "volumes": 'ImportError: monai_boundary.volumes needs tqdm: pip install "monai-boundary[volumes]"',
        "bundle list": 0,
        "bundle copy em_neuron_boundary mine": 0,
        "bundle pack mine mine.zip": 0,
        f"bundle inspect {train}": f"error: `bundle inspect` needs yaml: {bundle}",
        "bundle run wmh_mri_boundary": "error: `bundle run wmh_mri_boundary` needs fire, ignite, ",
        "bundle run em_neuron_boundary --tracking=mlflow": "error: `bundle run em_neuron_boundary` needs fire, h5py, ",
        "study s.yaml --output_dir out": f"error: monai_boundary.study needs matplotlib: {bundle}",
        "inspect data --output_dir out": page,
        "evaluate a b --output_dir out": page,
        "evaluate a b --output_dir out --no-page": "error: `folder` needs a folder of segmentations, got ",
        "evaluate a b --output_dir out --no-page --classes c.yaml": f"error: a table in YAML needs yaml: {report}",
    }
    (tmp_path / "c.yaml").write_text("a: 1\n")
    hidden = sorted(EXTRA_OF.keys() - {"PIL", "tifffile"})  # scikit-image brings these
    lines = [line for line in expected if " " in line]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *map(json.dumps, (hidden, lines, PUBLIC_ROOMS))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said.keys() == expected.keys()
    for line, code in expected.items():
        assert said[line] == code if isinstance(code, int) else said[line].startswith(code), (line, said[line])
        assert "\n" not in str(said[line])
    assert said["bundle run wmh_mri_boundary"].endswith(bundle)
    tracked = said["bundle run em_neuron_boundary --tracking=mlflow"]
    assert tracked.endswith('pip install "monai-boundary[bundle,em,mlflow]"')
    assert "Traceback" not in done.stderr


def test_other_errors_stay_as_they_are() -> None:
    check_modules("this", "torch")
    with pytest.raises(ImportError, match=r'^this needs yaml_: pip install "monai-boundary\[report\]"$'):
        check_modules("this", "yaml_", "torch", extra="report")
    with pytest.raises(ModuleNotFoundError, match="nothing_of_ours"), extras_named("this"):
        import nothing_of_ours  # noqa: F401
    assert missing_module(ImportError("cannot import name 'x' from 'yaml'", name="yaml")) is None, "it is there"
    assert missing_module(ValueError("No module named 'gudhi'")) is None
    assert pip_line() == 'pip install "monai-boundary"'
