"""What is no image: a chart, bills of materials, signatures, provenance."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from ghostnb.demo.images import Blob, Document, artifact, encode
from ghostnb.demo.layers import archive
from ghostnb.demo.releases import Release, moment
from ghostnb.demo.sources import File, Package, distribution

__all__ = ["CHARTS", "chart", "provenance", "sbom", "signature"]

CHARTS = {"0.1.0": 120, "0.2.0": 291, "1.0.0": 498}
"""The chart's versions, by their days."""

_IN_TOTO = "application/vnd.in-toto+json"
_SLSA = "https://slsa.dev/provenance/v0.2"


def chart(version: str) -> Document:
    """Make a Helm chart.

    Notes
    -----
    Source: Helm, "Use OCI-based registries", Helm's media types.
    """
    about = {"apiVersion": "v2", "name": "shop", "version": version, "type": "application"}
    files = [
        File("shop/Chart.yaml", _yaml(about)),
        File("shop/values.yaml", _yaml({"replicas": 2, "image": "team/shop/api", "port": 8080})),
        File("shop/templates/service.yaml", _yaml({"apiVersion": "v1", "kind": "Service"})),
    ]
    content = gzip.compress(archive(files), mtime=0)
    return artifact(
        "",
        [Blob(content, "application/vnd.cncf.helm.chart.content.v1.tar+gzip")],
        config=Blob(encode(about), "application/vnd.cncf.helm.config.v1+json"),
        annotations={
            "org.opencontainers.image.title": "shop",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.created": moment(CHARTS[version]),
        },
    )


def sbom(release: Release, subject: Document) -> Document:
    """Attach the bill of materials of what was really put into an image.

    Notes
    -----
    Source: SPDX 2.3, JSON; the media type is that of IANA.
    """
    created = release.build.created
    name = f"{release.repository}:{release.tags[0]}"
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://ghostnb.example/spdx/{subject.descriptor.digest}",
        "creationInfo": {"created": created, "creators": ["Tool: ghostnb demo"]},
        "packages": [_spdx_package(package) for package in _packages(release)],
    }
    kind = "application/spdx+json"
    annotations = {"org.opencontainers.image.created": created}
    return artifact(kind, [Blob(encode(document), kind)], subject=subject, annotations=annotations)


def signature(release: Release, subject: Document) -> Document:
    """Attach something of the shape of a signature by cosign. No key made it.

    Notes
    -----
    Source: sigstore, "Cosign Signature Specifications"; since cosign 2 it is
    found as a referrer of this type.
    """
    digest = str(subject.descriptor.digest)
    payload = encode(
        {
            "critical": {
                "identity": {"docker-reference": release.repository},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": {"sample": "made by ghostnb demo; it verifies nothing"},
        }
    )
    shape = base64.b64encode(hashlib.sha512(payload).digest()).decode()
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    signed = Blob(payload, kind, {"dev.cosignproject.cosign/signature": shape})
    return artifact(
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        [signed],
        subject=subject,
        annotations={"org.opencontainers.image.created": release.build.created},
    )


def provenance(release: Release, subject: Document) -> Blob:
    """State how an image was built.

    Notes
    -----
    Source: in-toto Attestation Framework, Statement v0.1; SLSA Provenance v0.2.
    """
    digest = subject.descriptor.digest
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": _SLSA,
        "subject": [{"name": release.repository, "digest": {digest.algorithm: digest.encoded}}],
        "predicate": {
            "builder": {"id": "https://ghostnb.example/demo"},
            "buildType": "https://mobyproject.org/buildkit@v1",
            "metadata": {"buildFinishedOn": release.build.created, "reproducible": True},
        },
    }
    return Blob(encode(statement), _IN_TOTO, {"in-toto.io/predicate-type": _SLSA})


def _packages(release: Release) -> Iterable[str]:
    sources = (source for layer in release.sources for source in layer)
    return sorted({source.name for source in sources if isinstance(source, Package)})


def _spdx_package(name: str) -> dict[str, Any]:
    found = distribution(name)
    version = found.version if found else "NOASSERTION"
    purl = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": f"pkg:pypi/{name}@{version}",
    }
    return {
        "SPDXID": f"SPDXRef-Package-{name.replace('_', '-')}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "externalRefs": [purl],
    }


def _yaml(values: dict[str, Any]) -> bytes:
    # JSON's scalars are YAML's.
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in values.items()]
    return "".join(lines).encode()
