"""The scopes of bearer tokens: which actions on what.

Source: distribution, "Token Scope Documentation".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import check_repository

__all__ = ["Scope", "covers", "needed_scope", "parse_scopes"]

_REPOSITORY_ACTIONS = frozenset({"pull", "push", "delete"})
_EVERYTHING = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Actions on one thing.

    Attributes
    ----------
    kind : str
        ``repository``; ``registry`` for the catalog.
    name : str
    actions : frozenset of str
    """

    kind: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"

    def only(self, allows: Callable[[str], bool]) -> "Scope":
        """Leave of the actions those that are allowed."""
        return Scope(self.kind, self.name, frozenset(filter(allows, self.actions)))


def parse_scopes(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Read scopes as a client writes them.

    Parameters
    ----------
    texts : iterable of str
        Each of them one scope or several with blanks between.

    Returns
    -------
    tuple of Scope
        What is no scope of this registry is left out: it can be granted to nobody.

    Examples
    --------
    >>> [str(scope) for scope in parse_scopes(["repository:a/b:push,pull nonsense"])]
    ['repository:a/b:pull,push']
    """
    words = [word for text in texts for word in text.split()]
    return tuple(scope for word in words if (scope := _parse(word)) is not None)


def _parse(text: str) -> Scope | None:
    kind, _, rest = text.partition(":")
    name, _, listed = rest.rpartition(":")
    actions = frozenset(listed.split(","))
    if (kind, name) == ("registry", "catalog"):
        return Scope(kind, name, actions & _EVERYTHING)
    # A class of repositories may follow: repository(plugin).
    if kind.partition("(")[0] != "repository" or not _is_repository(name):
        return None
    wanted = _REPOSITORY_ACTIONS if "*" in actions else actions & _REPOSITORY_ACTIONS
    return Scope("repository", name, wanted)


def _is_repository(name: str) -> bool:
    try:
        check_repository(name)
    except InvalidReferenceError:
        return False
    return True


def needed_scope(action: str, repository: str) -> Scope | None:
    """Give what a token must be given for; None if any will do.

    Parameters
    ----------
    action, repository : str
        As for `Access.check`, under ``/v1/`` and ``/v2/``.
    """
    if action == "none" or (action == "push" and not repository):
        return None
    if not repository:
        return Scope("registry", "catalog", _EVERYTHING)
    return Scope("repository", repository, frozenset({action}))


def covers(scopes: Iterable[Scope], needed: Scope | None) -> bool:
    """Tell whether scopes are enough for what is needed."""
    if needed is None:
        return True
    return any(
        (scope.kind, scope.name) == (needed.kind, needed.name) and needed.actions <= scope.actions
        for scope in scopes
    )
