"""A refusal that means something else than its status says."""

from typing import TypeVar

from ghostnb.errors import RegistryError

__all__ = ["recast"]

Kind = TypeVar("Kind", bound=RegistryError)


def recast(kind: type[Kind], error: RegistryError, hint: str = "", *, message: str = "") -> Kind:
    """Give an error as one of another class, by default with its own message and hint.

    Parameters
    ----------
    kind : type
        The class that fits what is meant.
    error : RegistryError
    hint : str, optional
        What to try, where that is something else.
    message : str, optional
        What went wrong, where that is said better.
    """
    return kind(
        message or error.message,
        hint=hint or error.hint,
        registry=error.registry,
        url=error.url,
        status=error.status,
        diagnostics=error.diagnostics,
    )
