"""Carries a message to its target: once, to an address that was looked at, within a time."""

import asyncio
import ssl
from collections.abc import Mapping

import httpx2

from ghostnb.server.subscriptions.addresses import (
    Address,
    AddressRefusedError,
    Resolve,
    allowed_addresses,
)
from ghostnb.server.subscriptions.limits import Limits
from ghostnb.server.subscriptions.outcome import Outcome, outcome_of_answer, outcome_of_failure
from ghostnb.server.subscriptions.targets import Target

__all__ = ["Courier"]

# A name may have very many addresses, and all of them be dead.
_MAX_ADDRESSES = 4
_OWN_HEADERS = {
    "content-type": "application/json",
    "user-agent": "ghostnb",
    "accept-encoding": "identity",
    "connection": "close",
}


class Courier:
    """Posts to all targets, a few at once.

    Parameters
    ----------
    limits : Limits
    resolve : callable
    allow_internal : bool

    Notes
    -----
    The name is looked up at each delivery, all its addresses are judged, and the connection goes
    to one of these: nobody can answer the lookup differently in between (DNS rebinding). No
    connection is used twice, so that none outlives that judgement, or serves another host at the
    same address. Redirects are not followed; the answer's body is not read. Proxies that the
    environment names are not used, since they would look the name up themselves;
    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are.
    """

    def __init__(self, limits: Limits, resolve: Resolve, *, allow_internal: bool) -> None:
        self._timeout_seconds = limits.timeout_seconds
        self._places = asyncio.Semaphore(limits.at_once)
        self._resolve = resolve
        self._allow_internal = allow_internal
        self._tls: ssl.SSLContext | None = None

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Try once to deliver.

        Parameters
        ----------
        target : Target
        headers : mapping of str to str
        body : bytes

        Returns
        -------
        Outcome
        """
        try:
            async with self._places, asyncio.timeout(self._timeout_seconds):
                return await self._post(target, headers, body)
        except AddressRefusedError as e:
            return Outcome(f"is not sent to: {e}")
        except (OSError, UnicodeError, httpx2.TransportError) as e:  # TimeoutError is an OSError
            return outcome_of_failure(e)

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        addresses = await allowed_addresses(
            target.host, target.port, self._resolve, allow_internal=self._allow_internal
        )
        *others, last = addresses[:_MAX_ADDRESSES]
        patience_seconds = self._timeout_seconds / (len(others) + 1)
        requests = (
            self._request(target, address, headers, body, patience_seconds) for address in others
        )
        for request in requests:
            try:
                return await self._send(request)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                # Nothing was sent: the next address may be the one that lives.
                continue
        return await self._send(self._request(target, last, headers, body, patience_seconds))

    def _request(
        self,
        target: Target,
        address: Address,
        headers: Mapping[str, str],
        body: bytes,
        connect_seconds: float,
    ) -> httpx2.Request:
        return httpx2.Request(
            "POST",
            target.url_at(address),
            headers={"host": target.authority, **_OWN_HEADERS, **headers},
            content=body,
            extensions={
                "sni_hostname": target.server_name,
                "timeout": {"connect": connect_seconds},
            },
        )

    async def _send(self, request: httpx2.Request) -> Outcome:
        tls = self._tls_context(is_needed=request.url.scheme == "https")
        async with httpx2.AsyncHTTPTransport(verify=tls) as transport:
            response = await transport.handle_async_request(request)
            outcome = outcome_of_answer(response.status_code, response.headers)
            await response.aclose()
        return outcome

    def _tls_context(self, *, is_needed: bool) -> ssl.SSLContext:
        if not is_needed:
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        return self._tls
