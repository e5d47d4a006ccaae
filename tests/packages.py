"""Every module of the package, for tests that hold of all of them."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import ghostnb

ROOT = Path(ghostnb.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def syntax(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def import_all() -> dict[str, object]:
    """Import every module, `__main__` apart."""
    names = [module_name(file) for file in FILES if file.stem != "__main__"]
    return {name: importlib.import_module(name) for name in names}
