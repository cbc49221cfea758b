"""Visitors in front of the site."""

import pytest

from tests.widget.scripted_site import ScriptedSite, Widget


@pytest.fixture
def site(browser):
    """A website with a scripted Chip behind it, and one visitor's browser."""
    return ScriptedSite(browser.person())


@pytest.fixture
def visit(site):
    """Open the site's page, perhaps with other markup or language, and return its widget."""

    def open_page(markup=None, **options):
        widget = Widget(site.page(markup, **options))
        widget.launcher.wait_for(state="attached")
        return widget

    return open_page
