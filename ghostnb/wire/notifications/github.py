"""Webhooks of GitHub about packages in its container registry (GHCR).

Notes
-----
Source: GitHub, "Webhook events and payloads", sections "package" and "registry_package"
(https://docs.github.com/en/webhooks/webhook-events-and-payloads#package), with the actions
published and updated; a deletion is not told. All other events say nothing of a registry. What is
an image is seen by its ecosystem: that is CONTAINER. Repositories are in lower case, whatever the
owner's name is.

The id is made of what is signed: package, version, tag and their times, so that it is one for both
events of a push. ``X-GitHub-Delivery``, which stays the same when a delivery is made again, is not
signed: who has overheard a delivery could send it as new ones. For the same reason which event it
is, is seen by the body and not by ``X-GitHub-Event``.
"""

from urllib.parse import parse_qs

import msgspec

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery, NotificationError
from ghostnb.wire.notifications.proofs import signature
from ghostnb.wire.notifications.reading import (
    count_of,
    decode,
    digest_of,
    host_of,
    identity,
    media_type_of,
    repository_of,
    tag_of,
    text_of,
    time_of,
)
from ghostnb.wire.notifications.source import Source

__all__ = ["GITHUB"]

_ACTIONS = {"published": "push", "updated": "update"}
_CONTAINERS = frozenset({"container", "docker"})
_FORM = "application/x-www-form-urlencoded"
# How GitHub writes that there is no time.
_NO_TIME = "0001-01-01"


class _User(msgspec.Struct):
    login: str | None = None


class _Tag(msgspec.Struct):
    name: str | None = None


class _Manifest(msgspec.Struct):
    media_type: str | None = None
    size: int | None = None


class _Container(msgspec.Struct):
    tag: _Tag | None = None
    manifest: _Manifest | str | None = None


class _Version(msgspec.Struct):
    id: int | None = None
    version: str | None = None
    updated_at: str | None = None
    package_url: str | None = None
    container_metadata: _Container | None = None


class _Package(msgspec.Struct):
    id: int
    name: str
    owner: _User | None = None
    ecosystem: str | None = None
    package_type: str | None = None
    updated_at: str | None = None
    package_version: _Version | None = None


class _Body(msgspec.Struct):
    action: str | None = None
    package: _Package | None = None
    registry_package: _Package | None = None
    sender: _User | None = None


def _decode(delivery: Delivery) -> list[Event]:
    body = decode(_json_of(delivery), _Body)
    package = body.package or body.registry_package
    if package is None or body.action not in _ACTIONS or not _is_container(package):
        return []
    return [_event(delivery, body, package, _ACTIONS[body.action])]


def _json_of(delivery: Delivery) -> bytes:
    """Find the JSON, which a webhook's setting may put into a form."""
    if not delivery.headers.get("content-type", "").startswith(_FORM):
        return delivery.body
    try:
        fields = parse_qs(delivery.body.decode("ascii"), max_num_fields=10)
    except ValueError as e:  # of which UnicodeDecodeError is one
        raise NotificationError("$", "Its form cannot be read.") from e
    return fields.get("payload", [""])[0].encode("utf-8", "surrogatepass")


def _is_container(package: _Package) -> bool:
    said = {(package.ecosystem or "").lower(), (package.package_type or "").lower()}
    return not said.isdisjoint(_CONTAINERS)


def _event(delivery: Delivery, body: _Body, package: _Package, action: str) -> Event:
    path = "$.package" if body.package else "$.registry_package"
    version_path = f"{path}.package_version"
    version = package.package_version or _Version()
    container = version.container_metadata or _Container()
    manifest = container.manifest if isinstance(container.manifest, _Manifest) else _Manifest()
    tag = tag_of((container.tag or _Tag()).name, f"{version_path}.container_metadata.tag.name")
    times = (package.updated_at, version.updated_at)
    host, repository = _place(package, version, f"{path}.name")
    return Event(
        id=identity("github", body.action, package.id, version.id, tag, *times),
        time=_time(delivery, times, f"{path}.updated_at"),
        source="github",
        action=action,
        host=host,
        repository=repository,
        tag=tag,
        digest=_digest(version, f"{version_path}.version"),
        media_type=media_type_of(manifest.media_type),
        size_bytes=count_of(manifest.size),
        actor=text_of((body.sender or _User()).login) or None,
    )


def _place(package: _Package, version: _Version, path: str) -> tuple[str | None, str]:
    """Give host and repository, from ``ghcr.io/Owner/name:tag`` or else from the names."""
    host, _, rest = (version.package_url or "").partition("/")
    name = rest.partition("@")[0].partition(":")[0]
    if not name:
        host, name = "ghcr.io", f"{(package.owner or _User()).login or ''}/{package.name}"
    return host_of(host), repository_of(name.lower(), path)


def _digest(version: _Version, path: str) -> str | None:
    # Elsewhere than on ghcr.io, a version is what others call a tag.
    is_digest = version.version is not None and ":" in version.version
    return digest_of(version.version, path) if is_digest else None


def _time(delivery: Delivery, times: tuple[str | None, ...], path: str) -> str:
    said = [text for text in times if text and not text.startswith(_NO_TIME)]
    if not said:
        return time_of(delivery.received.isoformat(), "$")
    return max(time_of(text, path) for text in said)


GITHUB = Source(
    "github",
    "GitHub",
    (signature,),
    _decode,
    "Give it to the webhook in the settings of the repository or organization, as its secret.",
)
