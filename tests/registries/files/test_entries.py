"""What archives list, and what hostile ones do not do."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tracemalloc

import pytest

from ghostnb.registries.files import entries
from ghostnb.registries.files.entries import INVALID, Entry, read_entries
from ghostnb.registries.files.stream import Stream


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def archive(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def read(
    data: bytes, *, piece_bytes: int = 700, limit_bytes: int = 2**40, **options
) -> list[Entry]:
    pieces = (data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes))
    return list(read_entries(Stream(pieces, limit_bytes), **options))


DATA = archive(
    member("./", type=tarfile.DIRTYPE, mode=0o755),
    member("./etc/", type=tarfile.DIRTYPE, mode=0o755),
    member("etc/passwd", b"root", mode=0o644),
    member("/usr/bin/sudo", b"\x7fELF" * 1000, mode=0o4755),
    member("bin", type=tarfile.SYMTYPE, linkname="usr/bin", mode=0o777),
    member("usr/bin/su", type=tarfile.LNKTYPE, linkname="usr/bin/sudo", mode=0o4755),
    member("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
    member("run/pipe", type=tarfile.FIFOTYPE, mode=0o600),
    member("tmp/empty"),
)


@pytest.mark.parametrize("piece_bytes", [1, 511, 512, 513, 10**6])
def test_files_links_and_devices(piece_bytes):
    assert read(DATA, piece_bytes=piece_bytes) == [
        Entry("/etc", 0, "drwxr-xr-x"),
        Entry("/etc/passwd", 4, "-rw-r--r--"),
        Entry("/usr/bin/sudo", 4000, "-rwsr-xr-x"),
        Entry("/bin", 0, "lrwxrwxrwx", "usr/bin"),
        Entry("/usr/bin/su", 0, "hrwsr-xr-x", "/usr/bin/sudo"),
        Entry("/dev/null", 0, "crw-rw-rw-"),
        Entry("/run/pipe", 0, "prw-------"),
        Entry("/tmp/empty", 0, "-rw-r--r--"),
    ]


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names(kind):
    name = "/".join(["deep"] * 80)
    data = archive(member(name, b"x"), member("l", type=tarfile.SYMTYPE, linkname=name), kind=kind)
    found = read(data)
    assert found[0].path == f"/{name}"
    assert found[1].link == name


def test_content_is_hashed_and_kept_if_wanted():
    kept: dict[str, int] = {}

    def reader(path, size):
        assert size >= 0
        return bytes.upper if path == "/etc/passwd" else None

    found = read(DATA, hashed=True, reader=reader, contents=kept)
    assert kept == {"/etc/passwd": b"ROOT"}
    assert {one.path: one.sha256 for one in found if one.sha256} == {
        "/etc/passwd": hashlib.sha256(b"root").digest(),
        "/usr/bin/sudo": hashlib.sha256(b"\x7fELF" * 1000).digest(),
        "/tmp/empty": hashlib.sha256(b"").digest(),
    }
    assert [one.path for one in found] == [one.path for one in read(DATA)]


def test_whiteouts_and_opaque_directories():
    data = archive(
        member("etc/.wh.passwd"),
        member("var/.wh..wh..opq"),
        member(".wh..wh..opq"),
        member(".wh..wh.plnk"),
        member("etc/.wh."),
        member("etc/.wh..."),
        member("etc/.wh...file"),
    )
    assert read(data) == [
        Entry("/etc/passwd", 0, "", is_whiteout=True),
        Entry("/var", 0, "", is_opaque=True),
        Entry("/", 0, "", is_opaque=True),
        Entry("/etc/..file", 0, "", is_whiteout=True),
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/shadow", "/etc/shadow"),
        ("a/../../../b", "/b"),
        ("//etc//x", "/etc/x"),
        ("./a/./b/", "/a/b"),
        ("a\nb", "/a\nb"),
        ("caf\udce9", "/caf\\xe9"),
    ],
)
def test_names_lead_nowhere_else(name, path):
    assert [one.path for one in read(archive(member(name, b"x")))] == [path]


@pytest.mark.parametrize("name", ["", ".", "/", "..", "../.."])
def test_names_of_the_root_are_no_files(name):
    assert read(archive(member(name, type=tarfile.DIRTYPE))) == []


def test_links_are_data():
    data = archive(
        member("a", type=tarfile.SYMTYPE, linkname="b"),
        member("b", type=tarfile.SYMTYPE, linkname="a"),
        member("out", type=tarfile.SYMTYPE, linkname="../../../etc/passwd"),
        member("hard", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
    )
    assert [one.link for one in read(data)] == ["b", "a", "../../../etc/passwd", "/etc/passwd"]


def test_an_empty_layer_lists_nothing():
    assert read(archive()) == []
    assert read(bytes(1024)) == []
    assert read(b"") == []


def test_an_archive_without_its_end_is_whole():
    data = archive(member("a", b"x" * 512))
    assert [one.path for one in read(data[:1024])] == ["/a"]


@pytest.mark.parametrize("cut", [513, 1023, 1500, 5000])
def test_an_archive_that_is_cut_off(cut):
    data = archive(member("a", b"x" * 400), member("b", b"y" * 10_000))
    with pytest.raises(INVALID):
        read(data[:cut])


@pytest.mark.parametrize("data", [b"\0" * 100, b"not a tar", b"x" * 600, b'{"json": true}' * 100])
def test_what_is_no_archive(data):
    with pytest.raises(INVALID):
        read(data)


def test_a_damaged_header_in_the_middle_is_not_the_end():
    data = bytearray(archive(member("a", b"x" * 400), member("b", b"y" * 400)))
    data[1024 + 10] ^= 0xFF
    with pytest.raises(INVALID, match=r"damaged at byte 1,024"):
        read(bytes(data))


@pytest.mark.parametrize(
    "size", [b"77777777777\0", b"\x80" + b"\0" * 3 + b"\x7f" * 8, b"\xff" * 12]
)
def test_sizes_that_cannot_be(size):
    block = bytearray(tarfile.TarInfo("huge").tobuf()[:512])
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(INVALID):
        read(bytes(block) + bytes(10240))


def test_a_name_as_long_as_the_memory_is_not_read():
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 2**36

    def pieces():
        yield long.tobuf(tarfile.GNU_FORMAT)
        while True:
            yield bytes(2**20)

    with pytest.raises(INVALID, match="headers of over"):
        list(read_entries(Stream(pieces(), 2**40)))


def test_no_more_is_unpacked_than_allowed():
    with pytest.raises(INVALID, match="more than 5,000 bytes, unpacked"):
        read(DATA, limit_bytes=5000)


def test_more_files_than_any_layer_has(monkeypatch):
    monkeypatch.setattr(entries, "_MAX_ENTRIES", 3)
    with pytest.raises(INVALID, match="more than 3 files"):
        read(DATA)


def test_global_headers_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(entries, "_MAX_GLOBAL_HEADERS", 3)
    block = tarfile.TarInfo.create_pax_global_header({f"key{n}": "x" for n in range(9)})
    with pytest.raises(INVALID, match="more global headers"):
        read(block + archive(member("a")))


def test_a_large_file_takes_no_memory():
    info = tarfile.TarInfo("large")
    info.size = 2**28

    def pieces():
        yield info.tobuf()
        for _ in range(2**8):
            yield bytes(2**20)
        yield bytes(1024)

    tracemalloc.start()
    [found] = read_entries(Stream(pieces(), 2**40), hashed=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.size_bytes == 2**28
    assert peak < 2**23
