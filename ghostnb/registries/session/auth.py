"""Which Authorization a request to a registry gets."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from ghostnb.errors import (
    ProtocolError,
    RateLimitedError,
    RegistryError,
    ServerError,
    UnauthorizedError,
    redact_url,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session.credentials import CredentialSource, Supply
from ghostnb.registries.session.grants import Grant, Grants
from ghostnb.registries.session.trials import Trials
from ghostnb.wire.challenges import Challenge, parse_challenges
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.replies import error_for
from ghostnb.wire.tokens import Credentials, decode_token, token_realm, token_request

__all__ = ["Authenticator"]

Send = Callable[[Request], Awaitable[Reply]]
Granted = TypeVar("Granted")
# A token is renewed so long before its end that a request can still be under way.
_MARGIN_SECONDS = 10.0


class Authenticator:
    """Answers a registry's challenges, and remembers what it granted.

    Parameters
    ----------
    config : RegistryConfig
    send : callable
        Sends a token request and gives the reply; it must not authenticate.

    Attributes
    ----------
    supply : callable or None
        Gives the credentials that the vendor's own software has here.
    spell : callable or None
        Gives scopes in the words that the vendor's token server knows.

    Notes
    -----
    Source: distribution, "Token Authentication Specification". One token a
    set of scopes, asked for once however many requests want it. Credentials
    that are refused are looked up anew, and others tried once; the same are
    not tried again for a minute, be it at a token server or by Basic.
    """

    def __init__(self, config: RegistryConfig, send: Send) -> None:
        self._config = config
        self._send = send
        self._source = CredentialSource(config, self._supplied)
        self._trials = Trials()
        self._grants = Grants()
        # A lock lives as long as a request holds it or waits for it.
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()
        self._bearer: Challenge | None = None
        self._is_basic = False
        self.supply: Supply | None = None
        self.spell: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Authenticator of {self._config.name}>"

    @property
    def has_credentials(self) -> bool:
        """True if credentials were found when they were needed."""
        return self._source.found is not None

    async def header(self, request: Request) -> str | None:
        """Give the Authorization for a request as far as is known before it is sent.

        Returns
        -------
        str or None
            None: send it without.

        Raises
        ------
        UnauthorizedError
            If the token server refuses, or did so a short time ago.
        ConfigError
            If the configured token is in a variable that is not set.
        """
        if self._config.token:
            credentials = await self.credentials()
            return credentials.bearer() if credentials is not None else None
        grant = self._grants.get(request.scopes)
        if grant is not None:
            return grant.header
        if self._bearer is None:
            return await self._as_user(self._basic_as) if self._is_basic else None
        if not request.scopes:
            return None
        return await self._granted(request, self._bearer, refused=None)

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
        if self._config.token:
            # The variable that has it may have another by now.
            newer = await self._source.renewed(self._source.found)
            return newer.bearer() if newer is not None and newer.bearer() != sent else None
        challenges = _challenges(reply)
        bearer = challenges.get("bearer")
        if bearer is not None and bearer.realm:
            # Its scopes are of the request that it refused; the service is for all.
            self._bearer = replace(bearer, scopes=())
            if sent is not None and not self._config.has_auth:
                # Who asked for that token may have logged in since, or as somebody else.
                await self._source.renewed(self._source.found)
            return await self._granted(request, bearer, refused=sent)
        if "basic" in challenges:
            return await self._basic_instead(sent)
        if challenges and bearer is None:
            raise self._unknown_scheme(request, challenges)
        return None

    async def welcome(self, reply: Reply) -> None:
        """Log in where everybody is let in and users may see more: a challenge says so, too.

        Parameters
        ----------
        reply : Reply
            To the ping, and no refusal.

        Raises
        ------
        UnauthorizedError
            If the registry does not take the credentials.

        Notes
        -----
        Source: zot, ``pkg/api/routes.go``, ``CheckVersionSupport``: it answers 200 with
        WWW-Authenticate to whom an anonymous policy lets in, and its lists have what is for
        everyone until somebody logs in. containers/image reads that header so, too.
        """
        if self._bearer is None and not self._is_basic and "basic" in _challenges(reply):
            self._is_basic = True
            await self._as_user(self._basic_as)

    async def _basic_instead(self, sent: str | None) -> str | None:
        self._is_basic = True
        credentials = await self.credentials()
        if _basic(credentials) == sent:
            await self._source.renewed(credentials)
        header = await self._as_user(self._basic_as)
        return None if header == sent else header

    async def _basic_as(self, credentials: Credentials | None) -> str | UnauthorizedError | None:
        """Give the header for Basic; if the registry does not take it, its refusal.

        New credentials are tried where nothing but they can be wrong: a registry
        may answer 401, too, where good ones are not enough (Harbor's catalog).
        """
        header = _basic(credentials)
        if credentials is None or header is None:
            return None
        async with self._trials.turn(credentials):
            known = self._trials.refusal(credentials)
            if known is not None or self._trials.is_accepted(credentials):
                return known or header
            return await self._try(credentials, header) or header

    async def _try(self, credentials: Credentials, header: str) -> UnauthorizedError | None:
        request = Endpoint(self._config.url).ping()
        reply = await self._send(replace(request, headers={"authorization": header}))
        if reply.status < 400:
            self._trials.note_accepted(credentials)
        if reply.status != 401 or "basic" not in _challenges(reply):
            return None
        error = self._not_taken(request, reply, credentials)
        self._trials.note_refused(credentials, error)
        return error

    async def _granted(self, request: Request, challenge: Challenge, *, refused: str | None) -> str:
        """Get a token, unless another request got one meanwhile."""
        lock = self._locks.setdefault(request.scopes, asyncio.Lock())
        async with lock:
            grant = self._grants.get(request.scopes)
            if grant is None or grant.header == refused:
                scopes = self._spelt(_merged(request.scopes, challenge.scopes))
                grant = await self._as_user(partial(self._ask_as, challenge, scopes))
                self._grants.keep(request.scopes, grant)
            return grant.header

    def _spelt(self, scopes: tuple[str, ...]) -> tuple[str, ...]:
        return self.spell(scopes) if self.spell is not None else scopes

    async def _as_user(
        self, attempt: Callable[[Credentials | None], Awaitable[Granted | UnauthorizedError]]
    ) -> Granted:
        """Try with the credentials; once more if those that were refused have changed."""
        credentials = await self.credentials()
        outcome = await attempt(credentials)
        if isinstance(outcome, UnauthorizedError):
            newer = await self._source.renewed(credentials)
            if newer is not None and newer != credentials:
                outcome = await attempt(newer)
        if isinstance(outcome, UnauthorizedError):
            raise outcome
        return outcome

    async def _ask_as(
        self, challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials | None
    ) -> Grant | UnauthorizedError:
        """Ask with these credentials; their refusal is given back, not raised."""
        config = self._config
        request = token_request(
            challenge,
            scopes,
            credentials,
            registry=config.name,
            registry_url=config.url,
            token_host=config.token_host or "",
        )
        async with self._trials.turn(credentials):
            known = self._trials.refusal(credentials)
            return known or await self._exchange(request, credentials)

    async def _exchange(
        self, request: Request, credentials: Credentials | None
    ) -> Grant | UnauthorizedError:
        asked_at = time.monotonic()
        reply = await self._send(request)
        if reply.status != 200:
            return self._refused(request, reply, credentials)
        token = decode_token(reply, registry=self._config.name)
        self._trials.note_accepted(credentials)
        margin = min(_MARGIN_SECONDS, token.lifetime_seconds / 2)
        return Grant(f"Bearer {token.value}", asked_at + token.lifetime_seconds - margin)

    def _refused(
        self, request: Request, reply: Reply, credentials: Credentials | None
    ) -> UnauthorizedError:
        error = self._refusal(request, reply, credentials)
        if not isinstance(error, UnauthorizedError):
            raise error
        # 400 and 403 are no word on the password: they may be of this scope alone.
        if reply.status == 401:
            self._trials.note_refused(credentials, error)
        return error

    def _not_taken(
        self, request: Request, reply: Reply, credentials: Credentials
    ) -> UnauthorizedError:
        error = error_for(request, reply, registry=self._config.name, host=self._config.host)
        return UnauthorizedError(
            f"{self._config.name} at {redact_url(self._config.url)} does not take the password "
            f"of the user {credentials.username!r} ({error.said}).",
            hint=error.hint,
            registry=self._config.name,
            url=request.url,
            status=reply.status,
            diagnostics=error.diagnostics,
        )

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

    def _refusal(
        self, request: Request, reply: Reply, credentials: Credentials | None
    ) -> RegistryError:
        error = error_for(request, reply, registry=self._config.name, host=self._config.host)
        if reply.status in (400, 401, 403):
            user = f"to the user {credentials.username!r}" if credentials else "without a login"
            return UnauthorizedError(
                f"The token server of {self._config.name} gives no token {user} ({error.said}).",
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
        """Give the configured credentials, else the vendor's or Docker's for this host."""
        return await self._source.current()

    def token_server(self, challenge: Challenge, credentials: Credentials | None) -> str:
        """Give a token server's address, for a vendor whose API takes what it takes.

        Raises
        ------
        UnsafeRedirectError
            If it must not be asked at all.
        UnauthorizedError
            If it is not the registry's own, so that it must not see these credentials.
        """
        config = self._config
        return token_realm(
            challenge,
            credentials,
            registry=config.name,
            registry_url=config.url,
            token_host=config.token_host or "",
        )

    async def _supplied(self) -> Credentials | None:
        return await self.supply() if self.supply is not None else None


def _basic(credentials: Credentials | None) -> str | None:
    """Give the header for Basic; None for an identity token, which is no password."""
    if credentials is None or not credentials.username or credentials.identity_token:
        return None
    return credentials.basic()


def _challenges(reply: Reply) -> dict[str, Challenge]:
    """Give the challenges by scheme; of several of one scheme the first."""
    found = parse_challenges(reply.headers.get("www-authenticate", ""))
    return {challenge.scheme: challenge for challenge in reversed(found)}


def _merged(wanted: tuple[str, ...], challenged: tuple[str, ...]) -> tuple[str, ...]:
    """Join our scopes with those of the challenge, which may ask for more.

    One that differs in the order of its actions alone is the same: distribution says them in
    any order.
    """
    told = {_in_order(scope): scope for scope in (*challenged, *wanted)}
    return tuple(told.values()) if challenged else wanted


def _in_order(scope: str) -> str:
    resource, _, actions = scope.rpartition(":")
    return f"{resource}:{','.join(sorted(actions.split(',')))}"
