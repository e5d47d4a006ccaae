"""Amazon ECR Public: one registry of many owners, each with an alias."""

import warnings
from collections.abc import AsyncIterator, Collection
from typing import Any

from ghostnb.errors import UnsupportedError
from ghostnb.oci import is_within
from ghostnb.registries.records import RepositoryRecord
from ghostnb.registries.vendors.ecr.amazon import Amazon
from ghostnb.registries.vendors.ecr.api import AmazonAPI
from ghostnb.registries.vendors.ecr.documents import PublicRegistries, RepositoryPage
from ghostnb.registries.vendors.ecr.hosts import public_place
from ghostnb.registries.vendors.ecr.refusals import NoAWSCredentialsError
from ghostnb.registries.vendors.plain import Needs
from ghostnb.wire.tokens import Credentials

__all__ = ["ECRPublic"]


class ECRPublic(Amazon):
    """Amazon ECR Public: everybody may read, and its API tells an owner what is theirs.

    Notes
    -----
    Sources: Amazon ECR Public User Guide and API Reference. Tags are read by the registry
    itself: the API describes nobody else's images.
    """

    kind = "ecr-public"
    title = "Amazon ECR Public"
    service = "ecr-public"
    is_public = True
    has_catalog = False
    needs = Needs(
        "https://public.ecr.aws",
        "AWS, where a password is given; everybody may read without, only slower. With boto3 "
        "(pip install 'ghostnb[aws]') the AWS credentials that are here are used.",
        "What aws ecr-public get-login-password --region us-east-1 prints; it holds 12 hours.",
        "An alias of your own registry, if you have several.",
        "A profile of the AWS CLI; without one, AWS's default credentials are used.",
        documents="https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html",
        namespace_name="Alias",
        has_one_address=True,
    )
    deletion_hint = (
        "Amazon ECR Public deletes by its own API: aws ecr-public batch-delete-image --region "
        "us-east-1 --repository-name NAME --image-ids imageTag=TAG "
        "(ecr-public:BatchDeleteImage must be allowed)."
    )

    _has_warned = False
    # The aliases of one's own registry, as far as they were asked for.
    _own: Collection[str] = ()

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is Amazon ECR Public."""
        return public_place(host) is not None

    async def credentials(self) -> Credentials | None:
        """Give the password that AWS credentials get; None where there are none of use.

        Warns
        -----
        UserWarning
            Once, if there are AWS credentials that are of no use: they are not to look like
            none.
        """
        found, trouble = await super().credentials(), self._trouble
        is_absent = isinstance(trouble, NoAWSCredentialsError | UnsupportedError)
        if trouble is not None and not is_absent and not self._has_warned:
            self._has_warned = True
            problem = f"{trouble} Public images are read without AWS credentials, only slower."
            warnings.warn(problem, UserWarning, stacklevel=2)
        return found

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord] | None:
        """Iterate over one's own repositories, a thousand a request; others' are not listed.

        Raises
        ------
        UnsupportedError
            If the namespace is none of one's own.
        """
        return None if self._api is None else self._repositories(self._api, namespace)

    async def _repositories(
        self, api: AmazonAPI, namespace: str | None
    ) -> AsyncIterator[RepositoryRecord]:
        alias = namespace.partition("/")[0] if namespace else ""
        if alias and alias not in (own := await _aliases(api)):
            raise UnsupportedError(
                f"{self._config.name} lists an owner's own repositories alone, under "
                f"{' and '.join(sorted(own)) or 'no alias yet'}: {alias[:100]} is another's.",
                hint=f'Name a repository: tags("{alias[:100]}/NAME"); all are shown on '
                "https://gallery.ecr.aws.",
                registry=self._config.name,
                url=self._config.url,
            )
        async for page in api.pages(
            "describe_repositories", RepositoryPage, "your own repositories"
        ):
            for entry in page.repositories:
                # Its address has the host, the alias and the name.
                name = entry.repository_uri.partition("/")[2]
                if alias:
                    name = f"{alias}/{entry.repository_name}"
                if name and is_within(name, namespace or None):
                    yield RepositoryRecord(self._config.name, name)

    async def _described_at(self, repository: str) -> dict[str, Any]:
        # Without an account it is one's own registry that is described.
        alias, _, name = repository.partition("/")
        if self._api is not None and alias not in self._own:
            self._own = await _aliases(self._api)
        if alias not in self._own:
            raise UnsupportedError(
                f"{self._config.name} does not tell which tags an image in {repository} has, as "
                f"{alias[:100]} is another's: it may go with its last tag.",
                hint="Delete the image itself, by its digest.",
                registry=self._config.name,
                url=self._config.url,
            )
        return {"repositoryName": name}

    def _at(self, repository: str) -> dict[str, Any]:
        # Of all operations, only the deletion takes an alias for the account.
        alias, _, name = repository.partition("/")
        return {"registryId": alias, "repositoryName": name}


async def _aliases(api: AmazonAPI) -> set[str]:
    pages = api.pages("describe_registries", PublicRegistries, "the aliases of your own registry")
    return {
        alias.name
        async for page in pages
        for registry in page.registries
        for alias in registry.aliases
    }
