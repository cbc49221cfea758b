"""The pages' modules by themselves: their types."""

from __future__ import annotations

from pathlib import Path

from tests.widget.tools import installed, run_node


def test_the_types_hold():
    compiler = installed("typescript") / "bin" / "tsc"
    result = run_node(compiler, "--project", Path(__file__).parent)
    assert result.returncode == 0, result.stdout
