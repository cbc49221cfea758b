"""A real Chromium without windows: Debian's, driven by Playwright's blocking interface.

Owns starting it and noticing what goes wrong inside pages. It blocks the thread while it works,
so the server that it visits must be another process.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from .process import NotRunningError

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP = (1280, 800)
PHONE = (390, 844)
_PATIENCE_MS = 10_000
# A machine may be busy with more than this.
expect.set_options(timeout=15_000)


class Browser:
    """The browser, and all pages opened in it.

    `problems` is what pages complained about: exceptions, errors on the console. A test that
    provokes some clears them.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._contexts: list[BrowserContext] = []

    def start(self) -> None:
        """Start Chromium."""
        # Without the pages that draw a window's frame, a context costs a quarter of the time.
        path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        if path is None:
            raise NotRunningError("neither chromium-headless-shell nor chromium is installed")
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(
            executable_path=path,
            args=_FLAGS,
            # Playwright would close it on signals that are meant for the tests.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    def close(self) -> None:
        """End Chromium."""
        self._chromium.close()
        self._playwright.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def person(
        self,
        *,
        phone: bool = False,
        dark: bool = False,
        locale: str = "en-GB",
        reduced_motion: bool = True,
        permissions: Sequence[str] = (),
        **options: Any,
    ) -> BrowserContext:
        """Return a context of its own: nobody else's cookies and storage, one device.

        `options` are Playwright's, and win.
        """
        width, height = PHONE if phone else DESKTOP
        device = {
            "viewport": {"width": width, "height": height},
            "device_scale_factor": 2 if phone else 1,
            "has_touch": phone,
            "is_mobile": phone,
            "color_scheme": "dark" if dark else "light",
            "reduced_motion": "reduce" if reduced_motion else "no-preference",
            "locale": locale,
            "permissions": list(permissions),
        }
        context = self._chromium.new_context(**(device | options))
        context.set_default_timeout(_PATIENCE_MS)
        context.on("page", self._watch)
        self._contexts.append(context)
        return context

    def page(self, url: str | None = None, **device: Any) -> Page:
        """Return a page of a new person, opened at the URL."""
        page = self.person(**device).new_page()
        if url is not None:
            page.goto(url)
        return page

    def close_pages(self) -> None:
        """Close everything that persons have open, and forget what went wrong."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self.problems.clear()

    def check(self) -> None:
        """Raise AssertionError when any page had something to complain about."""
        if self.problems:
            raise AssertionError("pages complained:\n" + "\n".join(self.problems))

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._heard(page, message))

    def _heard(self, page: Page, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"{page.url}: console: {message.text}")


def focus_on(element: Locator) -> None:
    """Focus what may yet have to appear: what is hidden takes no focus, and nothing says so."""
    expect(element).to_be_visible()
    element.focus()
    expect(element).to_be_focused()


def shoot(page: Page, path: Path) -> Path:
    """Save a picture of what the page shows now; return where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, animations="disabled")
    return path
