"""A registry of which nothing is known but the specification."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest, Reference, check_repository
from ghostnb.registries.bolt import Bolt
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.deleting import how_to_delete
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.messages import Reply
from ghostnb.wire.rate_limits import RateLimit
from ghostnb.wire.tokens import Credentials

__all__ = ["ABILITIES", "LoginNeededError", "Needs", "Vendor"]

ABILITIES = {
    "repositories": "repositories",
    "tag_details": "tag details",
    "tag_digests": "tag digests",
    "search": "search",
    "delete_tag": "tag deletion",
    "usage": "usage",
    "rate_limit": "pull limit",
    "bolt": "Bolt",
}
"""What a vendor may do better, by method, in words."""


class LoginNeededError(UnauthorizedError):
    """The vendor's own API answers nobody without a login; the registry itself may."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What to ask somebody who adds a registry of a vendor.

    Attributes
    ----------
    url : str
        An example of its address, or the address itself where there is but one.
    username, password, namespace, profile, token_host : str
        Where each comes from, in one sentence; empty where nothing special is to be said. The
        last three are asked for only where it is not.
    documents : str
        The address of the vendor's document that says how to get them.
    credential_name, namespace_name : str
        What the vendor calls a password, and a namespace.
    has_one_address : bool
        True if `url` is the only one.
    """

    url: str
    username: str = ""
    password: str = ""
    namespace: str = ""
    profile: str = ""
    token_host: str = ""
    documents: str = ""
    credential_name: str = "Password"
    namespace_name: str = "Namespace"
    has_one_address: bool = False


class Vendor:
    """What a registry offers beyond the specification: here, nothing.

    A vendor's own class overrides what its API does better. A capability that
    answers None is not offered, and the registry does it by the specification; so it
    does where the API is off, forbidden or changed.

    Parameters
    ----------
    config : RegistryConfig
    session : Session
        Sends what the vendor asks for, with the registry's credentials.

    Attributes
    ----------
    kind : str
        Stands in the configuration and in frames.
    title : str
        What people call it.
    prefers_head : bool
        True where a GET of a manifest counts against a limit and a HEAD does not.
    has_catalog : bool
        False where the registry itself lists no repositories: then nobody else is asked when the
        vendor's API does not.
    tags_page_size : int
        How many tags a page is asked for: distribution refuses more than 1,000.
    shows_users_more : bool
        True where everybody may be let in, and lists have more for those who log in: it is
        asked first whether it knows users.
    leaves_out : tuple of str
        The abilities whose lists may lack what the registry has, which is asked for the rest.
    falls_back_on : tuple of type
        What the vendor's API may answer after which the registry itself is asked.
    final_refusals : tuple of type
        What the vendor's API may answer to a deletion after which the registry itself is not
        asked: a rule that the registry may not know, or what it would refuse, too; or all of
        it, where the registry deletes nothing, or by a tag's name more than was meant.
    greets_strangers : bool
        False where ``GET /v2/`` is refused without a login though public images can be read.
    needs : Needs
        What its users have to give.
    doubt : str
        What speaks against a kind that is configured elsewhere: empty if nothing does.
    pages : tuple of str
        With what the paths of its web pages begin, at the registry's host, before a namespace.
    nests_namespaces : bool
        False where a namespace has no slash in it.
    deletion_hint : str
        What to try where it refused a deletion, in one sentence; empty if nothing special.
    """

    kind = "distribution"
    title = "OCI distribution"
    prefers_head = False
    has_catalog = True
    greets_strangers = True
    needs = Needs("https://registry.example.com")
    tags_page_size = 1000
    shows_users_more = False
    pages: tuple[str, ...] = ()
    nests_namespaces = True
    leaves_out: tuple[str, ...] = ()
    deletion_hint = ""
    doubt = ""
    falls_back_on: tuple[type[RegistryError], ...] = (
        ForbiddenError,
        NotFoundError,
        ProtocolError,
        RejectedError,
        ServerError,
        TransportError,
        UnauthorizedError,
        UnsupportedError,
    )
    final_refusals: tuple[type[RegistryError], ...] = (RejectedError,)

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        self._config = config
        self._session = session

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host, without a port, that a registry is this vendor's."""
        return False

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by an answer to ``GET /v2/``, and by what it wanted to see, that it is this one."""
        return False

    @classmethod
    def offers(cls) -> tuple[str, ...]:
        """Name what its own API does better, in the words of `ABILITIES`."""
        return tuple(
            words
            for method, words in ABILITIES.items()
            if getattr(cls, method) is not getattr(Vendor, method)
        )

    async def credentials(self) -> Credentials | None:
        """Give the credentials that the vendor's own software has here; None: there are none."""
        return None

    def profile_faults(self) -> Sequence[RegistryError]:
        """Say what is wrong with the configured profile of the vendor's own software; blocks.

        Nobody is asked but this machine.
        """
        return ()

    async def rights(self) -> str:
        """Say who the credentials are and what they may do; empty if that is not told.

        Raises
        ------
        RegistryError
            If that cannot be asked now.
        """
        return ""

    def repository(self, name: str) -> str:
        """Check a repository's name, and complete it as this registry's users expect."""
        return check_repository(name)

    def reference(self, text: str) -> Reference:
        """Read a reference to something in this registry."""
        return Reference.within(text, self._config.host)

    def hint(self, error: RegistryError) -> str:
        """Say what to try after a refusal, where this vendor's means more; empty if not."""
        return ""

    def scopes(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Give a token's scopes in the words that this vendor's token server knows."""
        return wanted

    def rewritten(self, reply: Reply) -> Reply:
        """Give a refusal in the form of registries, where this vendor has another."""
        return reply

    def refined(self, error: RegistryError) -> RegistryError:
        """Give the error for what went wrong, with this vendor's hint if it has one."""
        error.hint = self.hint(error) or self._how_to_log_in(error) or error.hint
        return error

    def _how_to_log_in(self, error: RegistryError) -> str:
        if not isinstance(error, UnauthorizedError) or not self.needs.documents:
            return ""
        return f"{self.title} takes: {self.needs.password} How to: {self.needs.documents}"

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused; empty if nothing more is known."""
        return how_to_delete(self._config, error, self.deletion_hint)

    async def rate_limit(self) -> RateLimit | None:
        """Ask for the pull limit, where that can be done without using it up."""
        return None

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord] | None:
        """Iterate over the repositories, of one namespace if one is given."""
        return None

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over a repository's tags with their details."""
        return None

    def tag_digests(self, repository: str) -> AsyncIterator[tuple[str, Digest]] | None:
        """Iterate over a repository's tags with their digests: what they are is then known."""
        return None

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord] | None:
        """Iterate over what a query finds."""
        return None

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone by the vendor's API; False if that is not offered.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        RegistryError
            Of the class that fits a refusal.
        """
        return False

    @property
    def drops_untagged(self) -> bool:
        """True where an image goes with its last tag: then there is `delete_with_image`."""
        return False

    async def delete_with_image(self, repository: str, tag: str) -> None:
        """Delete a tag, and its image if that was the last.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        RejectedError
            If something holds the image.
        """
        raise NotImplementedError

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Delete a manifest with its tags by the vendor's API; False if that is not offered."""
        return False

    async def check_deletable(self, repository: str) -> bool:
        """Raise if the API deletes nothing there; False if the registry itself must be asked."""
        return False

    def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord] | None:
        """Iterate over what is stored, by namespace, as the vendor counts it."""
        return None

    def bolt(self) -> Bolt | None:
        """Give what reads and writes Bolt's profiles, plugins and templates."""
        return None
