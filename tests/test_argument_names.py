"""One name for one idea: what operations take is called alike, is alike, and is described."""

import inspect

import pytest

import ghostnb
from ghostnb import RegistryClient

LOOKING = [
    ghostnb.plan_sync,
    ghostnb.plan_delete,
    ghostnb.plan_retention,
    ghostnb.plan_backup,
    ghostnb.plan_restore,
]
MOVING = [ghostnb.copy, ghostnb.verify, RegistryClient.push, RegistryClient.save]
# What a deletion names, it names exactly; what keeps to disk takes paths, too.
OTHER = {("plan_delete", "repositories")} | {
    (name, side)
    for name, side in (("plan_backup", "target"), ("plan_restore", "source"), ("verify", "source"))
}


def parameters(function):
    found = inspect.signature(function).parameters.values()
    return [one for one in found if one.name != "self"]


@pytest.mark.parametrize("functions", [LOOKING, MOVING])
def test_all_tell_their_progress_alike(functions):
    kinds = {str(inspect.signature(one).parameters["progress"]) for one in functions}
    assert len(kinds) == 1


def test_what_is_called_alike_is_alike():
    kinds: dict[str, set[str]] = {}
    for function in [*LOOKING, *MOVING]:
        for one in parameters(function):
            if one.name not in ("progress", "path") and (function.__name__, one.name) not in OTHER:
                kinds.setdefault(one.name, set()).add(f"{one.annotation}")
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


@pytest.mark.parametrize("function", [*LOOKING, *MOVING], ids=lambda one: one.__name__)
def test_help_describes_every_argument_in_its_place(function):
    text = inspect.getdoc(function)
    described = text.partition("Parameters\n")[2].partition("\nReturns\n")[0].splitlines()
    heads = [line.partition(" : ")[0] for line in described if line and not line.startswith(" ")]
    names = [name.strip() for head in heads for name in head.split(",")]
    assert [one.name for one in parameters(function) if one.name not in names] == []
    assert "As for" not in text


def test_flags_are_given_by_name():
    for function in [*LOOKING, *MOVING]:
        for one in parameters(function):
            assert one.annotation is not bool or one.kind is one.KEYWORD_ONLY
