# SPDX-License-Identifier: Apache-2.0
"""Every block of code on the pages is run, or says that it is not; the test that is said to run it has its words."""

from __future__ import annotations

import functools
import itertools
import re
import shlex
from pathlib import Path

import pytest

from monai_boundary._bundle_folders import bundle_names
from tests.page_blocks import WALKED, blocks, lines_of
from tests.test_documentation import PAGES, REPO


def unseen_blocks(text: str, commands_run: bool = False) -> list[str]:
    """Return the names of blocks of code that no test runs, or reads where reading is all, and that do not say so."""
    unseen = []
    for block in blocks(text):
        included = re.match(r"\{literalinclude\} (\S+)", block.name)
        if included:
            known = any(
                Path(included[1]).name in file.read_text("utf-8") for file in (REPO / "tests/bridges").glob("*.py")
            )
        else:
            known = block.name in ("python", "yaml", "text", "bibtex", "diff", *["shell"] * commands_run)
            known |= block.name.startswith("{")
        if not known and not block.mark:
            unseen.append(block.name or "a block without a language")
    return unseen


def lost_tests(text: str) -> list[str]:
    """Return the files of tests that the marks of blocks name, and that are not there."""
    named = [name for block in blocks(text) for name in re.findall(r"tests/[\w./]+|\.ci/run", block.why)]
    nameless = [block.why for block in blocks(text) if block.mark == "run by" and "tests/" not in block.why]
    return [name for name in named if not (REPO / name).exists()] + nameless


def words_of_command(line: str, bundle: str = "") -> list[str]:
    """Return what a test that runs a command has to speak of: program, sub-commands, bundle, configurations, options.

    Args:
        line: the command.
        bundle: whose page it stands on.
    """
    words = [word for word in shlex.split(line, comments=True) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if words[0] == "export":
        return [words[1].partition("=")[0]]
    found = [name for word in words for name in re.findall(r"bundles/(\w+)/", word)] or [bundle] * ("configs/" in line)
    found += [name for word in words for name in re.findall(r"configs/(\w+)\.yaml", word)]
    words = words[2:] if words[:2] == ["python", "-m"] else words
    if words[0] in ("monai_boundary", "monai-boundary"):
        found += itertools.takewhile(lambda word: re.fullmatch(r"[a-z_]+", word), words[1:])
    elif words[0] == "monai.bundle":
        found += [words[1]] if words[1] != "run" else []  # `run` of a configuration is each test's own way
    elif words[0] != "torchrun":
        found.append(words[0])
    options = [f"--{name}" for word in words for name in re.findall(r"^--([a-z_]+)", word)]
    ours = [option for option in options if option not in ("--config_file", "--standalone", "--nproc_per_node")]
    return list(dict.fromkeys([*found, *ours]))


@functools.cache
def text_of_test(file: str) -> str:
    """Return a test's text, with the modules of tests/ that it imports from, and the pages that it goes through."""
    text = (REPO / file).read_text(encoding="utf-8")
    names = {name for found in re.findall(r"^from (tests[\w.]*) import (.+)", text, re.M) for name in _modules(*found)}
    files = [module for name in sorted(names) if (module := REPO / f"{name.replace('.', '/')}.py").is_file()]
    files += [REPO / page for page in WALKED if file == "tests/test_tutorials.py"]
    return "\n".join([text, *(file.read_text(encoding="utf-8") for file in files)])


def _modules(room: str, names: str) -> list[str]:
    return [room, *(f"{room}.{name.strip()}" for name in names.split(","))]


def speaks_of(text: str, word: str) -> bool:
    """Say whether a test's text has a word as one of its own; an option as a key, an argument or as it is typed."""
    if word.startswith("--"):
        return re.search(rf"(?<![\w.]){word}\b|(?<![\w.]){word[2:]}(?==)|[\"']{word[2:]}[\"']", text) is not None
    if word in bundle_names() and '.glob("*/configs/' in text:
        return True  # all of them
    return re.search(rf"(?<![a-zA-Z0-9]){re.escape(word)}(?![a-zA-Z0-9])", text) is not None


def unspoken_words(text: str, bundle: str = "") -> list[str]:
    """Return the words of a page's commands that the test which is said to run them does not have.

    Args:
        text: of the page.
        bundle: whose page it is. A mark that says "another bundle" or "another folder" asks for no bundle's name.
    """
    unspoken = []
    for block in blocks(text):
        files = re.findall(r"tests/[\w/]+\.py", block.why) if block.mark == "run by" else []
        spoken = "\n".join(text_of_test(file) for file in files if (REPO / file).is_file())
        for line in lines_of(block) if files and block.name == "shell" else []:
            asked = [word for word in words_of_command(line, bundle) if "another" not in block.why or word != bundle]
            missing = [word for word in asked if not speaks_of(spoken, word)]
            unspoken += [f"{line.strip()}: {' '.join(missing)}"] * bool(missing)
    return unspoken


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: page.relative_to(REPO).as_posix())
def test_code_is_run_or_said_not_to_be(page: Path) -> None:
    """`python` runs in test_readme.py or test_tutorials.py, `yaml` is read above, an included file has its own test.

    Commands run in test_tutorials.py, or say which test runs them, or why none does; the README's are `.ci/run`'s.
    """
    text, name = page.read_text(encoding="utf-8"), page.relative_to(REPO).as_posix()
    assert unseen_blocks(text, commands_run=name in ("README.md", *WALKED)) == []
    assert lost_tests(text) == []
    bundle = page.parts[-3] if page.parts[-3] in bundle_names() else ""
    assert unspoken_words(text, bundle) == []
    if bundle:
        assert [block.name for block in blocks(text) if block.name == "python"] == []  # of these pages nothing is run


def test_code_that_nothing_runs_is_seen() -> None:
    text = "```python\nx\n```\n\n```py\ny\n```\n\n<!-- not run: a cluster -->\n\n```py\nz\n```\n\n```\nls\n```\n"
    assert unseen_blocks(text) == ["py", "a block without a language"]
    assert unseen_blocks("```{literalinclude} bridges/none.py\n```\n") == ["{literalinclude} bridges/none.py"]
    assert unseen_blocks("```{literalinclude} bridges/torchio_maps.py\n```\n") == []
    shell = "```shell\nls\n```\n"
    assert unseen_blocks(shell) == ["shell"]
    assert unseen_blocks(shell, commands_run=True) == []
    assert unseen_blocks(f"<!-- run by: tests/test_site.py -->\n\n{shell}") == []
    assert unseen_blocks(f"<!-- run by: -->\n\n{shell}") == ["shell"]
    assert lost_tests(f"<!-- run by: tests/test_nothing.py -->\n\n{shell}") == ["tests/test_nothing.py"]
    assert lost_tests(f"<!-- run by: a test -->\n\n{shell}") == ["a test"]


def test_a_command_that_its_test_does_not_have_is_seen() -> None:
    def page(command: str, test: str = "tests/bundles/test_volume_boundary.py") -> str:
        return f"<!-- run by: {test} -->\n\n```shell\n{command}\n```\n"

    train = "python -m monai.bundle run --config_file configs/train.yaml"
    assert unspoken_words(page(train), "volume_boundary") == []
    assert unspoken_words(page(train), "em_neuron_boundary") == [f"{train}: em_neuron_boundary"]
    assert unspoken_words(page(train, "tests/bundles/test_zoo_checks.py"), "em_neuron_boundary") == []
    assert unspoken_words(page(f"{train} --no_such_option 3"), "volume_boundary") == [
        f"{train} --no_such_option 3: --no_such_option"
    ]
    line = "monai-boundary volume flood a.zarr --output_dir out"
    assert unspoken_words(page(line, "tests/volumes/test_volume_command.py")) == [f"{line}: flood"]
    assert unspoken_words(page("nnUNetv2_trane 1", "tests/bridges/test_nnunet.py")) == [
        "nnUNetv2_trane 1: nnUNetv2_trane"
    ]
