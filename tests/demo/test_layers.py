"""Sample layers: the same bytes each time, of files that are really there."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from ghostnb.demo.bases import is_static
from ghostnb.demo.layers import Layer, archive, pack
from ghostnb.demo.sources import File, Library, Package, Program, Text
from ghostnb.oci import Digest


def entries(layer: Layer) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer.content), mode="r:gz") as tar:
        return tar.getmembers()


def files(layer: Layer) -> set[str]:
    return {entry.name for entry in entries(layer) if entry.isfile()}


def test_a_layer_has_neither_times_nor_owners_and_its_names_are_sorted() -> None:
    found = entries(pack((Library(("json", "email")), Text("etc/motd", "hello\n"))))
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in found} == {(0, 0, 0, "")}
    assert [entry.name for entry in found] == sorted(entry.name for entry in found)


def test_folders_come_before_what_is_in_them() -> None:
    found = entries(pack((Text("a/b/c.txt", ""),)))
    assert [(entry.name, entry.isdir(), entry.mode) for entry in found] == [
        ("a", True, 0o755),
        ("a/b", True, 0o755),
        ("a/b/c.txt", False, 0o644),
    ]


def test_a_layers_digests_are_those_of_its_bytes() -> None:
    layer = pack((Text("a", "b"),))
    assert layer.descriptor.digest == Digest.of(layer.content)
    assert layer.descriptor.size_bytes == len(layer.content)
    assert layer.diff_id == Digest.of(archive([File("a", b"b")]))


def test_a_layer_does_not_depend_on_the_order_or_age_of_files(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"one")
    first = pack((Program("bin/one", program), Text("z", "")))
    os.utime(program, (1, 1))
    assert pack((Text("z", ""), Program("bin/one", program))) == first


def test_a_package_comes_without_tests_caches_and_what_its_installer_wrote() -> None:
    site = "usr/local/lib/python3/site-packages"
    found = files(pack((Package("pandas"),)))
    assert f"{site}/pandas/core/frame.py" in found
    for name in found:
        assert not {"tests", "__pycache__", "RECORD", "INSTALLER"} & set(name.split("/"))
        assert not name.endswith((".so", ".pyc"))


def test_a_package_comes_with_binaries_if_it_is_for_this_machine() -> None:
    compiled = Path(msgspec._core.__file__).name
    assert any(name.endswith(compiled) for name in files(pack((Package("msgspec", True),))))


def test_what_this_python_lacks_is_passed_over() -> None:
    assert list(Library(("no_such_module",)).files()) == []
    assert list(Package("no-such-package").files()) == []


def test_a_text_knows_the_processor() -> None:
    assert Text("arch", "{architecture}\n").on("arm64") == Text("arch", "arm64\n")


@pytest.mark.parametrize(
    ("program", "expected"),
    [("/bin/busybox", True), (sys.executable, False), (__file__, False), ("/no/such", False)],
)
def test_only_a_static_program_is_taken_for_the_image_that_runs(
    program: str, expected: bool
) -> None:
    assert is_static(Path(program)) is expected


def test_a_truncated_program_is_not_static(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF\x02\x01")
    program.chmod(0o755)
    assert is_static(program) is False
