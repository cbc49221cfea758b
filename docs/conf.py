"""How Sphinx makes the documentation's site of these pages: ``make site``."""

project = "Chip"
author = "The Chip authors"
copyright = "The Chip authors, MIT licence"

extensions = ["myst_parser"]
# Links to headings are made as GitHub makes them, so that the pages read the same there.
myst_heading_anchors = 4
nitpicky = True

html_theme = "furo"
html_title = "Chip"
html_copy_source = False

# Two blocks of code are in languages that GitHub colours and Pygments does not quite know.
suppress_warnings = ["misc.highlighting_failure"]

linkcheck_ignore = ["http://localhost"]
