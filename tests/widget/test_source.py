"""The widget's modules by themselves: their logic, their types, and how they are joined."""

import gzip
import re

import pytest

from chip.widget.bundle import LATER, SOURCES, gather_modules, join_later, join_modules, minify
from tests.widget.tools import HERE, installed, run_node

LIMIT = 25_000
UNITS = sorted((HERE / "unit").glob("*.test.js"))
MODULES = sorted(SOURCES.glob("*.js"))


def source(tmp_path, **modules):
    for name, text in modules.items():
        (tmp_path / f"{name}.js").write_text(text)
    return tmp_path


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_logic_holds(unit):
    result = run_node("--test", "--test-reporter=spec", unit)

    assert result.returncode == 0, result.stdout
    assert not re.search(r"tests 0$", result.stdout, re.MULTILINE)


def test_the_types_hold():
    compiler = installed("typescript") / "bin" / "tsc"

    result = run_node(compiler, "--project", HERE)

    assert result.returncode == 0, result.stdout


def test_the_served_file_stays_small():
    packed = gzip.compress(join_modules().encode(), 9)

    assert len(packed) <= LIMIT


def test_the_served_file_is_one_classic_script(tmp_path):
    script = tmp_path / "widget.js"
    script.write_text(join_modules())

    result = run_node("--check", script)

    assert result.returncode == 0, result.stderr
    assert not re.search(r"^(import|export)\b", script.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", LATER)
def test_what_is_fetched_later_is_one_module_that_exports_its_name(tmp_path, name):
    script = tmp_path / "later.mjs"
    script.write_text(join_later(name))
    asking = tmp_path / "asking.mjs"
    exported = LATER[name][1]
    asking.write_text('import * as later from "./later.mjs"; console.log(Object.keys(later)[0]);')

    assert run_node(asking).stdout == f"{exported}\n"
    assert not re.search(rf"(class|function) {exported}\b", join_modules())


def test_every_module_is_joined():
    joined = set(gather_modules()).union(*(gather_modules(LATER[name][0], name) for name in LATER))

    assert joined >= {module.stem for module in MODULES}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_module_uses_what_a_strict_page_forbids(module):
    text = module.read_text()

    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text)
    assert not re.search(r"""new Function|["'`]style["'`]|cssText|document\.cookie""", text)
    assert len(text.splitlines()) <= 330


def test_modules_are_joined_in_the_order_of_their_imports(tmp_path):
    modules = source(
        tmp_path,
        embed='import { b } from "./b.js";\nimport { a } from "./a.js";\nconsole.log(a, b);\n',
        b='import { a } from "./a.js";\nexport const b = a + 1;\n',
        a="/** One. */\nexport const a = 1;\n",
    )

    script = modules / "joined.js"
    script.write_text(join_modules(modules))

    assert run_node(script).stdout == "1 2\n"


@pytest.mark.parametrize(
    ("modules", "complaint"),
    [
        (
            {"embed": 'import { a } from "./a.js";\n', "a": 'import { b } from "./embed.js";\n'},
            "import each other: embed → a → embed",
        ),
        (
            {"embed": 'import { a } from "./a.js";\nconst b = 1;\n', "a": "function b() {}\n"},
            "share the names b",
        ),
        ({"embed": 'import { a as b } from "./a.js";\n', "a": ""}, "cannot join"),
        ({"embed": 'import a from "./a.js";\n'}, "cannot join"),
        ({"embed": "export default 1;\n"}, "cannot join"),
        ({"embed": "const a = 1;\nexport { a };\n"}, "cannot join"),
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path, modules, complaint):
    with pytest.raises(ValueError, match=complaint):
        join_modules(source(tmp_path, **modules))


def test_comments_and_blanks_go_and_literals_stay():
    before = """
/** What it is. */
const a = { one: "a , b  // c", two: `x
  { y }`, three: /[/*] ; {2}/g };
// gone
const b = /** @type {any} */ (a).one / 2, c = b;
if (b) {
  c();
}
"""
    assert minify(before) == (
        'let a={one:"a , b  // c",two:`x\n'
        "  { y }`,three:/[/*] ; {2}/g};"
        "let b=(a).one/2,c=b;if(b){c()}"
    )


def test_style_sheets_keep_the_blanks_that_mean_something():
    before = """
const css = String.raw`
/* Why,
   at length. */
.log > .day:first-child { inset: calc(1px + 2px) 0; color: red; }
`;
"""
    assert minify(before) == (
        "let css=String.raw`\n.log>.day:first-child{inset:calc(1px + 2px) 0;color:red}`;"
    )


def test_the_private_names_of_classes_are_shortened():
    before = """
class Door {
  #state = "#state";
  get open() { return this.#state; }
}
"""
    assert minify(before) == 'class Door{#a="#state";get open(){return this.#a}}'


def test_the_distinct_names_of_modules_are_shortened():
    before = """
const HOW_MANY = 3;
const FREE = "FREE";
function bothOf(a) {
  return { bothAre: HOW_MANY, onlyOne: a.onlyOne };
}
const onlyOne = bothOf(FREE);
"""
    assert minify(before) == (
        'let $a=3;let FREE="FREE";'
        "function $b(a){return{bothAre:$a,onlyOne:a.onlyOne}}"
        "\nlet onlyOne=$b(FREE);"
    )
