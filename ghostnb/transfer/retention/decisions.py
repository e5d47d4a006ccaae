"""Retention: which tags are kept, which can go, and why."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import pandas as pd

from ghostnb.analysis.growth import FIRST_IMAGE
from ghostnb.errors import ConfigError
from ghostnb.frames import TAGS, tags_frame
from ghostnb.registries.records import TagRecord
from ghostnb.transfer.retention.rules import (
    KeepDigests,
    KeepMatching,
    KeepNewest,
    KeepYounger,
    KnownTag,
    Rule,
    Verdict,
)
from ghostnb.transfer.selection import names_from

__all__ = [
    "AnyRule",
    "Decision",
    "KeepDigests",
    "KeepMatching",
    "KeepNewest",
    "KeepYounger",
    "Rules",
    "decide",
    "rules_from",
]

AnyRule: TypeAlias = Rule | Callable[[pd.DataFrame], pd.Series]
Rules: TypeAlias = AnyRule | Mapping[str, Any] | Iterable[AnyRule | Mapping[str, Any]]

_SILENCE = "no rule speaks of it"
_UNKNOWN_DIGEST = "its digest is not known"
_Verdicts: TypeAlias = list[Verdict | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a tag is kept, and why."""

    repository: str
    tag: str
    digest: str | None
    is_kept: bool
    reason: str


def decide(tags: pd.DataFrame | Iterable[TagRecord], rules: Rules, now: datetime) -> list[Decision]:
    """Decide which tags are kept.

    A tag is kept if one rule keeps it, or none speaks of it. One whose digest
    is not known is kept, and counts for none: what it is cannot be told.

    Parameters
    ----------
    tags : pandas.DataFrame or iterable of TagRecord
        Of one registry, with details; a frame as `ghostnb.frames.tags_frame`
        makes it. All tags of a repository, since the newest depend on the others.
    rules : rule, or iterable of rules
        `KeepNewest`, `KeepYounger`, `KeepMatching`, `KeepDigests`, data for one (see
        `rules_from`), or functions that take the tags frame (rows numbered from 0) and
        give a boolean Series of the same index: True where a tag is kept, <NA> where
        that cannot be told, and it is. A function speaks of all tags.
    now : datetime
        With its time zone.

    Returns
    -------
    list of Decision
        One a tag, in the order given. Who keeps a tag, or else all who would
        not, stand in the reason.

    Raises
    ------
    ConfigError, TypeError, ValueError
        If there are no rules, or something is no rule; if the frame is no frame
        of one registry's tags; if a function gives something else.

    Notes
    -----
    Images that were created before there were any (repeatable builds write
    1970 or 1980) are of unknown age.
    """
    checked = rules_from(rules)
    frame = _checked_frame(tags)
    moment = _checked_moment(now)
    rows = _known_tags(frame)
    positions = [position for position, row in enumerate(rows) if row is not None]
    known = [row for row in rows if row is not None]
    verdicts: list[list[Verdict]] = [[] for _ in rows]
    for rule in checked:
        judged = _judge(rule, frame, positions, known, moment)
        for position, verdict in zip(positions, judged, strict=True):
            if verdict is not None:
                verdicts[position].append(verdict)
    names = zip(frame["repository"], frame["tag"], rows, verdicts, strict=True)
    return _with_siblings([_decision(*one) for one in names])


def rules_from(rules: Rules) -> list[AnyRule]:
    """Take one rule or several, which may also be data, such as tables of a TOML file.

    Parameters
    ----------
    rules : rule, or iterable of rules
        Data have one of ``keep_newest`` (a count; also ``by``), ``keep_younger_days``,
        ``keep_matching`` (tags) and ``keep_digests`` (also ``reason``). The first three also
        take ``repositories``, the first two ``tags``. Regular expressions are ``"re:…"``.

    Raises
    ------
    ConfigError
        Naming the rule (from 1) and the key that are wrong, in data.
    TypeError, ValueError
        If something is no rule, or there are none.

    Examples
    --------
    >>> rules_from([{"keep_matching": "v*", "repositories": "team/*"}])
    [KeepMatching(tags=('v*',), repositories=('team/*',))]
    """
    is_one = isinstance(rules, str | bytes | Mapping) or not isinstance(rules, Iterable)
    given: list[Any] = [rules] if is_one else list(rules)  # type: ignore[arg-type]
    if not given:
        raise ValueError("There are no rules. Say what is kept, for example [KeepNewest(10)].")
    return [_checked_rule(rule, f"Rule {position}") for position, rule in enumerate(given, 1)]


# The key that makes a rule, and what else it takes.
_KINDS: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "keep_newest": (KeepNewest, "count", ("by", "repositories", "tags")),
    "keep_younger_days": (KeepYounger, "days", ("repositories", "tags")),
    "keep_matching": (KeepMatching, "tags", ("repositories",)),
    "keep_digests": (KeepDigests, "digests", ("reason",)),
}
_KINDS_HINT = f"A rule has one of {', '.join(_KINDS)}, such as {{'keep_newest': 10}}."


def _checked_rule(rule: Any, where: str) -> AnyRule:
    if isinstance(rule, Mapping):
        return _rule_from(rule, where)
    if isinstance(rule, type) or not (callable(rule) or hasattr(rule, "judge")):
        raise TypeError(
            f"{where}: {rule!r} is no rule. Rules are KeepNewest(10), KeepYounger(30), "
            "KeepMatching('v*'), functions, or data such as {'keep_newest': 10}."
        )
    return rule


def _rule_from(table: Mapping[str, object], where: str) -> AnyRule:
    kinds = [key for key in _KINDS if key in table]
    if len(kinds) != 1:
        what = " and ".join(kinds) or "none of the keys that make one"
        raise ConfigError(f"{where}: it has {what}.", hint=_KINDS_HINT)
    kind, first, others = _KINDS[kinds[0]]
    for key in table:
        if key not in (*kinds, *others):
            hint = f"Keys beside {kinds[0]} are: {', '.join(others)}."
            raise ConfigError(f"{where}: unknown key {key!r}.", hint=hint)
    names = {key: first if key in kinds else key for key in table}
    try:
        return kind(**{names[key]: names_from(names[key], value) for key, value in table.items()})
    except (TypeError, ValueError) as e:
        # Of the key that was written, not of the attribute that it becomes.
        problem = str(e).removeprefix(f"{first}: ")
        key = "" if problem == str(e) else f"{kinds[0]}: "
        raise ConfigError(f"{where}: {key}{problem}") from e


def _checked_frame(tags: pd.DataFrame | Iterable[TagRecord]) -> pd.DataFrame:
    frame = tags if isinstance(tags, pd.DataFrame) else tags_frame(tags)
    missing = [name for name in TAGS if name not in frame.columns]
    if missing:
        raise ValueError(
            f"A tags frame has the columns {', '.join(TAGS)}: {missing[0]} is missing."
        )
    if not isinstance(frame["created"].dtype, pd.DatetimeTZDtype):
        raise ValueError(
            f"created is {frame['created'].dtype} in this frame, not {TAGS['created']}."
        )
    registries = frame["registry"].dropna().unique()
    if len(registries) > 1:
        raise ValueError(
            f"The tags are of {len(registries)} registries ({', '.join(sorted(registries))}). "
            "Decide for each of them alone."
        )
    return frame.reset_index(drop=True)


def _checked_moment(now: datetime) -> pd.Timestamp:
    if not isinstance(now, datetime):
        raise TypeError(f"now: {now!r} is no datetime.")
    if now.tzinfo is None:
        raise ValueError(f"now: {now} has no time zone. Write datetime.now(UTC).")
    return pd.Timestamp(now)


def _known_tags(frame: pd.DataFrame) -> list[KnownTag | None]:
    """Take the rows apart; None for one whose digest is not known."""
    columns = [frame[name] for name in ("repository", "tag", "digest", "created")]
    return [
        None if pd.isna(digest) else KnownTag(repository, tag, digest, _age_of(created))
        for repository, tag, digest, created in zip(*columns, strict=True)
    ]


def _age_of(created: Any) -> pd.Timestamp | None:
    return None if pd.isna(created) or created < FIRST_IMAGE else created


def _judge(
    rule: AnyRule,
    frame: pd.DataFrame,
    positions: Sequence[int],
    known: Sequence[KnownTag],
    now: pd.Timestamp,
) -> _Verdicts:
    if callable(rule):
        answers = _ask(rule, frame)
        return [answers[position] for position in positions]
    return rule.judge(known, now)


def _ask(rule: Callable[[pd.DataFrame], pd.Series], frame: pd.DataFrame) -> _Verdicts:
    """Ask a function, with a frame of its own that it may change."""
    name = getattr(rule, "__name__", None) or repr(rule)
    try:
        answer = rule(frame.copy())
    except Exception as e:
        e.add_note(f"This happened in the retention rule {name}.")
        raise
    _check_answer(answer, frame, name)
    verdicts = {
        True: Verdict(True, f"the rule {name} keeps it"),
        False: Verdict(False, f"the rule {name} does not keep it"),
        None: Verdict(True, f"the rule {name} cannot tell"),
    }
    return [verdicts[None if pd.isna(one) else bool(one)] for one in answer]


def _check_answer(answer: Any, frame: pd.DataFrame, name: str) -> None:
    if not isinstance(answer, pd.Series):
        came = f"a {type(answer).__name__}"
    elif not pd.api.types.is_bool_dtype(answer.dtype):
        came = f"a Series of {answer.dtype}"
    elif not answer.index.equals(frame.index):
        came = f"a Series of {len(answer)} rows for {len(frame)} tags, or with another index"
    else:
        return
    raise TypeError(
        f"The retention rule {name} gave {came}. A rule gives a boolean Series with the "
        "frame's index, for example: frame['tag'].str.startswith('v')."
    )


def _decision(
    repository: str, tag: str, row: KnownTag | None, verdicts: Sequence[Verdict]
) -> Decision:
    if row is None:
        return Decision(repository, tag, None, True, _UNKNOWN_DIGEST)
    is_kept = not verdicts or any(verdict.is_kept for verdict in verdicts)
    reasons = dict.fromkeys(one.reason for one in verdicts if one.is_kept == is_kept)
    return Decision(repository, tag, row.digest, is_kept, "; ".join(reasons) or _SILENCE)


def _with_siblings(decisions: Sequence[Decision]) -> list[Decision]:
    """Say of which tags that go the image stays, since others lead to it."""
    kept: dict[tuple[str, str | None], str] = {}
    for one in decisions:
        if one.is_kept and one.digest is not None:
            key = one.repository, one.digest
            kept[key] = min(one.tag, kept.get(key, one.tag))

    def complete(one: Decision) -> Decision:
        sibling = kept.get((one.repository, one.digest))
        if one.is_kept or sibling is None:
            return one
        return replace(one, reason=f"{one.reason}; only the tag goes, {sibling} keeps the image")

    return [complete(one) for one in decisions]
