"""What Amazon's private registries and its public one have in common."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, ClassVar

from ghostnb.errors import (
    ForbiddenError,
    LastTagError,
    NotFoundError,
    RegistryError,
    UnauthorizedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.ecr.api import AmazonAPI
from ghostnb.registries.vendors.ecr.documents import ImagePage
from ghostnb.registries.vendors.ecr.hosts import place_of
from ghostnb.registries.vendors.plain import Vendor
from ghostnb.wire.tokens import Credentials

__all__ = ["Amazon"]

_NO_REPOSITORY = "NAME_UNKNOWN"


class Amazon(Vendor):
    """A registry of Amazon's: what it offers goes through boto3, with AWS credentials.

    Its API is asked only where the registry's host is surely Amazon's; without boto3, or
    without AWS credentials, the registry is used with those that were configured or that
    Docker has.

    Attributes
    ----------
    service : str
        The API's name in boto3.
    is_public : bool
    """

    # What DELETE does at /v2/ is documented nowhere, and has been seen to answer 404 to all.
    final_refusals = Vendor.falls_back_on
    service: ClassVar[str] = "ecr"
    is_public: ClassVar[bool] = False

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._place = place_of(config, is_public=self.is_public)
        self._api = AmazonAPI(config, self.service, self._place) if self._place else None
        # The answer that was last known when a password was given.
        self._challenges: object = None
        self._trouble: RegistryError | None = None
        # One after another: of the last two tags of an image, both would find the other.
        self._untagging = asyncio.Lock()

    async def credentials(self) -> Credentials | None:
        """Give the password that AWS credentials get; None where there are none of use.

        Raises
        ------
        RegistryError
            If the registry's configured profile gives none: nobody else's are to be used then.

        Notes
        -----
        Source: Amazon ECR User Guide, "Private registry authentication": the password holds 12
        hours, for each registry that who asks may use. A 401 since it was given may have been
        an answer to it: then another one is asked for.
        """
        if self._api is None:
            return None
        if self._session.challenges is not self._challenges:
            self._challenges = self._session.challenges
            self._api.forget()
        try:
            found = await self._api.grant()
        except RegistryError as e:
            self._trouble = e
            if self._config.profile:
                raise
            return None
        self._trouble = None
        return found

    def profile_faults(self) -> Sequence[RegistryError]:
        """Say if the configured profile of the AWS CLI is not there, or cannot be used."""
        if self._api is None or not self._config.profile:
            return ()
        return self._api.profile_faults()

    async def rights(self) -> str:
        """Say whose the AWS credentials are; what they may do is told at the attempt alone.

        Raises
        ------
        UnauthorizedError
            If there are none, or they are not good.
        """
        if self._api is None or self._place is None:
            return ""
        identity = await self._api.identity()
        who = identity.arn
        if self._place.account and identity.account != self._place.account:
            who += f" (account {identity.account}, not the registry's)"
        if self._config.has_auth:
            who += " for lists and deletions, the configured user for images"
        return f"{who}; AWS tells what they may do only when it is tried"

    def hint(self, error: RegistryError) -> str:
        """Say what the registry's own refusals may mean.

        Notes
        -----
        Source: Amazon ECR User Guide, "Troubleshooting Docker commands and issues when using
        Amazon ECR".
        """
        if isinstance(error, UnauthorizedError) and self._api is not None:
            return f"{self._trouble_told()}{self._login()}"
        if isinstance(error, ForbiddenError) and "expired" in error.said.lower():
            if self._api is not None:
                self._api.forget()
            return f"The password was over; try again. If Docker gave it: {self._login()}"
        if isinstance(error, NotFoundError) and _NO_REPOSITORY in error.said:
            return self._how_to_create()
        return ""

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone, unless it is the last one of its image.

        Raises
        ------
        LastTagError
            If it is: the image would go, too.

        Notes
        -----
        Source: the API's reference, ``BatchDeleteImage``: "When you remove the last tag from
        an image, the image is deleted from your repository." There is no other way; a stand-in
        that is put in the tag's place stays wherever Amazon replicates the repository to.
        """
        if self._api is None:
            return False
        async with self._untagging:
            await self._check_untagging(self._api, repository, tag)
            await self._delete_by_name(self._api, repository, tag)
        return True

    @property
    def drops_untagged(self) -> bool:
        """True where Amazon's API deletes."""
        return self._api is not None

    async def delete_with_image(self, repository: str, tag: str) -> None:
        """Delete a tag, and its image if that was the last.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        RejectedError
            If an index holds the image.

        Notes
        -----
        See `delete_tag`. By its tag alone: what becomes of other tags is documented for a tag, and
        for a digest, but not for both together.
        """
        if self._api is None:
            await super().delete_with_image(repository, tag)
            return
        # A tag that was looked at to stay alone must not lose its other one meanwhile.
        async with self._untagging:
            await self._delete_by_name(self._api, repository, tag)

    async def _delete_by_name(self, api: AmazonAPI, repository: str, tag: str) -> None:
        what = f"the deletion of {repository}:{tag}"
        await api.delete(what, imageIds=[{"imageTag": tag}], **self._at(repository))

    async def _check_untagging(self, api: AmazonAPI, repository: str, tag: str) -> None:
        """Raise if no other tag leads to what a tag leads to."""
        what = f"the image of {repository}:{tag}"
        where = await self._described_at(repository)
        wanted = [{"imageTag": tag}]
        page = await api.read("describe_images", ImagePage, what, imageIds=wanted, **where)
        tags = {one for image in page.image_details for one in image.image_tags or ()}
        if tags - {tag}:
            return
        raise LastTagError(
            f"{tag} is the only tag of its image in {repository} of {self._config.name}, and "
            "Amazon deletes an image with its last tag.",
            hint="Delete the image itself, by its digest; or give it another tag first.",
            registry=self._config.name,
            url=self._config.url,
        )

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Delete an image with its tags."""
        if self._api is None:
            return False
        what = f"the deletion of {repository}@{digest}"
        await self._api.delete(
            what, imageIds=[{"imageDigest": str(digest)}], **self._at(repository)
        )
        return True

    async def check_deletable(self, repository: str) -> bool:
        """Raise if nothing may be deleted there: what is not there is to be deleted.

        Notes
        -----
        Whoever may not gets AccessDeniedException; who may, that there is no such image.
        """
        if self._api is None:
            return False
        absent = {"imageDigest": str(Digest.of(secrets.token_bytes(32)))}
        what = f"a deletion in {repository}"
        try:
            await self._api.delete(what, imageIds=[absent], **self._at(repository))
        except NotFoundError as e:
            if e.diagnostics[0].code != "ImageNotFound":
                raise
        return True

    def _at(self, repository: str) -> dict[str, Any]:
        """Give the parameters that name a repository."""
        raise NotImplementedError

    async def _described_at(self, repository: str) -> dict[str, Any]:
        """Give the parameters that name a repository whose images are described."""
        return self._at(repository)

    def _trouble_told(self) -> str:
        return f"{self._trouble} " if self._trouble is not None else ""

    def _login(self) -> str:
        region = self._place.region if self._place else "REGION"
        return (
            f"Log in: aws {self.service} get-login-password --region {region} | docker login "
            f"--username AWS --password-stdin {self._config.host}"
        )

    def _how_to_create(self) -> str:
        return (
            "Check the spelling; a repository must be there before the first push: "
            f"aws {self.service} create-repository --repository-name NAME"
        )
