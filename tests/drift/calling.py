"""Speak HTTP to a Drift, and look at all of its answer."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ghostnb.oci import Digest
from tests.parts.images import Document

UPLOADS = "/v2/{}/blobs/uploads/"
OCTETS = "application/octet-stream"
# They differ from one answer to the next.
PASSING = {"date", "connection", "keep-alive"}


@dataclass(frozen=True)
class Reply:
    """An answer, read whole; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lasting_headers(self) -> dict[str, str]:
        return {key: value for key, value in self.headers.items() if key not in PASSING}

    @property
    def place(self) -> str:
        """Path and query of where the Location header leads."""
        parts = urlsplit(self.headers["location"])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


class Caller:
    """One connection that is kept alive. Use one a thread."""

    def __init__(self, url: str, *, timeout_seconds: float = 30) -> None:
        self.url = url
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=timeout_seconds
        )

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def __call__(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        """Ask; in a header's name ``_`` stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, target, body, named)
        return self.reply()

    def reply(self) -> Reply:
        """Read the answer to what was sent on the connection by hand."""
        reply = self.connection.getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, found, reply.read())


def read_status(connection: socket.socket) -> int:
    """Read an answer to its last byte, so that the next one is read by itself."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def check_refusal(reply: Reply, status: int, code: str) -> None:
    """See that an error has the specification's form.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Error Codes".
    """
    assert reply.status == status, reply
    assert reply.headers["content-type"].startswith("application/json")
    errors = reply.json["errors"]
    assert [error["code"] for error in errors] == [code]
    assert all(set(error) <= {"code", "message", "detail"} for error in errors)
    assert all(isinstance(error["message"], str) and error["message"] for error in errors)


def add_digest(place: str, digest: str) -> str:
    """Complete an upload's location, as a client must: its query stays."""
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


def begin(call: Caller, repository: str) -> str:
    """Begin an upload and give its place."""
    reply = call("POST", UPLOADS.format(repository))
    assert reply.status == 202, reply
    return reply.place


def upload(call: Caller, repository: str, data: bytes) -> Digest:
    """Push a blob, POST then PUT."""
    digest = Digest.of(data)
    place = add_digest(begin(call, repository), digest)
    reply = call("PUT", place, data, content_type=OCTETS)
    assert reply.status == 201, reply
    return digest


def put(call: Caller, repository: str, reference: str, document: Document) -> Reply:
    """Send a manifest alone."""
    target = f"/v2/{repository}/manifests/{reference}"
    return call("PUT", target, document.raw, content_type=document.media_type)


def push(call: Caller, repository: str, tag: str, document: Document) -> Reply:
    """Push a document and all that it needs; an empty tag: by digest alone."""
    for blob in document.blobs:
        if blob.pushed:
            upload(call, repository, blob.data)
    for child in document.children:
        push(call, repository, "", child)
    reply = put(call, repository, tag or document.digest, document)
    assert reply.status == 201, reply
    return reply
