"""Lists of registries elsewhere: read once for all of their pages."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

__all__ = ["Lists", "Read"]

Read = Callable[[], Awaitable[list[str]]]

_KEPT_SECONDS = 10.0
_KEPT = 8


class Lists:
    """Keeps the last few lists for who asks for their next page.

    Notes
    -----
    Each page is cut from the whole list: without this, one of a hundred pages would be read a
    hundred times. The first page is always of what is there now.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    async def get(self, name: str, read: Read, *, is_first: bool) -> list[str]:
        """Give a list.

        Parameters
        ----------
        name : str
            What is listed.
        read : callable
            Lists it anew.
        is_first : bool
            True for a first page.
        """
        until, names = self._kept.get(name, (0.0, []))
        if is_first or time.monotonic() > until:
            names = await read()
        # Whoever goes on slowly is waited for, page by page.
        self._kept[name] = (time.monotonic() + _KEPT_SECONDS, names)
        self._kept.move_to_end(name)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return names
