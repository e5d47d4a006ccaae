"""Figures of what Bolt's shelves hold, and how it is used: all of them counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghostnb.drift.bolt.downloads import Counts, Downloads
from ghostnb.drift.bolt.kinds import PLUGIN, PROFILE, TEMPLATE, Kind
from ghostnb.drift.bolt.store import Item, Store
from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service
from ghostnb.wire.bolt import PluginEntry, ProfileEntry

__all__ = ["add_figures"]

_POPULAR = 10


def add_figures(
    router: Router, service: Service, stores: Iterable[Store], downloads: Downloads
) -> None:
    """Add the routes that show figures."""
    figures = _Figures(service, {store.kind: store for store in stores}, downloads)
    router.add("GET", "/v1/metrics", figures.overview, "pull")
    router.add("GET", "/v1/metrics/profiles", figures.profiles, "pull")
    router.add("GET", "/v1/metrics/plugins", figures.plugins, "pull")


class _Figures:
    """Handlers. What cannot be told at the moment is null, not a number."""

    def __init__(self, service: Service, stores: dict[Kind, Store], downloads: Downloads) -> None:
        self._service = service
        self._stores = stores
        self._downloads = downloads

    async def overview(self, request: Request) -> Response:
        """Give what is stored and how it is used.

        Active users are those who downloaded something within the last 24
        hours, told apart as `Downloads.active_users` says.
        """
        names = {kind: await self._names(kind) for kind in self._stores}
        counts = {kind: await self._downloads.counts(kind.name) for kind in self._stores}
        return JSONResponse(
            {
                "total_profiles": len(names[PROFILE]),
                "total_plugins": len(names[PLUGIN]),
                "total_templates": len(names[TEMPLATE]),
                "total_downloads": _total(counts.values()),
                "storage_usage_bytes": await self._stored_bytes(),
                "active_users": await self._downloads.active_users(),
                "popular_profiles": _popular(names[PROFILE], counts[PROFILE]),
            }
        )

    async def profiles(self, request: Request) -> Response:
        """Count the profiles by category; their tags are that, and one may have several."""

        def tags(entry: ProfileEntry) -> Iterable[str]:
            return set(entry.tags)

        return await self._of(PROFILE, "by_category", tags)

    async def plugins(self, request: Request) -> Response:
        """Count the plugins by type."""

        def kinds(entry: PluginEntry) -> Iterable[str]:
            return [entry.plugin_type]

        return await self._of(PLUGIN, "by_type", kinds)

    async def _of(self, kind: Kind, title: str, groups: Callable[[Any], Iterable[str]]) -> Response:
        items = await self._stores[kind].items()
        counts = await self._downloads.counts(kind.name)
        found = Counter(group for item in items for group in groups(item.entry))
        return JSONResponse(
            {
                "total": len(items),
                title: dict(sorted(found.items())),
                "downloads_24h": counts and counts.last_day,
                "downloads_7d": counts and counts.last_week,
            }
        )

    async def _names(self, kind: Kind) -> list[str]:
        items: Sequence[Item] = await self._stores[kind].items()
        return [item.entry.name for item in items]

    async def _stored_bytes(self) -> int | None:
        kept = self._service.kept
        return (await kept.usage())[1] if kept is not None else None


def _total(counts: Iterable[Counts | None]) -> int | None:
    found = list(counts)
    if None in found:
        return None
    return sum(sum(one.by_name.values()) for one in found if one is not None)


def _popular(names: Sequence[str], counts: Counts | None) -> list[dict[str, Any]]:
    """List what was downloaded most, of what is there."""
    by_name = counts.by_name if counts else {}
    known = sorted((-by_name[name], name) for name in names if name in by_name)
    return [{"name": name, "downloads": -count} for count, name in known[:_POPULAR]]
