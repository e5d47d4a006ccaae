"""Docker's familiar form, as github.com/distribution/reference reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest, Reference, check_repository, check_tag

SHA256 = Digest.of(b"an image")
SHA512 = Digest.of(b"an image", "sha512")
HEX = SHA256.encoded

FAMILIAR = [
    # text, registry, repository, tag, digest
    ("nginx", "docker.io", "library/nginx", "latest", None),
    ("nginx:1.27", "docker.io", "library/nginx", "1.27", None),
    ("team/app", "docker.io", "team/app", "latest", None),
    ("library/nginx", "docker.io", "library/nginx", "latest", None),
    ("library/x/y", "docker.io", "library/x/y", "latest", None),
    ("a/b/c/d:e", "docker.io", "a/b/c/d", "e", None),
    ("docker.io/nginx", "docker.io", "library/nginx", "latest", None),
    ("docker.io/library/nginx", "docker.io", "library/nginx", "latest", None),
    ("index.docker.io/nginx", "docker.io", "library/nginx", "latest", None),
    ("registry-1.docker.io/team/app", "docker.io", "team/app", "latest", None),
    ("docker.io/localhost/y", "docker.io", "localhost/y", "latest", None),
    ("docker.io/my.team/y", "docker.io", "my.team/y", "latest", None),
    ("docker.io/library/localhost", "docker.io", "library/localhost", "latest", None),
    ("foo.com", "docker.io", "library/foo.com", "latest", None),
    ("localhost", "docker.io", "library/localhost", "latest", None),
    ("localhost:5000", "docker.io", "library/localhost", "5000", None),
    ("localhost/app", "localhost", "app", "latest", None),
    ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", None),
    ("registry:5000/app", "registry:5000", "app", "latest", None),
    ("ghcr.io/owner/app:v1", "ghcr.io", "owner/app", "v1", None),
    ("10.0.0.1/app", "10.0.0.1", "app", "latest", None),
    ("[::1]:5000/app", "[::1]:5000", "app", "latest", None),
    ("[2001:db8::1]/app:x", "[2001:db8::1]", "app", "x", None),
    ("Host.With.Caps/app", "Host.With.Caps", "app", "latest", None),
    ("HOST/app", "HOST", "app", "latest", None),
    ("xn--n3h.com/myimage", "xn--n3h.com", "myimage", "latest", None),
    ("nginx:UPPER_case-1.0", "docker.io", "library/nginx", "UPPER_case-1.0", None),
    ("a__b/c---d/e.f_g", "docker.io", "a__b/c---d/e.f_g", "latest", None),
    (f"nginx@{SHA256}", "docker.io", "library/nginx", "", SHA256),
    (f"nginx:1.27@{SHA256}", "docker.io", "library/nginx", "1.27", SHA256),
    (f"localhost:5000/a/b@{SHA512}", "localhost:5000", "a/b", "", SHA512),
    (f"r.example/a:t@{SHA512}", "r.example", "a", "t", SHA512),
    (f"{HEX[:63]}", "docker.io", f"library/{HEX[:63]}", "latest", None),
    (f"library/{HEX}", "docker.io", f"library/{HEX}", "latest", None),
    ("nginx:" + "t" * 128, "docker.io", "library/nginx", "t" * 128, None),
    ("r.io/" + "a" * 250, "r.io", "a" * 250, "latest", None),
]

INVALID = [
    "",
    " ",
    "Nginx",
    "team/App",
    "r.io/App",
    "nginx ",
    " nginx",
    "ng inx",
    "nginx\n",
    "nginx:1\n",
    "r.io\n/nginx",
    f"nginx@{SHA256}\n",
    "nginx:1\x00",
    "nginx:",
    ":tag",
    "@",
    ":",
    "/",
    "a//b",
    "/a",
    "a/",
    "localhost:5000/",
    "nginx:1:2",
    "nginx:-1",
    "nginx:.1",
    "nginx:tag/x",
    "nginx@",
    "nginx:@",
    f"@{SHA256}",
    f"nginx:@{SHA256}",
    f"nginx@{SHA256}@{SHA256}",
    f"nginx@{SHA256}:1",
    "nginx@sha256:abc",
    f"nginx@{SHA256.upper()}",
    f"nginx@{HEX}",
    HEX,
    "_a",
    "a_",
    "a..b",
    "a___b",
    "a._b",
    "-a/b",
    "a-/b",
    "-r.io/a",
    "r..io/a",
    "r.io:/a",
    "r.io:port/a",
    "[::1/a",
    "[]:5000/a",
    "[fe80::1%eth0]:5000/a",
    "user@r.io/a",
    "https://r.io/a",
    "r.io/a?x",
    "ünicode",
    "r.io/ünicode",
    "nginx:ü",
    "nginx:\u0661",
    "\u0661",
    "n\u200bginx",
    "nginx:" + "t" * 129,
    "r.io/" + "a" * 251,
    "a" * 256,
    "A" * 100_000 + "/x",
    "a-" * 50_000,
]

component = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
repository = st.lists(component, min_size=1, max_size=4).map("/".join)
label = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
name = st.lists(label, min_size=1, max_size=3).map(".".join)
address = st.ip_addresses(v=6).map("[{}]".format)
known = st.sampled_from(["docker.io", "index.docker.io", "localhost", "Docker.io"])
port = st.integers(0, 65535).map(":{}".format) | st.just("")
host = st.tuples(known | name | address, port).map("".join)
tag = st.just("") | st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
digest = st.sampled_from(["", f"@{SHA256}", f"@{SHA512}", "@blake3+b64:Ab_9=="])
prefix = st.just("") | st.just("library/") | host.map("{}/".format)
texts = st.tuples(prefix, repository, tag, digest).map("".join)


@pytest.mark.parametrize(("text", "registry", "repository", "tag", "digest"), FAMILIAR)
def test_a_familiar_form_is_read_as_docker_reads_it(text, registry, repository, tag, digest):
    assert Reference(registry, repository, tag, digest) == Reference.parse(text)


@pytest.mark.parametrize("text", [row[0] for row in FAMILIAR])
def test_a_familiar_form_can_be_read_again_from_what_it_shows(text):
    reference = Reference.parse(text)

    assert reference == Reference.parse(str(reference))
    assert reference == Reference.parse(reference.canonical)


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_reference_is_refused_in_a_short_message(text):
    with pytest.raises(InvalidReferenceError) as caught:
        Reference.parse(text)

    assert len(str(caught.value)) < 500


@given(texts)
def test_every_reference_that_can_be_read_can_be_read_again_from_what_it_shows(text):
    try:
        reference = Reference.parse(text)
    except InvalidReferenceError:
        # An upper-case name without a dot, say, or a repository of 64 hexadecimal digits.
        return
    assert reference == Reference.parse(str(reference))
    assert reference == Reference.parse(reference.canonical)


@given(repository.filter(lambda name: len(name) < 200), tag, digest)
def test_every_repository_tag_and_digest_can_be_read_behind_a_host(repository, tag, digest):
    reference = Reference.parse(f"localhost:5000/{repository}{tag}{digest}")

    assert repository == reference.repository
    assert (tag[1:] or ("" if digest else "latest")) == reference.tag
    assert digest[1:] == (reference.digest or "")


@given(st.text() | st.text(alphabet="aA0:/@.-_[] \n") | texts.map(lambda text: text[1:-1]))
def test_no_text_raises_anything_else(text):
    for read in (Reference.parse, lambda text: Reference.within(text, "localhost:5000")):
        try:
            assert isinstance(read(text), Reference)
        except InvalidReferenceError:
            continue


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("docker.io/library/nginx:latest", "nginx:latest"),
        ("index.docker.io/team/app:1", "team/app:1"),
        ("library/x/y", "library/x/y:latest"),
        ("docker.io/localhost/y", "docker.io/localhost/y:latest"),
        ("docker.io/my.team/y", "docker.io/my.team/y:latest"),
        ("localhost:5000/library/nginx", "localhost:5000/library/nginx:latest"),
        (f"nginx:1@{SHA256}", f"nginx:1@{SHA256}"),
        (f"nginx@{SHA256}", f"nginx@{SHA256}"),
    ],
)
def test_a_reference_shows_itself_in_the_familiar_form(text, shown):
    assert shown == str(Reference.parse(text))


def test_the_canonical_form_leaves_nothing_out():
    assert Reference.parse("nginx").canonical == "docker.io/library/nginx:latest"
    assert Reference("", "team/app", "1").canonical == "team/app:1"


def test_a_digest_and_not_the_tag_says_which_image_is_meant():
    reference = Reference.parse("nginx:1.27")

    assert reference.locator == "1.27"
    assert str(SHA256) == reference.with_digest(SHA256).locator
    assert f"nginx:1.27@{SHA256}" == str(reference.with_digest(SHA256))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", Reference("", "nginx", "latest")),
        ("team/app:1", Reference("", "team/app", "1")),
        ("localhost:5000/team/app:1", Reference("", "team/app", "1")),
        ("localhost/app", Reference("", "localhost/app", "latest")),
        ("localhost:5000/ghcr.io/team/app:1", Reference("", "ghcr.io/team/app", "1")),
        ("my.app:1", Reference("", "my.app", "1")),
        ("team/my.app:1", Reference("", "team/my.app", "1")),
        (f"team/app@{SHA256}", Reference("", "team/app", "", SHA256)),
        ("a" * 255, Reference("", "a" * 255, "latest")),
        (HEX, Reference("", HEX, "latest")),
    ],
)
def test_a_reference_within_a_registry_may_leave_its_host_out(text, expected):
    assert expected == Reference.within(text, "localhost:5000")


@pytest.mark.parametrize("text", ["", "localhost:5000/", "a" * 256, "Team/app", "team/app:"])
def test_what_is_no_reference_within_a_registry_is_refused(text):
    with pytest.raises(InvalidReferenceError):
        Reference.within(text, "localhost:5000")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker://localhost:15000/a/b:1", "localhost:15000/a/b:1"),
        ("docker://localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("docker://nginx", "nginx"),
        (f"docker://nginx@{SHA256}", f"nginx@{SHA256}"),
        (f"oci://ghcr.io/a/b@{SHA256}", f"ghcr.io/a/b@{SHA256}"),
        ("HTTPS://me:s3cret@ghcr.io/a/b?sig=s3cret#s3cret", "ghcr.io/a/b"),
        ("https://me:s3cret@ghcr.io", "ghcr.io"),
        ("https://me:s3cret@host:5000", "host:5000"),
        ("docker://", "team/app:1.0"),
    ],
)
def test_a_scheme_is_no_part_of_a_reference(text, name):
    for read in (
        Reference.parse,
        lambda text: Reference.within(text, "localhost:5000"),
        lambda text: Reference.within(text, ""),
        check_repository,
    ):
        with pytest.raises(InvalidReferenceError, match="a reference has none") as caught:
            read(text)
        assert caught.value.hint == f"Write {name!r}."
        assert caught.value.message.startswith(f"'{text.partition('://')[0]}://")
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("there", ["other:5000", "ghcr.io", "127.0.0.1"])
def test_a_reference_to_another_registry_names_both(there):
    with pytest.raises(InvalidReferenceError, match=f"registry {there}, not in localhost:5000"):
        Reference.within(f"{there}/team/app:1", "localhost:5000")


def test_a_mirror_is_told_how_to_name_what_is_called_like_a_host():
    with pytest.raises(InvalidReferenceError) as caught:
        Reference.within("ghcr.io/team/app:1", "localhost:5000")

    assert "write 'localhost:5000/ghcr.io/team/app:1'" in caught.value.hint
    with pytest.raises(InvalidReferenceError) as caught:
        Reference.within("other:5000/team/app:1", "localhost:5000")
    assert "write" not in caught.value.hint


def test_where_there_is_no_host_a_repository_may_be_called_like_one():
    """A layout cannot be named in front, and keeps what clients wrote into it."""
    assert Reference("", "ghcr.io/team/app", "1") == Reference.within("ghcr.io/team/app:1", "")


def test_a_reference_needs_a_tag_or_a_digest():
    with pytest.raises(InvalidReferenceError, match="needs a tag or a digest"):
        Reference("docker.io", "library/nginx")


def test_a_wrong_reference_is_a_value_error_too():
    with pytest.raises(ValueError, match="is not a repository's name"):
        Reference.parse("Nginx")


def test_names_and_tags_can_be_checked_alone():
    assert check_repository("team/app") == "team/app"
    assert check_tag("1.0") == "1.0"
    for check, text in ((check_repository, "team/app\n"), (check_tag, "1.0\n"), (check_tag, "")):
        with pytest.raises(InvalidReferenceError):
            check(text)
