"""Which Authorization a request to a registry gets."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from ghostnb.errors import (
    ProtocolError,
    RateLimitedError,
    RegistryError,
    ServerError,
    UnauthorizedError,
    redact_url,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.credentials import find_credentials
from ghostnb.wire.challenges import Challenge, parse_challenges
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.replies import error_for
from ghostnb.wire.tokens import Credentials, decode_token, token_request

__all__ = ["Authenticator"]

Send = Callable[[Request], Awaitable[Reply]]
# A token is renewed so long before its end that a request can still be under way.
_MARGIN_SECONDS = 10.0


@dataclass(slots=True)
class _Grant:
    """A header's value and until when it holds (monotonic seconds)."""

    header: str = field(repr=False)
    until: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self.until


class Authenticator:
    """Answers a registry's challenges, and remembers what it granted.

    Parameters
    ----------
    config : RegistryConfig
    send : callable
        Sends a token request and gives the reply; it must not authenticate.

    Notes
    -----
    Source: distribution, "Token Authentication Specification". One token a
    set of scopes, asked for once however many requests want it.
    """

    def __init__(self, config: RegistryConfig, send: Send) -> None:
        self._config = config
        self._send = send
        self._grants: dict[tuple[str, ...], _Grant] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}
        self._bearer: Challenge | None = None
        self._basic_header: str | None = None
        self._lookup = asyncio.Lock()
        self._credentials: Credentials | None = None
        self._are_credentials_known = False

    def __repr__(self) -> str:
        return f"<Authenticator of {self._config.name}>"

    @property
    def has_credentials(self) -> bool:
        """True if credentials were found when they were needed."""
        return self._credentials is not None

    async def header(self, request: Request) -> str | None:
        """Give the Authorization for a request as far as is known before it is sent.

        Returns
        -------
        str or None
            None: send it without.
        """
        grant = self._grants.get(request.scopes)
        if grant is not None and grant.is_fresh:
            return grant.header
        if self._bearer is None:
            return self._basic_header
        if not request.scopes:
            return None
        return await self._granted(request, self._bearer, refused=grant.header if grant else None)

    async def answer(self, request: Request, reply: Reply, sent: str | None) -> str | None:
        """Answer a 401.

        Parameters
        ----------
        request : Request
            That was refused.
        reply : Reply
            With the challenge.
        sent : str or None
            The Authorization that was refused.

        Returns
        -------
        str or None
            What to send instead; None if there is nothing better.

        Raises
        ------
        UnauthorizedError
            If the registry wants something else than Basic or Bearer, or the
            token server refuses.
        """
        challenges = {
            challenge.scheme: challenge
            for challenge in reversed(parse_challenges(reply.headers.get("www-authenticate", "")))
        }
        bearer = challenges.get("bearer")
        if bearer is not None and bearer.realm:
            # Its scopes are of the request that it refused; the service is for all.
            self._bearer = replace(bearer, scopes=())
            return await self._granted(request, bearer, refused=sent)
        if "basic" in challenges:
            return await self._basic(sent)
        if challenges and bearer is None:
            raise self._unknown_scheme(request, challenges)
        return None

    async def _basic(self, sent: str | None) -> str | None:
        credentials = await self.credentials()
        header = credentials.basic() if credentials and credentials.username else None
        if header is None or header == sent:
            return None
        self._basic_header = header
        return header

    async def _granted(
        self, request: Request, challenge: Challenge, *, refused: str | None
    ) -> str | None:
        """Get a token, unless another request got one meanwhile."""
        async with self._locks.setdefault(request.scopes, asyncio.Lock()):
            grant = self._grants.get(request.scopes)
            if grant is not None and grant.is_fresh and grant.header != refused:
                return grant.header
            grant = await self._ask(challenge, _merged(request.scopes, challenge.scopes))
            self._grants[request.scopes] = grant
            return grant.header

    async def _ask(self, challenge: Challenge, scopes: tuple[str, ...]) -> _Grant:
        config = self._config
        request = token_request(
            challenge,
            scopes,
            await self.credentials(),
            registry=config.name,
            registry_url=config.url,
            token_host=config.token_host or "",
        )
        asked_at = time.monotonic()
        reply = await self._send(request)
        if reply.status != 200:
            raise self._refusal(request, reply)
        token = decode_token(reply, registry=config.name)
        margin = min(_MARGIN_SECONDS, token.lifetime_seconds / 2)
        return _Grant(f"Bearer {token.value}", asked_at + token.lifetime_seconds - margin)

    def _unknown_scheme(self, request: Request, schemes: Iterable[str]) -> UnauthorizedError:
        return UnauthorizedError(
            f"{self._config.name} at {redact_url(request.url)} wants "
            f"{' or '.join(sorted(schemes))[:100]} authentication for {request.what}; "
            "ghostnb speaks Basic and Bearer.",
            hint="Ask whoever runs it for a way in by password or token.",
            registry=self._config.name,
            url=request.url,
            status=401,
        )

    def _refusal(self, request: Request, reply: Reply) -> RegistryError:
        error = error_for(request, reply, registry=self._config.name, host=self._config.host)
        if reply.status in (400, 401, 403):
            user = f"the user {self._credentials.username!r}" if self._credentials else "anyone"
            return UnauthorizedError(
                f"The token server of {self._config.name} gives no token to {user} ({error.said}).",
                hint=error.hint,
                registry=self._config.name,
                url=request.url,
                status=reply.status,
                diagnostics=error.diagnostics,
            )
        if isinstance(error, ServerError | RateLimitedError):
            return error
        # Anything else is no word on the repository: least of all a 404.
        return ProtocolError(
            f"The token server of {self._config.name} at {redact_url(request.url)} "
            f"answered {request.what} with {error.said}.",
            hint="Check the registry's configuration: it names this token server.",
            registry=self._config.name,
            url=request.url,
            status=reply.status,
            diagnostics=error.diagnostics,
        )

    async def credentials(self) -> Credentials | None:
        """Give the configured credentials, else Docker's for this host; looked up once."""
        async with self._lookup:
            if not self._are_credentials_known:
                found = self._config.credentials() or await find_credentials(self._config.host)
                self._credentials, self._are_credentials_known = found, True
        return self._credentials


def _merged(wanted: tuple[str, ...], challenged: tuple[str, ...]) -> tuple[str, ...]:
    """Join our scopes with those of the challenge, which may ask for more."""
    return tuple(dict.fromkeys((*challenged, *wanted))) if challenged else wanted
