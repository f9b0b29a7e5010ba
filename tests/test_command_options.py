# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse

import pytest

from monai_boundary.__main__ import main
from monai_boundary._command_options import add_option, printable, sizes, whole_numbers, whole_sizes


def test_both_ways_to_spell_an_option() -> None:
    parser = argparse.ArgumentParser()
    add_option(parser, "min_size", type=whole_sizes)
    for word in ("--min_size", "--min-size"):
        assert parser.parse_args([word, "3"]).min_size == 3


def test_lists_of_numbers() -> None:
    assert (whole_numbers("(1, 2)"), whole_numbers(" ")) == ((1, 2), ())
    assert (sizes("[1,2.5]"), sizes("3"), whole_sizes("(4)")) == ((1.0, 2.5), 3.0, 4)
    for read, text in (
        (whole_numbers, "1,x"),
        (whole_numbers, "1.5"),
        (sizes, "1,mm"),
        (sizes, ""),
        (whole_sizes, "a"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=f"^needs .*number.*, such as .*, got '{text}'$"):
            read(text)


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (
            "evaluate a b --output_dir o --ignore_labels 1,x",
            "--ignore-labels: needs whole numbers, such as 1,2, got '1,x'",
        ),
        ("evaluate a b --output_dir o --spacing 1,mm", "--spacing: needs a number for all axes or one for each"),
        ("inspect d --output_dir o --patch_size 96x96", "--patch-size: needs whole numbers, such as 1,2, got '96x96'"),
        ("volume segment m --output_dir o --block 1.5", "--block: needs a whole number for all axes or one for each"),
    ],
)
def test_a_list_that_is_none_is_told_in_words(words: str, needed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not by the name of the function that reads it."""
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    assert needed in capsys.readouterr().err


def test_names_of_files_command_no_terminal() -> None:
    assert printable("患者 1\x1b[2J\n") == "患者 1\\x1b[2J\\n"
