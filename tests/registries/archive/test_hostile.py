"""Archives that are damaged, made in bad faith, or not what they are taken for."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ghostnb import RegistryClient, run
from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest, media_types
from ghostnb.registries.archive import ArchiveRegistry, members
from tests.parts.archives import archived_layout, docker_pieces, link, tarred, write_tar
from tests.parts.images import digest_of, encode, plain_image
from tests.parts.layers import tar, zstd
from tests.parts.pushes import write_layout
from tests.registries import conftest
from tests.registries.conftest import ask, listed

NAME = "team/app"
IMAGE = plain_image("hostile")
LAYERS = [tar([]) + bytes(512), tar([]) + bytes(1024)]
INDEX = encode({"schemaVersion": 2, "manifests": []})
MARKER = encode({"imageLayoutVersion": "1.0.0"})


async def everything(registry):
    """Read all that there is, each byte."""
    found = []
    async for record in registry.repositories():
        async for tag in registry.tags(record.repository):
            manifest = await registry.manifest(record.repository, tag)
            for blob in (manifest.config, *manifest.layers):
                pieces = await listed(registry.open_blob(record.repository, blob))
                found.append(b"".join(pieces))
    return found


def refusal(path: Path, error: type[RegistryError] = ProtocolError) -> str:
    """What every way to ask is answered with; it names the file and a way out."""

    def size(registry):
        return registry.blob_size(NAME, Digest(IMAGE.digest))

    said = conftest.refusal(lambda: ArchiveRegistry(path), error, size)
    assert said.hint
    return str(said)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "images.tar"


@pytest.fixture
def good(target: Path) -> Path:
    return archived_layout(target, {f"{NAME}:1.0": IMAGE})


def test_a_docker_archive_of_plain_tars_is_read(target):
    write_tar(target, docker_pieces(LAYERS).items())
    assert ask(ArchiveRegistry(target), everything)[1:] == LAYERS


@pytest.mark.parametrize(
    ("compress", "media_type"),
    [(gzip.compress, media_types.OCI_LAYER_GZIP), (zstd, media_types.OCI_LAYER_ZSTD)],
)
def test_compressed_layers_have_the_digest_of_what_is_stored(target, compress, media_type):
    stored = compress(LAYERS[1])
    write_tar(target, docker_pieces(LAYERS, stored={1: stored}).items())

    async def question(registry):
        plain, compressed = (await registry.manifest(NAME, "1.0")).layers
        assert (plain.media_type, plain.digest) == (media_types.OCI_LAYER, digest_of(LAYERS[0]))
        assert compressed.media_type == media_type
        assert (compressed.digest, compressed.size_bytes) == (digest_of(stored), len(stored))
        return await everything(registry)

    assert ask(ArchiveRegistry(target), question)[1:] == [LAYERS[0], stored]


@pytest.mark.parametrize("is_hard", [False, True])
@pytest.mark.parametrize("is_first", [False, True])
def test_layers_may_be_links_to_others_before_or_after_them(target, is_hard, is_first):
    pieces = docker_pieces([LAYERS[0], LAYERS[0]])
    del pieces["1/layer.tar"]
    to_the_other = link("1/layer.tar", "0/layer.tar" if is_hard else "../0/layer.tar", hard=is_hard)
    rest = list(pieces.items())
    write_tar(target, [to_the_other, *rest] if is_first else [*rest, to_the_other])
    assert ask(ArchiveRegistry(target), everything)[1:] == [LAYERS[0]] * 2


@pytest.mark.parametrize(
    "place", ["../../../../../../../../../../etc/hostname", "/etc/hostname", "../1/layer.tar"]
)
def test_a_link_out_of_the_archive_or_to_itself_is_not_followed(target, place):
    pieces = docker_pieces(LAYERS)
    del pieces["1/layer.tar"]
    write_tar(target, [*pieces.items(), link("1/layer.tar", place)])
    assert "1/layer.tar" in refusal(target)


@pytest.mark.parametrize("name", ["../index.json", "/index.json", "x/../index.json"])
def test_names_that_lead_out_are_nobodys(target, name):
    write_tar(target, [("oci-layout", MARKER), (name, INDEX)])
    assert "it has no index.json" in refusal(target)


def test_nothing_is_written_anywhere(target, tmp_path):
    pieces = [("../escaped", b"x"), ("/tmp/ghostnb-escaped", b"x")]
    write_tar(target, [*pieces, ("oci-layout", MARKER), ("index.json", INDEX)])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert ask(ArchiveRegistry(target), everything) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert not Path("/tmp/ghostnb-escaped").exists()


def test_a_document_that_is_there_twice_is_refused(target):
    other = encode({"schemaVersion": 2, "manifests": [IMAGE.descriptor()]})
    write_tar(target, [("oci-layout", MARKER), ("index.json", INDEX), ("./index.json", other)])
    assert "index.json more than once" in refusal(target)


def test_a_blob_that_is_there_twice_is_checked_as_any(good):
    place = f"./blobs/sha256/{IMAGE.digest.removeprefix('sha256:')}"
    with tarfile.open(good, "a") as archive:
        info = tarfile.TarInfo(place)
        info.size = IMAGE.size_bytes
        archive.addfile(info, io.BytesIO(bytes(IMAGE.size_bytes)))
    with pytest.raises(IntegrityError, match=IMAGE.digest):
        ask(ArchiveRegistry(good), everything)


def test_a_layer_that_is_not_what_its_config_says_is_refused(target):
    write_tar(target, docker_pieces(LAYERS, stored={1: b"not the layer"}).items())
    with pytest.raises(IntegrityError, match=digest_of(LAYERS[1])):
        ask(ArchiveRegistry(target), everything)


def test_what_the_archive_lacks_is_not_found(good):
    missing = Descriptor("text/plain", Digest("sha256:" + "0" * 64), 3)

    async def question(registry):
        for answer in (
            registry.blob(NAME, missing),
            registry.blob_size(NAME, missing.digest),
            listed(registry.open_blob(NAME, missing)),
            registry.manifest(NAME, missing.digest),
            registry.manifest("team/other", "1.0"),
        ):
            with pytest.raises(NotFoundError):
                await answer

    ask(ArchiveRegistry(good), question)


def test_an_archive_that_is_cut_off_anywhere_is_told(good):
    whole, expected = good.read_bytes(), ask(ArchiveRegistry(good), everything)
    with tarfile.open(good) as archive:
        last = archive.getmembers()[-1]
    end = last.offset_data + last.size
    for length in range(0, end, 256):
        good.write_bytes(whole[:length])
        with pytest.raises(RegistryError, match=r"images\.tar"):
            ask(ArchiveRegistry(good), everything)
    good.write_bytes(whole[: end - 1])
    assert "cut off within" in refusal(good)
    # Where nothing but the mark of the end is missing, all is there.
    good.write_bytes(whole[: (end + 511) // 512 * 512])
    assert ask(ArchiveRegistry(good), everything) == expected


def test_a_damaged_header_is_not_taken_for_the_end(good):
    with tarfile.open(good) as archive:
        last = archive.getmembers()[-1]
    data = bytearray(good.read_bytes())
    data[last.offset + 10] ^= 255
    good.write_bytes(data)
    assert f"damaged at byte {last.offset:,}" in refusal(good)


def header(size: bytes) -> bytes:
    """Give a header that states a size which no writer states."""
    block = bytearray(tarfile.TarInfo("huge").tobuf(tarfile.USTAR_FORMAT)[:512])
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "size",
    [b"77777777777\0", b"\x80" + b"\0" * 3 + b"\x7f" * 8, b"\xff" * 12, b"\xff" * 11 + b"\0"],
)
def test_sizes_that_cannot_be_are_refused(target, size):
    target.write_bytes(header(size) + bytes(10240))
    refusal(target)


def test_a_size_that_leads_back_is_no_way_round_and_round(target):
    back = header(b"\xff" * 10 + b"\xfe\0")
    target.write_bytes(tarfile.TarInfo("first").tobuf() + back + bytes(10240))
    # Python before 3.11.4 takes such a header for none.
    words = "the size of huge is no size|it is cut off or damaged at byte 512"
    assert re.search(words, refusal(target))


def test_a_name_as_long_as_the_memory_is_not_read(target):
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 2**40
    with target.open("wb") as file:
        file.write(long.tobuf(tarfile.GNU_FORMAT))
        file.truncate(2**41)
    assert "headers of over" in refusal(target)


def test_more_members_than_any_image_has_are_refused(target, monkeypatch):
    monkeypatch.setattr(members, "_MAX_MEMBERS", 20)
    write_tar(target, [(f"{n}", b"") for n in range(21)])
    assert "more than 20 members" in refusal(target)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"no tar at all" * 1000, "it is no tar"),
        (bytes(10240), "neither an oci-layout nor a manifest.json"),
    ],
)
def test_what_is_no_archive_is_told(target, content, said):
    target.write_bytes(content)
    assert said in refusal(target)


def test_a_directory_around_the_layout_is_told_with_the_right_command(tmp_path, target):
    (tmp_path / "parent").mkdir()
    write_layout(tmp_path / "parent" / "layout", {"1.0": IMAGE})
    tarred(tmp_path / "parent", target)
    assert "tar -C DIR" in refusal(target)


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ({"oci-layout": MARKER}, "it has no index.json"),
        ({"oci-layout": b"{}", "index.json": INDEX}, "oci-layout file is invalid"),
        ({"oci-layout": b'{"imageLayoutVersion":"2.0.0"}', "index.json": INDEX}, "version"),
        ({"manifest.json": b"[nonsense"}, "manifest.json is invalid"),
        ({"manifest.json": b"[" * 100_000}, "manifest.json is invalid"),
        ({"manifest.json": b'[{"Config":"a.json"}]'}, "it has no a.json"),
        ({"manifest.json": b'[{"Config":"a.json"}]', "a.json": b"{}"}, "no image's config"),
        ({"manifest.json": b'[{"Config":"\\u001b[31m"}]'}, r"it has no '\\x1b\[31m'"),
        ({"repositories": b"{}"}, "before version 1.10"),
    ],
)
def test_documents_that_are_none_are_told(target, pieces, said):
    write_tar(target, pieces.items())
    with pytest.raises(ProtocolError, match=said):
        ask(ArchiveRegistry(target), lambda registry: registry.ping())
    refusal(target)


@pytest.mark.parametrize("index", [b"no json", b'{"schemaVersion":1,"manifests":[]}', b"[]"])
def test_an_index_that_is_none_is_told(target, index):
    write_tar(target, [("oci-layout", MARKER), ("index.json", index)])
    with pytest.raises(ProtocolError, match=str(target)):
        ask(ArchiveRegistry(target), lambda registry: registry.ping())


def test_layers_must_be_as_many_as_the_config_says(target):
    pieces = docker_pieces(LAYERS)
    document = json.loads(pieces["manifest.json"])
    document[0]["Layers"].pop()
    write_tar(target, {**pieces, "manifest.json": json.dumps(document).encode()}.items())
    assert "names 1 layers" in refusal(target)


def test_a_layer_that_is_named_and_not_there_is_told(target):
    pieces = docker_pieces(LAYERS)
    del pieces["0/layer.tar"]
    write_tar(target, pieces.items())
    assert "lacks the layer 0/layer.tar" in refusal(target)


def test_names_that_are_none_make_no_repositories(target):
    write_tar(target, docker_pieces(LAYERS, tags=["../../x:1", "A:1", "team/app:1.0"]).items())

    async def question(registry):
        return [record.repository async for record in registry.repositories()]

    assert ask(ArchiveRegistry(target), question) == ["images", NAME]


def test_a_huge_index_is_refused_and_not_read(target):
    huge = tarfile.TarInfo("index.json")
    huge.size = 2**33
    with target.open("wb") as file:
        marker = tarfile.TarInfo("oci-layout")
        marker.size = len(MARKER)
        file.write(marker.tobuf() + MARKER.ljust(512, b"\0") + huge.tobuf(tarfile.GNU_FORMAT))
        file.truncate(file.tell() + huge.size + 1024)
    assert "8,589,934,592 bytes" in refusal(target)


@pytest.mark.parametrize(
    ("name", "program", "option"),
    [
        ("images.tar.gz", "gzip", "-k"),
        ("images.tgz", "gzip", "-kS.tgz"),
        ("it's.tar", "gzip", "-kc"),
        ("images.tar.xz", "xz", "-k"),
        ("images.tar.bz2", "bzip2", "-k"),
    ],
)
def test_a_compressed_archive_is_told_the_command_that_helps(good, tmp_path, name, program, option):
    packed = subprocess.run([program, "-c", good], check=True, capture_output=True).stdout
    compressed = tmp_path / name
    good.unlink()
    compressed.write_bytes(packed)
    said = refusal(compressed, UnsupportedError)
    assert program in said
    command = said.partition("Decompress it: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    opened = tmp_path / {"it's.tar": "it's.tar.tar"}.get(name, "images.tar")
    assert len(ask(ArchiveRegistry(opened), everything)) == 4


def test_a_file_that_may_not_be_read_is_told(good):
    """Root may read everything, so that somebody else asks."""
    good.chmod(0)
    program = (
        # Where Python is for its owner alone, nobody else may import more.
        "import os, sys, asyncio, concurrent.futures.thread\n"
        "from ghostnb.registries.archive import ArchiveRegistry\n"
        "from ghostnb.errors import ForbiddenError\n"
        "os.setuid(65534)\n"
        "try: asyncio.run(ArchiveRegistry(sys.argv[1], name='it').ping())\n"
        "except ForbiddenError as e: print(e)\n"
    )
    for parent in [*good.parents][:-1]:
        if parent.stat().st_uid == os.getuid() and parent != Path("/tmp"):
            parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program, good], capture_output=True, text=True, timeout=60
    )
    assert str(good) in done.stdout, done.stderr
    assert "its mode" in done.stdout
    assert ForbiddenError.__name__ not in done.stderr


def test_memory_does_not_grow_with_the_layer(target):
    big = tarfile.TarInfo("0/layer.tar")
    big.size = 2**30
    pieces = docker_pieces([b""])
    with target.open("wb") as file:
        for name, data in pieces.items():
            if name == big.name:
                file.write(big.tobuf())
                file.seek(big.size, os.SEEK_CUR)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.write(info.tobuf() + data.ljust((len(data) + 511) // 512 * 512, b"\0"))
        file.truncate(file.tell() + 1024)

    async def question(registry):
        manifest = await registry.manifest(NAME, "1.0")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count = 0
        with pytest.raises(IntegrityError):
            async for piece in registry.open_blob(NAME, manifest.layers[0]):
                assert len(piece) <= 2**20
                count += len(piece)
        assert count == big.size
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    # In KiB: some pieces, and no more.
    assert ask(ArchiveRegistry(target), question) < 32 * 1024


def test_a_client_is_told_as_plainly(target):
    target.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(ProtocolError, match=r"images\.tar is not a valid archive of images"):
        run(RegistryClient(f"oci:{target}").repositories())
