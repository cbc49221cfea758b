"""axe-core: an automatic look at whether everybody can use a page."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.widget.tools import installed

STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _script() -> str:
    return (installed("axe-core") / "axe.min.js").read_text()


def complaints(page: Page, *rules: str) -> list[str]:
    """Return what axe finds wrong with the widget: by WCAG 2.2 AA, or by the rules named."""
    page.evaluate(f"() => {{ {_script()} }}")
    how = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": STANDARD}
    found = page.evaluate("how => axe.run('chip-chat', { runOnly: how })", how)
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
