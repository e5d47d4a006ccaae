"""The repositories and projects that GitLab's API lists, and what they store."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from ghostnb.errors import ForbiddenError, NotFoundError, UnauthorizedError, UnsupportedError
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.records import UsageRecord
from ghostnb.registries.vendors.gitlab.api import GitLabAPI, is_job, quoted
from ghostnb.registries.vendors.gitlab.documents import (
    ProjectEntry,
    RepositoryEntry,
    StorageAnswer,
)

__all__ = ["projects_of", "repositories_of", "stored", "within"]

_WORKERS = 4
# What is new comes last, and moves nothing to another page.
_IN_ORDER = {"order_by": "id", "sort": "asc"}
_STORAGE = """query($path: ID!) {
  group(fullPath: $path) { rootStorageStatistics { containerRegistrySize } }
  project(fullPath: $path) { statistics { containerRegistrySize } }
}"""


async def within(api: GitLabAPI, path: str) -> AsyncIterator[RepositoryEntry]:
    """Iterate over the repositories of a group, user or project, whichever the path is of.

    Raises
    ------
    NotFoundError
        If it is of none, as far as one may see.
    """
    credentials = await api.who()
    # To a job its own project is shown, and nothing else.
    if not is_job(credentials):
        # To nobody in particular, what is not public is refused as if it wanted a login.
        absent = (NotFoundError,) if credentials else (NotFoundError, UnauthorizedError)
        with suppress(*absent):
            async for entry in api.repositories("groups", path):
                yield entry
            return
        # What has no slash is no project.
        if "/" not in path:
            place = f"/v4/users/{quoted(path)}/projects"
            projects = api.pages(place, ProjectEntry, f"the projects of {path}", _IN_ORDER)
            async for entry in repositories_of(api, projects):
                yield entry
            return
    async for entry in api.repositories("projects", path, counted=True):
        yield entry


async def repositories_of(
    api: GitLabAPI, projects: AsyncIterator[ProjectEntry]
) -> AsyncIterator[RepositoryEntry]:
    """Iterate over the repositories of several projects, one request each."""

    async def read(project: ProjectEntry) -> list[RepositoryEntry]:
        if not project.has_registry:
            return []
        try:
            path = project.path_with_namespace
            return [entry async for entry in api.repositories("projects", path)]
        except (ForbiddenError, NotFoundError):
            # A guest sees a private project, and not its registry.
            return []

    async with aclosing(ordered_map(read, projects, workers=_WORKERS)) as lists:
        async for entries in lists:
            for entry in entries:
                yield entry


async def projects_of(api: GitLabAPI, **more: str) -> AsyncIterator[ProjectEntry]:
    """Iterate over the projects that one is a member of.

    Parameters
    ----------
    api : GitLabAPI
    **more : str
        What else the query says.

    Raises
    ------
    UnsupportedError
        If one can be a member of none.
    """
    config, credentials = api.session.config, await api.who()
    if credentials is None or is_job(credentials):
        who = "a job sees its own project alone" if credentials else "nobody is logged in"
        raise UnsupportedError(
            f"{config.name}: GitLab does not list all repositories, and {who}.",
            hint='Name a group or project: repositories(namespace="group/project").',
            registry=config.name,
            url=config.url,
        )
    query = {"membership": "true", **_IN_ORDER, **more}
    async for project in api.pages("/v4/projects", ProjectEntry, "your projects", query):
        yield project


async def stored(api: GitLabAPI, path: str) -> UsageRecord:
    """Ask what a group or project stores.

    Raises
    ------
    NotFoundError
        If that is not told.
    """
    config = api.session.config
    document = {"query": _STORAGE, "variables": {"path": path}}
    what = f"the storage of {path}"
    reply = await api.ask("POST", "/graphql", what, document=document)
    answer = api.decode(reply, StorageAnswer)
    told = answer.usage(config.name, path)
    if told is None:
        said = "; ".join(one.message for one in answer.errors[:3]) or "nothing"
        raise NotFoundError(
            f"{config.name}: GitLab does not tell {what} ({said[:200]}).",
            hint="That of a project is told from the role Reporter on, that of a top-level "
            "group to its owners; the token needs the scope read_api.",
            registry=config.name,
            url=reply.url,
        )
    return told
