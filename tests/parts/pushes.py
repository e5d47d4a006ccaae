"""Bring documents into a registry: over plain HTTP, or by skopeo as an independent client."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import ssl
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.parts.images import Document, encode
from tests.parts.layers import Layer
from tests.parts.processes import find_program


class RefusedError(RuntimeError):
    """A registry did not take what a test wanted to push."""


class Pusher:
    """Push over one kept-alive connection. Use one a thread.

    Parameters
    ----------
    url : of the registry.
    username, password : for basic authentication.
    token : a bearer token instead.
    ca_file : trust this authority; nothing is verified for https without it.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._connection = _connect(url, ca_file)
        self._headers = _authorization(username, password, token)
        self.known: set[tuple[str, str]] = set()

    def __enter__(self) -> Pusher:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def push(self, repository: str, tag: str | None, document: Document) -> str:
        """Push a document, all it needs first; without ``tag`` it is known by digest only."""
        for blob in document.blobs:
            if blob.pushed:
                self.put_blob(repository, blob)
        self.push_children(repository, document)
        return self.put_manifest(repository, tag or document.digest, document)

    def push_children(self, repository: str, document: Document) -> None:
        """Push what an index names, once a connection."""
        for child in document.children:
            if (repository, child.digest) not in self.known:
                self.push(repository, None, child)
                self.known.add((repository, child.digest))

    def put_blob(self, repository: str, blob: Layer) -> str:
        """Upload a blob in one piece, once a connection."""
        if (repository, blob.digest) not in self.known:
            headers, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/", expected=202)
            place = urlsplit(headers["location"])
            target = f"{place.path}?{place.query}&digest={blob.digest}"
            octets = {"Content-Type": "application/octet-stream"}
            self.call("PUT", target, blob.data, octets, expected=201)
            self.known.add((repository, blob.digest))
        return blob.digest

    def put_manifest(self, repository: str, reference: str, document: Document) -> str:
        """Put a manifest under a tag or digest; what it names must be there."""
        kind = {"Content-Type": document.media_type}
        path = f"/v2/{repository}/manifests/{reference}"
        headers, _ = self.call("PUT", path, document.raw, kind, expected=201)
        return headers["docker-content-digest"]

    def delete_manifest(self, repository: str, digest: str) -> None:
        self.call("DELETE", f"/v2/{repository}/manifests/{digest}", expected=202)

    def get(self, path: str, **headers: str) -> Any:
        """Read a JSON reply."""
        return json.loads(self.call("GET", path, headers=headers, expected=200)[1])

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        expected: int,
    ) -> tuple[http.client.HTTPMessage, bytes]:
        """Ask, and insist on one status."""
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        reply = self._connection.getresponse()
        data = reply.read()
        if reply.status != expected:
            raise RefusedError(f"{method} {path}: {reply.status}, not {expected}: {data[:500]!r}")
        return reply.headers, data


def _connect(url: str, ca_file: Path | None) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else None
    return http.client.HTTPSConnection(
        parts.hostname,
        parts.port,
        timeout=30,
        context=context or ssl._create_unverified_context(),
    )


def _authorization(username: str | None, password: str | None, token: str | None) -> dict[str, str]:
    if token:
        return {"Authorization": f"Bearer {token}"}
    if username is None:
        return {}
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def push_many(
    url: str, what: Iterable[tuple[str, str, Document]], *, threads: int = 4, **options: Any
) -> None:
    """Push (repository, tag, document) triples over ``threads`` connections.

    What others name goes up once and before them: docker-registry 2.8.2 rewrites a link in
    place, so that a manifest put meanwhile is refused with DIGEST_INVALID.
    """
    triples = list(what)
    blobs = {(name, blob.digest): blob for name, _, whole in triples for blob in all_blobs(whole)}
    with contextlib.ExitStack() as stack:
        pushers = [stack.enter_context(Pusher(url, **options)) for _ in range(threads)]
        for pusher in pushers:
            pusher.known = pushers[0].known
        _share(pushers, [partial(_put, name, blob) for (name, _), blob in blobs.items()])
        for name, _, whole in triples:
            pushers[0].push_children(name, whole)
        _share(pushers, [partial(_push, *triple) for triple in triples])


def _put(repository: str, blob: Layer, pusher: Pusher) -> None:
    pusher.put_blob(repository, blob)


def _push(repository: str, tag: str, document: Document, pusher: Pusher) -> None:
    pusher.push(repository, tag, document)


def _share(pushers: list[Pusher], work: list[Callable[[Pusher], None]]) -> None:
    """Give every pusher, in a thread of its own, an equal part of the work."""

    def part(number: int) -> None:
        for task in work[number :: len(pushers)]:
            task(pushers[number])

    with ThreadPoolExecutor(len(pushers)) as pool:
        list(pool.map(part, range(len(pushers))))


def all_blobs(document: Document) -> list[Layer]:
    """List the blobs to push for a document and what it names."""
    own = [blob for blob in document.blobs if blob.pushed]
    return own + [blob for child in document.children for blob in all_blobs(child)]


def write_layout(directory: Path, documents: Mapping[str, Document]) -> Path:
    """Write an OCI image layout that holds these documents under these tags.

    Notes
    -----
    Source: OCI image-spec v1.1, "OCI Image Layout Specification".
    """
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for document in {one.digest: one for one in documents.values()}.values():
        _write_document(blobs, document)
    entries = [
        document.descriptor(**{"org.opencontainers.image.ref.name": tag})
        for tag, document in documents.items()
    ]
    (directory / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))
    (directory / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": entries}))
    return directory


def _write_document(blobs: Path, document: Document) -> None:
    for blob in document.blobs:
        if blob.pushed:
            (blobs / blob.digest.removeprefix("sha256:")).write_bytes(blob.data)
    for child in document.children:
        _write_document(blobs, child)
    (blobs / document.digest.removeprefix("sha256:")).write_bytes(document.raw)


def skopeo(*arguments: str) -> str:
    """Run skopeo, which knows nothing of ours, and give what it prints.

    It sees none of the developer's credentials.
    """
    command = [find_program("skopeo", "skopeo"), "--insecure-policy", *arguments]
    nowhere = {"HOME": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent", "DOCKER_CONFIG": ""}
    environment = {**os.environ, **nowhere}
    environment.pop("REGISTRY_AUTH_FILE", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    if done.returncode:
        raise RefusedError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def skopeo_push(
    layout: Path,
    tag: str,
    host: str,
    repository: str,
    *,
    as_tag: str | None = None,
    credentials: tuple[str, str] | None = None,
    options: Iterable[str] = ("--all", "--preserve-digests"),
) -> None:
    """Copy one tag of a layout to ``host``; with ``--format v2s2`` as an option, converted."""
    options = [*options, *(["--dest-creds", ":".join(credentials)] if credentials else [])]
    target = f"docker://{host}/{repository}:{as_tag or tag}"
    skopeo("copy", *options, "--dest-tls-verify=false", f"oci:{layout}:{tag}", target)


def skopeo_manifest(host: str, reference: str, *options: str) -> bytes:
    """Read the raw manifest of ``REPOSITORY:TAG`` or ``REPOSITORY@DIGEST``."""
    place = f"docker://{host}/{reference}"
    return skopeo("inspect", "--raw", "--tls-verify=false", *options, place).encode()
