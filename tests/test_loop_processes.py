"""The loop thread in processes: Ctrl-C, fork, and the interpreter's end."""

import time

from tests.parts.faults import faulty_server
from tests.parts.replies import reply
from tests.scripts import finish_script, interrupt, run_script, start_script
from tests.serving import hanging_server, wait_until

INTERRUPTED = """
import sys, time, ghostnb
client = ghostnb.RegistryClient(sys.argv[1])
try:
    ghostnb.run(client.tags("a/b"))
except KeyboardInterrupt:
    print("interrupted")
print(len(ghostnb.run(client.tags("works/again"))))
"""

INTERRUPTED_ASYNCIO = """
import asyncio, sys, ghostnb
client = ghostnb.RegistryClient(sys.argv[1])
try:
    asyncio.run(client.tags("a/b"))
except KeyboardInterrupt:
    print("interrupted")
print(len(asyncio.run(client.tags("works/again"))))
"""

FORKED = """
import multiprocessing, os, sys, ghostnb
client = ghostnb.RegistryClient(sys.argv[1])
def ask(_=None):
    return sorted(ghostnb.run(client.layers("library/alpine:3.20")).size_bytes)
mine = ask()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(ask, range(4)) == [mine] * 4
assert ask() == mine
child = os.fork()
if not child:
    theirs = ask()
    sys.exit(0 if theirs == mine else 3)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert ask() == mine
print("same")
"""

LEFT_RUNNING = """
import asyncio, sys, time, ghostnb
from ghostnb.loop import schedule
ghostnb.loop._STOP_SECONDS = 25  # which would be waited for
client = ghostnb.RegistryClient(sys.argv[1])
for n in range(4):
    schedule(client.tags(f"a/b{n}"))
schedule(client.inventory(["a/b", "c/d"], progress=False))
while len(asyncio.all_tasks(ghostnb.loop._io_loop())) < 4:
    time.sleep(0.01)
time.sleep(0.2)
print("leaving", flush=True)
"""

GIVEN_UP_BY_CANCEL = """
import asyncio, sys, ghostnb, ghostnb.loop
ghostnb.loop._STOP_SECONDS = 25  # which would be waited for
client = ghostnb.RegistryClient(sys.argv[1])
async def main():
    task = asyncio.ensure_future(client.inventory(["a/b"], progress=False))
    await asyncio.sleep(0.3)
    print("leaving", flush=True)
asyncio.run(main())
"""


def test_ctrl_c_stops_what_run_waits_for():
    check_interrupt(INTERRUPTED)


def test_ctrl_c_stops_what_is_awaited_under_asyncio():
    check_interrupt(INTERRUPTED_ASYNCIO)


def check_interrupt(script):
    with hanging_server() as server:
        server.routes["/v2/works/again/tags/list"] = reply(json={"tags": ["x"]})
        process = start_script(script, server.url)
        wait_until(lambda: server.count() == 1, seconds=15)
        started = time.monotonic()
        interrupt(process)
        output = finish_script(process)

    assert output == "interrupted\n1\n"
    assert time.monotonic() - started < 15


def test_a_forked_child_asks_by_the_same_client_and_the_parent_goes_on(registry):
    assert run_script(FORKED, registry.url) == "same\n"


def test_the_interpreter_ends_at_once_with_requests_under_way():
    for script in (LEFT_RUNNING, GIVEN_UP_BY_CANCEL):
        with hanging_server() as server:
            process = start_script(script, server.url)
            assert process.stdout is not None
            assert process.stdout.readline() == "leaving\n"
            started = time.monotonic()
            assert finish_script(process) == ""
            assert time.monotonic() - started < 15
            assert server.count() >= 1


def test_the_interpreter_ends_silently_after_work_with_the_cache_on(registry, tmp_path):
    script = """
import os, sys
os.environ["GHOSTNB_CACHE"] = sys.argv[2]
import ghostnb
print(len(ghostnb.run(ghostnb.RegistryClient(sys.argv[1]).inventory())) > 20)
"""
    assert run_script(script, registry.url, str(tmp_path)) == "True\n"
    assert (tmp_path / "content.sqlite").stat().st_size > 0


def test_importing_starts_no_thread():
    script = "import threading; from ghostnb import *; print(threading.active_count())"

    assert run_script(script) == "1\n"


def test_a_registry_that_answers_late_is_waited_for():
    with faulty_server({"/v2/a/tags/list": reply(json={"tags": ["x"]}, delay_seconds=1)}) as server:
        script = """
import sys, ghostnb
print(*ghostnb.run(ghostnb.RegistryClient(sys.argv[1]).tags("a")).tag)
"""
        assert run_script(script, server.url) == "x\n"
