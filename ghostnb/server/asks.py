"""What is sent to the agent: bodies and queries, one class each.

A body's class says what is checked before anything is done, and is what the OpenAPI
description shows.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "AddOptions",
    "ContainerOptions",
    "Copy",
    "DeleteOptions",
    "EndOptions",
    "ForgetOptions",
    "FoundBy",
    "ImageOptions",
    "Limit",
    "LogOptions",
    "NewContainer",
    "NewPort",
    "NewRegistry",
    "NewSubscription",
    "NewVolume",
    "Nothing",
    "Page",
    "Pull",
    "PullOptions",
    "Push",
    "RegistryOptions",
    "RemoveOptions",
    "RepositoryPage",
    "Search",
    "StatsOptions",
    "Sync",
    "TagPage",
    "UsageOptions",
]

# No name of a registry, repository or tag is longer.
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Secret = Annotated[str, Meta(max_length=65536)]
Text = Annotated[str, Meta(max_length=255)]
Names = Annotated[list[Text], Meta(max_length=1000)]


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something asked; a field that is not known is refused, since it may be misspelt."""


class Page(Ask, frozen=True, kw_only=True):
    """Which part of a list: at most `n` after `last`."""

    n: Annotated[int, Meta(ge=0, le=10_000)] = 1000
    last: Text = ""


class RepositoryPage(Page, frozen=True, kw_only=True):
    """Which part of a registry's repositories, or of a namespace's."""

    namespace: Text | None = None


class TagPage(Page, frozen=True, kw_only=True):
    """Which part of a repository's tags, and whether each is described."""

    details: bool = False


class RegistryOptions(Ask, frozen=True, kw_only=True):
    """Whether registries are asked how they are."""

    ping: bool = False


class UsageOptions(Ask, frozen=True, kw_only=True):
    """Of which namespace it is told what is stored: by default the configured one, else all."""

    namespace: Text | None = None


class NewRegistry(Ask, frozen=True, kw_only=True):
    """A registry that is to be added."""

    name: Name
    url: Url
    username: Text | None = None
    password: Secret | None = None
    insecure: bool = False
    kind: Text = "auto"
    namespace: Text | None = None
    token_host: Text | None = None


class Search(Ask, frozen=True, kw_only=True):
    """What is searched for, and where: in one registry, or in all."""

    query: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
    registry: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 25


class FoundBy(Ask, frozen=True, kw_only=True):
    """A search in a URL."""

    q: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
    registry: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 25


class ImageOptions(Ask, frozen=True, kw_only=True):
    """Which image of an index; by default the server's platform, else the first."""

    platform: Text | None = None


class Pull(Ask, frozen=True, kw_only=True):
    """An image that the server's daemon is to pull."""

    registry: Name
    repository: Name
    tag: Text = "latest"
    platform: Text | None = None


class PullOptions(Ask, frozen=True, kw_only=True):
    """Whether the answer is the end, a line of progress at a time, or the job at once."""

    stream: bool = False
    wait: bool = True


class AddOptions(Ask, frozen=True, kw_only=True):
    """Whether the registry is there also after the agent's end: see `Fleet.remember`."""

    remember: bool = False


class NewSubscription(Ask, frozen=True, kw_only=True):
    """Who is to be sent what happens: of some actions and registries, or of all."""

    url: Url
    secret: Annotated[str, Meta(max_length=255)] | None = None
    actions: list[Text] = []
    registries: list[Text] = []


class Limit(Ask, frozen=True, kw_only=True):
    """At most so many."""

    limit: Annotated[int, Meta(ge=0, le=1000)] = 100


class ForgetOptions(Ask, frozen=True, kw_only=True):
    """Whether the registry also leaves the configuration's file: see `Fleet.forget`."""

    forget: bool = False


class Nothing(Ask, frozen=True, kw_only=True):
    """Nothing: what stands in the query is misspelt, or meant for another route."""


class DeleteOptions(Ask, frozen=True, kw_only=True):
    """Whether it is only worked out what would go."""

    dry_run: bool = False


class Push(Ask, frozen=True, kw_only=True):
    """An image of the server's daemon, by name or id, that is to be pushed to a registry."""

    image: Name
    registry: Name
    repository: Name
    tag: Text = "latest"


class Copy(Ask, frozen=True, kw_only=True):
    """An image that is to be copied, and what it is to be called there: by default the same.

    `reference` is a tag or a digest, in place of `tag`.
    """

    source: Name
    target: Name
    repository: Name
    tag: Text | None = None
    reference: Text | None = None
    to_repository: Name | None = None
    to_tag: Text | None = None
    platforms: list[Text] = []
    referrers: bool = False


class Sync(Ask, frozen=True, kw_only=True):
    """What of a registry another one is to have; without names and patterns, all of it."""

    source: Name
    target: Name
    repositories: Names | None = None
    tags: Names | None = None
    exclude_repositories: Names | None = None
    exclude_tags: Names | None = None
    versions: Text | None = None
    newest: Annotated[int, Meta(ge=1)] | None = None
    platforms: list[Text] = []
    rename: dict[str, str] = {}
    referrers: bool = False
    prune: bool = False
    dry_run: bool = False


class NewPort(Ask, frozen=True, kw_only=True):
    """A port that is to be published: on a port of the host, or on one that is free."""

    container_port: int
    host_port: int | None = None
    protocol: Text = "tcp"
    host_ip: Text | None = None


class NewVolume(Ask, frozen=True, kw_only=True):
    """What a container is to see at a place in its file system.

    `volume_type` is volume (`source` is its name), bind (a path of the host) or tmpfs.
    """

    source: Annotated[str, Meta(max_length=4096)] | None = None
    target: Annotated[str, Meta(max_length=4096)]
    read_only: bool = False
    volume_type: Text = "volume"


class NewContainer(Ask, frozen=True, kw_only=True):
    """What a container is to be like; the daemon has its image already.

    `command` is a list of words, or a text that is split as a shell would.
    """

    image: Name
    name: Text | None = None
    command: list[str] | str = []
    ports: list[NewPort] = []
    volumes: list[NewVolume] = []
    networks: Names = []
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    restart_policy: Text = "no"
    start: bool = True


class ContainerOptions(Ask, frozen=True, kw_only=True):
    """Whether those that do not run are told, too."""

    all: bool = True


class RemoveOptions(Ask, frozen=True, kw_only=True):
    """Whether one that runs is killed first."""

    force: bool = False


class EndOptions(Ask, frozen=True, kw_only=True):
    """How long a container may take to end before it is killed."""

    timeout_seconds: Annotated[int, Meta(ge=0, le=3600)] = 10


class LogOptions(Ask, frozen=True, kw_only=True):
    """How many of the last lines, and whether to go on with those that come."""

    tail: Annotated[int, Meta(ge=0, le=2**31 - 1)] | Literal["all"] = 200
    follow: bool = False


class StatsOptions(Ask, frozen=True, kw_only=True):
    """Whether to go on, a reading a second."""

    stream: bool = False
