"""What is installed, what answers, and what to do about what does not."""

import asyncio
import importlib.util
import os
import platform
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

import humanize
from packaging.requirements import Requirement

import ghostnb
from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.errors import ConfigError, GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.loop import run
from ghostnb.registries.abilities import TellsFaults
from ghostnb.registries.cache import cache_file
from ghostnb.registries.config_file import config_path
from ghostnb.registries.records import Ping
from ghostnb.registries.session.reaching import reach

__all__ = ["Finding", "Report", "examine"]

_EXTRAS = {
    "boto3": "aws",
    "azure.identity": "azure",
    "google.auth": "google",
    "pyreqwest": "fast",
    "uvloop": "fast",
    "keyring": "keyring",
    "nest_asyncio2": "nested",
    "pyarrow": "parquet",
    "resvg_py": "charts",
    "plotly": "charts",
}
_PATIENCE_SECONDS = 20.0
_MARKS = {"ok": "ok  ", "bad": "BAD ", "note": "--  "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    state : str
        ``ok``, ``bad``, or ``note`` for what may be so.
    text : str
        What it is, and what to do about it if it is bad.
    """

    state: str
    text: str

    def __str__(self) -> str:
        return f"  {_MARKS[self.state]} {self.text}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings by section; shown as text."""

    sections: dict[str, list[Finding]]

    @property
    def is_healthy(self) -> bool:
        """True if nothing is bad."""
        return all(finding.state != "bad" for part in self.sections.values() for finding in part)

    def __str__(self) -> str:
        parts = ("\n".join([title, *map(str, part)]) for title, part in self.sections.items())
        return "\n\n".join(parts)


def examine(config: str | None = None) -> Report:
    """Look at the installation, the configured registries and the daemon.

    Parameters
    ----------
    config : str, optional
        A ``registries.toml`` other than the usual.

    Returns
    -------
    Report
        Without credentials.
    """
    title = f"ghostnb {ghostnb.__version__} on Python {platform.python_version()}"
    sections = {title: _packages()}
    configuration, fleet = _configuration(config)
    sections["Configuration"] = configuration
    registries, daemon = run(_ask(fleet))
    unread = any(finding.state == "bad" for finding in configuration)
    none = "none was asked: the configuration cannot be read" if unread else "none are configured"
    sections["Registries"] = registries or [Finding("bad", none)]
    sections["Container daemon"] = [daemon]
    return Report(sections)


def _packages() -> list[Finding]:
    needed = map(Requirement, requires("ghostnb") or ())
    # Of no extra, and for this Python.
    names = [one.name for one in needed if not one.marker or one.marker.evaluate({"extra": ""})]
    return [*map(_package, sorted(names)), *_extras()]


def _package(name: str) -> Finding:
    try:
        return Finding("ok", f"{name} {version(name)}")
    except PackageNotFoundError:
        return Finding("bad", f"{name} is not installed: pip install --force-reinstall ghostnb")


def _extras() -> Iterable[Finding]:
    for module, extra in _EXTRAS.items():
        name = module.replace("_", "-").replace(".", "-")
        if not _is_there(module):
            yield Finding("note", f"{name} is not installed: pip install 'ghostnb[{extra}]'")
        else:
            yield Finding("ok", f"{name} (extra {extra})")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # not even what it is part of is there


def _configuration(config: str | None) -> tuple[list[Finding], Fleet]:
    path = config or config_path()
    try:
        fleet = Fleet.from_config(config)
    except ConfigError as e:
        return [Finding("bad", str(e)), _cache()], Fleet()
    exists = os.path.exists(path)
    text = f"{path}" if exists else f"{path} is not there; the two default registries are used"
    return [Finding("ok" if exists else "note", text), _cache()], fleet


def _cache() -> Finding:
    file = cache_file()
    if file is None:
        return Finding("note", "the cache on disk is switched off (GHOSTNB_CACHE=off)")
    size = humanize.naturalsize(file.stat().st_size) if file.exists() else "empty"
    return Finding("ok", f"cache {file} ({size})")


async def _ask(fleet: Fleet) -> tuple[list[Finding], Finding]:
    asked = asyncio.gather(*map(_registry, fleet.values()))
    registries, daemon = await asyncio.gather(asked, _daemon())
    await fleet.aclose()
    return [finding for found in registries for finding in found], daemon


async def _registry(client: RegistryClient) -> list[Finding]:
    """Look at what is here first: who is told only that nobody answers meets the rest later."""
    registry = client.registry
    faults = await registry.local_faults() if isinstance(registry, TellsFaults) else []
    if not faults:
        return [await _in_time(client, _ping(client))]
    told = [Finding("bad", f"{client.name}: {fault}") for fault in faults]
    return [*told, await _in_time(client, _reach(client))]


async def _ping(client: RegistryClient) -> Finding:
    ping = await client.ping()
    state = "note" if ping.doubt else "ok"
    return Finding(state, f"{client.name}: {client.config.url} {_describe(ping)}")


async def _reach(client: RegistryClient) -> Finding:
    answer = "answers" if await reach(client.config) else "is there, and hangs up on strangers"
    text = f"{client.config.url} {answer}; it is asked for more when that is mended"
    return Finding("note", f"{client.name}: {text}")


async def _in_time(client: RegistryClient, look: Awaitable[Finding]) -> Finding:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await look
    except GhostnbError as e:
        return Finding("bad", f"{client.name}: {e}")
    except TimeoutError:
        text = f"has not answered within {_PATIENCE_SECONDS:g} s"
        return Finding("bad", f"{client.name}: {client.config.url} {text}. Is it reachable?")


def _describe(ping: Ping) -> str:
    login = "with credentials" if ping.authenticated else "anonymous"
    text = f"({ping.kind}, {login}, {ping.latency_seconds * 1000:.0f} ms"
    limit = ping.rate_limit
    if limit is not None and limit.remaining is not None:
        text += f", {limit.remaining} of {limit.limit} pulls left"
    offers = ", ".join(ping.offers) or "nothing beyond the distribution protocol"
    text = f"{text}); offers {offers}"
    told = [f"rights: {ping.rights}"] * bool(ping.rights) + [ping.doubt] * bool(ping.doubt)
    return "; ".join([text, *told])


async def _daemon() -> Finding:
    try:
        async with Engine(timeout_seconds=_PATIENCE_SECONDS) as engine:
            daemon = await engine.ping()
    except GhostnbError as e:
        return Finding("bad", str(e))
    return Finding("ok", f"{daemon.product} {daemon.version} at {daemon.url} ({daemon.context})")
