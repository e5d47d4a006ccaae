"""What is the memory registry's own; the rest is in the conformance suite."""

import pytest

from ghostnb.errors import NotFoundError
from ghostnb.registries.memory import MemoryRegistry
from tests.parts.images import plain_image
from tests.registries.conftest import ask, push


def test_it_is_named_in_its_address():
    registry = MemoryRegistry("scratch")
    assert (registry.name, registry.url, registry.kind) == ("scratch", "memory:scratch", "memory")
    assert registry.rate_limit is None


def test_it_says_how_much_it_holds():
    registry = MemoryRegistry()
    ask(registry, lambda one: push(one, "team/app:1.0", plain_image("one")))
    assert repr(registry) == "<MemoryRegistry memory: 1 repositories>"


def test_two_of_them_share_nothing():
    one, other = MemoryRegistry(), MemoryRegistry()
    ask(one, lambda registry: push(registry, "team/app:1.0", plain_image("one")))
    with pytest.raises(NotFoundError, match="memory has no repository team/app"):
        ask(other, lambda registry: registry.manifest("team/app", "1.0"))
