"""What Azure's refusals mean, and what to try after each."""

import re
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import msgspec

from ghostnb.errors import ForbiddenError, RegistryError, RejectedError, UnauthorizedError
from ghostnb.wire.challenges import parse_challenges
from ghostnb.wire.endpoints import CATALOG_SCOPE
from ghostnb.wire.messages import Reply

__all__ = ["hint_for", "is_locked", "locked", "rights_told"]

_LOCKED = "REGISTRY_DISALLOWED_OPERATION"
_PLACE = re.compile(r"/(?:acr/v1|v2)/(.+)/(?:_tags|_manifests|manifests)/([^/]+)")
_FIREWALL = "is not allowed access"
_CATALOG = (
    'Name a repository instead: tags("team/app"). The list of all is for who has the role AcrPull '
    "or, where roles are by repository, Container Registry Repository Catalog Lister; a "
    "repository-scoped token never sees it."
)
_ROLES = (
    "Ask for a role of that registry: AcrPull to read, AcrPush to push, AcrDelete to delete; "
    "where roles are by repository, Container Registry Repository Reader, Writer or Contributor; "
    "or for a repository-scoped token with that action."
)
_BEHIND_FIREWALL = (
    "The registry's firewall lets this machine's address not in: whoever runs it adds it under "
    "Networking (https://aka.ms/acr/firewall), or ask from within its network."
)
_BY_NAME = (
    "Give the name and password of a repository-scoped token, a service principal's client id and "
    "secret, or the admin user's."
)
_BY_SIGN_IN = (
    "Sign in with az login, which pip install 'ghostnb[azure]' makes use of within ten minutes. "
    f"Or: {_BY_NAME}"
)


def rights_told(reply: Reply, *, is_known: bool) -> Reply:
    """Say in a refusal which right is missing, and tell it apart from a wrong password.

    Parameters
    ----------
    reply : Reply
    is_known : bool
        True if credentials were given, and so taken: a token came for them.

    Notes
    -----
    Source: replies recorded in github.com/Azure/azure-sdk-for-js: a missing right is 401 with
    ``error="insufficient_scope"``, and the same words as without any login.
    """
    asked = parse_challenges(reply.headers.get("www-authenticate", ""))
    missing = next((one for one in asked if one.error == "insufficient_scope"), None)
    if reply.status != 401 or missing is None:
        return reply
    who, code = ("these credentials", "DENIED") if is_known else ("anonymous users", "UNAUTHORIZED")
    message = f"{who} have no right to {' '.join(missing.scopes) or 'this'}"
    body = msgspec.json.encode({"errors": [{"code": code, "message": message}]})
    return replace(reply, status=403 if is_known else 401, body=body)


def hint_for(error: RegistryError, *, has_entra: bool) -> str:
    """Say what to try after a refusal; empty if nothing more is known.

    Parameters
    ----------
    error : RegistryError
    has_entra : bool
        True where a sign-in by Entra ID would be made use of.
    """
    if isinstance(error, ForbiddenError):
        if _FIREWALL in error.said:
            return _BEHIND_FIREWALL
        return _CATALOG if CATALOG_SCOPE in error.said else _ROLES
    if isinstance(error, UnauthorizedError):
        return _BY_SIGN_IN if has_entra else _BY_NAME
    return ""


def is_locked(error: RegistryError) -> bool:
    """Tell whether a tag, manifest or repository is locked against what was tried."""
    return any(one.code == _LOCKED for one in error.diagnostics)


def locked(error: RegistryError) -> RegistryError:
    """Give the error for what is locked, with the way to unlock it.

    Notes
    -----
    Source: github.com/Azure/acr-cli, issues 70 and 134; "Lock a container image in an Azure
    container registry" (learn.microsoft.com/azure/container-registry/
    container-registry-image-lock). It comes with status 405, which the error does not keep:
    405 is a registry without deletion, where a tag is deleted by putting something else in its
    place.
    """
    return RejectedError(
        error.message,
        hint="It is locked against deletion or change, and stays as it is. To unlock it: az acr "
        f"repository update --name REGISTRY --image {_image(error.url or '')} "
        "--delete-enabled true --write-enabled true",
        registry=error.registry,
        url=error.url,
        diagnostics=error.diagnostics,
    )


def _image(url: str) -> str:
    match = _PLACE.search(urlsplit(url).path)
    if match is None:
        return "NAME:TAG"
    locator = unquote(match[2])
    return f"{match[1]}{'@' if ':' in locator else ':'}{locator}"
