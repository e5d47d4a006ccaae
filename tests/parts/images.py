"""Images as bytes: the same seed gives the same digests (under the same zlib).

Source: OCI image-spec v1.1 and Docker's "Image Manifest Version 2, Schema 2". Nothing here
imports the code under test, so that expected values do not come from what they check.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.parts import media_types as types
from tests.parts.layers import Layer, layer_of

CREATED = "2024-03-09T16:00:00Z"


@dataclass(frozen=True)
class Document:
    """A manifest, index or schema 1 manifest, with everything that must be pushed before it.

    ``blobs`` are configs and layers by value; ``children`` the manifests an index names;
    ``payload`` what the digest is of where that is not ``raw`` (schema 1, without signatures).
    """

    media_type: str
    raw: bytes
    blobs: tuple[Layer, ...] = ()
    children: tuple[Document, ...] = ()
    platform: str | None = None
    subject: str | None = None
    payload: bytes | None = None

    @cached_property
    def digest(self) -> str:
        return digest_of(self.payload or self.raw)

    @property
    def size_bytes(self) -> int:
        return len(self.raw)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The image config, parsed."""
        return json.loads(self._blob(self.manifest["config"]["digest"]).data)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(self._blob(layer["digest"]) for layer in self.manifest.get("layers", ()))

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platforms in order, those of nested indexes too; attestations have none."""
        if self.platform:
            return () if self.platform == "unknown/unknown" else (self.platform,)
        return tuple(platform for child in self.children for platform in child.platforms)

    @property
    def total_bytes(self) -> int:
        """Compressed bytes of the layers, as the manifest states them."""
        return sum(layer["size"] for layer in self.manifest.get("layers", ()))

    def descriptor(self, **annotations: str) -> dict[str, Any]:
        """Describe this document as an entry of an index."""
        entry: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size_bytes,
        }
        if self.platform:
            entry["platform"] = platform_fields(self.platform)
        return entry | ({"annotations": annotations} if annotations else {})

    def _blob(self, digest: str) -> Layer:
        return next(blob for blob in self.blobs if blob.digest == digest)


@dataclass(frozen=True)
class Step:
    """One line of history: a layer, or an instruction that made none."""

    created_by: str
    layer: Layer | None = None
    comment: str = ""
    created: str = CREATED


@dataclass(frozen=True)
class Settings:
    """What an image config says beyond its layers."""

    env: Sequence[str] = ("PATH=/usr/local/bin:/usr/bin:/bin",)
    entrypoint: Sequence[str] | None = None
    cmd: Sequence[str] | None = ("/bin/sh",)
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: Sequence[str] = ()
    working_dir: str = ""
    user: str = ""
    author: str | None = None
    created: str | None = CREATED

    def container_config(self) -> dict[str, Any]:
        fields = {
            "Env": list(self.env),
            "Entrypoint": list(self.entrypoint) if self.entrypoint else None,
            "Cmd": list(self.cmd) if self.cmd else None,
            "Labels": dict(self.labels),
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "WorkingDir": self.working_dir,
            "User": self.user,
        }
        return {key: value for key, value in fields.items() if value}


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def platform_fields(platform: str) -> dict[str, str]:
    """Split ``os/architecture[/variant]``."""
    names = ("os", "architecture", "variant")
    return dict(zip(names, platform.split("/"), strict=False))


def plain_image(
    seed: str, *, layers: int = 3, size_bytes: int = 600, base: Sequence[Layer] = (), **options: Any
) -> Document:
    """Build an image of ``base`` and then ``layers`` gzip layers of random bytes.

    Other keywords go to `image`.
    """
    own = [layer_of(f"{seed}/{n}", size_bytes=size_bytes) for n in range(layers)]
    steps = [Step(f"ADD base-{n} /", layer) for n, layer in enumerate(base)]
    steps += [Step(f"RUN make {seed}-{n}", layer) for n, layer in enumerate(own)]
    return image([*steps, Step('CMD ["/bin/sh"]')], **options)


def image(
    steps: Sequence[Step],
    settings: Settings | None = None,
    *,
    platform: str = "linux/amd64",
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
    subject: Document | None = None,
) -> Document:
    """Build a single-platform image, Docker v2 schema 2 when ``docker``, else OCI."""
    config = _config(steps, settings or Settings(), platform, docker)
    layers = [step.layer for step in steps if step.layer]
    if docker:
        layers = [_as_docker(layer) for layer in layers]
    kind = types.DOCKER_MANIFEST if docker else types.OCI_MANIFEST
    body = {"config": config.descriptor(), "layers": [layer.descriptor() for layer in layers]}
    if annotations:
        body["annotations"] = dict(annotations)
    return _document(kind, body, (config, *layers), platform=platform, subject=subject)


def _as_docker(layer: Layer) -> Layer:
    return dataclasses.replace(
        layer, media_type=types.DOCKER_NAMES.get(layer.media_type, layer.media_type)
    )


def _config(steps: Sequence[Step], settings: Settings, platform: str, docker: bool) -> Layer:
    fields: dict[str, Any] = {
        "created": settings.created,
        "author": settings.author,
        **platform_fields(platform),
        "config": settings.container_config(),
        "rootfs": {"type": "layers", "diff_ids": [s.layer.diff_id for s in steps if s.layer]},
        "history": [_history(step) for step in steps],
    }
    present = {key: value for key, value in fields.items() if value is not None}
    return Layer(encode(present), types.DOCKER_CONFIG if docker else types.OCI_CONFIG)


def _history(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {"created": step.created, "created_by": step.created_by}
    if step.comment:
        entry["comment"] = step.comment
    return entry if step.layer else entry | {"empty_layer": True}


def artifact(
    artifact_type: str,
    layers: Sequence[Layer],
    *,
    subject: Document | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """Build an OCI 1.1 artifact: ``artifactType``, the empty config, any layers or none.

    Notes
    -----
    Source: OCI image-spec v1.1, "Guidelines for Artifact Usage": without content, the one
    layer is the empty descriptor.
    """
    empty = Layer(b"{}", types.OCI_EMPTY)
    content = tuple(layers) or (empty,)
    body: dict[str, Any] = {
        "artifactType": artifact_type,
        "config": empty.descriptor(),
        "layers": [layer.descriptor() for layer in content],
    }
    if annotations:
        body["annotations"] = dict(annotations)
    return _document(types.OCI_MANIFEST, body, (empty, *content), subject=subject)


def helm_chart(content: Layer) -> Document:
    """Build what ``helm push`` makes: a config of its own, and the chart as the one layer.

    Notes
    -----
    Source: Helm, "Use OCI-based registries".
    """
    config = Layer(encode({"name": "chart", "version": "1.0.0"}), types.HELM_CONFIG)
    chart = dataclasses.replace(content, media_type=types.HELM_CHART)
    body = {"config": config.descriptor(), "layers": [chart.descriptor()]}
    return _document(types.OCI_MANIFEST, body, (config, chart))


def cosign_signature(payload: bytes, *, times: int = 1) -> Document:
    """Build what ``cosign sign`` pushes as a tag, once a signature of the same payload.

    Notes
    -----
    Source: sigstore/cosign, "Signature Specification": the config calls itself an image's, of
    year 1 and no platform; layers differ in the annotation that holds the signature alone.
    """
    layers = [
        Layer(
            payload,
            types.COSIGN,
            digest_of(payload),
            annotations={"dev.cosignproject.cosign/signature": f"signature {number}"},
        )
        for number in range(times)
    ]
    year_one = "0001-01-01T00:00:00Z"
    config = {
        "architecture": "",
        "created": year_one,
        "history": [{"created": year_one} for _ in layers],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "config": {},
    }
    blob = Layer(encode(config), types.OCI_CONFIG)
    body = {"config": blob.descriptor(), "layers": [layer.descriptor() for layer in layers]}
    return _document(types.OCI_MANIFEST, body, (blob, *layers))


def attestation(of: Document) -> Document:
    """Build BuildKit's attestation manifest for an image; put it into an index beside it.

    Notes
    -----
    Source: BuildKit, docs/attestations/attestation-storage.md.
    """
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "_", "digest": {"sha256": of.digest.removeprefix("sha256:")}}],
        "predicate": {"buildType": "https://mobyproject.org/buildkit@v1"},
    }
    layer = Layer(
        encode(statement),
        types.IN_TOTO,
        annotations={"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"},
    )
    return image([Step("", layer)], Settings(env=(), cmd=None), platform="unknown/unknown")


def index(
    children: Sequence[Document],
    *,
    docker: bool = False,
    attested: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """Build an index (a manifest list when ``docker``) of images or of other indexes.

    With ``attested``, every image is followed by its attestation manifest.
    """
    entries = [child.descriptor() for child in children]
    proofs = [attestation(child) for child in children] if attested else []
    entries += [_proof_entry(*pair) for pair in zip(proofs, children, strict=False)]
    body: dict[str, Any] = {"manifests": entries}
    if annotations:
        body["annotations"] = dict(annotations)
    kind = types.DOCKER_LIST if docker else types.OCI_INDEX
    return _document(kind, body, children=(*children, *proofs))


def _proof_entry(proof: Document, of: Document) -> dict[str, Any]:
    return proof.descriptor(
        **{
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": of.digest,
        }
    )


def _document(
    media_type: str,
    body: Mapping[str, Any],
    blobs: Sequence[Layer] = (),
    *,
    subject: Document | None = None,
    **rest: Any,
) -> Document:
    whole = {"schemaVersion": 2, "mediaType": media_type, **body}
    if subject:
        whole["subject"] = subject.descriptor()
        rest["subject"] = subject.digest
    return Document(media_type, encode(whole), tuple(blobs), **rest)


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
