# SPDX-License-Identifier: Apache-2.0
"""What every page has: one HTML file that needs nothing else, of a template that extends ``shell.html``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from monai_boundary._extras import pip_line
from monai_boundary._output_file import atomic_output

_SHELL = "monai_boundary.report"


def require_page_libraries() -> None:
    """Check that what a page is made with is installed.

    Raises:
        ImportError: if it is not, with the command that installs it.
    """
    try:
        import jinja2
        import plotly.offline  # noqa: F401
        from PIL import Image  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"the page needs Jinja2, Plotly and Pillow: {pip_line('report')}; without it: `page=False`, --no-page "
            f"({error})."
        ) from error
    del jinja2


def write_page(path: Path, room: str, name: str, context: Mapping[str, Any]) -> Path:
    """Write a page piece by piece, whole or not at all; what is in the context is escaped unless it is ``Markup``.

    Args:
        path: of the page.
        room: package whose folder ``page`` holds ``NAME.html`` and ``NAME.js``, and ``NAME.css``, which may be missing,
            for more than the style of every page.
        name: of the page.
        context: what its template names.

    Returns:
        The path.

    Raises:
        ImportError: if Jinja2 or Plotly are missing.
    """
    require_page_libraries()
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    def part(file: str) -> str | None:
        found = [resources.files(of).joinpath("page", file) for of in dict.fromkeys((room, _SHELL))]
        return next((place.read_text(encoding="utf-8") for place in found if place.is_file()), None)

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(part), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    parts = {
        "style": Markup((part("shell.css") or "") + (part(f"{name}.css") or "")),
        "script": Markup(part(f"{name}.js") or ""),
        "plotly": Markup(get_plotlyjs().replace("</script", "<\\/script")),
    }
    with atomic_output(path, overwrite=True) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(environment.get_template(f"{name}.html").generate({**context, **parts}))
    return path
