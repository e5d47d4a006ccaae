"""One registry's conversation: credentials, retries, and how much at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from ghostnb.errors import (
    RateLimitedError,
    RegistryError,
    ServerError,
    TransportError,
    UnauthorizedError,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.auth import Authenticator
from ghostnb.registries.session.exchange import Exchange
from ghostnb.registries.session.transport import Opened, Transport
from ghostnb.wire.challenges import Challenge, parse_challenges
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.rate_limits import RateLimit, parse_rate_limit
from ghostnb.wire.replies import error_for
from ghostnb.wire.retries import RetryPolicy, may_repeat, retry_after_seconds
from ghostnb.wire.urls import keeps_credentials

__all__ = ["Session"]

# A list of 1,000,000 tags has some 32 MB: what is larger is no list.
_MAX_BODY_BYTES = 64 * 2**20
_MAX_REFUSAL_BYTES = 2**20


class Session:
    """Sends requests to one registry.

    Parameters
    ----------
    config : RegistryConfig
    transport : Transport, optional
        By default one for the configuration.
    policy : RetryPolicy, optional

    Attributes
    ----------
    rate_limit : RateLimit or None
        As the registry last told it.
    challenges : tuple of Challenge
        What the registry last asked for; empty if it never did.
    refine : callable or None
        A vendor's own reading of what went wrong: gives the error that is to be raised.
    rewrite : callable or None
        Gives a refusal that is in a vendor's own form in that of registries.

    Notes
    -----
    To be used on one event loop. Nothing is opened before the first request.
    A request to a vendor's API, which is one to another host than the registry's
    or one that says so, is sent as it is: with its own Authorization if it has one,
    never with the registry's.
    """

    def __init__(
        self,
        config: RegistryConfig,
        *,
        transport: Transport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.config = config
        self.auth = Authenticator(config, self.send_plainly)
        self.rate_limit: RateLimit | None = None
        self.challenges: tuple[Challenge, ...] = ()
        self.refine: Callable[[RegistryError], RegistryError] | None = None
        self.rewrite: Callable[[Reply], Reply] | None = None
        self._exchange = Exchange(config, transport, refine=self._refined)
        self._policy = policy or RetryPolicy()
        self._places = asyncio.Semaphore(config.max_connections)
        # Apart from those that read: content may come from the same registry, and who holds
        # a place must not wait for one.
        self._upload_places = asyncio.Semaphore(config.max_connections)
        self._has_answered = False
        self._own_prefix = f"{config.url}/"

    def __repr__(self) -> str:
        return f"<Session with {self.config.name}>"

    async def fetch(
        self,
        request: Request,
        *,
        expected: tuple[int, ...] = (200,),
        max_bytes: int = _MAX_BODY_BYTES,
        is_small: bool = True,
    ) -> Reply:
        """Send a request and read the whole reply, again where that may help.

        Parameters
        ----------
        request : Request
        expected : tuple of int
            Statuses that are no refusal.
        max_bytes : int, optional
            A longer body is a `ProtocolError`.
        is_small : bool, optional
            False if the request's body or the reply's may rightly take long.

        Returns
        -------
        Reply

        Raises
        ------
        RegistryError
            Of the class that fits what went wrong.
        """
        started, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            outcome = await self._attempt(request, max_bytes, is_small)
            if isinstance(outcome, Reply) and outcome.status in expected:
                return outcome
            wait = self._wait_seconds(request, outcome, attempt, time.monotonic() - started)
            if wait is None:
                raise (
                    outcome
                    if isinstance(outcome, RegistryError)
                    else self.refusal(request, outcome)
                )
            await asyncio.sleep(wait)

    @asynccontextmanager
    async def open(
        self, request: Request, *, expected: tuple[int, ...] = (200,)
    ) -> AsyncIterator[tuple[Opened, AsyncIterator[bytes]]]:
        """Send a request once, for a body that is read piece by piece.

        Yields
        ------
        tuple of Opened and async iterator of bytes

        Raises
        ------
        RegistryError
            Of the class that fits what went wrong; also while the body is read.
        """
        async with self._places:
            opened = await self._authorized(request, is_small=False)
            try:
                if opened.status not in expected:
                    reply = await self._exchange.read(opened, _MAX_REFUSAL_BYTES)
                    raise self.refusal(request, reply)
                yield opened, self._exchange.pieces(opened)
            finally:
                await opened.stream.aclose()

    async def upload(self, request: Request, *, expected: tuple[int, ...] = (201,)) -> Reply:
        """Send a request with a large body, once, and read the whole reply.

        Raises
        ------
        RegistryError
            Of the class that fits what went wrong.
        """
        async with self._upload_places:
            opened = await self._authorized(request, is_small=False)
            reply = await self._exchange.read(opened, _MAX_REFUSAL_BYTES)
        if reply.status not in expected:
            raise self.refusal(request, reply)
        return reply

    async def send_plainly(self, request: Request) -> Reply:
        """Send what brings a token or credentials: its own Authorization, no place of its own.

        The request that waits for them holds a place already. Whatever comes is given back:
        statuses are the caller's to read.
        """
        return await self._exchange.read(await self._send_as_is(request), _MAX_REFUSAL_BYTES)

    def wait_seconds(
        self, error: RegistryError, attempt: int, elapsed: float, *, method: str = "GET"
    ) -> float | None:
        """Say how long to wait before a failed request is sent again; None: do not.

        Parameters
        ----------
        error : RegistryError
            A token server's, if the method is not ``GET``: then the request
            itself was not sent.
        attempt : int
        elapsed : float
            Seconds since the first attempt began.
        method : str, optional
        """
        if isinstance(error, TransportError):
            # A registry that never answered is not there: nobody should have
            # to wait until it has been tried five times.
            repeatable = self._has_answered and may_repeat(method, None)
        else:
            repeatable = error.status is not None and may_repeat("GET", error.status)
        asked = error.retry_after_seconds if isinstance(error, RateLimitedError) else None
        return self._policy.wait_seconds(attempt, elapsed, asked) if repeatable else None

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make the error for a reply that was not expected."""
        told = self.rewrite(reply) if self.rewrite is not None else reply
        return self._refined(
            error_for(request, told, registry=self.config.name, host=self.config.host)
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._exchange.aclose()

    def _refined(self, error: RegistryError) -> RegistryError:
        return self.refine(error) if self.refine is not None else error

    async def _attempt(
        self, request: Request, max_bytes: int, is_small: bool
    ) -> Reply | RegistryError:
        """Send once and read the body; a failure that may pass is given back, not raised."""
        async with self._places:
            try:
                opened = await self._authorized(request, is_small=is_small)
                return await self._exchange.read(opened, max_bytes, is_small=is_small)
            except (TransportError, ServerError, RateLimitedError) as e:
                # The latter are the token server's: the request itself was not sent.
                return e

    def _wait_seconds(
        self, request: Request, outcome: Reply | RegistryError, attempt: int, elapsed: float
    ) -> float | None:
        if isinstance(outcome, RegistryError):
            return self.wait_seconds(outcome, attempt, elapsed, method=request.method)
        if not may_repeat(request.method, outcome.status):
            return None
        return self._policy.wait_seconds(attempt, elapsed, retry_after_seconds(outcome.headers))

    async def _authorized(self, request: Request, *, is_small: bool) -> Opened:
        """Send a request with what the registry wants to see."""
        if request.as_is or not self._is_own(request.url):
            return await self._send_as_is(request)
        sent = await self._told(self.auth.header(request))
        opened = await self._exchange.send(request, sent, is_small=is_small)
        self._note(opened)
        # Another host, to which a redirect led, asks for nothing in the registry's name.
        if opened.status != 401 or not self._is_own(opened.url):
            return opened
        reply = await self._exchange.read(opened, _MAX_REFUSAL_BYTES)
        better = await self._told(self.auth.answer(request, reply, sent))
        if better is None:
            raise self.refusal(request, reply)
        opened = await self._exchange.send(request, better, is_small=is_small)
        self._note(opened)
        return opened

    async def _told(self, authorization: Awaitable[str | None]) -> str | None:
        """Wait for an Authorization; a token server that forbids speaks of the repository."""
        try:
            return await authorization
        except UnauthorizedError as e:
            if e.status == 403:
                raise self._refined(e) from e.__cause__
            raise

    def _is_own(self, url: str) -> bool:
        # The prefix first: nearly every URL was built from it.
        return url.startswith(self._own_prefix) or keeps_credentials(self.config.url, url)

    def _note(self, opened: Opened) -> None:
        self._has_answered = True
        if self._is_own(opened.url):
            if opened.status == 401:
                asked = parse_challenges(opened.headers.get("www-authenticate", ""))
                self.challenges = asked or self.challenges
            self.rate_limit = parse_rate_limit(opened.headers) or self.rate_limit

    async def _send_as_is(self, request: Request) -> Opened:
        headers = dict(request.headers)
        authorization = headers.pop("authorization", None)
        return await self._exchange.send(replace(request, headers=headers), authorization)
