"""The README's code, taken out of it so that it can be run."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"(<!-- needs a daemon -->\n)?```python\n(.*?)```", re.DOTALL)


def tour() -> list[str]:
    """Give the Python blocks that need a registry alone, in order."""
    blocks = _BLOCK.findall(README.read_text(encoding="utf-8"))
    return [code for needs_daemon, code in blocks if not needs_daemon]


def daemon_blocks() -> list[str]:
    """Give the Python blocks that need a container daemon too."""
    blocks = _BLOCK.findall(README.read_text(encoding="utf-8"))
    return [code for needs_daemon, code in blocks if needs_daemon]
