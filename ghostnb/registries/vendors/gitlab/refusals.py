"""What the refusals of GitLab's registry mean: of 401 it has several kinds."""

from ghostnb.errors import ForbiddenError, RegistryError, RejectedError, UnauthorizedError
from ghostnb.registries.vendors.recasting import recast

__all__ = ["PROTECTED_HINT", "is_kept", "meant"]

PROTECTED_HINT = (
    "A rule keeps this: see the project's Settings, Packages and registries, Container registry, "
    "for its protected and immutable tags, or leave the tag out."
)
_KEPT = frozenset({"PROTECTED_TAG", "IMMUTABLE_TAG", "PROTECTED_MANIFEST"})

_DELETION = '"Action":"delete"'


def is_kept(error: RegistryError) -> bool:
    """Tell whether the registry says that a rule keeps what was to be deleted or replaced."""
    return any(one.code in _KEPT for one in error.diagnostics)


def meant(error: RegistryError, *, has_credentials: bool) -> RegistryError:
    """Give the error that a refusal means.

    Notes
    -----
    Source: container registry, registry/api/v2/errors.go: what a rule keeps is refused with 401.
    gitlabhq, app/services/auth/container_registry_authentication_service.rb: what one may not do
    is left out of a token without a word, and the registry wants it then.
    """
    if not isinstance(error, UnauthorizedError):
        return error
    if is_kept(error):
        return rejected(error, PROTECTED_HINT)
    wanted = (one.detail.replace(" ", "") for one in error.diagnostics)
    if has_credentials and any(_DELETION in detail for detail in wanted):
        return recast(ForbiddenError, error)
    return error


def rejected(error: RegistryError, hint: str) -> RejectedError:
    """Give a refusal as one that no other credentials would mend."""
    return recast(RejectedError, error, hint)
