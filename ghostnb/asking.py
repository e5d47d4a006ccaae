"""Several registries asked at once: one that fails, or hangs, keeps no other's answer back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError, TransportTimeoutError
from ghostnb.registries.walk import Failure

__all__ = ["ask_all", "parted"]

Result = TypeVar("Result")

# One registry that hangs must not keep the others' answers back for ever.
_PATIENCE_SECONDS = 20.0


async def ask_all(
    clients: Iterable[RegistryClient],
    ask: Callable[[RegistryClient], Awaitable[Result]],
    *,
    is_patient: bool = False,
) -> list[tuple[RegistryClient, Result | GhostnbError]]:
    """Ask registries at once; an error of the outside world is given back as the answer.

    Any other ends all: then nothing that was begun goes on.

    Parameters
    ----------
    clients : iterable of RegistryClient
    ask : callable
    is_patient : bool, optional
        Wait for each as long as it takes.
    """
    patience_seconds = None if is_patient else _PATIENCE_SECONDS

    async def answer(client: RegistryClient) -> Result | GhostnbError:
        try:
            async with asyncio.timeout(patience_seconds) as patience:
                return await ask(client)
        except GhostnbError as e:
            return e
        except TimeoutError:
            if not patience.expired():  # another's, and a mistake of ours
                raise
            return TransportTimeoutError(
                f"{client.name} at {client.config.url} has not answered "
                f"within {patience_seconds:g} s.",
                hint="Ask it alone to wait longer.",
                registry=client.name,
                url=client.config.url,
            )

    asked = list(clients)
    asking = [asyncio.ensure_future(answer(client)) for client in asked]
    try:
        # Not a TaskGroup: whoever calls wants the error itself, not a group of one.
        answers = await asyncio.gather(*asking)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return list(zip(asked, answers, strict=True))


def parted(
    outcomes: Iterable[tuple[RegistryClient, Result | GhostnbError]],
) -> tuple[list[Result], list[Failure]]:
    """Set the registries' answers and their errors apart."""
    answers, failures = [], []
    for client, outcome in outcomes:
        if isinstance(outcome, GhostnbError):
            failures.append(Failure(client.name, "", "", outcome))
        else:
            answers.append(outcome)
    return answers, failures
