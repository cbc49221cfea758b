"""The house rules about who may know whom, read from the source."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "chip").rglob("*.py"))
}

# From the outermost ring to the innermost. A module imports from its own ring or further in;
# chip.service is alone in its ring, and the packages of adapters do not know each other.
# Only the composition root, chip.service and its helpers, knows which adapters there are.
OUTER = {"chip.tap", "chip.service"}
ROOT_HELPERS = {"chip.backend", "chip.commands", "chip.status"}
ADAPTERS = {"chip.web", "chip.gateway", "chip.store", "chip.queue", "chip.desk"}
HEART = "chip.chat"
CORE = {"chip.protocol", "chip.models"}

# The library, and the only places that may know it: modules whose names begin like this.
LIBRARIES = {
    "autobahn": ("chip.web.",),
    "treq": ("chip.gateway.",),
    "psycopg": ("chip.store.",),
    "txredisapi": ("chip.queue.valkey",),
    "sqlite3": ("chip.embedded", "chip.store.embedded", "chip.queue.embedded", "chip.desk."),
    "prometheus_client": ("chip.metrics",),
    "sentry_sdk": ("chip.sentry",),
}
REACTOR = {"chip.service", "chip.tap"}
MOST_LINES = 400


def imports(module: str) -> Iterator[str]:
    """Everything that a module imports at run time, as full dotted names."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _imports(path, package)


def _imports(path: Path, package: str) -> Iterator[str]:
    for node in ast.walk(_without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{above}.{base}".rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _without_type_checking(tree: ast.Module) -> ast.Module:
    class Strip(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            name = node.test.id if isinstance(node.test, ast.Name) else ""
            return node.orelse if name == "TYPE_CHECKING" else self.generic_visit(node)

    return Strip().visit(tree)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def home(module: str) -> str:
    """The package of the house that a module lives in, such as chip.web."""
    return ".".join(module.split(".")[:2])


@pytest.fixture(params=MODULES)
def module(request):
    return request.param


def test_imports_run_one_way(module):
    known = {home(name) for name in imports(module) if within(name, "chip")}
    if home(module) in CORE:
        forbidden = OUTER | ROOT_HELPERS | ADAPTERS | {HEART}
    elif home(module) == HEART:
        forbidden = OUTER | ROOT_HELPERS | ADAPTERS
    elif home(module) in ADAPTERS:
        forbidden = OUTER | ROOT_HELPERS | ADAPTERS - {home(module)}
    elif module in OUTER:
        forbidden = {"chip.tap"} - {module}
    elif module in ROOT_HELPERS:
        forbidden = OUTER
    else:
        forbidden = OUTER | ADAPTERS | ROOT_HELPERS
    assert not known & (forbidden - {home(module)})


def test_only_its_own_adapter_knows_a_library(module):
    for library, owners in LIBRARIES.items():
        known = any(within(name, library) for name in imports(module))
        assert not known or module.startswith(owners), f"{module} knows {library}"


def test_only_the_composition_root_knows_the_reactor(module):
    touched = {"twisted.internet.reactor"} & {*imports(module)}
    assert not touched or module in REACTOR


def test_the_heart_knows_no_wire_and_no_storage(module):
    if within(module, HEART) or home(module) in CORE:
        outside = ("twisted.web", "twisted.enterprise", "sqlite3", "socket", "http", "asyncio")
        for name, library in itertools.product(imports(module), outside):
            assert not within(name, library), f"{module} knows {name}"


def test_no_module_is_too_long_to_read(module):
    lines = len(MODULES[module].read_text().splitlines())
    assert lines <= MOST_LINES


def test_every_module_says_what_it_is_for(module):
    source = MODULES[module].read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source))


def test_the_plugin_imports_neither_the_reactor_nor_chip():
    known = {*_imports(ROOT / "twisted" / "plugins" / "chip_plugin.py", "twisted.plugins")}
    assert known == {"twisted.application.service.ServiceMaker"}
    assert not (ROOT / "twisted" / "__init__.py").exists()
