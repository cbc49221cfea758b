"""Visitors in front of the stage."""

import pytest

from tests.widget.stage import Stage, Widget


@pytest.fixture
def stage(browser):
    """A website with a scripted Chip behind it, and one visitor's browser."""
    return Stage(browser.person())


@pytest.fixture
def visit(stage):
    """Open the site's page, perhaps with other markup or language, and return its widget."""

    def open_page(markup=None, **options):
        widget = Widget(stage.page(markup, **options))
        widget.launcher.wait_for(state="attached")
        return widget

    return open_page
