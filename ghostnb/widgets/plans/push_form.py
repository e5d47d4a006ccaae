"""The form that asks where a daemon's images are to be pushed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.image_push import EngineImage
from ghostnb.widgets.form import Field, Form, Values
from ghostnb.widgets.plans.copy_form import targets

__all__ = ["PushForm", "PushRequest", "called"]


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What is to be pushed, and where.

    Attributes
    ----------
    images : tuple of EngineImage
    target : str
        Its name in the fleet.
    names : tuple of str
        ``repository:tag`` of each in the target.
    """

    images: tuple[EngineImage, ...]
    target: str
    names: tuple[str, ...]


class PushForm(Form):
    """Asks for the registry, and the name there; of several images for what stands before.

    Parameters
    ----------
    fleet : Fleet
    images : sequence of EngineImage
        Of several, each has a name.
    on_asked : callable
        Told a `PushRequest`.
    on_closed : callable
    """

    def __init__(
        self,
        fleet: Fleet,
        images: Sequence[EngineImage],
        *,
        on_asked: Callable[[PushRequest], object],
        on_closed: Callable[[], object],
    ) -> None:
        self._fleet, self._images = fleet, tuple(images)
        self._on_asked = on_asked
        choices = tuple(targets(fleet, ""))
        super().__init__(
            f"Push {called(images)}",
            [
                Field("target", "To registry", "choice", value=choices[0], choices=choices),
                _name_field(images),
            ],
            {"Show plan": self._ask, "Cancel": lambda _: on_closed()},
        )

    def _ask(self, values: Values) -> None:
        target, typed = str(values["target"]), str(values["name"]).strip()
        problems, names = {}, self._names(typed)
        if target not in self._fleet:
            problems["target"] = f"{target} is not among the registries any more."
        elif problem := _name_problem(self._fleet[target], names):
            problems["name"] = problem
        self.tell(problems=problems)
        if not problems:
            self._on_asked(PushRequest(self._images, target, names))

    def _names(self, typed: str) -> tuple[str, ...]:
        if len(self._images) == 1:
            return (typed,)
        prefix = typed.strip("/")
        return tuple("/".join(filter(None, (prefix, one.own_name))) for one in self._images)


def called(images: Sequence[EngineImage]) -> str:
    """Say what is pushed, in a few words."""
    return images[0].title if len(images) == 1 else f"{len(images):,} images"


def _name_field(images: Sequence[EngineImage]) -> Field:
    if len(images) == 1:
        name = images[0].own_name
        return Field("name", "Name there", value=name, placeholder="team/app:1.0")
    return Field(
        "name",
        "Namespace there",
        placeholder="none",
        help=f"Stands before each name, which stays: {images[0].own_name} and so on.",
    )


def _name_problem(target: RegistryClient, names: Sequence[str]) -> str:
    try:
        parsed = [target.registry.reference(name) for name in names]
    except GhostnbError as e:
        return str(e)
    if any(one.digest is not None for one in parsed):
        return "What is pushed is named by a tag: its digest is what it is."
    there = [f"{one.repository}:{one.tag}" for one in parsed]
    twice = next((name for name in there if there.count(name) > 1), "")
    return f"Two of them would be {twice}: push these one by one." if twice else ""
