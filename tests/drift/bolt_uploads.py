"""What the tests of Bolt's routes upload, and how they ask."""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass
from typing import Any

import httpx2

from ghostnb.drift.bolt.kinds import PLUGIN, PROFILE, TEMPLATE, Kind
from tests.drift.asking import asked, conversation

BOLTFILE = 'project = "web"\n\n[services.web]\nimage = "nginx:1.27"\n'
BINARY = bytes(range(256)) * 3

DOCUMENTS: dict[str, dict[str, Any]] = {
    "profile": {
        "profile": {
            "name": "steam-gaming",
            "version": "1.0.0",
            "description": "For Steam: Größe & ünïcode",
            "author": "Ada",
            "tags": ["gaming", "steam"],
            "compatible_games": ["Counter-Strike 2"],
            "rating": 4.5,
            "system_requirements": {
                "min_cpu_cores": 8,
                "min_memory_gb": 16,
                "required_gpu_vendor": "nvidia",
                "supported_os": ["linux"],
            },
        },
        "metadata": {
            "author_email": "ada@example.com",
            "license": "MIT",
            "repository": "https://example.com/profiles",
            "documentation": "https://example.com/docs",
        },
    },
    "plugin": {
        "plugin": {
            "name": "dlss",
            "version": "2.1.0",
            "description": "Scales",
            "author": "Ada",
            "plugin_type": "gpu-optimization",
            "supported_platforms": ["linux-x86_64", "windows-x86_64"],
        },
        "plugin_data": base64.b64encode(BINARY).decode(),
    },
    "template": {
        "template": {"name": "web", "version": "1.0", "author": "Ada", "tags": ["web"]},
        "template_data": BOLTFILE,
    },
}


@dataclass(frozen=True)
class Case:
    """One kind with what is uploaded of it."""

    kind: Kind

    @property
    def base(self) -> str:
        return f"/v1/{self.kind.shelf.plural}"

    @property
    def name(self) -> str:
        return DOCUMENTS[self.kind.name][self.kind.name]["name"]

    @property
    def version(self) -> str:
        return DOCUMENTS[self.kind.name][self.kind.name]["version"]

    @property
    def path(self) -> str:
        return f"{self.base}/{self.name}"

    @property
    def repository(self) -> str:
        return self.kind.shelf.repository(self.name)

    def document(self, *, data: Any = None, metadata: Any = None, **own: Any) -> dict[str, Any]:
        """Make an upload; what is given replaces what is usual."""
        document = copy.deepcopy(DOCUMENTS[self.kind.name])
        document[self.kind.name].update(own)
        if data is not None:
            document[f"{self.kind.name}_data"] = data
        if metadata is not None:
            document["metadata"] = metadata
        return document

    def upload(self, app: Any, query: str = "", **changes: Any) -> httpx2.Response:
        """Upload to an application."""
        document = self.document(**changes)
        return asked(app, "POST", f"{self.base}/upload{query}", json=document)


PROFILES, PLUGINS, TEMPLATES = CASES = [Case(kind) for kind in (PROFILE, PLUGIN, TEMPLATE)]


def refusal(reply: httpx2.Response) -> tuple[int, str, str]:
    """Give a refusal's status, code and message; it has the form of all of Drift's."""
    assert reply.headers["content-type"] == "application/json", reply.text
    (entry,) = reply.json()["errors"]
    return reply.status_code, entry["code"], entry["message"]


def names(app: Any, path: str, **options: Any) -> list[str]:
    """List the names that a list or search gives, in its order."""
    method = "POST" if "json" in options or "content" in options else "GET"
    reply = asked(app, method, path, **options)
    assert reply.status_code == 200, reply.text
    return [one["name"] for one in reply.json()["results"]]


def got(app: Any, *paths: str) -> list[Any]:
    """Read JSON from several paths, one after the other."""
    replies = conversation(app, *(("GET", path, {}) for path in paths))
    for reply in replies:
        assert reply.status_code == 200, reply.text
    return [reply.json() for reply in replies]
