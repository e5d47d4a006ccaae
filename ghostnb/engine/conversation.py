"""Blocking conversations in threads of their own, read by whichever loop asks.

The ``docker`` package blocks. Its calls run in one daemon thread a conversation rather than in
the loop's pool: a pool of a few threads, full of long pulls, would hold up everybody else's
work, and the interpreter waits for its threads at exit.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Generic, TypeVar

from ghostnb.engine.line import HungUpError, Line

__all__ = ["converse"]

T = TypeVar("T")

_MAX_WAITING = 64
_LOOP_CHECK_SECONDS = 1.0
_END_SECONDS = 5.0


async def converse(talk: Callable[[Line], Iterator[T]], line: Line) -> AsyncGenerator[T, None]:
    """Run a blocking generator in a thread, and yield what it yields.

    Parameters
    ----------
    talk : callable
        Gets the line, on which it must open its connections.
    line : Line
        Hung up when the reader leaves, by whatever way.

    Yields
    ------
    object
        In order. At most 64 wait; then the thread waits.

    Raises
    ------
    BaseException
        What the generator raised.
    """
    loop = asyncio.get_running_loop()
    mailbox: Mailbox[T] = Mailbox(loop)
    thread = threading.Thread(
        target=_talk, args=(talk, line, mailbox), name="ghostnb-engine", daemon=True
    )
    thread.start()
    try:
        async for item in mailbox:
            yield item
    finally:
        mailbox.close()
        line.hang_up()
        if not loop.is_closed():  # else Python clears away what a closed loop left lying
            await mailbox.wait_until_ended(_END_SECONDS)
        if mailbox.has_ended:
            thread.join()  # it has nothing left to do


def _talk(talk: Callable[[Line], Iterator[T]], line: Line, mailbox: "Mailbox[T]") -> None:
    failure = None
    try:
        for item in talk(line):
            mailbox.put(item)
    except HungUpError:
        line.hang_up()  # nobody reads any more; the connection may still be open
    except BaseException as error:
        failure = error
    mailbox.end(failure)


class Mailbox(Generic[T]):
    """A bounded queue from one thread to one loop.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        Where it is read. Nothing in it ever blocks that loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._condition = threading.Condition()
        self._items: deque[T] = deque()
        self._closed = False
        self._failure: BaseException | None = None
        # these two are touched in the loop only
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        """True once the thread said its last word."""
        return self._ended.is_set()

    def put(self, item: T) -> None:
        """Leave an item; wait while the mailbox is full. Called in the thread.

        Raises
        ------
        HungUpError
            If nobody reads any more: the mailbox or the loop was closed.
        """
        with self._condition:
            while len(self._items) >= _MAX_WAITING and not self._is_abandoned():
                # a loop may be closed without a word to its generators: look now and then
                self._condition.wait(_LOOP_CHECK_SECONDS)
            if self._is_abandoned():
                raise HungUpError
            self._items.append(item)
        self._tell_loop(self._arrived)

    def end(self, failure: BaseException | None) -> None:
        """Say that nothing follows, and why. Called in the thread, last."""
        self._failure = failure
        self._tell_loop(self._ended)
        self._tell_loop(self._arrived)

    def close(self) -> None:
        """Refuse what comes. Called in the loop."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    async def wait_until_ended(self, timeout_seconds: float) -> None:
        """Wait for the thread, which a hung-up line ends at once.

        Only one that is still connecting over TCP takes longer: it ends by its own timeout.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), timeout_seconds)

    def __aiter__(self) -> "Mailbox[T]":
        return self

    async def __anext__(self) -> T:
        while True:
            self._arrived.clear()
            ended = self._ended.is_set()  # before looking: the last item comes before the end
            with self._condition:
                if self._items:
                    self._condition.notify()
                    return self._items.popleft()
            if ended:
                break
            await self._arrived.wait()
        if self._failure is not None:
            raise self._failure
        raise StopAsyncIteration

    def _is_abandoned(self) -> bool:
        return self._closed or self._loop.is_closed()

    def _tell_loop(self, event: asyncio.Event) -> None:
        try:
            self._loop.call_soon_threadsafe(event.set)
        except RuntimeError:
            # the loop was closed: there is nobody to tell, and `put` will find out
            self._closed = True
