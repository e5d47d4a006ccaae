"""What a container daemon says, as DataFrames."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Reference

__all__ = [
    "CONTAINERS_DTYPES",
    "IMAGES_DTYPES",
    "container_name",
    "containers_frame",
    "contexts_frame",
    "familiar_image",
    "images_frame",
]

IMAGES_DTYPES = {
    "context": "string",
    "id": "string",
    "repository": "string",
    "tag": "string",
    "digest": "string",
    "size_bytes": "Int64",
    "created": "datetime64[ns, UTC]",
}
CONTAINERS_DTYPES = {
    "context": "string",
    "id": "string",
    "name": "string",
    "image": "string",
    "state": "string",
    "status": "string",
    "ports": "string",
    "created": "datetime64[ns, UTC]",
}
_CONTEXTS_DTYPES = {"name": "string", "url": "string", "current": "boolean"}
_NONE = "<none>"


def contexts_frame(rows: Iterable[tuple[str, str, bool]]) -> pd.DataFrame:
    """Tabulate contexts.

    Returns
    -------
    pandas.DataFrame, shape (n_contexts, 3)
        name, url : string
        current : boolean
    """
    return pd.DataFrame(list(rows), columns=list(_CONTEXTS_DTYPES)).astype(_CONTEXTS_DTYPES)


def images_frame(context: str, images: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Tabulate a daemon's images, one row a tag.

    Parameters
    ----------
    context : str
        Goes into every row.
    images : iterable of mapping
        The daemon's list.

    Returns
    -------
    pandas.DataFrame, shape (n_tags + n_untagged_images, 7)
        context, id : string
        repository : string, in Docker's familiar form (``nginx``, ``localhost:5000/app``)
        tag : string; <NA> for an image without tags
        digest : string, by which that repository has the image; <NA> if it was never pulled
            or pushed, or if the daemon knows several and does not say which
        size_bytes : Int64, bytes unpacked on the daemon's disk
        created : datetime64[ns, UTC]; NaT if the image does not say

    Notes
    -----
    Source: Docker Engine API v1.41, "ImageList".
    """
    rows = [row for image in images for row in _image_rows(context, image)]
    frame = pd.DataFrame(rows, columns=list(IMAGES_DTYPES))
    frame["created"] = pd.to_datetime(frame["created"], unit="s", utc=True)
    return frame.astype(IMAGES_DTYPES)


def containers_frame(context: str, containers: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Tabulate a daemon's containers, one row each.

    Parameters
    ----------
    context : str
        Goes into every row.
    containers : iterable of mapping
        The daemon's list.

    Returns
    -------
    pandas.DataFrame, shape (n_containers, 8)
        context, id : string
        name : string; <NA> for a container without
        image : string, in Docker's familiar form, or an id
        state : string, one of Docker's words: ``created``, ``running``, ``exited`` …
        status : string, for people: ``Up 3 minutes``
        ports : string, published first: ``127.0.0.1:8080->80/tcp, 443/tcp``; empty for none
        created : datetime64[ns, UTC]

    Notes
    -----
    Source: Docker Engine API v1.41, "ContainerList".
    """
    rows = [_container_row(context, container) for container in containers]
    frame = pd.DataFrame(rows, columns=list(CONTAINERS_DTYPES))
    frame["created"] = pd.to_datetime(frame["created"], unit="s", utc=True)
    return frame.astype(CONTAINERS_DTYPES)


def _container_row(context: str, container: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        context,
        container["Id"],
        container_name(container),
        familiar_image(container.get("Image") or ""),
        container.get("State"),
        container.get("Status"),
        ", ".join(_port_texts(container.get("Ports") or ())),
        _created(container),
    )


def container_name(container: Mapping[str, Any]) -> str | None:
    """Give the name of one in a list; the others that it has there are links' aliases."""
    names = (name.removeprefix("/") for name in container.get("Names") or ())
    return next((name for name in names if "/" not in name), None)


def _port_texts(ports: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write them as ``docker ps`` does. Podman leaves the address out where it is any."""
    published = [port for port in ports if port.get("PublicPort")]
    exposed = [port for port in ports if not port.get("PublicPort")]
    texts = [
        f"{_bracketed(port.get('IP') or '0.0.0.0')}:{port['PublicPort']}->{_inside(port)}"  # noqa: S104
        for port in sorted(published, key=lambda port: (port["PrivatePort"], port.get("IP") or ""))
    ]
    return texts + [_inside(port) for port in sorted(exposed, key=lambda p: p["PrivatePort"])]


def _inside(port: Mapping[str, Any]) -> str:
    return f"{port['PrivatePort']}/{port.get('Type') or 'tcp'}"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def familiar_image(name: str) -> str | None:
    """Shorten a container's image as Docker does; an id stays one, and no name is None."""
    if not name.startswith("docker.io/"):
        return name or None
    try:
        return str(Reference.parse(name))
    except InvalidReferenceError:
        return name


def _image_rows(context: str, image: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    digests = _digests_by_repository(image)
    size, created = image.get("Size"), _created(image)
    names: list[tuple[str | None, str | None]] = [*_names(image)] or [(_only([*digests]), None)]
    return [
        (context, image["Id"], repository, tag, _digest(digests, repository, image), size, created)
        for repository, tag in names
    ]


def _names(image: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Split the tags; Podman lists names by digest among them."""
    names = [name for name in image.get("RepoTags") or () if "@" not in name]
    split = [name.rpartition(":") for name in names if not name.startswith(_NONE)]
    return [(_familiar(repository), tag) for repository, _, tag in split]


def _digests_by_repository(image: Mapping[str, Any]) -> dict[str, list[str]]:
    digests: dict[str, list[str]] = {}
    for name in image.get("RepoDigests") or ():
        repository, _, digest = name.partition("@")
        if repository != _NONE:
            digests.setdefault(_familiar(repository), []).append(digest)
    return digests


def _digest(
    digests: Mapping[str, list[str]], repository: str | None, image: Mapping[str, Any]
) -> str | None:
    """Choose the repository's digest; of several, Podman names the image's own."""
    known = digests.get(repository or "", [])
    own = image.get("Digest")
    return own if own in known else _only(known)


def _only(values: list[str]) -> str | None:
    return values[0] if len(values) == 1 else None


def _familiar(repository: str) -> str:
    """Podman says docker.io/library/nginx for what Docker calls nginx."""
    try:
        return str(Reference.parse(f"{repository}:latest")).removesuffix(":latest")
    except InvalidReferenceError:
        return repository  # a name from before there were rules: shown as it is


def _created(image: Mapping[str, Any]) -> int | None:
    """Seconds since 1970; Docker has Go's zero time, the year 1, for an image without."""
    created = image.get("Created")
    return created if created is not None and created >= 0 else None
