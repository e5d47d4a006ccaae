"""Amazon ECR: private registries, one for each account and region."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from ghostnb.oci import is_within
from ghostnb.registries.catalog import match_rank
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord
from ghostnb.registries.vendors.ecr.amazon import Amazon
from ghostnb.registries.vendors.ecr.api import AmazonAPI
from ghostnb.registries.vendors.ecr.documents import ImagePage, RepositoryPage
from ghostnb.registries.vendors.ecr.hosts import private_place
from ghostnb.registries.vendors.plain import Needs
from ghostnb.wire.challenges import Challenge

__all__ = ["ECR"]

_SERVICES = frozenset({"ecr.amazonaws.com", "ecr.amazonaws.com.cn"})


class ECR(Amazon):
    """Amazon ECR's private registries.

    Notes
    -----
    Sources: Amazon ECR User Guide and API Reference.
    """

    kind = "ecr"
    title = "Amazon ECR"
    needs = Needs(
        "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "AWS, where a password is given. With boto3 (pip install 'ghostnb[aws]') leave both "
        "empty: the AWS credentials that are here are used.",
        "What aws ecr get-login-password prints; it holds 12 hours.",
        "The first part of repositories' names, if only those are to be listed.",
        "A profile of the AWS CLI; without one, AWS's default credentials are used.",
        documents="https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html",
    )
    deletion_hint = (
        "Amazon ECR deletes by its own API: aws ecr batch-delete-image "
        "--repository-name NAME --image-ids imageTag=TAG (ecr:BatchDeleteImage must be allowed)."
    )

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is Amazon ECR's."""
        return private_place(host) is not None

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by what it wants to see that something between leads to Amazon ECR.

        Notes
        -----
        Source: github.com/mayflower/docker-ls, issue 28.
        """
        return any(one.scheme == "basic" and one.service in _SERVICES for one in challenges)

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord] | None:
        """Iterate over the repositories, a thousand a request."""
        return None if self._api is None else self._repositories(self._api, namespace)

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over a repository's tags with their details, a thousand images a request.

        No manifest is read: that would count as a pull, by which lifecycle rules go.

        Notes
        -----
        Source: Amazon ECR API Reference, ``DescribeImages``. What is archived is left out
        there, as it cannot be pulled.
        """
        return None if self._api is None else self._tag_details(self._api, repository)

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord] | None:
        """Iterate over the repositories whose names contain a query, the best first.

        There is no search at Amazon ECR. What is found comes by name alone: to read one
        image of each would count as pulls.
        """
        return None if self._api is None else self._search(self._api, query, limit)

    async def _repositories(
        self, api: AmazonAPI, namespace: str | None
    ) -> AsyncIterator[RepositoryRecord]:
        async for name in self._names(api):
            if is_within(name, namespace):
                yield RepositoryRecord(self._config.name, name)

    async def _tag_details(self, api: AmazonAPI, repository: str) -> AsyncIterator[TagRecord]:
        pages = api.pages(
            "describe_images",
            ImagePage,
            f"the images of {repository}",
            **self._at(repository),
            filter={"tagStatus": "TAGGED"},
        )
        seen: set[str] = set()
        async for page in pages:
            for image in page.image_details:
                for tag in image.image_tags or ():
                    # A tag that is moved meanwhile comes with both images.
                    if tag not in seen:
                        seen.add(tag)
                        yield image.record(self._config.name, repository, tag)

    async def _search(self, api: AmazonAPI, query: str, limit: int) -> AsyncIterator[SearchRecord]:
        wanted = query.strip().lower()
        if not wanted or limit <= 0:
            return
        found = [name async for name in self._names(api) if wanted in name]
        for name in sorted(found, key=lambda name: (match_rank(name, wanted), name))[:limit]:
            yield SearchRecord(self._config.name, name)

    async def _names(self, api: AmazonAPI) -> AsyncIterator[str]:
        pages = api.pages(
            "describe_repositories",
            RepositoryPage,
            "its repositories",
            **self._registry(),
        )
        seen: set[str] = set()
        async for page in pages:
            for entry in page.repositories:
                if entry.repository_name not in seen:
                    seen.add(entry.repository_name)
                    yield entry.repository_name

    def _at(self, repository: str) -> dict[str, Any]:
        return {**self._registry(), "repositoryName": repository}

    def _registry(self) -> dict[str, Any]:
        """Give the parameter without which the own account's would be listed."""
        return {"registryId": self._place.account} if self._place is not None else {}
