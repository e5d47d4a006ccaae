import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ghostnb.wire.challenges import Challenge, parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
basic = Challenge("basic", "r")
bearer = Challenge("bearer", "https://x/t", "s")
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("  , ,", ()),
        ("Basic", (Challenge("basic"),)),
        ('Basic realm="r"', (basic,)),
        ("Basic realm=r", (basic,)),
        ('BASIC REALM="r"', (basic,)),
        ('Basic  realm = "r"', (basic,)),
        ('\tBasic\trealm\t=\t"r"\t', (basic,)),
        ('Basic realm="r",', (basic,)),
        ('Basic realm="r", charset="UTF-8"', (basic,)),
        ('Basic realm=""', (Challenge("basic"),)),
        (
            HUB,
            (Challenge("bearer", "https://auth.docker.io/token", "registry.docker.io"),),
        ),
        ("Bearer realm=https://x/t,service=s", (bearer,)),
        ('Bearer realm="https://x/t" , service="s"', (bearer,)),
        ('Bearer realm="https://x/t" service="s"', (bearer,)),
        ('Bearer ,realm="https://x/t",,service="s"', (bearer,)),
        (
            'Bearer service="s",realm="https://x/t?a=b&c=d"',
            (Challenge("bearer", "https://x/t?a=b&c=d", "s"),),
        ),
        # Several challenges in one header, or several headers joined.
        ('Basic realm="r", Bearer realm="https://x/t",service="s"', (basic, bearer)),
        ('Bearer realm="https://x/t",service="s",Basic realm=r', (bearer, basic)),
        ('Basic, Bearer realm="https://x/t",service="s"', (Challenge("basic"), bearer)),
        # RFC 7235, section 4.1
        (
            'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
            (Challenge("newauth", "apps"), Challenge("basic", "simple")),
        ),
        ('Basic realm="a \\"b\\" \\\\c"', (Challenge("basic", 'a "b" \\c'),)),
        (
            'Basic realm="a, Bearer realm=b, c=d", Bearer',
            (Challenge("basic", "a, Bearer realm=b, c=d"), Challenge("bearer")),
        ),
        # token68
        ("Negotiate YII=, Basic realm=r", (Challenge("negotiate"), basic)),
        ("Negotiate YIIBa/+-._~==, Basic realm=r", (Challenge("negotiate"), basic)),
        ("Negotiate YIIB, Basic realm=r", (Challenge("negotiate"), basic)),
        ("Negotiate Basic", (Challenge("negotiate"),)),
        ("Negotiate, NTLM, Basic realm=r", (Challenge("negotiate"), Challenge("ntlm"), basic)),
        # Scopes and errors
        (
            'Bearer realm="u",scope="repository:a/b:pull,push registry:catalog:*",'
            'error="invalid_token"',
            (
                Challenge(
                    "bearer",
                    "u",
                    "",
                    ("repository:a/b:pull,push", "registry:catalog:*"),
                    "invalid_token",
                ),
            ),
        ),
        ('Bearer scope=""', (Challenge("bearer"),)),
        ('Bearer scope="  a   b "', (Challenge("bearer", scopes=("a", "b")),)),
        ("Bearer error=insufficient_scope", (Challenge("bearer", error="insufficient_scope"),)),
        ("Bearer realm=a, realm=b", (Challenge("bearer", "a"),)),
        # What cannot be read is passed over.
        ('=,"x", Basic realm=r', (basic,)),
        ('Basic realm=r, ="x" (y), Bearer realm=https://x/t,service=s', (basic, bearer)),
        ('realm="r", Basic realm=r', (basic,)),
    ],
)
def test_challenges_are_read_as_the_rfc_has_them(header, expected):
    assert expected == parse_challenges(header)


@given(st.text() | st.text(alphabet='ab =,"\\\t/~'))
@example('Basic realm="')
@example('Basic realm="\\')
def test_garbage_never_raises(header):
    assert isinstance(parse_challenges(header), tuple)


@given(printable, printable)
def test_whatever_is_quoted_is_read_as_it_was(realm, service):
    def quote(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = f"Basic realm={quote(service)},Bearer realm={quote(realm)}, service={quote(service)}"

    assert (
        Challenge("basic", service),
        Challenge("bearer", realm, service),
    ) == parse_challenges(header)


@pytest.mark.parametrize(
    "header",
    [
        "a" * 60_000 + "(",
        "Basic " + "a" * 60_000 + "(",
        "Basic " + "a=" * 30_000,
        'Basic a="' + '\\"' * 30_000,
        "Basic" + " " * 60_000 + "(",
        "(" * 60_000,
        "a " * 30_000,
    ],
    ids=lambda header: header[:12],
)
def test_a_long_header_takes_no_long_time(header):
    begin = time.process_time()
    parse_challenges(header)

    assert time.process_time() - begin < 15  # seconds; quadratic time would take minutes
