"""Filters, order and pages of what Bolt's lists show."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ghostnb.drift.bolt.documents import Search
from ghostnb.drift.replies import RefusedError
from ghostnb.wire.bolt import Entry

__all__ = ["chosen", "page_of"]

_PER_PAGE = 20
_MAX_PER_PAGE = 1000
_MAX_PAGE = 2**31
_ORDERS = ("asc", "desc")
Key = Callable[[Any], Any]

# What each may be sorted by; what is not known is least.
_KEYS: dict[str, Key] = {
    "name": lambda entry: entry.name,
    "downloads": lambda entry: entry.downloads or 0,
    "rating": lambda entry: entry.rating,
    "updated_at": lambda entry: entry.updated_at or "",
}


def _holds(text: str, part: str) -> bool:
    return part.casefold() in text.casefold()


def _any_holds(texts: Iterable[str], part: str) -> bool:
    return any(_holds(text, part) for text in texts)


_FILTERS: dict[str, Callable[[Any, Any], bool]] = {
    "query": lambda entry, words: _any_holds((entry.name, entry.description), words),
    "tags": lambda entry, tags: any(_any_holds(entry.tags, tag) for tag in tags),
    "game": lambda entry, game: _any_holds(entry.compatible_games, game),
    "gpu_vendor": lambda entry, vendor: _holds(
        entry.system_requirements.required_gpu_vendor or "", vendor
    ),
    "plugin_type": lambda entry, kind: _holds(entry.plugin_type, kind),
    "platform": lambda entry, platform: _any_holds(entry.supported_platforms, platform),
}


def chosen(entries: Iterable[Entry], search: Search) -> list[Entry]:
    """Give the entries that fit every filter, in the order that is asked for.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of their names.
    search : Search
        Texts fit where they are a part, whatever the case; of several tags, one is enough.

    Returns
    -------
    list of Entry
        By name, unless told otherwise; names from a to z, all else the most or
        newest first, unless `sort_order` is given. What is equal stands by name.

    Raises
    ------
    RefusedError
        400, if they cannot be sorted so.
    """
    key, is_descending = _order(search)
    filters = [
        (fits, wanted)
        for name, fits in _FILTERS.items()
        if (wanted := getattr(search, name, None)) not in (None, "", ())
    ]
    found = [entry for entry in entries if all(fits(entry, wanted) for fits, wanted in filters)]
    return sorted(found, key=key, reverse=is_descending)


def page_of(entries: Sequence[Entry], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Cut a page out of a list.

    Parameters
    ----------
    entries : sequence of Entry
    asked : mapping
        `page`, from 1, and `per_page`: numbers or texts.

    Raises
    ------
    RefusedError
        400, if they are no numbers that can be.
    """
    page = _number(asked, "page", 1, _MAX_PAGE)
    size = _number(asked, "per_page", _PER_PAGE, _MAX_PER_PAGE)
    return {
        "results": list(entries[(page - 1) * size : page * size]),
        "total": len(entries),
        "page": page,
        "per_page": size,
        "pages": -(-len(entries) // size),
    }


def _order(search: Search) -> tuple[Key, bool]:
    name = search.sort_by or "name"
    if name not in _KEYS:
        raise _invalid("sort_by", name, f"one of {', '.join(_KEYS)}")
    order = search.sort_order or ("asc" if name == "name" else "desc")
    if order not in _ORDERS:
        raise _invalid("sort_order", order, "asc or desc")
    return _KEYS[name], order == "desc"


def _number(asked: Mapping[str, Any], name: str, usual: int, largest: int) -> int:
    value = asked.get(name)
    if value is None:
        return usual
    text = str(value)
    is_number = not isinstance(value, bool) and text.isascii() and text.isdecimal()
    if not is_number or len(text) > len(str(largest)) or not 1 <= int(text) <= largest:
        raise _invalid(name, text, f"a number from 1 to {largest:,}")
    return int(text)


def _invalid(name: str, value: str, wanted: str) -> RefusedError:
    return RefusedError(400, "QUERY_INVALID", f"{name} is {value[:100]!r}; it must be {wanted}.")
