"""GitLab, replayed."""

from __future__ import annotations

import pytest

from tests.registries.vendors.gitlab.replay import GitLabReplay


@pytest.fixture
def gitlab() -> GitLabReplay:
    return GitLabReplay()
