"""A registry of which nothing is known but the specification."""

from collections.abc import AsyncIterator

from ghostnb.errors import RegistryError
from ghostnb.oci import Reference, check_repository
from ghostnb.registries.bolt import Bolt
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.deleting import how_to_delete
from ghostnb.wire.messages import Reply
from ghostnb.wire.rate_limits import RateLimit

__all__ = ["Vendor"]


class Vendor:
    """What a registry offers beyond the specification: here, nothing.

    A vendor's own class overrides what its API does better. A capability that
    answers None is not offered, and the registry falls back to manifests.

    Parameters
    ----------
    config : RegistryConfig
    session : Session
        Sends what the vendor asks for, with the registry's credentials.

    Attributes
    ----------
    kind : str
        Stands in the configuration and in frames.
    prefers_head : bool
        True where a GET of a manifest counts against a limit and a HEAD does not.
    """

    kind = "distribution"
    prefers_head = False

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        self._config = config
        self._session = session

    def repository(self, name: str) -> str:
        """Check a repository's name, and complete it as this registry's users expect."""
        return check_repository(name)

    def reference(self, text: str) -> Reference:
        """Read a reference to something in this registry."""
        return Reference.within(text, self._config.host)

    def hint(self, error: RegistryError) -> str:
        """Say what to try after a refusal, where this vendor's means more; empty if not."""
        return ""

    def rewritten(self, reply: Reply) -> Reply:
        """Give a refusal in the form of registries, where this vendor has another."""
        return reply

    def refined(self, error: RegistryError) -> RegistryError:
        """Give the error for what went wrong, with this vendor's hint if it has one."""
        error.hint = self.hint(error) or error.hint
        return error

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused; empty if nothing more is known."""
        return how_to_delete(self._config, error)

    async def rate_limit(self) -> RateLimit | None:
        """Ask for the pull limit, where that can be done without using it up."""
        return None

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord] | None:
        """Iterate over the repositories, of one namespace if one is given."""
        return None

    def tag_details(self, repository: str) -> AsyncIterator[TagRecord] | None:
        """Iterate over a repository's tags with their details."""
        return None

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord] | None:
        """Iterate over what a query finds."""
        return None

    def bolt(self) -> Bolt | None:
        """Give what reads and writes Bolt's profiles, plugins and templates."""
        return None
