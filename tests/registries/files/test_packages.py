"""Packages, by what their managers have noted."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ghostnb.registries.files.packages import package_reader

STATUS = """\
Package: libc6
Status: install ok installed
Priority: optional
Version: 2.36-9+deb12u7
Description: GNU C Library
 Package: not a field
 .
 more

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: purged
Status: purge ok not-installed
Version: 1.0

Package: bash
Status: install ok installed
Version:   5.2.15-2+b2
"""
APK = """\
C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
F:lib
R:ld-musl-x86_64.so.1

C:Q1def=
P:busybox
V:1.36.1-r29
"""
METADATA = """\
Metadata-Version: 2.1
Name: requests
Version: 2.32.3
Requires-Dist: charset-normalizer

Name: not-this
Version: 0
"""
NPM = json.dumps({"name": "@angular/core", "version": "17.0.1", "dependencies": {}})


def read(path: str, content: str | bytes) -> list[tuple[str, str, str]]:
    data = content.encode() if isinstance(content, str) else content
    reader = package_reader(path, len(data))
    return [(one.manager, one.name, one.version) for one in reader(data)] if reader else []


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        (
            "/var/lib/dpkg/status",
            STATUS,
            [("dpkg", "libc6", "2.36-9+deb12u7"), ("dpkg", "bash", "5.2.15-2+b2")],
        ),
        (
            "/var/lib/dpkg/status.d/base",
            "Package: base-files\nVersion: 12.4\n",
            [("dpkg", "base-files", "12.4")],
        ),
        (
            "/lib/apk/db/installed",
            APK,
            [("apk", "musl", "1.2.5-r0"), ("apk", "busybox", "1.36.1-r29")],
        ),
        ("/usr/lib/apk/db/installed", "P:a\nV:1\n", [("apk", "a", "1")]),
        (
            "/usr/lib/python3/site-packages/requests-2.32.3.dist-info/METADATA",
            METADATA,
            [("python", "requests", "2.32.3")],
        ),
        ("/opt/app/x.egg-info/PKG-INFO", METADATA, [("python", "requests", "2.32.3")]),
        (
            "/usr/lib/python3/dist-packages/x-1.egg-info",
            METADATA,
            [("python", "requests", "2.32.3")],
        ),
        ("/app/node_modules/@angular/core/package.json", NPM, [("npm", "@angular/core", "17.0.1")]),
        ("/node_modules/a/node_modules/b/package.json", NPM, [("npm", "@angular/core", "17.0.1")]),
    ],
)
def test_what_is_installed(path, content, found):
    assert read(path, content) == found


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/app/package.json",
        "/app/node_modules/a/lib/package.json",
        "/home/var/lib/dpkg/status",
        "/var/lib/dpkg/status-old",
        "/var/lib/dpkg/status.d/base.md5sums",
        "/x.dist-info/RECORD",
    ],
)
def test_other_files_are_not_read(path):
    assert package_reader(path, 10) is None


def test_a_file_larger_than_any_real_one_is_not_read():
    assert package_reader("/var/lib/dpkg/status", 2**26) is not None
    assert package_reader("/var/lib/dpkg/status", 2**26 + 1) is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/var/lib/dpkg/status", ""),
        ("/var/lib/dpkg/status", b"\xff\xfe\x00" * 100),
        ("/var/lib/dpkg/status", "Package: x\n\nVersion: 1\n"),
        ("/lib/apk/db/installed", "P:x\n"),
        ("/a.dist-info/METADATA", "\n\nName: x\nVersion: 1\n"),
        ("/node_modules/a/package.json", "{"),
        ("/node_modules/a/package.json", "[1]"),
        ("/node_modules/a/package.json", '{"name": 1, "version": {}}'),
        ("/node_modules/a/package.json", "[" * 100_000),
    ],
)
def test_what_says_nothing_says_nothing(path, content):
    assert read(path, content) == []


def test_this_machine_as_dpkg_itself_says_it():
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = [line.split()[1:] for line in said.splitlines() if line.startswith("installed ")]
    found = read("/var/lib/dpkg/status", Path("/var/lib/dpkg/status").read_bytes())
    assert sorted([name, version] for _, name, version in found) == sorted(expected)
    assert len(found) > 20
