"""Google's services, replayed, on a machine that is none of Google's."""

from __future__ import annotations

from typing import Any

import pytest

from ghostnb.registries.vendors.google import sign_in
from tests.registries.vendors.google.replay import GoogleReplay

_VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GCE_METADATA_HOST",
    "GCE_METADATA_ROOT",
    "GCE_METADATA_IP",
    "K_SERVICE",
)


@pytest.fixture(autouse=True)
def a_machine_without_credentials(monkeypatch, tmp_path):
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr(sign_in, "_PRODUCT", tmp_path / "product_name")

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("google-auth was asked, though there is nothing for it here")

    monkeypatch.setattr("google.auth.default", refuse)
    monkeypatch.setattr(
        "google.oauth2.service_account.Credentials.from_service_account_info", refuse
    )


@pytest.fixture
def google() -> GoogleReplay:
    return GoogleReplay()
