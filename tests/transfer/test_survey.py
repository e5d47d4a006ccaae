"""What a survey asks, and that nothing of it goes on when it is over."""

import asyncio
import gc
from contextlib import aclosing, contextmanager

import pytest

from ghostnb.errors import NotFoundError, ServerError
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.syncing.survey import Job, Survey
from tests.parts.images import plain_image
from tests.registries.conftest import push

TAGS = [str(number) for number in range(6)]
JOBS = [Job("app", tag, "app", tag) for tag in TAGS]


@contextmanager
def nothing_left():
    """See that no task goes on, and that no error of one was lost."""
    lost, loop = [], asyncio.get_running_loop()
    before = asyncio.all_tasks()
    loop.set_exception_handler(lambda _, context: lost.append(context))
    yield
    left = asyncio.all_tasks() - before
    gc.collect()
    assert (left, lost) == (set(), [])


async def filled(registry):
    for tag in TAGS:
        await push(registry, f"app:{tag}", plain_image(tag))
    return registry


class Hanging(MemoryRegistry):
    """Never answers who asks for a blob that is not there."""

    def __init__(self):
        super().__init__("to")
        self.asked = asyncio.Event()

    async def blob_size(self, repository, digest):
        try:
            return await super().blob_size(repository, digest)
        except NotFoundError:
            self.asked.set()
            await asyncio.Event().wait()


def test_a_survey_that_is_left_early_leaves_nothing_behind():
    async def question():
        source, target = await filled(MemoryRegistry()), Hanging()
        await push(target, "app:0", plain_image("0"))
        with nothing_left():
            async with aclosing(Survey(source, target).look(JOBS)) as findings:
                async for finding in findings:
                    assert finding.is_there
                    await target.asked.wait()
                    break

    asyncio.run(question())


def test_a_survey_that_is_cancelled_leaves_nothing_behind():
    async def question():
        source, target = await filled(MemoryRegistry()), Hanging()
        with nothing_left():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    [finding async for finding in Survey(source, target).look(JOBS)]

    asyncio.run(question())


def test_where_one_side_fails_the_other_is_asked_no_more():
    class Failing(MemoryRegistry):
        async def resolve(self, repository, locator):
            raise ServerError("Nobody is at home.", registry=self.name)

    class Silent(MemoryRegistry):
        async def resolve(self, repository, locator):
            await asyncio.Event().wait()

    async def question():
        with nothing_left():
            survey = Survey(Failing(), Silent("to"))
            async with asyncio.timeout(5):
                found = [finding async for finding in survey.look(JOBS)]
        assert {str(finding.error) for finding in found} == {"Nobody is at home."}

    asyncio.run(question())


def test_a_question_that_many_wait_for_is_asked_once_also_if_it_fails():
    document, asked = plain_image("shared"), []

    class Failing(MemoryRegistry):
        async def blob_size(self, repository, digest):
            asked.append(digest)
            await asyncio.sleep(0)
            raise ServerError("The disk is gone.", registry=self.name)

    async def question():
        source = MemoryRegistry()
        for tag in TAGS:
            await push(source, f"app:{tag}", document)
        with nothing_left():
            found = [one async for one in Survey(source, Failing("to")).look(JOBS)]
        assert {str(finding.error) for finding in found} == {"The disk is gone."}

    asyncio.run(question())
    assert len(asked) == len(set(asked))


def test_who_is_cancelled_takes_the_answer_from_nobody_else():
    document = plain_image("shared")

    class Slow(MemoryRegistry):
        def __init__(self):
            super().__init__("to")
            self.asked, self.answer = asyncio.Event(), asyncio.Event()

        async def blob_size(self, repository, digest):
            self.asked.set()
            await self.answer.wait()
            raise NotFoundError("It is not there.", registry=self.name)

    async def question():
        source, target = MemoryRegistry(), Slow()
        await push(source, "app:0", document)
        with nothing_left():
            survey = Survey(source, target)

            async def look():
                return [finding async for finding in survey.look(JOBS[:1])]

            first = asyncio.create_task(look())
            await target.asked.wait()
            second = asyncio.create_task(look())
            await asyncio.sleep(0.01)
            first.cancel()
            await asyncio.wait([first])
            target.answer.set()
            async with asyncio.timeout(5):
                assert (await second)[0].error is None

    asyncio.run(question())
