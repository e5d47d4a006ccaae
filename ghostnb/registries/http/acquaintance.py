"""Whose registry it is, and when that becomes known."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.registries.bolt import Bolt
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import (
    Vendor,
    doubt_of,
    find_vendor,
    is_open,
    recognised,
    whereabouts,
)
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.tokens import Credentials

__all__ = ["Acquaintance"]

# Distribution's, which nearly all registries send.
_VERSION = "docker-distribution-api-version"
# The question for which it is introduced is refused as well, or is not.
_REFUSALS = (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RejectedError,
    UnauthorizedError,
    UnsupportedError,
)


class Acquaintance:
    """Knows the vendor: by the configuration, by the host, or once the registry has answered.

    Parameters
    ----------
    session : Session
    endpoint : Endpoint
    fetch : callable
        Sends a request to the registry.

    Attributes
    ----------
    vendor : Vendor
        As far as is known now.
    """

    def __init__(
        self,
        session: Session,
        endpoint: Endpoint,
        fetch: Callable[[Request], Awaitable[Reply]],
    ) -> None:
        self._session = session
        self._endpoint = endpoint
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._is_met = False
        self._doubt = ""
        self.vendor: Vendor = find_vendor(session.config, session)
        session.auth.supply = self._credentials

    @property
    def kind(self) -> str:
        """The vendor's; ``auto`` as long as nobody can know whose registry it is."""
        is_unknown = not self._is_met and is_open(self.vendor, self._session.config)
        return self._session.config.kind if is_unknown else self.vendor.kind

    @property
    def doubt(self) -> str:
        """What speaks against its being configured as that, once it has answered."""
        return self._doubt or self.vendor.doubt

    async def meet(self) -> None:
        """Ask the registry whether it is there, and take note of who answers.

        Raises
        ------
        RegistryError
        """
        headers: Mapping[str, str] = {}
        refusal: UnauthorizedError | None = None
        try:
            reply = await self._fetch(self._endpoint.ping())
            headers = reply.headers
            self._check_answer(reply)
            await self._session.auth.welcome(reply)
        except NotFoundError as e:
            e.hint = self._where_it_may_be(e)
            raise
        except UnauthorizedError as e:
            refusal = e
        finally:
            # One that wants other credentials has said who it is by what it wants.
            self.vendor = recognised(self.vendor, self._session, headers)
            self._doubt = doubt_of(self.vendor, self._session, headers)
        is_stranger = not self._session.auth.has_credentials
        if refusal is not None and (self.vendor.greets_strangers or not is_stranger):
            raise refusal
        self._is_met = True

    async def introduced(self) -> Vendor:
        """Give the vendor, for what it may do better; the registry is asked once if need be."""
        must_meet = self.vendor.shows_users_more or is_open(self.vendor, self._session.config)
        if not self._is_met and must_meet:
            async with self._lock:
                if not self._is_met:
                    with suppress(*_REFUSALS):
                        await self.meet()
                    self._is_met = True
        return self.vendor

    async def rights(self) -> str:
        """Say who the credentials are and what they may do; empty if that is not told."""
        try:
            return await self.vendor.rights()
        except RegistryError as e:
            # The registry has answered; what its vendor's API says is no word on that.
            return f"not told ({e.said if e.status else e.message})"

    async def bolt(self) -> Bolt:
        """Give what reads and writes Bolt's shelves; asks the registry who it is if need be.

        Raises
        ------
        UnsupportedError
            If it is none that has them.
        """
        if self.vendor.bolt() is None:
            await self.meet()
        offered = self.vendor.bolt()
        if offered is None:
            config = self._session.config
            raise UnsupportedError(
                f"{config.name} at {config.url} has no Bolt profiles, plugins or templates: "
                "it is no Drift registry.",
                hint="Ask one, such as local-drift (start it with: ghostnb drift). If this is one "
                'behind a proxy, say so: RegistryConfig(..., kind="drift").',
                registry=config.name,
                url=config.url,
            )
        return offered

    def _check_answer(self, reply: Reply) -> None:
        """Raise if below a path a web page was answered: many sites have one for every path.

        Raises
        ------
        ProtocolError

        Notes
        -----
        Harbor's portal is such a site (``src/portal``, nginx.conf: ``try_files … /index.html``).
        """
        config = self._session.config
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        advice = whereabouts(config)
        if advice and kind == "text/html" and _VERSION not in reply.headers:
            raise ProtocolError(
                f"{config.name} at {config.url} answered the ping with a web page.",
                hint=f"No registry answers there: is the address right? {advice}",
                registry=config.name,
                url=reply.url,
                status=reply.status,
            )

    def _where_it_may_be(self, error: NotFoundError) -> str:
        config, where = self._session.config, whereabouts(self._session.config)
        # What speaks as registries do has said itself what is not there.
        if error.diagnostics:
            return where or error.hint or ""
        hint = f"Something answers at {config.url}, but no registry does: is the address right?"
        return f"{hint} {where}".rstrip()

    async def _credentials(self) -> Credentials | None:
        return await self.vendor.credentials()
