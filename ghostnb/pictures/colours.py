"""Colours: the theme's on a page of ours, and those of the light theme everywhere else."""

import re

__all__ = ["ADDED", "GROUND", "HUES", "LINE", "MUTED", "SHADE", "TEXT", "TOTAL", "in_light"]

# Each can be read with white upon it.
HUES = ("#1f5fa8", "#6a45a3", "#1c6b58", "#8f4a15", "#9c2f5b", "#4c5a6b")
SHADE = HUES[0]
GROUND = "var(--ghostnb-ground, #ffffff)"
TEXT = "var(--ghostnb-text, #1d2129)"
MUTED = "var(--ghostnb-muted, #59616d)"
LINE = "var(--ghostnb-line, #d5d9df)"
ADDED = "var(--ghostnb-accent, #1560bd)"
TOTAL = "var(--ghostnb-warning, #7a4d00)"
_THEMED = re.compile(r"var\(--[a-z-]+, *([^()]+)\)")


def in_light(text: str) -> str:
    """Give a text with the light theme's colours in place of those that follow the theme."""
    return _THEMED.sub(r"\1", text)
