"""The package as others get it: its wheel, and its types."""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

PACKAGE = ROOT / "clients" / "python"


def run(*arguments: str, cwd: pathlib.Path, **options: object) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_the_wheel_is_all_that_is_needed(tmp_path: pathlib.Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("needs the Python package hatchling")
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    run("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=source)
    (wheel,) = tmp_path.glob("rerankd-*-py3-none-any.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert (installed / "rerankd" / "py.typed").exists()
    # The wheel's package, in a process that does not see this one.
    program = f"import sys; sys.path.insert(0, {str(installed)!r}); import rerankd; print(rerankd.__file__)"
    assert run("-c", program, cwd=tmp_path).strip().startswith(str(installed))


def test_the_types_are_strict() -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("needs the Python package mypy")
    arguments = ["-m", "mypy", "--cache-dir=/dev/null"]
    if importlib.util.find_spec("llama_index") is None:
        arguments += ["--exclude", "llama_index.py"]
    assert "Success" in run(*arguments, cwd=PACKAGE)
