"""An image as a value: put together of manifest, config and index; shown without harm."""

import dataclasses

import pytest

from ghostnb.oci import Platform, Reference, parse_config, parse_manifest
from ghostnb.registries.images import Image, assemble_image
from tests.parts import media_types
from tests.parts.images import Document, Settings, Step, encode, image, plain_image
from tests.parts.layers import layer_of
from tests.parts.standard import STANDARD_IMAGES

REFERENCE = Reference("", "a/b", "1")


def assembled(document: Document, config: dict | None = None, **options) -> Image:
    manifest = parse_manifest(document.raw)
    raw = document.blobs[0].data if config is None else encode(config)
    return assemble_image("team", REFERENCE, manifest, parse_config(raw), raw_config=raw, **options)


def test_every_field_comes_from_manifest_and_config():
    document = STANDARD_IMAGES["library/nginx:1.27"]
    found, config = assembled(document), document.config

    assert (found.registry, found.repository, found.tag) == ("team", "a/b", "1")
    assert (found.digest, found.media_type) == (document.digest, document.media_type)
    assert (found.size_bytes, found.author) == (document.total_bytes, config["author"])
    assert found.created == config["created"] == "2024-06-01T09:30:00.123456789Z"
    assert (found.platform, found.platforms) == ("linux/amd64", ("linux/amd64",))
    assert (found.raw_manifest, found.raw_config) == (document.raw, document.blobs[0].data)
    assert [(step.entry.created_by, step.layer is None) for step in found.history] == [
        (entry["created_by"], entry.get("empty_layer", False)) for entry in config["history"]
    ]


def test_layers_stand_beside_their_diff_ids_and_steps():
    document = STANDARD_IMAGES["library/nginx:1.27"]
    found = assembled(document)
    steps = [s["created_by"] for s in document.config["history"] if not s.get("empty_layer")]

    assert [layer.position for layer in found.layers] == [0, 1, 2, 3]
    assert [layer.digest for layer in found.layers] == [one.digest for one in document.layers]
    assert [layer.diff_id for layer in found.layers] == document.config["rootfs"]["diff_ids"]
    assert [layer.created_by for layer in found.layers] == steps


@pytest.mark.parametrize("entries", [0, 1, 3, 4])
def test_a_history_of_another_length_is_beside_no_layer(entries):
    document = plain_image("x", layers=2)
    config = document.config | {"history": [{"created_by": f"{n}"} for n in range(entries)]}
    found = assembled(document, config)

    assert [layer.created_by for layer in found.layers] == [None, None]
    assert [step.layer for step in found.history] == [None] * entries
    assert all(layer.diff_id for layer in found.layers)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_diff_ids_of_another_number_belong_to_no_layer(count):
    document = plain_image("x", layers=2)
    one = document.config["rootfs"]["diff_ids"][0]
    config = document.config | {"rootfs": {"type": "layers", "diff_ids": [one] * count}}

    assert [layer.diff_id for layer in assembled(document, config).layers] == [None, None]


def test_an_empty_config_leaves_everything_unknown():
    found = assembled(plain_image("x", layers=1), {})

    assert (found.created, found.author, found.platform) == (None, None, None)
    assert (found.labels, found.env, found.entrypoint) == ({}, (), ())
    assert (found.cmd, found.ports, found.platforms, found.history) == ((), (), (), ())
    assert len(found.layers) == 1


def test_nulls_in_a_config_are_nothing():
    nulls = dict.fromkeys(["Env", "Cmd", "Entrypoint", "Labels", "ExposedPorts"])
    found = assembled(plain_image("x"), {"config": nulls, "history": None, "rootfs": None})

    assert (found.env, found.cmd, found.labels, found.ports) == ((), (), {}, ())


def test_a_time_may_stand_in_the_annotations():
    when = "2024-01-02T03:04:05Z"
    annotations = {"org.opencontainers.image.created": when}
    noted = image([Step("x")], Settings(created=None), annotations=annotations)
    both = image([Step("x")], annotations=annotations)

    assert assembled(noted).created == when
    assert assembled(both).created == both.config["created"]


def test_the_indexs_platform_and_platforms_win():
    platform, platforms = Platform.parse("linux/arm64/v8"), ("linux/arm64/v8", "linux/amd64")
    found = assembled(plain_image("x"), platform=platform, platforms=platforms)

    assert (found.platform, found.platforms) == ("linux/arm64/v8", platforms)


def test_foreign_layers_are_listed_and_not_counted():
    document = STANDARD_IMAGES["team/windows:latest"]
    found = assembled(document)

    assert next(layer.media_type for layer in found.layers) == media_types.DOCKER_FOREIGN
    assert [layer.digest for layer in found.stored_layers] == [document.layers[1].digest]
    assert found.size_bytes == document.layers[1].size_bytes


def test_an_image_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        assembled(plain_image("x")).tag = "2"


def test_an_image_is_named_by_its_tag_or_digest():
    found = assembled(plain_image("x"))

    assert found.name == "a/b:1"
    assert dataclasses.replace(found, tag="").name == f"a/b@{found.digest}"


def test_an_image_shows_its_size_and_neither_documents_nor_environment():
    found = assembled(image([Step("x", layer_of("x", size_bytes=2_000_000))]))

    assert repr(found) == "<Image a/b:1 linux/amd64 2.0 MB in 1 layer>"


def test_an_images_html_has_the_facts_and_leaves_out_what_is_unknown():
    document = STANDARD_IMAGES["library/nginx:1.27"]
    html = assembled(document)._repr_html_()

    for fact in ("team", document.digest, "linux/amd64", "daemon off;", "80/tcp", "NGINX_VERSION"):
        assert fact in html
    assert f"{document.total_bytes:,} bytes" in html
    assert "Author" in html
    assert "Author" not in assembled(plain_image("x"))._repr_html_()


@pytest.mark.parametrize(
    "field", ["registry", "repository", "tag", "created", "author", "platform", "media_type"]
)
def test_no_text_of_a_stranger_becomes_markup(field):
    bad = "</td><script>alert('x')</script><img src=x onerror=alert(1)>\"'"
    html = dataclasses.replace(assembled(plain_image("x")), **{field: bad})._repr_html_()

    assert "<script" not in html
    assert "<img" not in html


def test_no_list_of_a_stranger_becomes_markup():
    bad = "<img src=x onerror=alert(1)>"
    found = dataclasses.replace(
        assembled(plain_image("x")),
        labels={bad: bad},
        **dict.fromkeys(["env", "entrypoint", "cmd", "ports", "platforms"], (bad,)),
    )

    assert "<img" not in found._repr_html_()
    assert found._repr_html_().count("&lt;img") == 7
