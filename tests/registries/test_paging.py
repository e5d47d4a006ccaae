"""Long lists: on docker-registry, and from servers with paging of their own kind."""

import asyncio

import pytest

from ghostnb.errors import ProtocolError
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.registries import docker_registry
from tests.parts.replies import reply
from tests.parts.storage import write_storage
from tests.registries.asking import ask, refused, repositories, tags_of

IMAGE = plain_image("paged", layers=1)
NAMES = [f"t{n:04}" for n in range(2500)]
TAGS = "/v2/app/tags/list"


@pytest.fixture(scope="module")
def large_registry(tmp_path_factory):
    """A registry of 1,200 repositories, one of them with 3,000 tags."""
    storage = tmp_path_factory.mktemp("large")
    many = {f"team{n % 7}/app{n:04}": {"1": IMAGE} for n in range(1199)}
    tags = {"many/tags": {f"v{n}": IMAGE for n in range(3000)}}
    write_storage(storage, {**many, **tags})
    with docker_registry(storage_dir=storage) as running:
        yield running


def test_three_thousand_tags_come_whole(large_registry):
    found = ask(large_registry.url, tags_of("many/tags"))
    assert found == sorted(f"v{n}" for n in range(3000))


def test_twelve_hundred_repositories_come_in_two_pages(large_registry):
    found = ask(large_registry.url, repositories)
    assert len(found) == len(set(found)) == 1200
    assert {"many/tags", "team0/app0000", "team1/app1198"} <= set(found)


def test_a_list_that_is_left_asks_for_no_more_pages():
    async def first(registry):
        return await anext(registry.tags("app"))

    with faulty_server({TAGS: by_link}) as server:
        assert ask(server.url, first) == "t0000"
        assert server.count() == 1


def page(request, size, **options):
    """Answer the page after ``last``, of at most ``n`` names."""
    last = request.query.get("last", "")
    names = [name for name in NAMES if name > last][:size]
    return reply(json={"name": "app", "tags": names}, **options), names


def by_link(request):
    answer, names = page(request, 700)
    if names and names[-1] != NAMES[-1]:
        link = {"Link": f'</v2/app/tags/list?last={names[-1]}&n=700>; rel="next"'}
        answer, _ = page(request, 700, headers=link)
    return answer


def by_last(request):
    return page(request, int(request.query["n"]))[0]


def everything(request):
    return reply(json={"tags": NAMES})


def from_the_start_after_the_end(request):
    """Answer as Drift does: ``last`` past the end starts again."""
    size = int(request.query["n"])
    answer, names = page(request, size)
    return answer if names else reply(json={"tags": NAMES[:size]})


@pytest.mark.parametrize(
    ("answers", "count"),
    [(by_link, 4), (by_last, 3), (everything, 1), (from_the_start_after_the_end, 3)],
)
def test_each_way_of_paging_brings_every_name_once(answers, count):
    with faulty_server({TAGS: answers}) as server:
        assert ask(server.url, tags_of("app")) == NAMES
        assert server.count() == count


def test_a_full_last_page_is_followed_by_one_that_brings_nothing():
    with faulty_server({TAGS: lambda _: reply(json={"tags": NAMES[:1000]})}) as server:
        assert ask(server.url, tags_of("app")) == NAMES[:1000]
        assert server.count() == 2


def test_a_link_to_itself_ends():
    link = {"Link": "</v2/app/tags/list?n=1000>; rel=next"}
    with faulty_server({TAGS: reply(json={"tags": ["a"]}, headers=link)}) as server:
        assert ask(server.url, tags_of("app")) == ["a"]
        assert server.count() <= 2


def test_an_empty_page_with_a_link_is_not_the_end():
    """As from a registry that leaves out of each page what one may not see."""
    pages = {"0": ["a", "b"], "1": [], "2": ["c"]}

    def answer(request):
        n = request.query.get("page", "0")
        link = {"Link": f'</v2/app/tags/list?page={int(n) + 1}>; rel="next"'} if n != "2" else {}
        return reply(json={"tags": pages[n]}, headers=link)

    with faulty_server({TAGS: answer}) as server:
        assert ask(server.url, tags_of("app")) == ["a", "b", "c"]


def test_pages_that_repeat_for_ever_end():
    def again(request):
        n = int(request.query.get("page", "0"))
        link = {"Link": f'</v2/app/tags/list?page={n + 1}>; rel="next"'}
        return reply(json={"tags": ["a", "b"]}, headers=link)

    with faulty_server({TAGS: again}) as server:
        refused(ProtocolError, "100 pages", url=server.url, question=tags_of("app"))
        assert server.count() == 102


def test_an_emptied_repository_has_no_tags(registry):
    assert ask(registry.url, tags_of("team/emptied")) == []


def test_a_page_that_breaks_is_an_error_though_others_were_read():
    seen = []

    async def question(registry):
        async for name in registry.tags("app"):
            seen.append(name)

    link = {"Link": '</v2/app/tags/list?last=b>; rel="next"'}
    first = reply(json={"tags": ["a", "b"]}, headers=link)
    with (
        faulty_server({TAGS: [first, reply(body=b"no")]}) as server,
        pytest.raises(ProtocolError, match="cannot be read"),
    ):
        ask(server.url, question)
    assert seen == ["a", "b"]


def test_several_lists_at_once_do_not_mix(large_registry):
    async def question(registry):
        lists = (tags_of(f"team{n % 7}/app{n:04}")(registry) for n in range(100))
        return await asyncio.gather(*lists)

    assert ask(large_registry.url, question) == [["1"]] * 100
