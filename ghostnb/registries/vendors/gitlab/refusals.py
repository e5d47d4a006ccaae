"""What the refusals of GitLab's registry mean: of 401 it has several kinds."""

from typing import TypeVar

from ghostnb.errors import ForbiddenError, RegistryError, RejectedError, UnauthorizedError

__all__ = ["PROTECTED_HINT", "is_kept", "meant"]

PROTECTED_HINT = (
    "A rule keeps this: see the project's Settings, Packages and registries, Container registry, "
    "for its protected and immutable tags, or leave the tag out."
)
_KEPT = frozenset({"PROTECTED_TAG", "IMMUTABLE_TAG", "PROTECTED_MANIFEST"})
Kind = TypeVar("Kind", bound=RegistryError)

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
        return _same(ForbiddenError, error, error.hint)
    return error


def rejected(error: RegistryError, hint: str) -> RejectedError:
    """Give a refusal as one that no other credentials would mend."""
    return _same(RejectedError, error, hint)


def _same(kind: type[Kind], error: RegistryError, hint: str) -> Kind:
    return kind(
        error.message,
        hint=hint,
        registry=error.registry,
        url=error.url,
        status=error.status,
        diagnostics=error.diagnostics,
    )
