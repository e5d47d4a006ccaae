"""Which GitLab a registry belongs to."""

from ghostnb.errors import UnsupportedError
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.gitlab.api import gitlab_of
from ghostnb.wire.challenges import Challenge, parse_challenges
from ghostnb.wire.messages import Request
from ghostnb.wire.urls import keeps_credentials, origin

__all__ = ["HOST", "find_challenge"]

HOST = "registry.gitlab.com"
_CHALLENGE = Challenge("bearer", "https://gitlab.com/jwt/auth", "container_registry")


async def find_challenge(session: Session) -> Challenge:
    """Give the challenge that says where a registry's GitLab is: that of GitLab.com is known.

    Raises
    ------
    UnsupportedError
        If the registry does not say.
    """
    config = session.config
    if origin(config.url)[1] == HOST:
        return _CHALLENGE
    known = next(filter(gitlab_of, session.challenges), None)
    if known is not None:
        return known
    request = Request("GET", f"{config.url}/v2/", "the way to its GitLab", as_is=True)
    reply = await session.fetch(request, expected=(200, 401))
    # Another host, to which a redirect led, says nothing in the registry's name.
    if keeps_credentials(config.url, reply.url):
        for challenge in parse_challenges(reply.headers.get("www-authenticate", "")):
            if gitlab_of(challenge):
                return challenge
    raise UnsupportedError(
        f"{config.name} at {config.url} does not say which GitLab it belongs to.",
        hint="Is it GitLab's registry? It sends its users to a realm that ends in /jwt/auth.",
        registry=config.name,
        url=config.url,
    )
