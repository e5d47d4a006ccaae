"""The standard set: small images of every kind, with what a test should find.

``STANDARD_IMAGES["team/multi:latest"].digest`` is what any registry filled with the set must
say. The values come from `tests.parts.images`, which shares no code with what is tested.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.parts.images import Document, Settings, Step, artifact, image, index, plain_image
from tests.parts.layers import Entry, Layer, foreign_layer, layer, layer_of
from tests.parts.pushes import Pusher, skopeo_push, write_layout

# an independent client must agree on these; the others skopeo refuses or would only slow down
BY_SKOPEO = ("library/alpine:3.19", "library/alpine:3.20", "team/multi:latest")

ALPINE_BASE = layer(
    [
        Entry("bin", directory=True, mode=0o755),
        Entry("bin/busybox", bytes(range(256)) * 8, mode=0o755),
        Entry("bin/sh", link="busybox"),
        Entry("etc", directory=True, mode=0o755),
        Entry("etc/os-release", b'NAME="Alpine Linux"\nID=alpine\n'),
    ]
)


def alpine(version: str, platform: str = "linux/amd64") -> Document:
    """Build an image of one layer common to all versions and one of its own."""
    own = layer([Entry("etc/alpine-release", f"{version}.0\n".encode())])
    steps = [
        Step("ADD alpine-minirootfs.tar.gz / # buildkit", ALPINE_BASE),
        Step(f"RUN echo {version}.0 > /etc/alpine-release", own),
        Step('CMD ["/bin/sh"]'),
    ]
    return image(
        steps, Settings(created=f"20{version.replace('3.', '')}-05-22T12:00:00Z"), platform=platform
    )


def nginx(version: str) -> Document:
    """Build on alpine 3.20 (two shared layers), with everything that a config can say."""
    base = alpine("3.20").layers
    steps = [
        *(Step(f"ADD base-{n} /", part) for n, part in enumerate(base)),
        Step("LABEL maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>"),
        Step(f"ENV NGINX_VERSION={version}.0", comment="buildkit.dockerfile.v0"),
        Step("RUN install nginx", layer([Entry("usr/sbin/nginx", b"nginx" * 400, mode=0o755)])),
        Step("RUN rm /etc/os-release", layer([Entry("etc/.wh.os-release")])),
        Step("EXPOSE map[80/tcp:{} 443/tcp:{}]"),
        Step('ENTRYPOINT ["/docker-entrypoint.sh"]'),
        Step('CMD ["nginx" "-g" "daemon off;"]'),
    ]
    return image(steps, _nginx_settings(version))


def _nginx_settings(version: str) -> Settings:
    return Settings(
        env=("PATH=/usr/sbin:/usr/bin:/bin", f"NGINX_VERSION={version}.0"),
        entrypoint=("/docker-entrypoint.sh",),
        cmd=("nginx", "-g", "daemon off;"),
        labels={
            "maintainer": "NGINX Docker Maintainers <docker-maint@nginx.com>",
            "org.opencontainers.image.version": version,
        },
        exposed_ports=("80/tcp", "443/tcp"),
        working_dir="/usr/share/nginx",
        user="nginx",
        author="NGINX Docker Maintainers",
        created="2024-06-01T09:30:00.123456789Z",
    )


def _multi() -> Document:
    return index([alpine("3.20"), alpine("3.20", "linux/arm64/v8")], attested=True)


def _standard() -> dict[str, Document]:
    windows = [Step("base", foreign_layer("windows", "https://example.invalid/base.tar.gz"))]
    windows += [Step("app", layer_of("windows-app"))]
    text = Layer(b"a,b\n1,2\n", "text/csv", annotations={"org.opencontainers.image.title": "t.csv"})
    signed = plain_image("api-1.1", layers=1, base=alpine("3.20").layers)
    return {
        "library/alpine:3.19": alpine("3.19"),
        "library/alpine:3.20": alpine("3.20"),
        "library/alpine:latest": alpine("3.20"),
        "library/nginx:1.27": nginx("1.27"),
        "library/nginx:latest": nginx("1.27"),
        "team/app/api:1.0": plain_image("api-1.0", layers=1, base=alpine("3.19").layers),
        "team/app/api:1.1": signed,
        "team/app/api:signature": artifact("application/x-signature", [], subject=signed),
        "team/multi:latest": _multi(),
        "team/nested:latest": index([_multi(), index([alpine("3.19", "linux/s390x")])]),
        "team/zstd:latest": image([Step("COPY", layer_of("zstd", compression="zstd"))]),
        "team/plain-tar:latest": image([Step("COPY", layer_of("tar", compression="none"))]),
        "team/artifact:latest": artifact("application/vnd.example.table", [text]),
        "team/dockerv2:latest": plain_image("dockerv2", docker=True),
        "team/dockerlist:latest": index(
            [
                plain_image("list-amd64", docker=True),
                plain_image("list-arm", docker=True, platform="linux/arm/v7"),
            ],
            docker=True,
        ),
        "team/windows:latest": image(windows, docker=True, platform="windows/amd64"),
        "team/empty:latest": image([Step("ENV NOTHING=here")]),
    }


STANDARD_IMAGES: dict[str, Document] = _standard()
# pushed and then deleted: it answers with `"tags": null`
EMPTIED_REPOSITORY = "team/emptied"


def by_repository(images: dict[str, Document] | None = None) -> dict[str, dict[str, Document]]:
    """Arrange ``REPOSITORY:TAG`` names as `tests.parts.storage.write_storage` takes them."""
    arranged: dict[str, dict[str, Document]] = defaultdict(dict)
    for name, document in (STANDARD_IMAGES if images is None else images).items():
        repository, _, tag = name.rpartition(":")
        arranged[repository][tag] = document
    return dict(arranged)


def push_standard(url: str, host: str, directory: Path) -> None:
    """Fill an anonymous registry: skopeo where its opinion matters, plain HTTP for the rest."""
    for number, name in enumerate(BY_SKOPEO):
        repository, _, tag = name.rpartition(":")
        layout = write_layout(directory / str(number), {tag: STANDARD_IMAGES[name]})
        skopeo_push(layout, tag, host, repository)
    with Pusher(url) as pusher:
        for name, document in STANDARD_IMAGES.items():
            if name not in BY_SKOPEO:
                repository, _, tag = name.rpartition(":")
                pusher.push(repository, tag, document)


def empty_a_repository(url: str) -> None:
    """Push and delete, on a registry that allows it."""
    with Pusher(url) as pusher:
        digest = pusher.push(EMPTIED_REPOSITORY, "gone", plain_image("gone"))
        pusher.delete_manifest(EMPTIED_REPOSITORY, digest)
