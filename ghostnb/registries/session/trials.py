"""What was made of credentials: accepted lately, or refused."""

import asyncio
import copy
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ghostnb.errors import UnauthorizedError
from ghostnb.wire.tokens import Credentials

__all__ = ["Trials"]

_REFUSED_SECONDS = 60.0
_ACCEPTED_SECONDS = 300.0


@dataclass(slots=True)
class _Refusal:
    credentials: Credentials
    error: UnauthorizedError
    until: float


class Trials:
    """Keeps wrong credentials from being tried again and again.

    Notes
    -----
    A walk over 1,000 repositories would try a wrong password 1,000 times, for
    each one's token or by Basic: directories lock accounts after a few. Who was
    accepted lately is believed, however: some servers refuse with 401, too,
    what good credentials may not see.
    """

    def __init__(self) -> None:
        self._refusal: _Refusal | None = None
        self._accepted: Credentials | None = None
        self._accepted_until = 0.0
        self._first: asyncio.Event | None = None

    @asynccontextmanager
    async def turn(self, credentials: Credentials | None) -> AsyncIterator[None]:
        """Wait for one's turn: credentials not yet accepted are tried by one request first.

        The others go once it has its answer, or none: a server that is silent
        is waited for together, not by each after the other.
        """
        if credentials is None or self.is_accepted(credentials):
            yield
        elif self._first is not None:
            await self._first.wait()
            yield
        else:
            self._first = first = asyncio.Event()
            try:
                yield
            finally:
                self._first = None
                first.set()

    def refusal(self, credentials: Credentials | None) -> UnauthorizedError | None:
        """Give the error with which these very credentials were refused a short time ago."""
        known = self._refusal
        if known is None or known.credentials != credentials or time.monotonic() > known.until:
            return None
        # A copy: each request that raises it gives it a traceback of its own.
        return copy.copy(known.error)

    def note_accepted(self, credentials: Credentials | None) -> None:
        """Remember that these credentials were taken."""
        if credentials is not None:
            self._accepted = credentials
            self._accepted_until = time.monotonic() + _ACCEPTED_SECONDS

    def note_refused(self, credentials: Credentials | None, error: UnauthorizedError) -> None:
        """Remember that these credentials were refused, unless they were accepted lately."""
        if credentials is not None and not self.is_accepted(credentials):
            self._refusal = _Refusal(credentials, error, time.monotonic() + _REFUSED_SECONDS)

    def is_accepted(self, credentials: Credentials) -> bool:
        """Tell whether these credentials were taken lately."""
        return credentials == self._accepted and time.monotonic() < self._accepted_until
