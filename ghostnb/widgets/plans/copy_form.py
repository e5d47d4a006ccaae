"""The form that asks where images are to be copied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ghostnb.arguments import parsed_platform
from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.registries.protocol import WritableRegistry
from ghostnb.widgets.form import Field, Form, Values

__all__ = ["CopyForm", "CopyRequest", "targets"]


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What is to be copied, and how.

    Attributes
    ----------
    source, target : str
        Names in the fleet.
    repository : str
        The source's.
    references : tuple of str
        ``repository:tag`` each, all of one repository.
    name : str
        In the target: of the one image ``repository:tag``, of several the repository.
    platforms : tuple of str
        Empty for all.
    referrers : bool
    """

    source: str
    target: str
    repository: str
    references: tuple[str, ...]
    name: str
    platforms: tuple[str, ...]
    referrers: bool

    @property
    def is_of_one(self) -> bool:
        """True if a tag can be named anew."""
        return len(self.references) == 1


class CopyForm(Form):
    """Asks for the registry, the name there, the platforms, and whether what is attached goes too.

    Parameters
    ----------
    fleet : Fleet
    registry, repository : str
        Of what is to be copied.
    references : sequence of str
    on_asked : callable
        Told a `CopyRequest`.
    on_closed : callable
    """

    def __init__(
        self,
        fleet: Fleet,
        registry: str,
        repository: str,
        references: Sequence[str],
        *,
        on_asked: Callable[[CopyRequest], object],
        on_closed: Callable[[], object],
    ) -> None:
        self._fleet = fleet
        self._about = registry, repository, tuple(references)
        self._on_asked = on_asked
        is_one = len(references) == 1
        choices = tuple(targets(fleet, registry))
        what = references[0] if is_one else f"{len(references):,} tags of {repository}"
        super().__init__(
            f"Copy {what}",
            [
                Field("target", "To registry", "choice", value=choices[0], choices=choices),
                Field(
                    "name",
                    "Name there" if is_one else "Repository there",
                    value=_named(references[0]) if is_one else repository,
                ),
                Field(
                    "platforms",
                    "Platforms",
                    placeholder="all",
                    help="Such as linux/amd64, linux/arm64. With fewer, the digest is another.",
                ),
                Field("referrers", "With what is attached (signatures …)", "checkbox", value=False),
            ],
            {"Show plan": self._ask, "Cancel": lambda _: on_closed()},
        )

    def _ask(self, values: Values) -> None:
        target = str(values["target"])
        problems = {}
        if target not in self._fleet:
            problems["target"] = f"{target} is not among the registries any more."
        else:
            problems["name"] = self._name_problem(self._fleet[target], values["name"].strip())
        platforms = tuple(values["platforms"].replace(",", " ").split())
        problems["platforms"] = _platform_problem(platforms)
        problems = {name: problem for name, problem in problems.items() if problem}
        self.tell(problems=problems)
        if not problems:
            source, repository, references = self._about
            self._on_asked(
                CopyRequest(
                    source,
                    target,
                    repository,
                    references,
                    values["name"].strip(),
                    platforms,
                    bool(values["referrers"]),
                )
            )

    def _name_problem(self, target: RegistryClient, name: str) -> str:
        source, repository, references = self._about
        is_one = len(references) == 1
        try:
            parsed = target.registry.reference(name)
        except GhostnbError as e:
            return str(e)
        if parsed.digest is not None:
            return "A copy is named by a tag: its digest is what it is."
        if not is_one and name != parsed.repository and ":" in name:
            return "The tags keep their names: only the repository is named here."
        if target.name == source and name in (*references, repository * (not is_one)):
            return "It is there already: take another name, or another registry."
        return ""


def targets(fleet: Fleet, source: str) -> list[str]:
    """Give the registries that can be written to, others than the source first."""
    writable = [name for name in fleet if isinstance(fleet[name].registry, WritableRegistry)]
    return sorted(writable, key=lambda name: name == source)


def _named(reference: str) -> str:
    """Give a name for the copy: what has no tag is offered one."""
    repository, at, _ = reference.partition("@")
    has_tag = ":" in repository.rpartition("/")[2]
    return repository if has_tag or not at else f"{repository}:latest"


def _platform_problem(platforms: Sequence[str]) -> str:
    try:
        for one in platforms:
            parsed_platform(one)
    except (GhostnbError, ValueError) as e:
        return str(e)
    return ""
