"""Harbor: projects, details of tags a hundred at once, tags deleted alone, quotas, robots."""

import re
import secrets
import warnings
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
)
from ghostnb.oci import Digest, check_repository, is_within
from ghostnb.registries.catalog import match_rank
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.harbor.api import (
    Account,
    Caller,
    HarborAPI,
    Page,
    hint_for,
    project_of,
    repository_path,
)
from ghostnb.registries.vendors.harbor.documents import (
    ArtifactEntry,
    PermissionEntry,
    ProjectEntry,
    QuotaEntry,
    RepositoryEntry,
    SearchAnswer,
    SummaryAnswer,
)
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.wire.challenges import Challenge

__all__ = ["Harbor"]

_SERVICE = "harbor-registry"
# How many projects are looked at at once.
_WORKERS = 4
# Of names of projects and repositories; others have a meaning in a filter.
_PART_OF_NAME = re.compile(r"[a-z0-9._/-]*")
_ABILITIES = {
    PermissionEntry("repository", "pull"): "pull",
    PermissionEntry("repository", "push"): "push",
    PermissionEntry("tag", "delete"): "delete tags",
    PermissionEntry("artifact", "delete"): "delete images",
}


class Harbor(Vendor):
    """Harbor, from version 2.0 on.

    Notes
    -----
    Source: goharbor/harbor, api/v2.0/swagger.yaml and src/server. It runs at anybody's host, and
    is recognised by the service in its challenge, which is a constant
    (src/core/service/token/creator.go).
    """

    kind = "harbor"
    title = "Harbor"
    needs = Needs(
        "https://harbor.example.com",
        "Your user name, or the full name of a robot account, such as robot$team+ci. Who is "
        "anonymous sees public projects.",
        "Your password; with single sign-on, the CLI secret of your user profile; of a robot "
        "account, its secret.",
        "A project, if you want no other listed.",
        documents="https://goharbor.io/docs/2.6.0/administration/robot-accounts/",
        credential_name="Password or secret",
        namespace_name="Project",
    )
    deletion_hint = (
        "Harbor deletes for maintainers and administrators of the project, and for robot accounts "
        "with the permissions to delete tags and artifacts."
    )
    # Its token server gives no token for nothing to nobody.
    greets_strangers = False
    # Nor a login that is refused: its registry would show what is public.
    falls_back_on = tuple(one for one in Vendor.falls_back_on if one is not UnauthorizedError)
    # Its registry deletes with the same rights, and no tag alone.
    final_refusals = (RejectedError, ForbiddenError)

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._api = HarborAPI(session)

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell whether what a registry wanted to see is a token of Harbor's."""
        return any(challenge.service == _SERVICE for challenge in challenges)

    def repository(self, name: str) -> str:
        """Check a repository's name, which begins with a project's.

        Raises
        ------
        InvalidReferenceError
            If it cannot be one, or has no project.
        """
        repository_path(check_repository(name))
        return name

    def hint(self, error: RegistryError) -> str:
        """Say what Harbor's refusals may mean."""
        return hint_for(error)

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused."""
        return hint_for(error) or super().how_to_delete(error)

    async def rights(self) -> str:
        """Say who the credentials are, and what they may do in the configured project.

        Raises
        ------
        UnauthorizedError
            If Harbor does not take the credentials.
        RegistryError
        """
        caller = await self._api.caller()
        if caller.account is Account.ANONYMOUS:
            return "Anonymous: public projects alone."
        if not self._config.namespace or caller.account is Account.CLIENT:
            return f"{_who(caller)}."
        project = project_of(self._config.namespace)
        return f"{_who(caller)}; {await self._abilities(project)}."

    async def _abilities(self, name: str) -> str:
        try:
            project = await self._api.project(name)
        except (ForbiddenError, NotFoundError):
            # To read a project is a right of its own: without it, a robot may list and pull.
            return f"what it may do in the project {name} cannot be told"
        allowed = await self._api.permissions(project)
        words = [word for permission, word in _ABILITIES.items() if permission in allowed]
        told = f"in the project {name}: {', '.join(words) or 'nothing'}"
        return f"{told} (a proxy cache, which takes no pushes)" if project.registry_id else told

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories of a project, or of all that who asks may see.

        Warns
        -----
        UserWarning
            If a project among several does not let its repositories be listed.

        Notes
        -----
        ``/repositories`` lists all at once; to robots old versions show there what is public
        alone (goharbor/harbor, src/server/v2.0/handler/repository.go), so theirs come by project.
        """
        seen: set[str] = set()
        async for entry in self._repositories(namespace, {}):
            if is_within(entry.name, namespace) and entry.name not in seen:
                seen.add(entry.name)
                yield entry.record(self._config.name)

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags, by the digests they lead to, a hundred a request.

        Raises
        ------
        NotFoundError
            If there is no such repository: its list alone would be empty.

        Notes
        -----
        `size_bytes` of an index adds up its images; layers that they share count for each.
        `created` is what the image's config says; an index says nothing.
        """
        path, what = repository_path(repository), f"the tags of {repository}"
        query, seen = {"q": "tags=*", "with_tag": "true"}, set[str]()
        async for artifact in self._api.pages(f"{path}/artifacts", ArtifactEntry, what, query):
            for record in artifact.records(self._config.name, repository):
                # The list moves on when something is pushed meanwhile.
                if record.tag not in seen:
                    seen.add(record.tag)
                    yield record
        if not seen:
            await self._api.read(path, RepositoryEntry, f"the repository {repository}")

    async def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over the repositories whose name contains a text.

        Notes
        -----
        ``/search`` finds for robots what is public alone (goharbor/harbor,
        src/server/v2.0/handler/search.go; issue 14314), so theirs come by project.
        """
        words = query.strip().lower()
        if limit < 1 or not _PART_OF_NAME.fullmatch(words):
            return
        if (await self._api.caller()).account in (Account.ANONYMOUS, Account.USER):
            what = f"a search for {words!r}"
            answer = await self._api.read("/search", SearchAnswer, what, {"q": words})
            # All come at once, in no order that says how well they fit.
            found = (one.record(self._config.name) for one in answer.repository or ())
            for record in sorted(found, key=lambda one: match_rank(one.repository, words)):
                yield record
            return
        filters = {"q": f"name=~{words}"} if words else {}
        async for entry in self._repositories(None, filters):
            yield entry.found(self._config.name)

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        RejectedError
            If a rule makes it immutable.
        RegistryError
            Of the class that fits another refusal.

        Notes
        -----
        Source: goharbor/harbor, api/v2.0/swagger.yaml, ``deleteTag``. The artifact stays, without
        the tag, and takes its place in the quota.
        """
        await self._delete_tag(repository, tag, tag, f"the deletion of {repository}:{tag}")
        return True

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Delete a manifest with its tags.

        Raises
        ------
        NotFoundError
            If there is no such manifest.
        RejectedError
            If a rule makes one of its tags immutable, or an index lists it.
        RegistryError
            Of the class that fits another refusal.

        Notes
        -----
        Source: goharbor/harbor, api/v2.0/swagger.yaml, ``deleteArtifact``. Images of an index
        that nothing else names go with it.
        """
        if (await self._api.caller()).account is Account.CLIENT:
            return False  # old versions of the API do not know who asks
        path = f"{repository_path(repository)}/artifacts/{digest}"
        await self._api.ask("DELETE", path, f"the deletion of {repository}@{digest}")
        return True

    async def check_deletable(self, repository: str) -> bool:
        """Raise if who asks may delete no tags there, or Harbor is in read-only mode.

        Notes
        -----
        A tag of a digest that is nowhere is to be deleted: Harbor looks at the rights first
        (goharbor/harbor, src/server/v2.0/handler/artifact.go, ``DeleteTag``).
        """
        absent = Digest.of(secrets.token_bytes(32))
        try:
            await self._delete_tag(repository, absent, "none", f"deletions in {repository}")
        except ForbiddenError as e:
            e.hint = self.how_to_delete(e) or e.hint
            raise
        except NotFoundError as e:
            # Harbor has said so, and not something between that hides its API.
            return any(one.message for one in e.diagnostics)
        except self.falls_back_on:
            return False
        return True

    async def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over the projects, with what they store and may store.

        Notes
        -----
        Administrators get the quotas of all; others see those of their own projects, one request
        each, and of public ones how many repositories they have. A project that was made while
        quotas were switched off has none (goharbor/harbor, src/server/v2.0/handler/project.go).
        """
        if namespace is not None:
            yield await self._usage_of(project_of(namespace))
            return
        caller = await self._api.caller()
        if not caller.is_admin:
            names = self._project_names(caller)
            async for record in ordered_map(self._usage_seen, names, workers=_WORKERS):
                yield record
            return
        counts = {one.name: one.repo_count async for one in self._projects()}
        query = {"reference": "project"}
        async for quota in self._api.pages("/quotas", QuotaEntry, "the quotas", query):
            name = quota.ref.name if quota.ref else None
            if name in counts:
                yield quota.record(self._config.name, name, counts.pop(name))
        for name, count in counts.items():
            yield UsageRecord(self._config.name, name, repository_count=count)

    async def _delete_tag(self, repository: str, reference: str, tag: str, what: str) -> None:
        path = f"{repository_path(repository)}/artifacts/{reference}/tags/{tag}"
        await self._api.ask("DELETE", path, what)

    async def _usage_seen(self, project: str) -> UsageRecord:
        try:
            return await self._usage_of(project)
        except (ForbiddenError, NotFoundError):
            # One of several: a robot may list it, and read nothing of it.
            return UsageRecord(self._config.name, project)

    async def _usage_of(self, project: str) -> UsageRecord:
        path, what = f"/projects/{quote(project)}/summary", f"what is in the project {project}"
        summary = await self._api.read(path, SummaryAnswer, what)
        return summary.record(self._config.name, project)

    def _projects(self) -> AsyncIterator[ProjectEntry]:
        query = {"with_detail": "false"}
        return self._api.pages("/projects", ProjectEntry, "the projects", query)

    async def _repositories(
        self, namespace: str | None, filters: Mapping[str, str]
    ) -> AsyncIterator[RepositoryEntry]:
        caller = await self._api.caller()
        if namespace is not None:
            project = project_of(namespace)
            path, what = _of_project(project)
            found = self._api.pages(path, RepositoryEntry, what, filters)
        elif caller.account in (Account.ANONYMOUS, Account.USER):
            path, what = "/repositories", "the repositories"
            found = self._api.pages(path, RepositoryEntry, what, filters)
        else:
            found = self._by_project(caller, filters)
        async for entry in found:
            yield entry

    async def _by_project(
        self, caller: Caller, filters: Mapping[str, str]
    ) -> AsyncIterator[RepositoryEntry]:
        async def begun(project: str) -> tuple[str, Page[RepositoryEntry]]:
            path, what = _of_project(project)
            try:
                return project, await self._api.page(path, RepositoryEntry, what, filters)
            except NotFoundError:
                return project, Page([], 0)  # it was deleted meanwhile
            except ForbiddenError as e:
                problem = f"{self._config.name} does not list the repositories of {project}"
                warnings.warn(f"{problem} ({e.message}).", UserWarning, stacklevel=2)
                return project, Page([], 0)

        names = self._project_names(caller)
        async for project, first in ordered_map(begun, names, workers=_WORKERS):
            path, what = _of_project(project)
            pages = self._api.pages(path, RepositoryEntry, what, filters, first=first)
            async for entry in pages:
                yield entry

    async def _project_names(self, caller: Caller) -> AsyncIterator[str]:
        """Iterate over the projects; old versions do not list a robot's own to it."""
        seen = {caller.own_project} - {""}
        for name in tuple(seen):
            yield name
        async for project in self._projects():
            if project.name not in seen:
                seen.add(project.name)
                yield project.name


def _of_project(project: str) -> tuple[str, str]:
    path = f"/projects/{quote(project, safe='')}/repositories"
    return path, f"the repositories of {project}"


def _who(caller: Caller) -> str:
    if caller.account is Account.ROBOT:
        return f"The robot account {caller.name}"
    if caller.account is Account.CLIENT:
        return f"The user {caller.name}, by a CLI secret that Harbor's API takes for lists alone"
    role = ", an administrator of all projects" if caller.is_admin else ""
    return f"The user {caller.name}{role}"
