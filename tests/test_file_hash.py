# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest

from monai_boundary._file_hash import check_file_hash, write_with_hash


def test_the_hash_is_that_of_the_file_in_the_form_of_sha256sum(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    write_with_hash(path, lambda part: part.write_bytes(b"first"))
    write_with_hash(path, lambda part: part.write_bytes(b"second"))
    expected = hashlib.sha256(b"second").hexdigest()
    assert (tmp_path / "model.pt.sha256").read_text() == f"{expected}  model.pt\n"
    check_file_hash(path)


def test_another_file_is_refused_and_one_without_a_hash_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "model.pt"
    write_with_hash(path, lambda part: part.write_bytes(b"weights"))
    path.write_bytes(b"weightS")
    with pytest.raises(ValueError, match=r"`ckpt_path` needs the file that was written, .*model.pt \(7 bytes\)"):
        check_file_hash(path, "ckpt_path")
    (tmp_path / "model.pt.sha256").unlink()
    with caplog.at_level(logging.INFO):
        check_file_hash(path)
    assert "has no model.pt.sha256 beside it: it is taken as it is" in caplog.text


def test_killed_between_file_and_hash_both_files_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the two is there after a kill, its hash is beside it."""
    path = tmp_path / "model.pt"
    write_with_hash(path, lambda part: part.write_bytes(b"old"))

    class KilledError(Exception):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    for moment in ("before", "after"):
        with monkeypatch.context() as patch:
            if moment == "before":  # the hashes are there, the file has not its name yet
                patch.setattr("monai_boundary._output_file._give_name", _raise_for(path, KilledError))
            else:
                patch.setattr("monai_boundary._file_hash._write", _second_time(KilledError))
            with pytest.raises(KilledError):
                write_with_hash(path, lambda part: part.write_bytes(b"new"))
        assert path.read_bytes() == {"before": b"old", "after": b"new"}[moment]
        check_file_hash(path)


def _raise_for(path: Path, error: type[Exception]) -> object:
    from monai_boundary import _output_file

    give = _output_file._give_name

    def give_name(temporary: Path, target: Path, overwrite: bool) -> None:
        if target == path:
            raise error
        give(temporary, target, overwrite)

    return give_name


def _second_time(error: type[Exception]) -> object:
    from monai_boundary import _file_hash

    write, calls = _file_hash._write, []

    def once(path: Path, lines: list[str]) -> None:
        calls.append(path)
        if len(calls) > 1:
            raise error
        write(path, lines)

    return once
