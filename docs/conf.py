"""Sphinx settings: Markdown through MyST, no theme beyond the built-in one."""

from nearlinear import __version__

project = "nearlinear"
copyright = "the nearlinear authors"
release = __version__
extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "examples"]
html_theme = "alabaster"
html_theme_options = {"page_width": "72rem", "show_powered_by": False}
html_show_sourcelink = False
