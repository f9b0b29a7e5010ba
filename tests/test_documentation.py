# SPDX-License-Identifier: Apache-2.0
"""Commands of the pages are read by the parsers that would read them, YAML by MONAI's; none is run here."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import monai.bundle.scripts
import pytest
from fire.parser import DefaultParseValue
from monai.bundle import ConfigParser
from monai.utils import optional_import
from packaging.requirements import Requirement

from monai_boundary.__main__ import COMMANDS as CLI
from monai_boundary._bundle_folders import bundle_names
from monai_boundary.commands import bundle_command, doctor_command
from monai_boundary.inspection import inspect_command
from monai_boundary.report import evaluate_command
from monai_boundary.study.plan import read_study
from monai_boundary.volumes import volume_command
from monai_boundary.workflows.options.command_line import read_options
from tests.architecture.public_api import exported
from tests.architecture.source_tree import PUBLIC_ROOMS
from tests.page_blocks import blocks

if sys.version_info >= (3, 11):
    import tomllib
else:  # pip brings it
    from pip._vendor import tomli as tomllib

REPO = Path(__file__).resolve().parents[1]
PAGES = [
    page
    for page in [REPO / "README.md", *(REPO / "docs").rglob("*.md"), *(REPO / "bundles").glob("*/docs/README.md")]
    if "_build" not in page.parts
]
STUDY = {"output_dir", "workers", "arms", "seeds", "folds", "tracking_uri", "experiment"}  # the command's own options


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _commands() -> Iterator[tuple[Path, str]]:
    for page in sorted(PAGES):
        for block in (block for name in ("shell", "bash", "sh", "console") for block in _blocks(page, name)):
            for line in block.replace("\\\n", " ").splitlines():
                yield from ((page, part.strip()) for part in line.split(" && ") if part.strip(" #"))


COMMANDS = sorted(set(_commands()))


def check_command(line: str, page: Path) -> None:
    """Raise for a command that a reader of the page could not run."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # of the environment
        words = words[1:]
    if words[:1] == ["torchrun"]:
        start = words.index("-m")
        words = ["python", *words[start:]]
    if words[:4] == ["python", "-m", "monai.bundle", "run"]:
        _check_run(words[4:], page)
    elif words[:3] == ["python", "-m", "monai.bundle"]:
        assert callable(getattr(monai.bundle.scripts, words[3], None)), f"MONAI's bundle has no {words[3]}"
    elif words[:3] == ["python", "-m", "monai_boundary"]:
        _check_own(words[3:], page)
    elif words[:1] == ["monai-boundary"]:
        _check_own(words[1:], page)
    elif words[:2] == ["pip", "install"]:
        _check_install(words[2:])
    elif words[:2] == ["python", "-m"]:
        assert words[2] in ("pytest", "sphinx", "build") or (REPO / f"{words[2].replace('.', '/')}.py").is_file(), line
    elif words[:1] == ["python"]:
        assert (REPO / words[1]).is_file(), line
    elif words:
        assert words[0] in (
            "cp",
            "mkdir",
            "python3",
            ".",
            "cd",
            "git",
            "ruff",
            "mypy",
            "lint-imports",
            "mlflow",
            "export",
            "nnUNetv2_train",
            ".ci/run",
        ), line


def _options(words: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        assert word.startswith("--"), f"{word!r} follows no option"
        name, sign, value = word[2:].partition("=")
        given[name] = DefaultParseValue(value if sign else next(rest))
    return given


def _check_run(words: list[str], page: Path) -> None:
    given = _options(words)
    files = given.pop("config_file")
    places = [files] if isinstance(files, str) else list(files)
    roots = (REPO, page.parents[1])  # a bundle's own page is read in the bundle's folder
    found = [next((root / place for root in roots if (root / place).is_file()), None) for place in places]
    assert found[0] is not None, f"there is no {places[0]}"
    bundles = [place for place, file in zip(places, found, strict=True) if file is None and "/configs/" in place]
    assert not bundles, f"there is no {bundles}"  # other layers are the reader's own
    read_options(given, tuple(str(file) for file in found if file is not None))


def _check_own(words: list[str], page: Path) -> None:
    name, *rest = words
    assert name in CLI, f"{name} is no command"
    if name == "evaluate":
        evaluate_command._parser().parse_intermixed_args(rest)
    elif name == "inspect":
        inspect_command._parser().parse_args(rest)
    elif name == "volume":
        volume_command._parser().parse_args(rest)
    elif name == "doctor":
        assert set(rest) <= {"--json"}, doctor_command.__doc__
    elif name == "study":
        _check_study(rest)
    elif rest[0] == "run":
        first = next((k for k, word in enumerate(rest) if word.startswith("--")), len(rest))
        given = bundle_command._parser().parse_args(rest[:first])
        if given.name in bundle_names():
            config = REPO / "bundles" / given.name / "configs" / f"{given.config}.yaml"
            _check_run(["--config_file", str(config), *rest[first:]], page)
    else:
        bundle_command._parser().parse_args(rest)


def _check_study(words: list[str]) -> None:
    first, given = words[0], _options(words[1:])
    assert "output_dir" in given
    if first != "table":
        file = next((file for file in (REPO / first, REPO / "tests" / "benchmarks" / first) if file.is_file()), None)
        assert file is not None, f"there is no {first}"
        plan = read_study(file, **{name: value for name, value in given.items() if name not in STUDY})
        plan.restricted(given.get("arms"), given.get("seeds"), given.get("folds"))


def _check_install(words: list[str]) -> None:
    known = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    rest = iter(words)
    for word in rest:
        if word == "-c":
            assert (REPO / next(rest)).is_file()
        elif "[" in word and "/" not in word:
            extras = Requirement(f"monai-boundary{word.lstrip('.')}" if word.startswith(".") else word).extras
            assert extras <= known.keys(), f"{word}: there is no extra {sorted(extras - known.keys())}"


@pytest.mark.parametrize(
    ("page", "line"), COMMANDS, ids=[f"{p.relative_to(REPO).as_posix()}-{k}" for k, (p, _) in enumerate(COMMANDS)]
)
def test_commands_can_be_run(page: Path, line: str) -> None:
    check_command(line, page)


@pytest.mark.parametrize(
    "line",
    [
        "python -m monai.bundle run --config_file bundles/wmh/configs/train.yaml",
        "python -m monai.bundle run --config_file bundles/wmh_mri_boundary/configs/train.yaml --epoch 3",
        "python -m monai.bundle run --config_file \"['bundles/wmh_mri_boundary/configs/train.yaml','b/configs/p']\"",
        "python -m monai_boundary evaluate A B --output_dir OUT --tolerence 2",
        "python -m monai_boundary inspect DATA",
        "python -m monai_boundary study tests/benchmarks/study_lesions.yaml --output_dir out --arms \"['none']\"",
        "monai-boundary bundle run wmh_mri_boundary trian",
        "monai-boundary bundle lst",
        "monai-boundary train",
        'pip install "monai-boundary[everything]"',
        "pip install -c tests/constraint.txt .",
        "python bundles/make.py",
        "pythn -m monai_boundary doctor",
    ],
)
def test_a_broken_command_is_seen(line: str) -> None:
    with pytest.raises((AssertionError, ValueError, SystemExit, RuntimeError)):
        check_command(line, REPO / "README.md")


@pytest.mark.parametrize(
    ("page", "text"), [(page, text) for page in sorted(PAGES) for text in _blocks(page, "yaml")], ids=lambda of: None
)
def test_configurations_can_be_read(page: Path, text: str, tmp_path: Path) -> None:
    """Every `_target_` exists; what is a list continues one of a bundle."""
    file = tmp_path / "block.yaml"
    file.write_text(f"part:\n{text}" if text.lstrip().startswith("- ") else text)
    content = ConfigParser.load_config_file(file)
    targets = re.findall(r"_target_: ['\"]?([\w.]+)", text)
    assert content
    for target in targets:
        room, _, name = target.rpartition(".")
        if room.startswith("monai_boundary"):
            assert room.split(".")[1] in PUBLIC_ROOMS
            assert name in exported(room.split(".")[1]), target
        elif room:
            assert optional_import(room, name=name)[1], target


@pytest.mark.parametrize("page", sorted((REPO / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_python_is_as_wide_as_a_page(page: Path) -> None:
    """A page of the site shows 88 characters; what is further right has to be scrolled to."""
    if "_build" not in page.parts:
        wide = [
            line
            for block in blocks(page.read_text("utf-8"))
            if block.name == "python"
            for line in block.text.splitlines()
            if len(line) > 88
        ]
        assert wide == []


def test_the_first_page_answers_what_is_asked_first() -> None:
    """Five questions, each with a page, before anything else than the install line and the picture."""
    text = (REPO / "docs" / "index.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("**Asked first**\n\n| question | answer |\n|---|---|\n")
    rows = [line.strip("| ").split(" | ") for line in rest.partition("\n\n")[0].splitlines()]
    assert len(rows) == 5
    for question, answer in rows:
        links = re.findall(r"\]\(([\w/-]+\.md)\)", answer)
        assert links, question
        assert [link for link in links if not (REPO / "docs" / link).is_file()] == []
    assert text.index("**Asked first**") < text.index("**By task**") < text.index("{toctree}")


ASKED = (  # what the threads of neighbouring projects ask, each in a word or two that its heading has
    *("negative", "tiny beside", "does not converge", "weight", "normalise", "Several classes", "sigmoid"),
    *("few voxels", "thin structures", "Which loss", "Which transform", "maps of all zeros", "anisotropic"),
    *("too slow", "memory", "Edges of masks", "Logits or probabilities", "deep supervision", "half precision"),
    *(
        "images without the class",
        "Many GPUs",
        "fewer cases",
        "missed lesion is NaN",
        "swamps",
        "NSD",
        "in which width",
    ),
    *("per lesion, per component, per instance", "specks", "takes minutes", "predictions of any tool"),
    *("Seeds and regions", "tolerance at borders", "tiles", "Affinities", "does not fit into memory"),
    *("Time points", "sform", "header", "MLflow", "Resume", "Reproduce", "ONNX", "weights to try", "--flag false"),
)


@pytest.mark.parametrize("words", ASKED)
def test_every_question_is_a_heading(words: str) -> None:
    page = (REPO / "docs" / "how-to" / "questions.md").read_text(encoding="utf-8")
    assert any(words in heading for heading in re.findall(r"^### (.+)", page, re.M))
