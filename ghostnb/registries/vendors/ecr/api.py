"""Amazon's APIs: questions, lists in pages, deletions, and a password for the registry."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from ghostnb.errors import Diagnostic, ProtocolError, RegistryError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.threads import finished
from ghostnb.registries.vendors.ecr.documents import (
    Authorization,
    Deletion,
    Identity,
    PublicAuthorization,
)
from ghostnb.registries.vendors.ecr.hosts import Place
from ghostnb.registries.vendors.ecr.refusals import kind_of, refusal_hint
from ghostnb.registries.vendors.ecr.sdk import SDK
from ghostnb.wire.tokens import Credentials

__all__ = ["PAGE_SIZE", "AmazonAPI"]

PAGE_SIZE = 1000  # "This value can be between 1 and 1000."
# It lasts 12 hours. So early that what the session has kept meanwhile holds, too.
_MARGIN = timedelta(minutes=10)

Document = TypeVar("Document")


class _Page(Protocol):
    next_token: str | None


Page = TypeVar("Page", bound=_Page)


class AmazonAPI:
    """Asks Amazon's APIs on behalf of one registry.

    Parameters
    ----------
    config : RegistryConfig
    service : str
        ``ecr`` or ``ecr-public``.
    place : Place

    Notes
    -----
    Sources: Amazon ECR API Reference, Amazon ECR Public API Reference, AWS STS API Reference.
    """

    def __init__(self, config: RegistryConfig, service: str, place: Place) -> None:
        self._config = config
        self._service = service
        self._sdk = SDK(config, place)
        self._places = asyncio.Semaphore(config.max_connections)
        self._granting = asyncio.Lock()
        self._granted: Credentials | None = None
        self._granted_until = datetime.min.replace(tzinfo=UTC)

    def __repr__(self) -> str:
        return f"<AmazonAPI {self._service} for {self._config.name}>"

    async def read(
        self, operation: str, kind: type[Document], what: str, **parameters: Any
    ) -> Document:
        """Ask for one document.

        Parameters
        ----------
        operation : str
            As boto3 calls it.
        kind : type
            Of the document.
        what : str
            What is asked for, for messages.
        **parameters
            As the API calls them.

        Raises
        ------
        ProtocolError
            If it is not of that kind.
        RegistryError
            Of the class that fits a refusal.
        """
        return await self._ask(self._service, operation, kind, what, parameters)

    async def pages(
        self, operation: str, kind: type[Page], what: str, **parameters: Any
    ) -> AsyncIterator[Page]:
        """Iterate over the pages of a list, each asked for when it is wanted.

        Notes
        -----
        A page may be shorter than was asked for: the token alone says whether one follows.
        """
        asked: set[str] = set()
        wanted = {**parameters, "maxResults": PAGE_SIZE}
        while True:
            page = await self.read(operation, kind, what, **wanted)
            yield page
            token = page.next_token
            if not token or token in asked:
                return
            asked.add(token)
            wanted["nextToken"] = token

    async def delete(self, what: str, **parameters: Any) -> None:
        """Delete one image or tag.

        Raises
        ------
        NotFoundError
            If there is none.
        RegistryError
            Of the class that fits a refusal.
        """
        async with self._places:
            # Waited for to its end: nothing is deleted behind the back of who was cancelled.
            told = await finished(
                self._sdk.call, self._service, "batch_delete_image", what, parameters
            )
        result = self._decoded(told, Deletion, what)
        for failure in result.failures:
            raise self._failed(what, failure.failure_code, failure.failure_reason)
        if not result.image_ids:
            raise self._unreadable(what, "neither what was deleted nor why nothing was")

    def profile_faults(self) -> Sequence[RegistryError]:
        """Say what is wrong with the configured profile, as far as this machine tells; blocks."""
        try:
            self._sdk.check_profile()
        except RegistryError as e:
            return [e]
        return []

    async def identity(self) -> Identity:
        """Ask whose the AWS credentials are; nobody needs a permission for that."""
        what = "whose the AWS credentials are"
        return await self._ask("sts", "get_caller_identity", Identity, what, {})

    async def grant(self) -> Credentials:
        """Give a user and a password for the registry, new ones before the last are over.

        Raises
        ------
        RegistryError
            If there are no AWS credentials here, or they do not allow that.
        """
        async with self._granting:
            if self._granted is None or datetime.now(UTC) >= self._granted_until:
                self._granted, self._granted_until = await self._new_grant()
            return self._granted

    def forget(self) -> None:
        """Ask for another password than was given, with AWS credentials that are looked up anew."""
        if self._granted is not None:
            self._granted = None
            self._sdk.forget()

    async def _new_grant(self) -> tuple[Credentials, datetime]:
        what = "a password for the registry"
        if self._service == "ecr":
            several = await self.read("get_authorization_token", Authorization, what)
            data = next(iter(several.authorization_data), None)
        else:
            one = await self.read("get_authorization_token", PublicAuthorization, what)
            data = one.authorization_data
        credentials = data.credentials() if data is not None else None
        if data is None or credentials is None:
            raise self._unreadable(what, "none")
        return credentials, data.expires_at - _MARGIN

    async def _ask(
        self,
        service: str,
        operation: str,
        kind: type[Document],
        what: str,
        parameters: dict[str, Any],
    ) -> Document:
        call = partial(self._sdk.call, service, operation, what, parameters)
        async with self._places:
            told = await asyncio.to_thread(call)
        return self._decoded(told, kind, what)

    def _decoded(self, told: object, kind: type[Document], what: str) -> Document:
        try:
            return msgspec.convert(told, kind)
        except msgspec.ValidationError as e:
            # Its text names fields and types, no values.
            raise self._unreadable(what, f"something else ({e})") from None

    def _unreadable(self, what: str, came: str) -> ProtocolError:
        return ProtocolError(
            f"{self._config.name} asked Amazon for {what}, and got {came}.",
            hint="Is a proxy between, that answers by itself? If not, upgrade boto3.",
            registry=self._config.name,
            url=self._config.url,
        )

    def _failed(self, what: str, code: str, why: str) -> RegistryError:
        kind, said = kind_of(code), Diagnostic(code[:200], why[:200])
        # Without a status: it was 200.
        return kind(
            f"{self._config.name} asked Amazon for {what}, which was refused ({said}).",
            hint=refusal_hint(kind, code, self._config.profile),
            registry=self._config.name,
            url=self._config.url,
            diagnostics=(said,),
        )
