"""The README's code, taken out of it so that it can be run."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"(?:<!-- needs (\w+|an? \w+) -->\n)?```python\n(.*?)```", re.DOTALL)


def tour() -> list[str]:
    """Give the Python blocks that need a registry alone, in order."""
    return _blocks("")


def daemon_blocks() -> list[str]:
    """Give the Python blocks that need a container daemon too."""
    return _blocks("a daemon")


def drift_blocks() -> list[str]:
    """Give the Python blocks that need a Drift at localhost:5000."""
    return _blocks("Drift")


def agent_blocks() -> list[str]:
    """Give the Python blocks that need an agent at localhost:8000."""
    return _blocks("an agent")


def plotly_blocks() -> list[str]:
    """Give the Python blocks that go on from the tour, with the extra ``charts``."""
    return _blocks("plotly")


def _blocks(need: str) -> list[str]:
    found = _BLOCK.findall(README.read_text(encoding="utf-8"))
    return [code for needed, code in found if needed == need]
