"""The patch for third-party code: only when asked for."""

import builtins

import pytest

import ghostnb
from tests.scripts import run_script


def test_asyncio_run_works_in_a_running_loop_once_it_is_enabled(registry):
    script = """
import asyncio, sys, ghostnb
async def cell():
    try:
        asyncio.run(asyncio.sleep(0))
    except RuntimeError:
        print("refused")
    ghostnb.enable_nested_asyncio()
    reg = ghostnb.RegistryClient(sys.argv[1])
    print(len(asyncio.run(reg.tags("library/alpine"))))
    print(len(await reg.tags("library/alpine")), len(ghostnb.run(reg.tags("library/alpine"))))
import warnings
warnings.simplefilter("ignore")
asyncio.run(cell())
"""
    # The coroutine that asyncio.run refuses is never awaited: that warning is Python's.
    assert run_script(script, registry.url) == "refused\n3\n3 3\n"


def test_importing_patches_nothing():
    script = """
import asyncio
before = asyncio.run, asyncio.BaseEventLoop.run_until_complete, asyncio.Task, asyncio.sleep
import sys
from ghostnb import *
run(asyncio.sleep(0))
after = asyncio.run, asyncio.BaseEventLoop.run_until_complete, asyncio.Task, asyncio.sleep
print(before == after, "nest_asyncio2" in sys.modules)
"""
    assert run_script(script) == "True False\n"


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def no_nest(name, *rest, **more):
        if name == "nest_asyncio2":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", no_nest)

    with pytest.raises(ImportError, match=r"ghostnb\[nested\]"):
        ghostnb.enable_nested_asyncio()
