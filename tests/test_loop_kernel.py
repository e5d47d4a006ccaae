"""ghostnb in cells: await, run, widgets' bars, and the interrupt button."""

import time
from collections.abc import Iterator

import pytest

from tests.kernels import Kernel, running_kernel
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.replies import reply
from tests.serving import hanging_server, routes_of, wait_until

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(str(tmp_path_factory.mktemp("kernel"))) as running:
        assert running.run("import ghostnb").errors == []
        yield running


def test_await_works_in_a_cell(kernel, registry):
    cell = f"""
reg = ghostnb.RegistryClient("{registry.url}")
print(*sorted((await reg.tags("library/alpine")).tag))
"""
    answer = kernel.run(cell)

    assert (answer.text, answer.errors) == ("3.19 3.20 latest\n", [])


def test_run_works_in_a_cell_and_in_what_it_calls(kernel, registry):
    cell = f"""
reg = ghostnb.RegistryClient("{registry.url}")
def called():
    return ghostnb.run(reg.tags("library/alpine"))
print(len(called()), len(ghostnb.run(reg.repositories())) > 5)
"""
    assert kernel.run(cell).text == "3 True\n"


def test_a_frame_and_an_image_show_themselves(kernel, registry):
    answer = kernel.run(f"""
reg = ghostnb.RegistryClient("{registry.url}")
display(await reg.layers("library/nginx:1.27"))
await reg.image("library/nginx:1.27")
""")

    assert answer.errors == []
    assert ["text/html" in shown for shown in answer.displays] == [True, True]


@pytest.mark.parametrize("call", ["await {}", "ghostnb.run({})"])
def test_an_interrupt_stops_a_cell_that_waits_and_leaves_the_kernel_usable(kernel, call):
    with hanging_server() as server:
        server.routes["/v2/works/again/tags/list"] = reply(json={"tags": ["x"]})
        kernel.run(f'reg = ghostnb.RegistryClient("{server.url}")')
        cell = kernel.start(call.format('reg.tags("a/b")'))
        wait_until(lambda: server.count() == 1)
        time.sleep(0.3)
        started = time.monotonic()
        kernel.interrupt()
        stopped = kernel.finish(cell)
        took = time.monotonic() - started
        usable = kernel.run('print(*(await reg.tags("works/again")).tag)')
    tasks = kernel.run("""
import asyncio
async def others():
    return len(asyncio.all_tasks()) - 1
print(ghostnb.run(others()))
""")

    assert len(stopped.errors) == 1
    assert took < 2.5
    assert (usable.text, usable.errors, tasks.text) == ("x\n", [], "0\n")


@pytest.mark.parametrize("call", ["await {}", "ghostnb.run({})"])
def test_a_long_inventory_shows_a_bar_under_its_own_cell(kernel, call):
    with slow_registry() as server:
        cell = f"frame = {call.format('reg.inventory()')}"
        kernel.run(f'reg = ghostnb.RegistryClient("{server.url}")')
        answer = kernel.run(cell)
        bar = kernel.run("""
from ipywidgets import IntProgress, FloatProgress, Widget
bars = [w for w in Widget.widgets.values() if isinstance(w, (IntProgress, FloatProgress))]
print(len(frame), bars[-1].value, bars[-1].max, bars[-1].bar_style)
""")

    assert answer.errors == []
    assert [WIDGET in shown for shown in answer.displays] == [True]
    assert bar.text == "9 3.0 3.0 success\n"


def test_what_could_not_be_read_is_a_warning_under_its_own_cell(kernel):
    images = {"a/b:1": plain_image("one"), "a/b:2": plain_image("two")}
    with faulty_server(routes_of(images)) as server:
        server.routes["/v2/a/b/manifests/2"] = reply(404)
        kernel.run(f'reg = ghostnb.RegistryClient("{server.url}")')
        awaited = kernel.run("frame = await reg.inventory()")
        waited_for = kernel.run("frame = ghostnb.run(reg.inventory())")

    assert "UserWarning: The inventory is not whole" in awaited.stderr
    assert "UserWarning: The inventory is not whole" in waited_for.stderr


def slow_registry():
    """Serve three images, one of them late."""
    images = {f"a/b:{n}": plain_image(f"{n}") for n in range(3)}
    routes = routes_of(images)
    routes["/v2/a/b/manifests/2"] = reply(
        body=images["a/b:2"].raw,
        headers={"Content-Type": images["a/b:2"].media_type},
        delay_seconds=1.6,
    )
    return faulty_server(routes)
