"""The secrets that senders share with the agent, one a source."""

import os
from collections.abc import Mapping

from ghostnb.server.webhooks.refusals import NotAuthenticError
from ghostnb.wire.notifications import Delivery, Source

__all__ = ["Secrets"]

_VARIABLE = "env:"


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
        if secret.startswith(_VARIABLE):
            secret = self._from_variable(source, secret.removeprefix(_VARIABLE))
        if not secret:
            raise NotAuthenticError(
                f"Webhooks of {source.title} are refused, for the agent has no secret for "
                f"{source.name}. Configure one there, as env:NAME. {source.setup}"
            )
        return secret

    def _from_variable(self, source: Source, variable: str) -> str:
        if not os.environ.get(variable):
            raise NotAuthenticError(
                f"Webhooks of {source.title} are refused: their secret is in the environment "
                f"variable {variable[:200]}, which is not set. Set it where the agent starts."
            )
        return os.environ[variable]
