"""What Quay's replayed registry takes, and deletes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from tests.parts.images import Document
from tests.registries.vendors.replaying import answer

if TYPE_CHECKING:
    from tests.registries.vendors.quay.replay import QuayReplay

REPLIES = Path(__file__).with_name("replies")
_MANIFEST = re.compile(r"/v2/([a-z0-9/._-]+)/manifests/([A-Za-z0-9._:-]+)")
_UPLOAD = re.compile(r"/v2/([a-z0-9/._-]+)/blobs/uploads/(\w*)")


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


class Writing:
    """Pushes and deletions, for who may push."""

    def __init__(self, quay: QuayReplay) -> None:
        self.quay = quay

    def repository_of(self, path: str) -> str:
        match = _UPLOAD.fullmatch(path)
        return match[1] if match else ""

    def reply(self, request: httpx2.Request, path: str, repository: str) -> httpx2.Response:
        if _UPLOAD.fullmatch(path):
            location = {"location": f"/v2/{repository}/blobs/uploads/one"}
            return answer(202 if request.method == "POST" else 201, headers=location)
        match = _MANIFEST.fullmatch(path)
        assert match, f"{path} is none of the registry's"
        if request.method == "PUT":
            pushed = Document(request.headers["content-type"], request.content)
            self.quay.held.add(f"{repository}:{match[2]}", pushed)
            return answer(201, headers={"docker-content-digest": pushed.digest})
        assert request.method == "DELETE"
        return self._deleted(repository, match[2])

    def _deleted(self, repository: str, locator: str) -> httpx2.Response:
        images, is_tag = self.quay.held.images, ":" not in locator
        if is_tag and not self.quay.deletes_tags:
            return answer(405)
        names = [
            name
            for name, top in images.items()
            if name == f"{repository}:{locator}"
            or (name.startswith(f"{repository}:") and top.digest == locator)
        ]
        if not names:
            return answer(404, document("registry_manifest_unknown"))
        if any(name.partition(":")[2] in self.quay.immutable for name in names):
            return answer(409, document("registry_tag_immutable"))
        for name in names:
            del images[name]
        return answer(202)
