"""Azure Container Registry, replayed, on a machine where nobody has signed in to Azure."""

from __future__ import annotations

import pytest

from ghostnb.registries.vendors.acr import entra
from tests.registries.vendors.acr.replay import ACRReplay
from tests.registries.vendors.acr.runs import SignIn


@pytest.fixture
def azure() -> ACRReplay:
    return ACRReplay()


@pytest.fixture(autouse=True)
def sign_in(monkeypatch) -> SignIn:
    """What azure-identity finds: nothing, until a test says otherwise."""
    made = SignIn()
    monkeypatch.setattr(entra.silence, "until", -float("inf"))
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", made)
    return made
