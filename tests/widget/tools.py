"""The programs that check the widget's source: Node.js, and what npm installs for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import playwright

HERE = Path(__file__).parent
# Playwright brings a Node.js of its own, so that nobody needs another one to run the tests.
NODE = Path(playwright.__file__).parent / "driver" / "node"
MODULES = HERE / "node_modules"


def run_node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Node.js beside the widget's tests."""
    command = [str(NODE), *map(str, arguments)]
    return subprocess.run(
        command, cwd=HERE, capture_output=True, check=False, text=True, timeout=120
    )


def installed(package: str) -> Path:
    """Return the folder of a package of `package.json`."""
    folder = MODULES / package
    assert folder.is_dir(), "make test installs it, and so does npm ci in tests/widget"
    return folder
