"""The frameworks that sites are made with, for the pages of tests: the real ones, from npm."""

from __future__ import annotations

import json
from functools import cache

from tests.widget.tools import installed, run_node

# What each CommonJS module of React is required by.
_REACT = {
    "react": ("react", "react"),
    "scheduler": ("scheduler", "scheduler"),
    "react-dom": ("react-dom", "react-dom"),
    "react-dom/client": ("react-dom", "react-dom-client"),
}


@cache
def react() -> str:
    """Return a classic script that defines `React` and `ReactDOM`."""
    modules = ",".join(
        f"{json.dumps(name)}(require, module, exports) {{{_source(package, file)}\n}}"
        for name, (package, file) in _REACT.items()
    )
    return f"""(() => {{
      const done = {{}}, modules = {{{modules}}};
      const require = (name) => {{
        if (!done[name]) {{
          done[name] = {{ exports: {{}} }};
          modules[name](require, done[name], done[name].exports);
        }}
        return done[name].exports;
      }};
      window.React = require("react");
      window.ReactDOM = require("react-dom/client");
    }})();"""


def _source(package: str, file: str) -> str:
    return (installed(package) / "cjs" / f"{file}.production.js").read_text()


@cache
def turbo() -> str:
    """Return a classic script that starts Turbo."""
    return (installed("@hotwired/turbo") / "dist" / "turbo.es2017-umd.js").read_text()


@cache
def vue() -> str:
    """Return a classic script that defines `VueRuntimeDOM`, which is Vue without its compiler."""
    path = installed("@vue/runtime-dom") / "dist" / "runtime-dom.global.prod.js"
    return f"{path.read_text()}\nwindow.VueRuntimeDOM = VueRuntimeDOM;"


@cache
def plain_script(jsx: str) -> str:
    """Return a module in JSX as a script that uses the globals `React` and `ReactDOM`."""
    program = """
      const { transpileModule } = require(process.argv[1]);
      const { outputText } = transpileModule(process.argv[2], {
        compilerOptions: { jsx: "react", module: "esnext", target: "es2022" } });
      console.log(outputText.replace(/^export (default )?/gm, ""));
    """
    result = run_node("-e", program, installed("typescript") / "lib" / "typescript.js", jsx)
    assert result.returncode == 0, result.stderr
    return result.stdout
