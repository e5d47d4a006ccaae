import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import ProtocolError, UnsafeRedirectError
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import Page, Pager, at_url, decode_page, next_link

URL = "https://r.example/v2/_catalog?n=2"


def page(body: bytes, link: str = "", url: str = URL) -> Page:
    headers = {"content-type": "text/html"} | ({"link": link} if link else {})
    return decode_page(Reply(200, headers, body, url), registry="team")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"repositories": ["a", "b/c"]}', ("a", "b/c")),
        (b'{"repositories": []}', ()),
        (b'{"repositories": null}', ()),
        (b'{"name": "a", "tags": ["1", "2"]}', ("1", "2")),
        (b'{"name": "a", "tags": ["1"], "child": [], "manifest": {}}', ("1",)),
        # distribution, after the last tag was deleted
        (b'{"name": "a", "tags": null}', ()),
        (b'{"name": "a"}', ()),
        (b'{"name": null, "tags": ["1"]}', ("1",)),
    ],
)
def test_a_page_of_names_is_read(body, expected):
    assert Page(expected) == page(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"errors": [{"code": "UNAUTHORIZED"}]}',
        b'{"status": "ok"}',
        b'{"tags": {}}',
        b'{"tags": [1]}',
        b'{"tags": [null]}',
        b'{"repositories": "a"}',
        b"<html>",
        b"\xff",
        b'{"x":' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_list_of_names_is_refused(body):
    with pytest.raises(
        ProtocolError, match="team answered with text/html that cannot be read"
    ) as e:
        page(body)

    assert (e.value.url, e.value.status) == ("https://r.example/v2/_catalog?n=…", 200)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ""),
        ('</v2/_catalog?last=b&n=2>; rel="next"', "/v2/_catalog?last=b&n=2"),
        ("</b>; rel=next", "/b"),
        ("</b>;rel=next", "/b"),
        ("  </b>  ;  rel  =  next  ", "/b"),
        ('</b>; REL="NEXT"', "/b"),
        ('</b>; rel="prev next"', "/b"),
        ('</b>; title="x"; rel="next"; type=y', "/b"),
        ('</a>; rel="prev", </b>; rel="next"', "/b"),
        ('</a>; rel=prev, </b>; rel=next, </c>; rel="last"', "/b"),
        ('</v2/a?last=x,y&n=2>; rel="next"', "/v2/a?last=x,y&n=2"),
        ("</b>", ""),
        ('</b>; rel="prev"', ""),
        ('</b>; rel="nextpage"', ""),
        ("</b>; rev=next", ""),
        ('</a>; title="; rel=next"; rel="prev"', ""),
        ("/b; rel=next", ""),
        ('<>; rel="next"', ""),
    ],
)
def test_the_next_link_is_the_one_that_says_so(header, expected):
    assert expected == next_link(header)


@given(st.text() | st.text(alphabet='<>;,="relnxt '))
def test_no_link_header_raises(header):
    assert isinstance(next_link(header), str)


@pytest.mark.parametrize("header", ["<" * 60_000, "<a>; " * 12_000, "<a>" + "; rel=" * 12_000])
def test_a_long_link_header_takes_no_long_time(header):
    begin = time.process_time()
    next_link(header)

    assert time.process_time() - begin < 15  # seconds


@pytest.mark.parametrize(
    ("url", "link", "expected"),
    [
        (URL, "/v2/_catalog?last=b", "https://r.example/v2/_catalog?last=b"),
        (URL, "?last=b", "https://r.example/v2/_catalog?last=b"),
        (URL, "_catalog?last=b", "https://r.example/v2/_catalog?last=b"),
        (URL, "https://r.example:443/x", "https://r.example:443/x"),
        ("http://r.example/v2/", "https://r.example/x", "https://r.example/x"),
        ("http://localhost:5000/v2/", "http://localhost:5000/x", "http://localhost:5000/x"),
    ],
)
def test_the_next_page_may_be_given_relative_or_absolute(url, link, expected):
    assert expected == page(b'{"tags": []}', f"<{link}>; rel=next", url).next_url


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v2/?s=s3cret",
        "//evil.example/v2/?s=s3cret",
        "https://r.example:444/v2/?s=s3cret",
        "http://r.example/v2/?s=s3cret",
        "https://localhost/v2/?s=s3cret",
        "https://me:s3cret@r.example/v2/",
        "file:///s3cret/?s=s3cret",
        "https://r.example:port/?s=s3cret",
    ],
)
def test_a_next_page_elsewhere_is_refused_and_its_query_not_shown(link):
    with pytest.raises(UnsafeRedirectError, match=r"team .* not followed") as caught:
        page(b'{"tags": []}', f"<{link}>; rel=next")

    assert "=s3cret" not in str(caught.value)
    assert ":s3cret" not in str(caught.value)


# What a registry does with a request: (last, number of the request) -> page.
NAMES = [f"n{i}" for i in range(5)]


def after(last: str) -> list[str]:
    return [name for name in NAMES if name > last]


def linking(last: str, count: int) -> Page:
    names = after(last)
    more = f"https://r.example/?last={names[1]}" if len(names) > 2 else ""
    return Page(tuple(names[:2]), more)


def without_link(last: str, count: int) -> Page:
    return Page(tuple(after(last)[:2]))


def beginning_again(last: str, count: int) -> Page:
    return Page(tuple((after(last) or NAMES)[:2]))


def ignoring_page_size(last: str, count: int) -> Page:
    return Page(tuple(NAMES))


def ignoring_last(last: str, count: int) -> Page:
    return Page(tuple(NAMES[:2]))


def linking_to_itself(last: str, count: int) -> Page:
    return Page(tuple(NAMES), "https://r.example/")


def linking_in_a_circle(last: str, count: int) -> Page:
    return Page(tuple(NAMES), f"https://r.example/?last={'ab'[count % 2]}")


def repeating(last: str, count: int) -> Page:
    names = after(last)[:2]
    return Page(
        (last or names[0], *names), "" if not names else f"https://r.example/?last={names[-1]}"
    )


def walk(registry, page_size: int = 2) -> tuple[list[str], list[str]]:
    pager, last, found, asked = Pager(page_size, registry="team"), "", [], []
    request = Request("GET", "https://r.example/", "the names")
    while len(asked) < 1000:
        asked.append(last)
        page = registry(last, len(asked))
        fresh = pager.take(page)
        found += fresh
        following = pager.following(request, page, fresh)
        if following is None:
            return found, asked
        last = following.partition("=")[2] if following else found[-1]
        request = at_url(request, following or f"https://r.example/?last={last}")
    raise AssertionError("paging does not end")


@pytest.mark.parametrize(
    ("registry", "asked"),
    [
        (linking, ["", "n1", "n3"]),
        (without_link, ["", "n1", "n3"]),
        (ignoring_page_size, [""]),
        (linking_to_itself, [""]),
        (linking_in_a_circle, ["", "b", "a"]),
        (repeating, ["", "n1", "n3", "n4"]),
    ],
)
def test_every_name_comes_once_and_no_page_twice(registry, asked):
    assert (NAMES, asked) == walk(registry)


def test_paging_ends_where_the_registry_begins_again():
    names = NAMES[:4]

    def registry(last: str, count: int) -> Page:
        return Page(tuple([name for name in names if name > last][:2] or names[:2]))

    assert (names, ["", "n1", "n3"]) == walk(registry)
    assert walk(beginning_again) == (NAMES, ["", "n1", "n3"])


def test_paging_ends_where_the_registry_does_not_go_on():
    assert (NAMES[:2], ["", "n1"]) == walk(ignoring_last)


def test_an_empty_registry_has_one_page():
    assert walk(lambda last, count: Page(())) == ([], [""])


def test_a_full_page_whose_link_leads_to_itself_goes_on_by_last():
    def registry(last: str, count: int) -> Page:
        own = f"https://r.example/?last={last}" if last else "https://r.example/"
        return Page(tuple(after(last)[:2]), own)

    assert walk(registry) == (NAMES, ["", "n1", "n3"])


def numbered(pages: list[list[str]]):
    """Link from each page to the next; past the end the last one comes again and again."""

    def registry(last: str, count: int) -> Page:
        number = int(last or 0)
        names = pages[min(number, len(pages) - 1)]
        return Page(tuple(names), f"https://r.example/?page={number + 1}")

    return registry


@pytest.mark.parametrize("in_vain", [[], ["n0", "n1"]], ids=["empty", "known"])
def test_a_page_that_brings_nothing_new_is_not_the_end_where_it_has_a_link(in_vain):
    def registry(last: str, count: int) -> Page:
        if count == 102:
            return Page(tuple(NAMES[2:]))
        return numbered([NAMES[:2], in_vain])(last, count)

    found, asked = walk(registry)

    assert (found, len(asked)) == (NAMES, 102)


@pytest.mark.parametrize("in_vain", [[], ["n0", "n1"]], ids=["empty", "known"])
def test_links_that_lead_to_nothing_new_are_followed_to_an_end(in_vain):
    with pytest.raises(ProtocolError, match=r"the names.*100 pages in a row") as caught:
        walk(numbered([NAMES[:2], in_vain]))

    assert caught.value.registry == "team"
    assert caught.value.url == "https://r.example/?page=…"


def test_it_is_only_in_a_row_that_such_pages_count():
    pages = [[name] if n % 2 else [] for n, name in enumerate(f"n{n:03}" for n in range(300))]
    registry = numbered(pages)

    found, asked = walk(
        lambda last, count: registry(last, count) if count < 300 else Page(tuple(pages[-1]))
    )

    assert (len(found), len(asked)) == (150, 300)


def test_a_request_is_moved_to_another_url_and_otherwise_stays():
    request = Request("GET", "https://a", "names", ("s",), {"h": "v"}, b"x")

    assert Request("GET", "https://b", "names", ("s",), {"h": "v"}, b"x") == at_url(
        request, "https://b"
    )
