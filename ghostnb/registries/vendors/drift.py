"""Drift: a registry that also keeps Bolt's profiles, plugins and templates."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from ghostnb.errors import (
    InvalidReferenceError,
    ProtocolError,
    RegistryError,
)
from ghostnb.oci import Digest
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.plain import Vendor
from ghostnb.registries.verify import check_content
from ghostnb.wire.bolt import (
    AnyEntry,
    BoltEndpoint,
    BoltUpload,
    EntryPage,
    Shelf,
    decode_entries,
    decode_upload,
)
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.messages import Reply, Request

__all__ = ["Drift", "DriftBolt"]

_PER_PAGE = 500
_MAX_ENTRIES = 1_000_000
_MAX_CONTENT_BYTES = 128 * 2**20
_MAX_ANSWER_BYTES = 2**20
_BOLT = "/v1/"
_HINTS = {
    400: "Correct what it names, and try again.",
    404: "Check the spelling; profiles(), plugins() and templates() list what there is.",
    409: "Choose a new version, or replace that one: overwrite=True.",
    413: "Leave out what is not needed, or push it as an image.",
}


class Drift(Vendor):
    """Drift, in this package's shape or another that has the same routes.

    Notes
    -----
    It is recognised by the ``server`` header of its answer to ``GET /v2/``. A
    proxy may replace that: then the kind must be configured.
    """

    kind = "drift"
    title = "Drift"

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._bolt = DriftBolt(config, session)

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell whether an answer to the ping is Drift's."""
        return headers.get("server", "").partition("/")[0].lower() == "drift"

    def hint(self, error: RegistryError) -> str:
        """Say what to do after a refusal by Bolt's routes."""
        return _HINTS.get(error.status or 0, "") if _BOLT in error.url else ""

    def bolt(self) -> "DriftBolt":
        """Give what reads and writes Bolt's shelves."""
        return self._bolt


class DriftBolt:
    """Reads and writes Bolt's shelves; see `ghostnb.registries.protocol.Bolt`.

    Parameters
    ----------
    config : RegistryConfig
    session : Session
    """

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        self._name = config.name
        self._session = session
        self._endpoint = BoltEndpoint(config.url)

    def __repr__(self) -> str:
        return f"<DriftBolt of {self._name}>"

    async def entries(
        self, shelf: Shelf[AnyEntry], wanted: Mapping[str, Any], *, limit: int | None = None
    ) -> AsyncIterator[AnyEntry]:
        """Iterate over at most `limit` of what is on a shelf and fits, page by page."""
        left = _MAX_ENTRIES if limit is None else limit
        size, number, seen = min(left, _PER_PAGE), 1, set()
        while left > 0:
            page = await self._page(shelf, wanted, number, size)
            # What was uploaded meanwhile moves others to the next page.
            fresh = [entry for entry in page.results if entry.name not in seen][:left]
            for entry in fresh:
                seen.add(entry.name)
                yield entry
            left -= len(fresh)
            if number >= page.pages or not fresh:
                return
            number += 1

    async def download(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> bytes:
        """Read content whole, and check it."""
        request = self._endpoint.download(shelf, name, version)
        reply = await self._session.fetch(request, max_bytes=_MAX_CONTENT_BYTES, is_small=False)
        return self._checked(request, reply)

    async def upload(
        self, shelf: Shelf[AnyEntry], document: Mapping[str, Any], *, overwrite: bool
    ) -> BoltUpload:
        """Store something new."""
        request = self._endpoint.upload(shelf, document, overwrite=overwrite)
        reply = await self._session.fetch(
            request, expected=(200, 201), max_bytes=_MAX_ANSWER_BYTES, is_small=False
        )
        return decode_upload(reply, shelf, registry=self._name)

    async def delete(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> None:
        """Delete one version, or all."""
        request = self._endpoint.delete(shelf, name, version)
        await self._session.fetch(request, expected=(200, 202, 204))

    async def _page(
        self, shelf: Shelf[AnyEntry], wanted: Mapping[str, Any], number: int, size: int
    ) -> EntryPage[AnyEntry]:
        endpoint = self._endpoint
        request = (
            endpoint.search(shelf, wanted, number, size)
            if wanted
            else endpoint.listing(shelf, number, size)
        )
        return decode_entries(await self._session.fetch(request), shelf, registry=self._name)

    def _checked(self, request: Request, reply: Reply) -> bytes:
        told = reply.headers.get("docker-content-digest", "")
        source = f"{request.what} in {self._name}"
        try:
            return check_content(reply.body, Digest(told), source=source) if told else reply.body
        except InvalidReferenceError as e:
            raise ProtocolError(
                f"{self._name} gave {request.what} with a digest that cannot be checked ({e}).",
                registry=self._name,
                url=request.url,
            ) from e
