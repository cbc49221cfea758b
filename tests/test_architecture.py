"""The house rules about who may know whom, read from the source."""

import ast
import graphlib
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "chip").rglob("*.py"))
}

# What everybody may know.
COMMON = {
    f"chip{name}"
    for name in (
        *("", ".buckets", ".errors", ".hosts", ".limits"),
        *(".models", ".tasks", ".threads", ".throttle"),
    )
}

# Each room, and the other rooms that it may know. A module lives in the room with the longest name
# that fits. What is not listed is forbidden: adapters do not know each other.
ROOMS: dict[str, set[str]] = {
    "chip.protocol": set(),
    "chip.config": set(),
    "chip.logs": {"chip.config"},
    "chip.chat": {"chip.protocol"},
    "chip.sqlite": {"chip.protocol"},
    "chip.gateway": {"chip.chat", "chip.logs", "chip.protocol"},
    # What adapters of one kind have in common; each adapter has a room of its own, and so cannot
    # know another.
    "chip.store": {"chip.logs", "chip.protocol"},
    "chip.store.rapidpro": {"chip.chat", "chip.logs", "chip.protocol", "chip.store"},
    "chip.store.sqlite": {"chip.chat", "chip.sqlite", "chip.store"},
    "chip.store.sqlite_archive": {"chip.chat", "chip.protocol", "chip.sqlite"},
    "chip.store.sqlite_finder": {"chip.sqlite", "chip.store"},
    "chip.store.sqlite_listing": {"chip.sqlite", "chip.store"},
    "chip.queue": set(),
    "chip.queue.valkey": {"chip.chat", "chip.logs", "chip.protocol", "chip.queue"},
    "chip.queue.sqlite": {"chip.chat", "chip.protocol", "chip.queue", "chip.sqlite"},
    "chip.web": {"chip.chat", "chip.config", "chip.web.http", "chip.web.websocket"},
    "chip.web.http": set(),
    "chip.web.websocket": {"chip.web.http"},
    "chip.widget": {"chip.web.http"},
    "chip.desk": {
        *("chip.protocol", "chip.sqlite", "chip.web.http", "chip.web.websocket", "chip.widget"),
    },
    "chip.ops": {"chip.chat", "chip.config", "chip.protocol", "chip.web.http"},
    "chip.app": {
        *("chip.chat", "chip.config", "chip.desk", "chip.gateway", "chip.logs", "chip.ops"),
        *("chip.queue", "chip.queue.sqlite", "chip.queue.valkey", "chip.sqlite"),
        *("chip.store", "chip.store.rapidpro", "chip.store.sqlite", "chip.store.sqlite_archive"),
        *("chip.store.sqlite_finder", "chip.store.sqlite_listing"),
        *("chip.web", "chip.web.http", "chip.widget"),
    },
    "chip.command": {"chip.samples", "chip.tap"},
    "chip.samples": set(),
    "chip.tap": {"chip.app", "chip.config", "chip.logs"},
}

# The library, and the only places that may know it: modules whose names begin like this.
LIBRARIES = {
    "autobahn": ("chip.web.websocket.",),
    "treq": ("chip.gateway.",),
    "httptools": ("chip.gateway.",),
    "psycopg": ("chip.store.rapidpro.",),
    "txredisapi": ("chip.queue.valkey.",),
    "sqlite3": ("chip.sqlite.", "chip.store.sqlite", "chip.queue.sqlite.", "chip.desk."),
    "prometheus_client": ("chip.ops.metrics",),
    "sentry_sdk": ("chip.logs.sentry",),
    # Each reads PEM files: for what Chip serves, and for what it shows Valkey.
    "cryptography": ("chip.ops.tls", "chip.queue.valkey.tls_files"),
    # There is one way to answer HTTP.
    "twisted.web.http": ("chip.web.http.",),
    "twisted.web.resource": (),
    "twisted.web.server": (),
}
# A distribution of its own, and all that it may know.
KIT = ROOT / "conformance" / "chip_conformance"
KIT_KNOWS = {"chip_conformance", "h11", "websockets", *sys.stdlib_module_names}
REACTOR = {"chip.app.service", "chip.tap"}
MOST_LINES = 300
MOST_LINES_OF_TESTS = 400

TEST_FILES = sorted(
    path
    for pattern in ("*.py", "*.js")
    for path in (ROOT / "tests").rglob(pattern)
    if "node_modules" not in path.parts
)


@cache
def imports(module: str) -> frozenset[str]:
    """Everything that a module imports, for type checkers too, as full dotted names."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return frozenset(_imports(path, package))


def _imports(path: Path, package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{above}.{base}".rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def modules_known(module: str) -> set[str]:
    """The modules of Chip that a module imports, or imports something of."""
    return {
        known
        for name in imports(module)
        if within(name, "chip") and (known := name if name in MODULES else name.rpartition(".")[0])
    }


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def room_of(module: str) -> str:
    """The room of the house that a module lives in, such as chip.web."""
    rooms = [room for room in ROOMS if within(module, room)]
    return max(rooms, key=len, default=module)


def test_no_module_lies_outside_the_rooms():
    assert [module for module in MODULES if room_of(module) not in {*ROOMS, *COMMON}] == []


def test_no_module_lies_loose_but_what_everybody_knows_and_what_twistd_sees():
    loose = {module for module, path in MODULES.items() if path.parent == ROOT / "chip"}
    assert loose == {*COMMON, "chip.command", "chip.tap"}


def test_a_room_knows_only_the_rooms_that_it_may():
    trespasses = []
    for module in MODULES:
        room = room_of(module)
        known = {room_of(other) for other in modules_known(module)}
        trespasses += [
            (module, other) for other in known - {room, *COMMON} - ROOMS.get(room, set())
        ]
    assert trespasses == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other, the first one again as the last; empty when none do."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other_in_a_circle():
    known = {module: modules_known(module) - {module} for module in MODULES}
    assert not circle(known)


def those_who_import(library: str) -> set[str]:
    return {module for module in MODULES if any(within(name, library) for name in imports(module))}


def test_only_its_own_adapter_knows_a_library():
    others = {
        library: {module for module in those_who_import(library) if not module.startswith(owners)}
        for library, owners in LIBRARIES.items()
    }
    assert {library: modules for library, modules in others.items() if modules} == {}


def test_only_the_composition_root_knows_the_reactor():
    assert those_who_import("twisted.internet.reactor") <= REACTOR


def test_the_chat_knows_no_wire_and_no_storage():
    inside = {
        module
        for module in MODULES
        if room_of(module) in {"chip.chat", "chip.protocol", "chip.models"}
    }
    for library in ("twisted.web", "twisted.enterprise", "sqlite3", "socket", "http", "asyncio"):
        assert those_who_import(library) & inside == set(), library


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_module_is_too_long_to_read():
    scripts = sorted((ROOT / "chip").rglob("*.lua"))
    assert scripts
    assert [path for path in (*MODULES.values(), *scripts) if lines_of(path) > MOST_LINES] == []


def test_no_test_file_is_too_long_to_read():
    assert [path for path in TEST_FILES if lines_of(path) > MOST_LINES_OF_TESTS] == []


def names_of(path: Path) -> Iterator[str]:
    """The names that a module makes at its top: classes, functions, aliases and constants."""
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name):
                yield name
            # A type variable means something in its own module only, and is called T by custom.
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec"))):
                pass
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def test_no_two_public_names_are_alike():
    homes = defaultdict(list)
    for module, path in MODULES.items():
        for name in names_of(path):
            if not name.startswith("_"):
                homes[name].append(module)
    assert {name: home for name, home in homes.items() if len(home) > 1} == {}


def test_every_module_says_what_it_is_for():
    sources = {module: path.read_text() for module, path in MODULES.items()}
    assert [
        module
        for module, source in sources.items()
        if source.strip() and not ast.get_docstring(ast.parse(source))
    ] == []


def test_the_conformance_kit_knows_nothing_of_chip():
    modules = sorted(KIT.rglob("*.py"))
    known = {name.split(".")[0] for path in modules for name in _imports(path, KIT.name)}
    assert modules
    assert known - KIT_KNOWS == set()
    graph = {
        str(path.relative_to(KIT.parent).with_suffix("")).replace("/", "."): {
            name.rpartition(".")[0] for name in _imports(path, KIT.name)
        }
        for path in modules
    }
    assert not circle(graph)
    assert [path for path in modules if lines_of(path) > MOST_LINES] == []
    assert [path for path in modules if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_the_plugin_imports_neither_the_reactor_nor_chip():
    known = {*_imports(ROOT / "twisted" / "plugins" / "chip_plugin.py", "twisted.plugins")}
    assert known == {"twisted.application.service.ServiceMaker"}
    assert not (ROOT / "twisted" / "__init__.py").exists()
