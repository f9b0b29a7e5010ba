# SPDX-License-Identifier: Apache-2.0
"""No name that MONAI has.

MONAI's bundle locator takes every module whose name starts with "monai", so the classes and functions of this package
join its table of short names; on a clash the first import wins. Both packages are read here as source, because
importing all of MONAI takes seconds.
"""

from __future__ import annotations

import re
from collections import defaultdict

from tests.architecture.source_tree import PACKAGE, defined_names, installed_package, package_modules, parse, relative

WELL_KNOWN = {"BoundaryLoss", "LabelToContourDict", "one_hot", "prepare_spacing"}
# Whatever a module may define: of those without a name of interest no syntax tree is made, which takes seconds for all.
MAY_DEFINE = re.compile(r"(?:class|def)\s+(\w+)|(\w+)\s*=(?!=)")


def _monai_table(names: set[str]) -> dict[str, str]:
    """Return the files of MONAI that define one of the names, by what they define."""
    root = installed_package("monai")
    table: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        may = {name for match in MAY_DEFINE.findall(path.read_text(encoding="utf-8")) for name in match}
        if not names.isdisjoint(may):
            table |= dict.fromkeys(defined_names(parse(path)), path.relative_to(root.parent).as_posix())
    return table


def test_no_name_that_monai_has() -> None:
    ours = {path: defined_names(parse(path)) for path in sorted(PACKAGE.rglob("*.py"))}
    table = _monai_table(WELL_KNOWN.union(*ours.values()))
    # The table would be useless if the scan missed definitions, aliases or what stands under `if` and `try`.
    assert table.keys() >= WELL_KNOWN
    clashes = [
        f"{relative(path)}: {name} (MONAI: {table[name]})"
        for path, names in ours.items()
        for name in sorted(names)
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
