"""What to try where a registry refused a deletion: each vendor has ways of its own."""

from ghostnb.errors import ForbiddenError, RegistryError, RejectedError, UnsupportedError
from ghostnb.registries.config import RegistryConfig

__all__ = ["how_to_delete"]

# By the registry's own words, wherever it runs: Harbor says so of a tag with an immutability rule.
_BY_WORD = {
    "immutable": "A rule makes this tag immutable. In Harbor: Project, Policy, Tag Immutability; "
    "change the rule, or leave the tag out.",
}
_BY_KIND: dict[type[RegistryError], str] = {
    ForbiddenError: "Log in as somebody who may delete there (in Harbor, a maintainer of the "
    "project); nothing was changed.",
    UnsupportedError: "{name} has deletion switched off (distribution: storage.delete.enabled, or "
    "REGISTRY_STORAGE_DELETE_ENABLED=true); nothing was changed.",
}


def how_to_delete(config: RegistryConfig, error: RegistryError, by_vendor: str = "") -> str:
    """Say what to try after a deletion was refused.

    Parameters
    ----------
    config : RegistryConfig
    error : RegistryError
    by_vendor : str, optional
        What its vendor says.

    Returns
    -------
    str
        Empty if nothing more is known than what the error itself says.
    """
    words = f"{error.message} {error.said}".lower()
    by_word = next((hint for word, hint in _BY_WORD.items() if word in words), "")
    if by_word or isinstance(error, RejectedError):
        return by_word
    general = _BY_KIND.get(type(error), "").format(name=config.name)
    return f"{by_vendor} Nothing was changed." if by_vendor else general
