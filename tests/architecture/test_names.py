# SPDX-License-Identifier: Apache-2.0
"""No name that MONAI has.

MONAI's bundle locator takes every module whose name starts with "monai", so the classes and functions of this package
join its table of short names; on a clash the first import wins. Both packages are read here as source, because
importing all of MONAI takes seconds.
"""

from __future__ import annotations

from collections import defaultdict

from tests.architecture.source_tree import PACKAGE, defined_names, installed_package, package_modules, parse, relative


def _monai_table() -> dict[str, str]:
    root = installed_package("monai")
    return {
        name: path.relative_to(root.parent).as_posix()
        for path in sorted(root.rglob("*.py"))
        for name in defined_names(parse(path))
    }


def test_no_name_that_monai_has() -> None:
    table = _monai_table()
    # The table would be useless if the scan missed definitions, aliases or what stands under `if` and `try`.
    assert {"BoundaryLoss", "LabelToContourDict", "one_hot", "prepare_spacing"} <= table.keys()
    clashes = [
        f"{relative(path)}: {name} (MONAI: {table[name]})"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in sorted(defined_names(parse(path)))
        if name in table
    ]
    assert not clashes, "\n".join(clashes)


def test_a_public_name_is_defined_once() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in package_modules():
        if path.parent == PACKAGE / "kernels":
            continue  # a concept keeps one word: the kernel has the name of the operation that calls it
        for name in defined_names(parse(path)):
            # the entry of every command has one name, by which the command line finds it
            if not name.startswith("_") and (name != "main" or not path.stem.endswith("_command")):
                homes[name].append(relative(path))
    twice = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert not twice, twice
