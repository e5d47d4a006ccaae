"""The JavaScript and CSS of the widgets, as they stand in ``static/``."""

from functools import cache
from importlib.resources import files

__all__ = ["javascript", "stylesheet"]


def javascript(*names: str) -> str:
    """Join modules to one: anywidget takes a single one, and there is no build step.

    Parameters
    ----------
    *names : str
        Without their ending; the last one exports the widget, the others only
        define what it uses.
    """
    return "\n".join(_read(f"{name}.js") for name in names)


def stylesheet(*names: str) -> str:
    """Join style sheets, the theme's colours first."""
    return "\n".join(_read(f"{name}.css") for name in ("theme", *names))


@cache
def _read(name: str) -> str:
    return (files("ghostnb.widgets") / "static" / name).read_text("utf-8")
