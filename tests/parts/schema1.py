"""Docker schema 1 manifests, signed: what a very old registry still holds.

Sources: distribution, docs/spec/manifest-v2-1.md; docker/libtrust, jsonsign.go (how a signature
is laid into pretty JSON) and util.go (how a key is named).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.parts import media_types as types
from tests.parts.images import CREATED, Document
from tests.parts.layers import Layer

TAIL = "\n}"


def schema1_image(repository: str, tag: str, layers: Sequence[Layer]) -> Document:
    """Build a signed schema 1 manifest of gzip layers, for this repository and tag only.

    Its digest is that of the payload without signatures. docker-registry takes it with
    ``docker_registry(schema1=True)``, keeps the payload, and signs it anew with a key of its
    own whenever it serves it: compare digests, not bytes.
    """
    body = {
        "schemaVersion": 1,
        "name": repository,
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": [{"blobSum": layer.digest} for layer in reversed(layers)],
        "history": [{"v1Compatibility": json.dumps(entry)} for entry in _history(layers)],
    }
    payload = json.dumps(body, indent=3)
    key = ec.generate_private_key(ec.SECP256R1())
    raw = _with_signature(payload, _signature(payload, key))
    return Document(types.DOCKER_SCHEMA1, raw, tuple(layers), payload=payload.encode())


def _history(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Name layers as Docker 1.9 did, the newest first."""
    names = [hashlib.sha256(layer.data + b"v1").hexdigest() for layer in layers]
    entries = [
        {"id": name, "created": CREATED, "container_config": {"Cmd": [f"step {n}"]}}
        | ({"parent": names[n - 1]} if n else {})
        for n, name in enumerate(names)
    ]
    return entries[::-1]


def _with_signature(payload: str, signature: dict[str, Any]) -> bytes:
    signatures = json.dumps([signature], indent=3).replace("\n", "\n   ")
    return f'{payload.removesuffix(TAIL)},\n   "signatures": {signatures}{TAIL}'.encode()


def _signature(payload: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    head = payload.removesuffix(TAIL).encode()
    fields = {"formatLength": len(head), "formatTail": _base64(TAIL.encode()), "time": CREATED}
    protected = _base64(json.dumps(fields).encode())
    signed = f"{protected}.{_base64(payload.encode())}".encode()
    numbers = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return {
        "header": {"jwk": _jwk(key), "alg": "ES256"},
        "signature": _base64(b"".join(number.to_bytes(32, "big") for number in numbers)),
        "protected": protected,
    }


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    public = key.public_key()
    point = public.public_numbers()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "crv": "P-256",
        "kid": _key_name(der),
        "kty": "EC",
        "x": _base64(point.x.to_bytes(32, "big")),
        "y": _base64(point.y.to_bytes(32, "big")),
    }


def _key_name(der: bytes) -> str:
    """Name a key as libtrust does: 240 bits of its hash in base32, by fours."""
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[at : at + 4] for at in range(0, len(text), 4))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
