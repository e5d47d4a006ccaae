"""The house: floors, vendors in their own modules, small modules, no error swallowed."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ghostnb.registries.vendors import KINDS
from tests.packages import FILES, ROOT, relative, syntax

MAX_LINES = 400
SETTINGS = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())
CONTRACTS = SETTINGS["tool"]["importlinter"]["contracts"]
SCRIPTS = sorted(ROOT.rglob("*.js"))
every_file = pytest.mark.parametrize("file", FILES, ids=relative)


def test_a_package_imports_only_lower_floors():
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT.parent, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "0 broken" in done.stdout


def test_no_dependency_is_forgotten_where_third_parties_are_kept_out():
    project = SETTINGS["project"]
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    names = {module_of(name) for name in [*project["dependencies"], *extras]}

    (kept_out,) = [set(one["forbidden_modules"]) for one in CONTRACTS if one["type"] == "forbidden"]
    assert kept_out == names - {"msgspec"}


# Parts of a package that many share.
NAMESPACES = {"azure_identity": "azure", "google_auth": "google"}


def module_of(requirement: str) -> str:
    """Give what is imported: of all of ours, the distribution's own name, or its beginning."""
    name = re.match(r"[\w-]+", requirement)[0].replace("-", "_")
    return NAMESPACES.get(name, name)


def test_every_module_stands_on_a_floor():
    layers = CONTRACTS[0]["layers"]
    floors = {name.strip().removeprefix("ghostnb.") for row in layers for name in row.split("|")}
    modules = {relative(file).split("/")[0].removesuffix(".py") for file in FILES}

    assert modules - {"__init__", "__main__"} <= floors


@pytest.mark.parametrize("file", [*FILES, *SCRIPTS], ids=relative)
def test_a_module_is_small(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@every_file
def test_vendors_are_told_apart_in_their_own_modules_alone(file):
    if "vendors" in file.parts:
        return
    found = [ast.unparse(node) for node in ast.walk(syntax(file)) if compares_vendors(node)]

    assert found == []


def compares_vendors(node: ast.AST) -> bool:
    """Find ``x.kind == "…"``, ``vendor != "…"``, ``kind in ("…", "…")`` and ``match kind``."""
    if isinstance(node, ast.Match):
        return names_vendor(node.subject)
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    return any(map(names_vendor, sides)) and any(map(holds_vendor, sides))


def names_vendor(node: ast.AST) -> bool:
    last = ast.unparse(node).rpartition(".")[2].strip("_").lower()
    return last in {"vendor", "kind", "vendor_kind", "vendor_name"}


def holds_vendor(node: ast.AST) -> bool:
    texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return any(text in {*KINDS, "layout", "archive", "memory"} for text in texts)


def test_a_comparison_of_vendors_is_found():
    for code in ("c.kind == 'docker-hub'", "vendor != 'distribution'", "kind in ('auto', 'x')"):
        assert any(map(compares_vendors, ast.walk(ast.parse(code))))
    assert not any(map(compares_vendors, ast.walk(ast.parse("kind == 'attestation-manifest'"))))


@every_file
def test_no_error_is_swallowed(file):
    found = [ast.unparse(node) for node in ast.walk(syntax(file)) if swallows(node)]

    assert found == []


def swallows(node: ast.AST) -> bool:
    """Find ``except:`` and what takes every exception and does nothing with it."""
    if isinstance(node, ast.With | ast.AsyncWith):
        items = [ast.unparse(item.context_expr) for item in node.items]
        return any(f"suppress({kind})" in item for item in items for kind in EVERYTHING)
    if not isinstance(node, ast.ExceptHandler):
        return False
    if node.type is None:
        return True
    return ast.unparse(node.type) in EVERYTHING and all(map(does_nothing, node.body))


EVERYTHING = ("Exception", "BaseException")


def does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Continue) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def test_a_swallowed_error_is_found():
    for code in (
        "try: f()\nexcept: g()",
        "try: f()\nexcept Exception: pass",
        "with contextlib.suppress(Exception): f()",
    ):
        assert any(map(swallows, ast.walk(ast.parse(code))))


@every_file
def test_only_the_command_line_prints(file):
    if file.stem in {"cli", "doctor", "__main__"} or "cli" in file.parts:
        return
    calls = [node for node in ast.walk(syntax(file)) if isinstance(node, ast.Call)]

    assert [ast.unparse(call) for call in calls if ast.unparse(call.func) == "print"] == []


@every_file
def test_nothing_patches_asyncio_or_makes_loops_of_its_own(file):
    text = file.read_text(encoding="utf-8")
    if relative(file) == "loop.py":
        return

    assert "new_event_loop" not in text
    assert "get_event_loop(" not in text
    assert relative(file) == "nested.py" or "import nest_asyncio" not in text


def test_one_module_knows_the_keyring():
    found = [relative(file) for file in FILES if KEYRING.search(file.read_text(encoding="utf-8"))]

    assert found == ["registries/system_keyring.py"]


KEYRING = re.compile(r"^\s*(import|from) keyring\b|import_module\(.keyring", re.MULTILINE)
