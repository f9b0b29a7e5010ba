# SPDX-License-Identifier: Apache-2.0
"""The last line of a run that failed: what to mend. ``--debug`` shows the rest."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from types import TracebackType

# what MONAI and PyTorch put around the error that says what is wrong
_WRAPPERS = ("Failed to evaluate", "Failed to instantiate", "applying transform")
_IN_WORKER = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception)): (.*)$", re.MULTILINE)
_PLAIN = (ValueError, TypeError, OSError, ImportError)
_NO_MEMORY = re.compile(r"MemoryError|^Unable to allocate |DefaultCPUAllocator: |CUDA out of memory", re.MULTILINE)
_DEAD_WORKER = re.compile(
    r"^DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (?:is killed by signal: (\w+)|exited unexpectedly)"
)


def error_line(error: BaseException) -> str:
    """Return one line that says what to mend: the message of the error beneath MONAI's wrappers.

    Args:
        error: any exception.

    Example:
        >>> try:
        ...     try:
        ...         raise ValueError("`lr` needs a number > 0, got -1.")
        ...     except ValueError as error:
        ...         raise RuntimeError("Failed to evaluate ConfigExpression: ...") from error
        ... except RuntimeError as error:
        ...     error_line(error)
        'error: `lr` needs a number > 0, got -1.'
    """
    while error.__cause__ is not None and str(error).startswith(_WRAPPERS):
        error = error.__cause__
    if isinstance(error, KeyboardInterrupt):
        return "stopped; the same command goes on where a checkpoint was written."
    name, text = type(error).__name__, str(error)
    if text.startswith("Caught ") and " worker process " in text.partition("\n")[0]:
        found = [match for match in _IN_WORKER.findall(text) if not match[1].startswith(_WRAPPERS)]
        name, text = found[0] if found else (name, text)
    if short := _memory_line(error):
        return f"error: {short}"
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    more = f" (and {len(lines) - 2} more lines: --debug)" if len(lines) > 2 else ""
    said = " ".join(lines[:2]) + more
    expected = isinstance(error, _PLAIN) and not isinstance(error, UnicodeError) and said
    return f"error: {said}" if expected else f"error: {name}: {said or 'no message'}"


def _memory_line(error: BaseException) -> str | None:
    """Say which process had too little memory, and what takes less; None of another error."""
    text = str(error)
    if dead := _DEAD_WORKER.match(text):
        if dead[2] not in (None, "Killed"):
            return None
        return (
            f"worker process {dead[1]} of the data's loader was killed, as the system does when memory ends (dmesg). "
            "Give fewer --num_workers, or --num_workers 0; then a smaller --patch_size or --batch_size."
        )
    if not isinstance(error, MemoryError) and not _NO_MEMORY.search(text):
        return None
    where = re.match(r"Caught \w+ in (DataLoader worker process \d+)", text)
    process, less = (where[1], "fewer --num_workers, ") if where else ("this process", "")
    wanted = re.search(r"Unable to allocate [^\n]*|[Tt]ried to allocate [\d.]+ \w+", text)
    amount = f" ({wanted[0][0].lower()}{wanted[0][1:].strip()})" if wanted else ""
    return f"memory has ended in {process}{amount}. Give {less}a smaller --patch_size or --batch_size."


def end_with_one_line(debug: bool = False) -> None:
    """Let this process, if it fails, end with `error_line`, and its log without tracebacks.

    Args:
        debug: print the traceback before the line, and leave the log.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if debug and kind is not KeyboardInterrupt:
            traceback.print_exception(kind, error, trace)
        sys.stdout.flush()
        sys.stderr.write(f"{error_line(error)}\n")

    sys.excepthook = hook
    if not debug:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True
