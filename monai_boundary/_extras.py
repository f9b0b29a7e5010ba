# SPDX-License-Identifier: Apache-2.0
"""What an installation without extras lacks, said with the command that installs it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager

# module -> the extra that brings it; a test compares them with the package's metadata
EXTRA_OF = {
    "ignite": "bundle",
    "fire": "bundle",
    "yaml": "bundle",
    "tensorboard": "bundle",
    "tqdm": "bundle",
    "jsonschema": "bundle",
    "pandas": "bundle",
    "matplotlib": "bundle",
    "h5py": "em",
    "zarr": "em",
    "numcodecs": "em",
    "tifffile": "em",
    "imagecodecs": "em",
    "PIL": "em",
    "dask": "volumes",
    "distributed": "volumes",
    "mlflow": "mlflow",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "jinja2": "report",
    "plotly": "report",
    "edt": "fast",
    "gudhi": "topology",
}


def pip_line(*extras: str) -> str:
    """Return the command that installs the package with extras.

    Args:
        extras: their names; none is the package alone.

    Example:
        >>> pip_line("bundle", "em")
        'pip install "monai-boundary[bundle,em]"'
    """
    wanted = f"[{','.join(extras)}]" if extras else ""
    return f'pip install "monai-boundary{wanted}"'


def check_modules(what: str, *modules: str, extra: str | None = None) -> None:
    """Check that modules are installed, without importing them.

    Args:
        what: that needs them, as a sentence begins.
        modules: their names.
        extra: that brings them all, where it is another than the usual one of each.

    Raises:
        ImportError: if some are not, with the command that installs them.
    """
    missing = [name for name in modules if not _installed(name)]
    if missing:
        extras = [extra] if extra else sorted({EXTRA_OF[name] for name in missing})
        raise ImportError(f"{what} needs {', '.join(missing)}: {pip_line(*extras)}")


@contextmanager
def extras_named(what: str, extra: str | None = None) -> Iterator[None]:
    """Let the import of what an extra brings end with the command that installs it.

    Args:
        what: that needs it, as a sentence begins.
        extra: that brings it, where it is another than the module's usual one.

    Raises:
        ImportError: with the command, in place of a ``ModuleNotFoundError`` of a module that an extra brings.
    """
    try:
        yield
    except ImportError as error:
        name = missing_module(error)
        if name is None:
            raise
        raise ImportError(f"{what} needs {name}: {pip_line(extra or EXTRA_OF[name])}", name=name) from error


def missing_module(error: BaseException | None) -> str | None:
    """Return the module of an extra that an error, or one beneath it, says is not there.

    Args:
        error: of any kind, or none.

    Example:
        >>> missing_module(ImportError("No module named 'monai'", name="monai")) is None  # it is there, and no extra's
        True
    """
    while error is not None:
        if isinstance(error, ImportError):
            said = re.search(r"No module named '(\w+)", str(error))  # MONAI's own errors have it in their text alone
            name = (error.name or (said[1] if said else "")).partition(".")[0]
            if name in EXTRA_OF and not _installed(name):
                return name
        error = error.__cause__ or error.__context__
    return None


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError):  # a module that was put or hidden by hand
        return False
