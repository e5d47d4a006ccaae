"""Drift's front page: what is stored, and how to push and pull."""

from html import escape
from importlib.resources import files
from string import Template

from humanize import naturalsize
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service
from ghostnb.registries.protocol import RegistryStore

__all__ = ["add_front"]

_MAX_ROWS = 200
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_PAGE = Template(files("ghostnb.drift").joinpath("front.html").read_text(encoding="utf-8"))


def add_front(router: Router, service: Service) -> None:
    """Add the front page."""

    async def front(request: Request) -> Response:
        rows = sorted([(r.repository, r.tag_count) async for r in service.registry.repositories()])
        host = escape(request.headers.get("host", "localhost:5000"))
        page = _PAGE.substitute(
            host=host,
            origin=f"{escape(request.url.scheme)}://{host}",
            summary=escape(await _summary(service, len(rows))),
            repositories=_table(rows),
        )
        return HTMLResponse(page, headers=_HEADERS)

    router.add("GET", "/", front, "pull")


async def _summary(service: Service, repositories: int) -> str:
    text = "1 repository" if repositories == 1 else f"{repositories:,} repositories"
    if isinstance(service.registry, RegistryStore):
        count, size = await service.registry.usage()
        text += f", {count:,} blobs and manifests, {naturalsize(size)}"
    return f"{text}."


def _table(rows: list[tuple[str, int | None]]) -> str:
    if not rows:
        return "<p>None yet: push something.</p>"
    cells = "".join(
        f"<tr><td>{escape(name)}<td>{'' if tags is None else tags}"
        for name, tags in rows[:_MAX_ROWS]
    )
    more = f"<p>and {len(rows) - _MAX_ROWS:,} more</p>" if len(rows) > _MAX_ROWS else ""
    return f"<table><tr><th>Repository<th>Tags{cells}</table>{more}"
