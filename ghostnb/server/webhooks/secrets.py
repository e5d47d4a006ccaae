"""The secrets that senders share with the agent, one a source."""

from collections.abc import Mapping

from ghostnb.errors import ConfigError
from ghostnb.server.variables import value_of
from ghostnb.server.webhooks.refusals import NotAuthenticError
from ghostnb.wire.notifications import Delivery, Source

__all__ = ["Secrets"]


class Secrets:
    """The secrets of webhooks.

    Parameters
    ----------
    secrets : mapping of str to str
        A source's name to its secret; ``env:NAME`` reads the environment variable when it is
        needed. What is sent in a header or URL is best in letters and digits.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)

    def check(self, source: Source, delivery: Delivery) -> None:
        """Raise unless the sender knows the secret.

        Raises
        ------
        NotAuthenticError
            Also if there is none, so that nobody can know it.
        """
        if not source.proves(delivery, self._secret(source).encode("utf-8", "surrogateescape")):
            raise NotAuthenticError(
                f"This is not from {source.title}: it does not show the secret of {source.name} "
                f"webhooks. {source.setup}"
            )

    def _secret(self, source: Source) -> str:
        secret = self._secrets.get(source.name, "")
        try:
            secret = value_of(secret, f"The secret of {source.name} webhooks")
        except ConfigError as e:
            raise NotAuthenticError(f"Webhooks of {source.title} are refused. {e}") from e
        if not secret:
            raise NotAuthenticError(
                f"Webhooks of {source.title} are refused, for the agent has no secret for "
                f"{source.name}. Configure one there, as env:NAME. {source.setup}"
            )
        return secret
