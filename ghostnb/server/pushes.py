"""Pushes of the images that the server's daemon has, as jobs."""

import asyncio
from collections.abc import Callable
from typing import Any

import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.errors import IncompleteError, InvalidReferenceError
from ghostnb.image_push import EngineImage, ImagePush
from ghostnb.loop import hop
from ghostnb.oci import Reference
from ghostnb.progress import Progress
from ghostnb.registries.storing import writable
from ghostnb.server.agent import Agent
from ghostnb.server.asks import Push
from ghostnb.server.failures import FailureError
from ghostnb.server.jobs.job import Job

__all__ = ["begin_push"]

# As many digits of an id as daemons show: fewer may be a name.
_SHORT_ID = 12


async def begin_push(agent: Agent, asked: Push, *, actor: str | None) -> Job:
    """Begin to push; who asks for what is being pushed gets that job.

    The registry's credentials stay with the agent: the daemon is not told them.

    Raises
    ------
    GhostnbError
        If no daemon answers, or the registry is only read.
    FailureError
        404 for no such registry or image, 429 if too many jobs are under way.
    """
    client = agent.client(asked.registry)
    writable(client.registry)
    reference = client.registry.reference(f"{asked.repository}:{asked.tag}")
    if reference.digest is not None:
        raise InvalidReferenceError("A push makes the digest.", hint="Give a tag alone.")
    image = await _find(agent.engine, asked.image)
    about = {"registry": client.name, "repository": reference.repository, "tag": reference.tag}

    async def work(job: Job) -> dict[str, Any]:
        loop = asyncio.get_running_loop()

        def tell(step: Progress) -> None:
            loop.call_soon_threadsafe(job.take, step)

        pushing = _push(
            agent.engine,
            client,
            image,
            str(reference),
            tell,
        )
        message = f"{image.title} was pushed to {client.name}."
        return {"message": message, **about, **await hop(pushing)}

    title = f"Push {image.title} to {reference} in {client.name}"
    key = f"push {image.id} {client.name} {reference}"
    return agent.jobs.begin("push", title, work, actor=actor, key=key, about=about)


async def _push(
    engine: Engine,
    client: RegistryClient,
    image: EngineImage,
    name: str,
    tell: Callable[[Progress], None],
) -> dict[str, Any]:
    """Push it, on the I/O loop; what the tag leads to then, and what it took."""
    push = await ImagePush.look(engine, client, [image], [name])
    try:
        results = await push.apply(progress=tell)
    except IncompleteError as e:
        raise e.__cause__ or e from None
    if skipped := [row.error for row in results.itertuples() if row.outcome == "skipped"]:
        raise FailureError(409, "tag_moved", str(skipped[0]))
    if push.pushed:
        return {"digest": str(push.pushed[0].digest), "bytes_moved": push.pushed[0].bytes_moved}
    return {"digest": str(push.frame["target_digest"][0]), "bytes_moved": 0}


async def _find(engine: Engine, name: str) -> EngineImage:
    """Find an image by its name, by its name and digest, or by its id or the beginning of it."""
    images = await engine.images()
    found = images[_is_named(images, name)]
    if found.empty:
        found = images[_begins(images, name)]
    if found.empty:
        message = f"The daemon has no image {name!r}. Pull it first, or build it."
        raise FailureError(404, "not_found", message)
    if found["id"].nunique() > 1:
        message = f"Several images' ids begin with {name!r}: write more of it."
        raise FailureError(409, "ambiguous", message)
    row = found.iloc[0]
    title = "" if pd.isna(row["tag"]) else f"{row['repository']}:{row['tag']}"
    size_bytes = 0 if pd.isna(row["size_bytes"]) else int(row["size_bytes"])
    return EngineImage(str(row["id"]), title, size_bytes)


def _is_named(images: pd.DataFrame, name: str) -> "pd.Series[bool]":
    try:
        reference = Reference.parse(name)
    except InvalidReferenceError:  # an id, or nothing that an image could be called
        return images["id"].isna()
    familiar = str(Reference(reference.registry, reference.repository, "latest"))
    is_there = images["repository"] == familiar.removesuffix(":latest")
    if reference.digest is not None:
        return (is_there & (images["digest"] == str(reference.digest))).fillna(False)
    return (is_there & (images["tag"] == reference.tag)).fillna(False)


def _begins(images: pd.DataFrame, name: str) -> "pd.Series[bool]":
    digits = name.removeprefix("sha256:")
    return images["id"].str.startswith(f"sha256:{digits}") & (len(digits) >= _SHORT_ID)
