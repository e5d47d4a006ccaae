"""The secrets that senders share with the agent, one a source."""

from collections.abc import Mapping

from ghostnb.errors import ConfigError
from ghostnb.server.variables import value_of
from ghostnb.server.webhooks.refusals import NotAuthenticError
from ghostnb.wire.notifications import SOURCES, Delivery, Source

__all__ = ["Secrets"]


class Secrets:
    """The secrets of webhooks.

    Parameters
    ----------
    secrets : mapping of str to str
        A source's name to its secret; ``env:NAME`` reads the environment variable, now. What is
        sent in a header or URL is best in letters and digits.

    Raises
    ------
    ConfigError
        If no source is called so, or a variable is not set.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        for name in secrets:
            _check_source(name)
        # Now, and not when somebody sends: strangers are not told what the agent lacks.
        self._secrets = {
            name: value_of(secret, f"The secret of {name} webhooks")
            for name, secret in secrets.items()
        }

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
        if not secret:
            raise NotAuthenticError(
                f"Webhooks of {source.title} are refused, for the agent has no secret for "
                f"{source.name}. Configure one there, as env:NAME. {source.setup}"
            )
        return secret


def _check_source(name: str) -> None:
    if name not in SOURCES:
        raise ConfigError(
            f"A secret is configured for webhooks of {name[:100]!r}, and there are none.",
            hint=f"There are: {', '.join(SOURCES)}.",
        )
