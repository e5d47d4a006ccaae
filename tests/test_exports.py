"""What the package offers: sorted, whole, documented, and lazy where it is costly."""

import ast
import inspect
import re

import pytest

import ghostnb
from ghostnb import errors, frames
from tests.packages import FILES, import_all, module_name, relative, syntax
from tests.scripts import run_script


def test_all_is_sorted_and_without_repetition():
    assert ghostnb.__all__ == sorted(set(ghostnb.__all__))


def test_all_is_every_public_name_but_the_modules():
    public = {
        name
        for name in dir(ghostnb)
        if not name.startswith("_") and not inspect.ismodule(getattr(ghostnb, name))
    } - {"Any", "TYPE_CHECKING"}

    assert public == set(ghostnb.__all__)


def test_every_name_of_all_is_there_and_ours():
    for name in ghostnb.__all__:
        assert getattr(ghostnb, name).__module__.startswith("ghostnb")


def test_what_users_write_is_there():
    designed = {
        "Engine",
        "Fleet",
        "GhostnbError",
        "Image",
        "RegistryClient",
        "RegistryConfig",
        "run",
    }

    assert designed | {"enable_nested_asyncio"} <= set(ghostnb.__all__)


def test_dir_lists_the_lazy_names_too():
    assert set(ghostnb.__all__) <= set(dir(ghostnb))


def test_the_engine_is_imported_when_it_is_used():
    script = """
import sys, ghostnb
before = "docker" in sys.modules or "ghostnb.engine" in sys.modules
print(before, "Engine" in dir(ghostnb), ghostnb.Engine.__name__, "ghostnb.engine" in sys.modules)
"""
    assert run_script(script) == "False True Engine True\n"


@pytest.mark.parametrize("name", ["analysis.snapshot", "frames.layers_frame", "pictures.treemap"])
def test_packages_for_users_are_there_without_their_own_import(name):
    script = f"import ghostnb; print({name.partition('.')[0]!r} in dir(ghostnb), ghostnb.{name})"
    assert run_script(script).startswith("True <")


def test_an_absent_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Absent'"):
        _ = ghostnb.Absent


def test_every_error_is_importable_from_the_package():
    kinds = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if is_error(kind)}

    assert kinds <= set(ghostnb.__all__)
    for name in kinds:
        assert getattr(ghostnb, name) is getattr(errors, name)


def is_error(kind):
    return issubclass(kind, ghostnb.GhostnbError)


def test_the_version_is_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?", ghostnb.__version__)


def test_every_module_has_what_it_says_that_it_exports():
    for name, module in import_all().items():
        exported = getattr(module, "__all__", [])
        assert len(exported) == len(set(exported)), name
        assert all(hasattr(module, one) for one in exported), name


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_everything_public_has_a_docstring(file):
    assert undocumented(syntax(file), module_name(file)) == []


def undocumented(node: ast.AST, name: str) -> list[str]:
    """Name what has none; what begins with an underscore is private with all that is in it."""
    missing = [] if ast.get_docstring(node) else [name]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            is_private = child.name.startswith("_")
            is_overload = "overload" in map(ast.unparse, child.decorator_list)
            inside_function = not isinstance(node, ast.Module | ast.ClassDef)
            if not (is_private or is_overload or inside_function):
                missing += undocumented(child, f"{name}.{child.name}")
    return missing


def test_docstrings_say_what_they_return_with_columns_and_types():
    for tabulate in (frames.layers_frame, frames.tags_frame):
        assert "Returns" in tabulate.__doc__
        assert "Int64" in tabulate.__doc__
        assert "datetime64[ns, UTC]" in tabulate.__doc__
