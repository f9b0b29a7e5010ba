# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys
from pathlib import Path

import pytest
from markupsafe import Markup

from monai_boundary.report.page_shell import require_page_libraries, write_page


def test_a_page_of_another_room_stands_in_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "made_room" / "page"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "made.html").write_text(
        '{% extends "shell.html" %}\n{% block main %}\n<p>{{ name }}</p>\n{% endblock %}\n'
    )
    (folder / "made.js").write_text("own();")
    (folder / "made.css").write_text("p { margin: 0 }")
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "made.html"
    write_page(out, "made_room", "made", {"title": "<b>", "name": "</p><script>", "figures": Markup("[1]")})
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    assert "default-src 'none'" in text
    assert "<h1>&lt;b&gt;</h1>" in text
    assert "<main>\n<p>&lt;/p&gt;&lt;script&gt;</p>\n</main>" in text
    assert 'id="figures">[1]</script>' in text
    assert "body {" in text
    assert "p { margin: 0 }</style>" in text
    assert text.endswith("<script>own();</script>\n</body>\n</html>")
    assert text.count("</script>") == 3, "nothing in Plotly ends its script"


def test_what_is_missing_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_page_libraries()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match=r"pip install .monai-boundary\[report\].;"):
        require_page_libraries()
