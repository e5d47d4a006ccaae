"""Blobs on their way from a registry over HTTP."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ghostnb.errors import RateLimitedError, RejectedError, ServerError, TransportError
from ghostnb.oci import Descriptor
from ghostnb.registries.session import Session
from ghostnb.wire.endpoints import Endpoint

__all__ = ["blob_pieces"]

_NO_SUCH_RANGE = 416


async def blob_pieces(
    session: Session, endpoint: Endpoint, repository: str, descriptor: Descriptor, begin: int = 0
) -> AsyncGenerator[bytes, None]:
    """Iterate over a blob's bytes; a connection that breaks is taken up where it broke.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint
    repository : str
    descriptor : Descriptor
    begin : int, optional
        The first byte that is wanted.
    """
    done, attempt, started = begin, 0, time.monotonic()
    while True:
        first = done
        try:
            async with aclosing(_from(session, endpoint, repository, descriptor, done)) as pieces:
                async for piece in pieces:
                    done += len(piece)
                    yield piece
            return
        except RejectedError as e:
            if done == begin or e.status != _NO_SUCH_RANGE:
                raise
            return  # There is no more of it: whoever counts says what is missing.
        except (TransportError, ServerError, RateLimitedError) as e:
            if done >= descriptor.size_bytes:
                return  # All is there, but for a proper end.
            if done > first:
                attempt, started = 0, time.monotonic()
            attempt += 1
            wait = session.wait_seconds(e, attempt, time.monotonic() - started)
            if wait is None:
                raise
            await asyncio.sleep(wait)


async def _from(
    session: Session, endpoint: Endpoint, repository: str, descriptor: Descriptor, first: int
) -> AsyncGenerator[bytes, None]:
    last = descriptor.size_bytes - 1
    request = endpoint.blob(repository, descriptor.digest, first=first, last=last)
    async with session.open(request, expected=(200, 206)) as (opened, pieces):
        # A registry that knows no ranges begins again.
        skip = first if opened.status == 200 else 0
        async for piece in pieces:
            kept = piece[skip:]
            skip -= min(skip, len(piece))
            if kept:
                yield kept
