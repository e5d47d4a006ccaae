"""Registries, and what is in them."""

from collections.abc import Awaitable
from operator import attrgetter
from typing import TypeVar
from urllib.parse import urlencode

from ghostnb.client import RegistryClient
from ghostnb.frames import RegistryRecord
from ghostnb.loop import hop
from ghostnb.registries.abilities import ListsDetails
from ghostnb.registries.catalog import details_of
from ghostnb.registries.config import LAYOUT_SCHEME, RegistryConfig
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import RepositoryRecord, TagRecord
from ghostnb.server.answers import (
    Deletion,
    Done,
    ImageDetails,
    Registries,
    RegistryEntry,
    Repositories,
    TagEntry,
    Tags,
    Usage,
)
from ghostnb.server.asks import (
    AddOptions,
    DeleteOptions,
    ForgetOptions,
    ImageOptions,
    NewRegistry,
    Page,
    RegistryOptions,
    RepositoryPage,
    TagPage,
    UsageOptions,
)
from ghostnb.server.deletions import delete_tag
from ghostnb.server.failures import FailureError
from ghostnb.server.handler import AgentHandler
from ghostnb.server.handlers.streams import while_there
from ghostnb.server.operations import REGISTRY, operation

__all__ = [
    "RegistryItem",
    "RegistryList",
    "RegistryUsage",
    "RepositoryList",
    "TagItem",
    "TagList",
]

Record = TypeVar("Record")

_KEPT_THERE = ("env:", "keyring:")


class RegistryList(AgentHandler):
    """The registries that the agent has."""

    auth_resource = "ghostnb.registries"

    @operation("registries.list", "List the registries", fails=(422,))
    async def get(self, *, query: RegistryOptions) -> Registries:
        """Answer from the configuration, or ask each how it is."""
        fleet = self.agent.fleet
        records = (await fleet.ping())[0] if query.ping else fleet.records()
        return Registries(registries=[RegistryEntry.of(record) for record in records])

    @operation("registries.add", "Add a registry", action="write", status=201, fails=(409, 422))
    async def post(self, *, query: AddOptions, body: NewRegistry) -> Done:
        """Add one; its credentials stay in memory unless it is to be remembered."""
        self.about(registry=body.name)
        async with self.agent.fleet_turn:
            if body.name in self.agent.fleet:
                message = f"There is a registry of the name {body.name!r} already."
                raise FailureError(409, "name_taken", message)
            self.agent.fleet.add(_config(body))
            if query.remember:
                await self._save(body.name)
        self.agent.done("registry-add", actor=self.actor, registry=body.name)
        return Done(message=f"{body.name} was added.")

    async def _save(self, name: str) -> None:
        try:
            await self.agent.fleet.remember(name)
        except BaseException:  # a mistake of ours, too: it can be asked for anew
            self.agent.fleet.remove(name)
            raise


class RegistryItem(AgentHandler):
    """One registry."""

    auth_resource = "ghostnb.registries"

    @operation("registries.inspect", "Describe a registry", fails=(404,))
    async def get(self, registry: str, *, query: RegistryOptions) -> RegistryEntry:
        """Answer from the configuration, or ask this one how it is."""
        client, fleet = self.agent.client(registry), self.agent.fleet
        if not query.ping:
            return RegistryEntry.of(RegistryRecord.of(client.config, client.kind))
        ((record,), _) = await fleet.ping(registry)
        return RegistryEntry.of(record)

    @operation("registries.remove", "Remove a registry", action="write", fails=(404, 422))
    async def delete(self, registry: str, *, query: ForgetOptions) -> Done:
        """Forget it, as long as the agent lives or for good; nothing in it is deleted."""
        async with self.agent.fleet_turn:
            self.agent.client(registry)
            if query.forget:
                await self.agent.fleet.forget(registry)
            self.agent.fleet.remove(registry)
        self.agent.done("registry-remove", actor=self.actor, registry=registry)
        return Done(message=f"{registry} was removed. Nothing in it was deleted.")


class RegistryUsage(AgentHandler):
    """What a registry stores."""

    auth_resource = "ghostnb.registries"

    @operation("registries.usage", "Tell what a registry stores, by namespace", fails=REGISTRY)
    async def get(self, registry: str, *, query: UsageOptions) -> Usage:
        """Answer as its vendor counts it."""
        client = self.agent.client(registry)
        found = await self.agent.listings.usage(
            registry, query.namespace or "", lambda: client.usage_records(query.namespace or None)
        )
        return Usage(usage=found)


class RepositoryList(AgentHandler):
    """A registry's repositories."""

    auth_resource = "ghostnb.images"

    @operation("repositories.list", "List a registry's repositories", fails=REGISTRY)
    async def get(self, registry: str, *, query: RepositoryPage) -> Repositories:
        """Answer a part of them, and link to the rest."""
        records = await self._records(self.agent.client(registry), query)
        page = _page(self, records, "repository", query)
        return Repositories(repositories=[one.repository for one in page], details=page)

    async def _records(
        self, client: RegistryClient, query: RepositoryPage
    ) -> list[RepositoryRecord]:
        async def read() -> list[RepositoryRecord]:
            found = [one async for one in client.registry.repositories(query.namespace)]
            return sorted(found, key=attrgetter("repository"))

        return await self.agent.listings.repositories(
            client.name,
            query.namespace or "",
            lambda: hop(read()),
            is_following=bool(query.last),
        )


class TagList(AgentHandler):
    """A repository's tags."""

    auth_resource = "ghostnb.images"

    @operation("tags.list", "List a repository's tags", fails=REGISTRY)
    async def get(self, registry: str, repository: str, *, query: TagPage) -> Tags:
        """Answer a part of them, and link to the rest."""
        client = self.agent.client(registry)
        name = client.registry.repository(repository)
        is_listed = query.details and _lists_details(client.registry, name)
        find = self._described if is_listed else self._named
        records = await find(client, name, is_following=bool(query.last))
        page = _page(self, records, "tag", query)
        if query.details and not is_listed:
            page = await self._read(client, name, [record.tag for record in page])
        details = [TagEntry.of(record) for record in page] if query.details else []
        return Tags(name=name, tags=[record.tag for record in page], details=details)

    async def _named(
        self, client: RegistryClient, name: str, *, is_following: bool
    ) -> list[TagRecord]:
        async def read() -> list[TagRecord]:
            tags = sorted([tag async for tag in client.registry.tags(name)])
            return [TagRecord(client.name, name, tag) for tag in tags]

        return await self.agent.listings.tags(
            client.name, name, lambda: hop(read()), is_following=is_following
        )

    async def _described(
        self, client: RegistryClient, name: str, *, is_following: bool
    ) -> list[TagRecord]:
        async def read() -> list[TagRecord]:
            found = [record async for record in client.registry.tag_details(name)]
            return sorted(found, key=attrgetter("tag"))

        return await self.agent.listings.details(
            client.name, name, lambda: hop(read()), is_following=is_following
        )

    async def _read(self, client: RegistryClient, name: str, tags: list[str]) -> list[TagRecord]:
        """Describe a page's tags: each of them must be read for that."""

        def read() -> Awaitable[list[TagRecord]]:
            return hop(details_of(client.registry, name, tags))

        return await self.agent.listings.details(client.name, name, read, tags=tags)


class TagItem(AgentHandler):
    """One image."""

    auth_resource = "ghostnb.images"

    @operation("images.inspect", "Describe an image and its layers", fails=REGISTRY)
    async def get(
        self, registry: str, repository: str, tag: str, *, query: ImageOptions
    ) -> ImageDetails:
        """Answer what the manifest and the config say."""
        client = self.agent.client(registry)
        image = await client.image(f"{repository}:{tag}", platform=query.platform)
        return ImageDetails.of(image)

    @operation(
        "images.delete",
        "Delete a tag, or say what that would mean",
        action="write",
        status=202,
        also={200: Deletion},
        fails=(*REGISTRY, 503),
        resource="ghostnb.deletions",
    )
    async def delete(
        self, registry: str, repository: str, tag: str, *, query: DeleteOptions
    ) -> Deletion | None:
        """Delete it with what nothing else needs."""
        client = self.agent.client(registry)
        reference, is_dry = f"{repository}:{tag}", query.dry_run
        deleting = delete_tag(self.agent, client, reference, actor=self.actor, dry_run=is_dry)
        # Only what is worked out has an end with who asked: what is to be deleted is.
        done = await (while_there(self, deleting) if is_dry else deleting)
        self.answer(done, 200 if is_dry else 202)
        return None


def _config(asked: NewRegistry) -> RegistryConfig:
    """Make a configuration of what somebody sent, who is not the owner of this machine.

    What is on its disk, in its environment or in its keyring is for its own configuration.
    """
    if asked.url.strip().startswith(LAYOUT_SCHEME):
        message = "Directories and files of the server are configured there, in registries.toml."
        raise FailureError(422, "invalid_configuration", message)
    if (asked.password or "").startswith(_KEPT_THERE):
        message = "A password is sent as it is: those that the server keeps are configured there."
        raise FailureError(422, "invalid_configuration", message)
    return RegistryConfig(
        asked.name,
        asked.url,
        username=asked.username or None,
        password=asked.password or None,
        insecure=asked.insecure,
        kind=asked.kind,
        namespace=asked.namespace or None,
        token_host=asked.token_host or None,
        stored_credentials=False,
    )


def _lists_details(registry: Registry, name: str) -> bool:
    """Tell whether a registry gives all tags with their details, and none is read for them."""
    return isinstance(registry, ListsDetails) and registry.listed_details(name) is not None


def _page(handler: AgentHandler, records: list[Record], name: str, query: Page) -> list[Record]:
    """Give the part of a sorted list that is asked for, by an attribute, and link to the rest.

    Notes
    -----
    As the distribution protocol does (RFC 8288).
    """
    rest = [record for record in records if getattr(record, name) > query.last]
    page = rest[: query.n]
    if page and len(page) < len(rest):
        more = {"n": query.n, "last": getattr(page[-1], name)}
        if isinstance(query, RepositoryPage) and query.namespace:
            more["namespace"] = query.namespace
        if isinstance(query, TagPage) and query.details:
            more["details"] = "true"
        handler.set_header("Link", f'<{handler.request.path}?{urlencode(more)}>; rel="next"')
    return page
