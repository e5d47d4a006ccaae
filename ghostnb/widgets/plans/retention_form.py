"""The form that asks which tags are to be kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ghostnb.errors import GhostnbError
from ghostnb.registries.patterns import as_patterns
from ghostnb.transfer.retention.rules import KeepMatching, KeepNewest, KeepYounger, Rule
from ghostnb.widgets.form import Field, Form, Values

__all__ = ["RetentionForm", "RetentionRequest"]

_NO_RULE = "Say what is to be kept: by number, by age, or by name."


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """What is to be kept.

    Attributes
    ----------
    registry : str
        Its name in the fleet.
    rules : tuple of Rule
    repositories : tuple of str
        Names or patterns; only of these anything goes. Empty for all.
    """

    registry: str
    rules: tuple[Rule, ...]
    repositories: tuple[str, ...]


class RetentionForm(Form):
    """Asks how many of the newest tags are kept, how young ones, and which by name.

    Parameters
    ----------
    registry : str
        Its name in the fleet.
    repository : str, optional
        What is written first where repositories are asked for.
    on_asked : callable
        Told a `RetentionRequest`.
    on_closed : callable
    """

    def __init__(
        self,
        registry: str,
        repository: str = "",
        *,
        on_asked: Callable[[RetentionRequest], object],
        on_closed: Callable[[], object],
    ) -> None:
        self._registry, self._on_asked = registry, on_asked
        super().__init__(
            f"Clean up {registry}",
            [
                Field(
                    "repositories",
                    "Only of these repositories",
                    placeholder="all",
                    help="Names, or patterns such as team/*.",
                    value=repository,
                ),
                Field(
                    "newest",
                    "Keep the newest",
                    placeholder="none",
                    help="The plan says what would be freed, before anything is deleted.",
                    value="10",
                ),
                Field("days", "Keep what is younger than (days)", placeholder="any age"),
                Field(
                    "matching",
                    "Keep tags named",
                    help="Names, or patterns such as v*.",
                    value="latest",
                ),
            ],
            {"Show plan": self._ask, "Cancel": lambda _: on_closed()},
        )

    def _ask(self, values: Values) -> None:
        rules: list[Rule] = []
        problems: dict[str, str] = {}
        makers: dict[str, Callable[[str], list[Rule]]] = {
            "newest": lambda text: [KeepNewest(_number(text, int))],
            "days": lambda text: [KeepYounger(_number(text, float))],
            "matching": lambda text: [KeepMatching(one) for one in _names(text)],
        }
        for name, made in makers.items():
            try:
                rules += made(values[name].strip()) if values[name].strip() else []
            except (GhostnbError, ValueError) as e:
                problems[name] = str(e)
        repositories = _names(values["repositories"])
        try:
            as_patterns(repositories)
        except (GhostnbError, ValueError) as e:
            problems["repositories"] = str(e)
        said = "" if rules or problems else _NO_RULE
        self.tell(said, "error" if said else "", problems)
        if rules and not problems:
            self._on_asked(RetentionRequest(self._registry, tuple(rules), repositories))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _number(text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text)
    except ValueError as e:
        raise ValueError(f"{text} is no number.") from e
