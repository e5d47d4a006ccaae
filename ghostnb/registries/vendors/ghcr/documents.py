"""What GitHub's API of packages answers, and the records that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from ghostnb.registries.records import RepositoryRecord

__all__ = ["Account", "Owner", "Package", "Version", "account_of"]

_ORGANISATION = "Organization"
# What a scope lets its user do with packages.
_MAY = {
    "read:packages": "read",
    "write:packages": "read and push",
    "delete:packages": "delete",
}


class Owner(msgspec.Struct):
    """A user or an organisation.

    Notes
    -----
    Source: GitHub REST API, schema ``simple-user``.
    """

    login: str
    type: str = ""

    @property
    def is_organisation(self) -> bool:
        """True if it is no user."""
        return self.type == _ORGANISATION


class _Source(msgspec.Struct):
    description: str | None = None


class Package(msgspec.Struct):
    """A package: of a container registry, a repository of images.

    Notes
    -----
    Source: GitHub REST API, schema ``package``. Its versions are counted, and these are
    manifests of any kind: no number of tags.
    """

    id: int
    name: str
    owner: Owner | None = None
    repository: _Source | None = None
    updated_at: str | None = None

    def record(self, registry: str, owner: str) -> RepositoryRecord:
        """Give the package as a record; its images' names have the owner in lower case."""
        return RepositoryRecord(
            registry,
            f"{owner.lower()}/{self.name}",
            description=(self.repository and self.repository.description) or None,
            updated=self.updated_at,
        )


class _Container(msgspec.Struct):
    tags: list[str] = []


class _Metadata(msgspec.Struct):
    container: _Container | None = None


class Version(msgspec.Struct):
    """A version of a package: one manifest, be it an image, an index or what belongs to one.

    Notes
    -----
    Source: GitHub REST API, schema ``package-version``. `name` is the manifest's digest.
    """

    id: int
    name: str
    metadata: _Metadata | None = None

    @property
    def tags(self) -> list[str]:
        """The tags that lead to it; most have none."""
        return self.metadata.container.tags if self.metadata and self.metadata.container else []


@dataclass(frozen=True, slots=True)
class Account:
    """Whose token it is, and what it is for.

    Attributes
    ----------
    login : str
        Empty for a token that is no user's: of a workflow, of an app.
    scopes : frozenset of str or None
        None if that is not told: only a classic token has some.
    ends : str
        When the token ends; empty if it does not, or that is not told.
    """

    login: str = ""
    scopes: frozenset[str] | None = None
    ends: str = ""

    def lacks(self, *scopes: str) -> list[str]:
        """Name the scopes that the token is known not to have."""
        return [one for one in scopes if self.scopes is not None and one not in self.scopes]

    def described(self) -> str:
        """Say who it is, and what the token lets him do."""
        if not self.login:
            return "a workflow's or an app's token: what its own repository may do"
        end = f"; the token ends at {self.ends}" if self.ends else ""
        return f"{self.login}: {self._may()}{end}"

    def _may(self) -> str:
        if self.scopes is None:
            return "a token without scopes; GitHub's packages want a classic one"
        may = [words for scope, words in _MAY.items() if scope in self.scopes]
        if "write:packages" in self.scopes:
            may = [words for words in may if words != _MAY["read:packages"]]
        if not may:
            return "public images alone; the token lacks read:packages"
        return f"may {' and '.join(may)} packages that are open to this user"


def account_of(login: str, headers: Mapping[str, str]) -> Account:
    """Read what the headers of a reply tell of a token.

    Notes
    -----
    Source: docs.github.com, "Scopes for OAuth apps": X-OAuth-Scopes lists a token's scopes.
    github.blog, 2021-07-26: GitHub-Authentication-Token-Expiration.
    """
    told = headers.get("x-oauth-scopes")
    scopes = None if told is None else frozenset(filter(None, map(str.strip, told.split(","))))
    return Account(login, scopes, headers.get("github-authentication-token-expiration", "").strip())
