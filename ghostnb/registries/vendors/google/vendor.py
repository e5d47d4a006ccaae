"""Google Artifact Registry: lists that describe themselves, and an API of its own."""

import importlib.util
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest, is_within
from ghostnb.registries.concurrency import for_each
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.google.api import ArtifactRegistryAPI
from ghostnb.registries.vendors.google.documents import DescribedManifest, DescribedTags, Names
from ghostnb.registries.vendors.google.places import Place, is_google, location_of
from ghostnb.registries.vendors.google.sign_in import INSTALL
from ghostnb.registries.vendors.google.tokens import AccessTokens
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.endpoints import DELETED, Endpoint, push_scope
from ghostnb.wire.tokens import Credentials
from ghostnb.wire.urls import origin

__all__ = ["ArtifactRegistry"]

_TAGS = 10_000
_NAMES = 1000
# "relatedTags" of a version are so many at most.
_RELATED_TAGS = 100
_WORKERS = 4
_TAGGED = "GOOGLE_MANIFEST_DANGLING_TAG"
_RIGHTS = {
    "artifactregistry.repositories.downloadArtifacts": "read",
    "artifactregistry.repositories.uploadArtifacts": "push",
    "artifactregistry.tags.delete": "delete tags",
    "artifactregistry.versions.delete": "delete images",
}
_DELETING = ("artifactregistry.tags.delete", "artifactregistry.versions.delete")
_NO_ACCESS = (
    "Google answers so, too, for what does not exist: check project and repository; or log in as "
    "somebody who has the role roles/artifactregistry.reader there"
)
_KEPT = (
    "Where a repository's tags are immutable, none can be deleted, and no image that has one "
    "(gcloud artifacts repositories describe tells); an image that an index lists goes after that."
)


class ArtifactRegistry(Vendor):
    """Google Artifact Registry, and what was Container Registry: ``gcr.io`` is a part of it.

    Notes
    -----
    Source: Artifact Registry documentation (docs.cloud.google.com/artifact-registry), "Manage
    images", "Quotas and limits", "Transition from Container Registry", REST reference v1;
    github.com/google/go-containerregistry, pkg/v1/google.

    An access token goes to the registry and to the API alone, and only if the registry's host is
    Google's. Where the machine's own sign-in is used, its certificate must have been checked, too.
    """

    kind = "artifact-registry"
    title = "Google Artifact Registry"
    needs = Needs(
        "https://us-central1-docker.pkg.dev",
        "Leave it empty to use this machine's sign-in (gcloud auth application-default login, with "
        "pip install 'ghostnb[google]'); or _json_key, or oauth2accesstoken.",
        "For _json_key the text of a service account's key file; for oauth2accesstoken an access "
        "token, which lasts an hour.",
        "The project whose images are listed, or PROJECT/REPOSITORY.",
        documents="https://cloud.google.com/artifact-registry/docs/docker/authentication",
        credential_name="Key or token",
        namespace_name="Project",
    )
    deletion_hint = (
        "Artifact Registry deletes for who has the role roles/artifactregistry.repoAdmin; "
        "where tags are immutable, it deletes none that has a tag."
    )
    # It cuts lists off without a word: a shorter page might be all that it gives.
    tags_page_size = _TAGS

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        scheme, self._host, port = origin(config.url)
        self._is_google = (scheme, port) == ("https", 443) and is_google(self._host)
        self._has_api = self._is_google and location_of(self._host) != ""
        self._endpoint = Endpoint(config.url)
        self._tokens = AccessTokens(session, is_google=self._is_google)
        self._api = ArtifactRegistryAPI(session, self._tokens)

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is Google's."""
        return is_google(host)

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by its token server, which each of Google's hosts has at ``/v2/token``."""
        return any(_is_token_server(one.realm) for one in challenges if one.scheme == "bearer")

    async def credentials(self) -> Credentials | None:
        """Give the machine's own credentials for programs; None if there are none."""
        if self._config.insecure or not self._config.stored_credentials:
            return None
        return await self._tokens.supplied()

    async def rights(self) -> str:
        """Say whose the credentials are, and what they may do in the repository that is named.

        Notes
        -----
        Source: REST reference, ``repositories.testIamPermissions``.
        """
        owner = await self._tokens.owner()
        if not owner:
            return "anonymous: may read what is public"
        namespace = self._config.namespace
        place = Place.of(self._host, namespace) if namespace and self._has_api else None
        if place is None or not place.repository:
            await self._session.fetch(self._endpoint.ping())
            return owner
        try:
            held = await self._api.permissions(place, tuple(_RIGHTS))
        except UnsupportedError:
            await self._session.fetch(self._endpoint.ping())
            return f"{owner} (what it may do is told after: {INSTALL})"
        words = [word for permission, word in _RIGHTS.items() if permission in held]
        return f"{owner}: may {', '.join(words) or 'do nothing'} in {place.prefix.rstrip('/')}"

    def hint(self, error: RegistryError) -> str:
        """Say what Google's refusals may mean.

        Notes
        -----
        Source: github.com/GoogleContainerTools/skaffold, issue 6743: what one may not see, and
        what is not there, are refused alike.
        """
        if isinstance(error, RateLimitedError):
            return "Quotas of Google's are for a minute: wait so long."
        if not isinstance(error, ForbiddenError | UnauthorizedError):
            return ""
        needs_install = self._is_google and not self._config.has_auth and not _has_google_auth()
        return (
            f"{_NO_ACCESS}. This machine's sign-in is used after: {INSTALL}"
            if needs_install
            else f"{_NO_ACCESS}: gcloud auth application-default login"
        )

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused."""
        return _KEPT if isinstance(error, RejectedError) else super().how_to_delete(error)

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord] | None:
        """Iterate over a project's images; without one, over all that the credentials may see.

        Parameters
        ----------
        namespace : str or None
            ``project``, ``project/repository``, or what names begin with.
        """
        if namespace and self._has_api:
            return self._images(Place.of(self._host, namespace))
        return self._catalog(namespace) if self._is_google else None

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags, 10,000 a request.

        Warns
        -----
        UserWarning
            If there are more tags or images than the registry lists, and the API does not tell
            of the others.

        Notes
        -----
        Source: github.com/google/go-containerregistry, pkg/v1/google/list.go, and pull request
        1645; "Quotas and limits": from 10,000 on the registry's lists are incomplete.

        Of an index, neither size nor platforms are told.
        """
        seen: set[str] = set()
        is_cut_off = False
        async for page in self._described(repository):
            found = page.by_tag()
            for tag in dict.fromkeys([*page.names, *found]):
                if tag not in seen:
                    seen.add(tag)
                    yield self._record(repository, tag, *found.get(tag, ("", None)))
            is_cut_off = page.count >= _TAGS
        if is_cut_off:
            async for record in self._others(repository, seen):
                yield record

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone.

        Notes
        -----
        Source: github.com/goharbor/harbor, src/pkg/reg/adapter/googlegcr, ``DeleteTag``.
        """
        await self._delete(repository, tag)
        return True

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Delete a manifest; its tags before it, if it has some.

        Notes
        -----
        Source: github.com/enix/kube-image-keeper, issue 636: one with a tag is refused.
        """
        try:
            await self._delete(repository, digest)
        except RejectedError as e:
            tags = await self._tags_of(repository, digest) if _TAGGED in e.said else []
            if not tags:
                raise
            await for_each(lambda tag: self._untag(repository, tag), tags, workers=_WORKERS)
            await self._delete(repository, digest)
        return True

    async def check_deletable(self, repository: str) -> bool:
        """Raise if the credentials may delete nothing there; False if the API does not tell.

        Raises
        ------
        ForbiddenError
        """
        if not self._has_api:
            return False
        try:
            held = await self._api.permissions(Place.of(self._host, repository), _DELETING)
        except self.falls_back_on:
            return False  # the registry itself is asked
        if held:
            return True
        error = ForbiddenError(
            f"{self._config.name} deletes nothing in {repository} for these credentials "
            f"(they have neither {_DELETING[0]} nor {_DELETING[1]}).",
            registry=self._config.name,
            url=self._config.url,
        )
        error.hint = self.how_to_delete(error)
        raise error

    def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord] | None:
        """Iterate over what a project's repositories take at the registry's location."""
        return self._usage(namespace) if self._has_api else None

    async def _usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        if not namespace:
            raise UnsupportedError(
                f"{self._config.name} tells what is stored by projects, and none is named.",
                hint='Name one: usage(namespace="PROJECT"), or "PROJECT/REPOSITORY".',
                registry=self._config.name,
                url=self._config.url,
            )
        place = Place.of(self._host, namespace)
        async for repository in self._api.repositories(place):
            yield repository.usage(self._config.name, place)

    async def _images(self, place: Place) -> AsyncIterator[RepositoryRecord]:
        seen: set[str] = set()
        async for package in self._api.packages(place):
            record = package.record(self._config.name, place)
            if record is not None and record.repository not in seen:
                seen.add(record.repository)
                yield record

    async def _catalog(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        seen: set[str] = set()
        pages = self._api.lists(lambda last: self._endpoint.catalog(_NAMES, last), Names, _NAMES)
        async for page in pages:
            for name in page.names:
                if name not in seen and is_within(name, namespace or None):
                    seen.add(name)
                    yield RepositoryRecord(self._config.name, name)

    async def _described(self, repository: str) -> AsyncIterator[DescribedTags]:
        pages = self._api.lists(
            lambda last: self._endpoint.tags(repository, _TAGS, last), DescribedTags, _TAGS
        )
        async for page in pages:
            if page.tags and not page.manifest:
                raise ProtocolError(
                    f"{self._config.name} lists the tags of {repository}, but does not tell what "
                    "they lead to.",
                    registry=self._config.name,
                    url=self._config.url,
                )
            yield page

    def _record(
        self, repository: str, tag: str, digest: str, manifest: DescribedManifest | None
    ) -> TagRecord:
        if manifest is None:
            return TagRecord(self._config.name, repository, tag)
        return manifest.record(self._config.name, repository, tag, digest)

    async def _others(self, repository: str, seen: set[str]) -> AsyncIterator[TagRecord]:
        """Iterate over the tags that the registry's list has left out."""
        try:
            async for record in self._in_api(repository):
                if record.tag not in seen:
                    seen.add(record.tag)
                    yield record
        except self.falls_back_on as e:
            warnings.warn(
                f"{self._config.name} lists only the first {len(seen)} tags of {repository}, and "
                f"Artifact Registry's API does not tell of the others ({e.message})",
                UserWarning,
                stacklevel=2,
            )

    async def _in_api(self, repository: str) -> AsyncIterator[TagRecord]:
        name = self._config.name
        if not self._has_api:
            raise UnsupportedError(f"{name} is at a host that the API does not know", registry=name)
        place, has_more = Place.of(self._host, repository), False
        async for page in self._api.versions(place):
            for version in page.versions:
                has_more = has_more or len(version.related_tags) >= _RELATED_TAGS
                for record in version.records(name, repository):
                    yield record
        if has_more:
            async for tags in self._api.tags(place):
                for tag in tags.tags:
                    yield TagRecord(name, repository, tag.tag, digest=tag.digest or None)

    async def _tags_of(self, repository: str, digest: Digest) -> list[str]:
        found: dict[str, None] = {}
        async for page in self._described(repository):
            if manifest := (page.manifest or {}).get(digest):
                found |= dict.fromkeys(manifest.tag)
        return list(found)

    async def _untag(self, repository: str, tag: str) -> None:
        with suppress(NotFoundError):  # somebody else did
            await self._delete(repository, tag)

    async def _delete(self, repository: str, locator: str) -> None:
        request = self._endpoint.delete_manifest(repository, locator)
        # Which scope a deletion needs is documented nowhere: first as for a push; where that is
        # refused, the registry is asked once more with the specification's.
        request = replace(request, scopes=(push_scope(repository),))
        await self._api.fetch_own(request, DELETED)


def _is_token_server(realm: str) -> bool:
    try:
        parts = urlsplit(realm)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.path == "/v2/token" and is_google(parts.netloc)


def _has_google_auth() -> bool:
    try:
        return importlib.util.find_spec("google.auth") is not None
    except ImportError:
        return False
