"""The loop thread: reached from everywhere, cancelled with its caller, gone at the end."""

import asyncio
import contextlib
import gc
import threading
import time
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

import ghostnb
from ghostnb.loop import hop, schedule, schedule_if_running
from tests.parts.images import plain_image
from tests.parts.pushes import push_many
from tests.scripts import run_script
from tests.serving import connections_to, hanging_server, wait_until


def io_threads():
    return [thread for thread in threading.enumerate() if thread.name == "ghostnb-io"]


async def where():
    return threading.current_thread().name, asyncio.get_running_loop()


def test_await_runs_on_the_one_loop_whatever_loop_awaits():
    first = asyncio.run(hop(where()))
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(lambda: asyncio.run(hop(where()))).result()
    third = ghostnb.run(where())

    assert first == second == third
    assert first[0] == "ghostnb-io"
    assert len(io_threads()) == 1


def test_one_client_answers_on_two_loops_at_once(registry):
    client = ghostnb.RegistryClient(registry.url)

    def ask() -> list[list[str]]:
        async def several():
            frames = await asyncio.gather(*(client.tags("library/alpine") for _ in range(8)))
            return [sorted(frame["tag"]) for frame in frames]

        return asyncio.run(several())

    with ThreadPoolExecutor(2) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(2)]]

    assert answers == [[["3.19", "3.20", "latest"]] * 8] * 2


def test_the_callers_loop_goes_on_while_it_awaits():
    async def both():
        ticks = []

        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0.01)

        ticking = asyncio.ensure_future(tick())
        await hop(asyncio.sleep(0.3))
        ticking.cancel()
        return len(ticks)

    assert asyncio.run(both()) > 5


def test_run_works_in_the_main_thread_and_in_workers():
    async def name():
        return threading.current_thread().name

    with ThreadPoolExecutor(1) as pool:
        assert ghostnb.run(name()) == pool.submit(ghostnb.run, name()).result() == "ghostnb-io"


def test_run_works_in_a_callback_of_a_running_loop():
    async def call_back():
        answers = []
        asyncio.get_running_loop().call_soon(lambda: answers.append(ghostnb.run(hop(where()))))
        await asyncio.sleep(0.1)
        return answers

    assert asyncio.run(call_back()) == [ghostnb.run(where())]


def test_run_takes_any_awaitable():
    class Later:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return 7

    assert ghostnb.run(Later()) == 7


def test_run_on_the_loop_itself_is_refused_and_not_waited_for():
    async def wait_for_itself():
        return ghostnb.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="use await"):
        ghostnb.run(wait_for_itself())


def test_run_in_a_callback_of_the_loop_itself_is_refused():
    async def call_back():
        outcome = asyncio.get_running_loop().create_future()

        def callback():
            with contextlib.suppress(RuntimeError):
                ghostnb.run(asyncio.sleep(0))
                outcome.set_result("waited for itself")
            if not outcome.done():
                outcome.set_result("refused")

        asyncio.get_running_loop().call_soon(callback)
        return await outcome

    assert ghostnb.run(call_back()) == "refused"


def test_operations_nest_on_the_loop():
    async def outer():
        return await hop(where())

    assert ghostnb.run(outer()) == ghostnb.run(where())


def test_an_exception_arrives_with_the_place_it_came_from():
    async def fail_here():
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside") as by_await:
        asyncio.run(hop(fail_here()))
    with pytest.raises(KeyError, match="inside") as by_run:
        ghostnb.run(fail_here())

    for caught in (by_await, by_run):
        assert "in fail_here" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_a_cancelled_caller_cancels_the_operation():
    ends = []

    async def hang():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async def give_up():
        task = asyncio.ensure_future(hop(hang()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    wait_until(lambda: ends == ["cancelled"])


def test_a_caller_that_gives_up_frees_the_connection():
    with hanging_server() as server:
        client = ghostnb.RegistryClient(server.url)

        async def give_up():
            async with asyncio.timeout(0.3):
                await asyncio.gather(client.tags("a/b"), watch())

        async def watch():
            await asyncio.sleep(0.2)
            assert connections_to(server.port) == 1

        with pytest.raises(TimeoutError):
            asyncio.run(give_up())
        # Long before the request's own end, which is after 30 s.
        wait_until(lambda: connections_to(server.port) == 0, seconds=10)
        assert server.count() == 1


def test_a_progress_function_is_called_where_the_caller_is_and_at_the_end():
    seen = []

    async def watch():
        done = []

        async def work():
            await asyncio.sleep(0.5)
            done.append(1)

        await hop(work(), on_tick=lambda: seen.append((threading.get_ident(), len(done))))

    asyncio.run(watch())

    assert {thread for thread, _ in seen} == {threading.get_ident()}
    assert len(seen) >= 3
    assert seen[-1][1] == 1


def test_a_progress_function_that_fails_stops_the_operation():
    ends = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(1)

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(hop(work(), on_tick=fail))
    wait_until(lambda: ends == [1])


def test_a_progress_function_of_run_is_called_on_the_thread_that_waits_and_at_the_end():
    seen, done = [], []

    async def work(name):
        await asyncio.sleep(0.5)
        done.append(name)

    def note(name):
        seen.append((threading.get_ident(), name, name in done))

    async def watched(name):
        await hop(work(name), on_tick=lambda: note(name))

    async def both():
        await asyncio.gather(watched("a"), watched("b"))

    ghostnb.run(both())

    assert {thread for thread, _, _ in seen} == {threading.get_ident()}
    for name in "ab":
        ends = [is_done for _, which, is_done in seen if which == name]
        assert len(ends) >= 3
        assert ends[-1]


def test_a_slow_progress_function_of_run_leaves_the_loop_free_and_sees_the_end():
    beats, seen = [], []

    async def work():
        for _ in range(40):
            beats.append(1)
            await asyncio.sleep(0.01)

    def dawdle():
        time.sleep(1)
        seen.append(len(beats))

    ghostnb.run(hop(work(), on_tick=dawdle))

    # The work ended while the first was called: the last is of the end.
    assert seen == [40, 40]


def test_a_progress_function_of_run_may_use_run():
    answers = []

    def ask():
        answers.append(ghostnb.run(where())[0])

    ghostnb.run(hop(asyncio.sleep(0.01), on_tick=ask))

    assert answers == ["ghostnb-io"]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ZeroDivisionError(), ZeroDivisionError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        # As from any coroutine (PEP 479).
        (StopIteration(), RuntimeError),
    ],
)
def test_a_progress_function_of_run_that_fails_stops_the_operation(failure, expected):
    ends = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(1)

    def fail():
        raise failure

    with pytest.raises(expected):
        ghostnb.run(hop(work(), on_tick=fail))
    wait_until(lambda: ends == [1])
    assert ghostnb.run(where())[0] == "ghostnb-io"


def test_an_operation_that_is_cancelled_within_run_calls_its_progress_function_no_more():
    seen = []

    async def give_up():
        keeping_busy = hop(asyncio.sleep(0.3), on_tick=lambda: time.sleep(0.5))
        other = asyncio.ensure_future(keeping_busy)
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                await hop(asyncio.sleep(60), on_tick=lambda: seen.append(1))
        await other

    ghostnb.run(give_up())

    assert seen == []


@pytest.mark.parametrize("pause_seconds", [0, 0.25])
def test_what_goes_on_after_run_does_not_wait_for_a_thread_that_has_left(pause_seconds):
    """It leaves before the first is to be called; or in the middle of one, another waiting."""
    ended = []

    async def work():
        await hop(asyncio.sleep(0.5), on_tick=lambda: time.sleep(0.3))
        ended.append(1)

    async def begin():
        tasks.extend(asyncio.ensure_future(work()) for _ in range(2))
        await asyncio.sleep(pause_seconds)

    tasks = []
    ghostnb.run(begin())

    wait_until(lambda: ended == [1, 1])


def test_what_is_scheduled_is_done_without_a_wait():
    done = threading.Event()

    async def set_it():
        done.set()

    schedule(set_it())

    assert done.wait(5)


@pytest.mark.parametrize(
    "start", [lambda function: schedule(function()), schedule_if_running], ids=["now", "if running"]
)
def test_what_is_scheduled_is_kept_until_it_is_done(start):
    """Event loops have weak references only, and what it waits for may lead to itself alone."""
    waited_for, done = [], threading.Event()

    async def wait_for_it():
        future = asyncio.get_running_loop().create_future()
        waited_for.append(weakref.ref(future))
        await future
        done.set()

    ghostnb.run(where())
    start(wait_for_it)
    wait_until(lambda: waited_for)
    gc.collect()

    future = waited_for[0]()
    assert future is not None
    future.get_loop().call_soon_threadsafe(future.set_result, None)
    assert done.wait(5)


def test_a_client_that_is_forgotten_leaves_no_connection(fresh_registry):
    client = ghostnb.RegistryClient(fresh_registry.url)
    asyncio.run(client.ping())
    assert connections_to(fresh_registry.port) == 1

    del client

    wait_until(lambda: connections_to(fresh_registry.port) == 0)


def test_nothing_is_left_over(fresh_registry):
    push_many(fresh_registry.url, [("a/b", f"t{n}", plain_image(f"{n}")) for n in range(20)])
    client = ghostnb.RegistryClient(fresh_registry.url)
    asyncio.run(client.inventory(progress=False))
    asyncio.run(client.aclose())

    async def tasks():
        # Generators that were not read to their end are closed a moment later.
        await asyncio.sleep(0.05)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert ghostnb.run(tasks()) == set()
    assert len(io_threads()) == 1
    assert connections_to(fresh_registry.port) == 0


BEGINS_MORE_AT_THE_END = """
import asyncio, threading
from ghostnb.loop import schedule

begun = threading.Event()

async def rest():
    try:
        await asyncio.sleep(60)
    finally:
        print("ended")

async def work():
    begun.set()
    try:
        await asyncio.sleep(60)
    finally:
        asyncio.get_running_loop().create_task(rest())

schedule(work())
assert begun.wait(30)
"""


def test_what_begins_while_all_ends_ends_too():
    assert run_script(BEGINS_MORE_AT_THE_END) == "ended\n"
