# SPDX-License-Identifier: Apache-2.0
"""Makes the bundles' YAML and unit tests from the shared parts in ``bundles/parts``.

    python bundles/make_configs.py            # writes what differs
    python bundles/make_configs.py --check    # only says what differs; exit status 1 if anything does

``parts/BUNDLE/NAME.yaml`` becomes ``BUNDLE/configs/NAME.yaml``. It is a Jinja template that usually extends
``parts/NAME.yaml``, what all bundles share, and fills its blocks. Its tags are comments of YAML: ``#% block data %#``,
``#< a remark >#``; and ``<<bundle>>`` is the bundle's name. A name that begins with ``_`` is a piece that others
include, and is no file of its own. What comes out has no trace of it: a bundle's folder runs by itself, wherever it is
copied to. ``parts/BUNDLE/unit_test.jinja`` becomes ``unit_tests/test_BUNDLE.py`` in the same way.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

BUNDLES = Path(__file__).resolve().parent
PARTS = BUNDLES / "parts"


def environment(parts: Path = PARTS) -> Environment:
    """Return the template engine: tags that are comments of YAML, an error for a name that nothing defines."""
    return Environment(
        block_start_string="#%",
        block_end_string="%#",
        comment_start_string="#<",
        comment_end_string=">#",
        variable_start_string="<<",
        variable_end_string=">>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        undefined=StrictUndefined,
        loader=FileSystemLoader(parts),
    )


def made_configs(parts: Path = PARTS, bundles: Path = BUNDLES) -> dict[Path, str]:
    """Return the text of every file that is made, by its path; a folder of parts is a bundle's if one has its name."""
    templates, made = environment(parts), {}
    for folder in sorted(parts.iterdir()):
        if not (bundles / folder.name / "configs").is_dir():
            continue
        places = {source.name: bundles / folder.name / "configs" / source.name for source in folder.glob("[!_]*.yaml")}
        if (folder / "unit_test.jinja").is_file():
            places["unit_test.jinja"] = bundles / "unit_tests" / f"test_{folder.name}.py"
        for name, place in sorted(places.items()):
            made[place] = templates.get_template(f"{folder.name}/{name}").render(bundle=folder.name)
    return made


def differing(made: dict[Path, str]) -> list[Path]:
    """Return the files that are missing or do not hold what is made."""
    return [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main(arguments: list[str] | None = None) -> int:
    """Write the files that differ, or with ``--check`` name them; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a file differs from its parts")
    check = parser.parse_args(arguments).check
    made = made_configs()
    for path in (changed := differing(made)):
        if not check:
            path.write_text(made[path], encoding="utf-8", newline="\n")
        sys.stdout.write(f"{'differs' if check else 'written'}: {path.relative_to(BUNDLES).as_posix()}\n")
    return int(check and bool(changed))


if __name__ == "__main__":
    raise SystemExit(main())
