"""The form that asks which tags are to be kept."""

from collections.abc import Callable
from dataclasses import dataclass

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
    values : dict
        As they were typed.
    """

    registry: str
    rules: tuple[Rule, ...]
    repositories: tuple[str, ...]
    values: Values


class RetentionForm(Form):
    """Asks how many of the newest tags are kept, how young ones, and which by name.

    Parameters
    ----------
    registry : str
        Its name in the fleet.
    repository : str, optional
        What is written first where repositories are asked for.
    values : mapping, optional
        What was asked for last, to be written first.
    on_asked : callable
        Told a `RetentionRequest`.
    on_closed : callable
    """

    def __init__(
        self,
        registry: str,
        repository: str = "",
        *,
        values: Values | None = None,
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
                    help="So many images of each repository.",
                    value="10",
                ),
                Field("days", "Keep what is younger than (days)", placeholder="any age"),
                Field(
                    "matching",
                    "Keep tags named",
                    help="Names, or patterns such as v*. You see a plan before anything goes.",
                    value="latest",
                ),
            ],
            {"Show plan": self._ask, "Cancel": lambda _: on_closed()},
        )
        if values:
            self.fill(**values)

    def _ask(self, values: Values) -> None:
        rules: list[Rule] = []
        problems: dict[str, str] = {}
        makers: dict[str, Callable[[str], list[Rule]]] = {
            "newest": lambda text: [KeepNewest(_count(text))],
            "days": lambda text: [KeepYounger(_days(text))],
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
            request = RetentionRequest(self._registry, tuple(rules), repositories, values)
            self._on_asked(request)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"A whole number from 1 is wanted, not {text}.")
    return int(text)


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError as e:
        raise ValueError(f"A number of days is wanted, not {text}.") from e
    if not days > 0:
        raise ValueError(f"A number of days above 0 is wanted, not {text}.")
    return days
