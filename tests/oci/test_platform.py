import platform as host

import msgspec
import pytest

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Platform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", Platform("amd64", "linux")),
        ("linux/arm64/v8", Platform("arm64", "linux", "v8")),
        ("windows/amd64", Platform("amd64", "windows")),
        ("unknown/unknown", Platform("unknown", "unknown")),
    ],
)
def test_a_platform_is_read_and_shown_the_same(text, expected):
    assert expected == Platform.parse(text)
    assert text == str(expected)


@pytest.mark.parametrize(
    "text",
    ["", "linux", "/", "linux/", "/amd64", "a/b/c/d", "linux/amd64/", "linux/amd64\n", "li nux/a"],
)
def test_what_is_no_platform_is_refused(text):
    with pytest.raises(InvalidReferenceError, match="is not a platform"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("has", "wanted", "expected"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/x86_64", True),
        ("linux/x86_64", "linux/amd64", True),
        ("linux/amd64", "linux/arm64", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/amd64", "linux/amd64/v1", True),
        ("linux/amd64", "linux/amd64/v2", False),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/aarch64", "linux/arm64/v8", True),
        ("linux/arm64/v9", "linux/arm64/v8", False),
        ("linux/arm", "linux/arm/v7", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/arm/v6", "linux/arm", True),
        ("linux/armhf", "linux/arm/v7", True),
        ("linux/i686", "linux/386", True),
        ("linux/riscv64", "linux/riscv64/v1", False),
    ],
)
def test_a_platform_matches_what_is_the_same_by_another_name(has, wanted, expected):
    assert expected is Platform.parse(has).matches(Platform.parse(wanted))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("unknown/unknown", True), ("linux/unknown", False), ("unknown/amd64", False)],
)
def test_only_a_wholly_unknown_platform_is_unknown(text, expected):
    assert expected is Platform.parse(text).is_unknown


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("AMD64", "amd64"), ("riscv64", "riscv64")],
)
def test_the_default_is_linux_on_this_machines_processor(monkeypatch, machine, architecture):
    monkeypatch.setattr(host, "machine", lambda: machine)

    assert Platform(architecture, "linux") == Platform.default()


def test_a_platform_has_the_specifications_names_in_json():
    document = b'{"architecture":"amd64","os":"windows","os.version":"10.0","os.features":["w"]}'
    platform = Platform("amd64", "windows", os_version="10.0", os_features=("w",))

    assert platform == msgspec.json.decode(document, type=Platform)
    assert document == msgspec.json.encode(platform)
