"""How senders prove themselves."""

import hashlib
import hmac
import re

import pytest

from ghostnb.wire.notifications import SOURCES, Delivery, proofs

SECRET = b"n0t-the-jupyter-token"
TEXT = SECRET.decode()


def signed(body: bytes, secret: bytes = SECRET) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"}


GOOD = [
    ("distribution", Delivery(b"", {"authorization": f"Bearer {TEXT}"})),
    ("distribution", Delivery(b"", {"authorization": TEXT})),
    ("harbor", Delivery(b"", {"authorization": f"Bearer {TEXT}"})),
    ("harbor", Delivery(b"", {"authorization": TEXT})),
    ("gitlab", Delivery(b"", {"authorization": TEXT})),
    ("gitlab", Delivery(b"", {"x-gitlab-token": TEXT})),
    ("github", Delivery(b"{}", signed(b"{}"))),
    ("docker-hub", Delivery(b"", {}, {"token": TEXT})),
    ("quay", Delivery(b"", {}, {"token": TEXT})),
]
BAD = [
    Delivery(b"{}"),
    Delivery(b"{}", {"authorization": ""}, {"token": ""}),
    Delivery(b"{}", {"authorization": f"Basic {TEXT}"}),
    Delivery(b"{}", {"authorization": f"Bearer {TEXT[:-1]}"}, {"token": TEXT[:-1]}),
    Delivery(b"{}", {"authorization": f"Bearer {TEXT}x"}, {"token": f"{TEXT}x"}),
    Delivery(b"{}", {"x-gitlab-token": TEXT.upper()}),
    Delivery(b"{} ", signed(b"{}")),
    Delivery(b"{}", signed(b"{}", b"another")),
    Delivery(b"{}", {"x-hub-signature-256": signed(b"{}")["x-hub-signature-256"][7:]}),
    Delivery(b"{}", {"authorization": "\udcff", "x-gitlab-token": "é"}, {"token": "\ud800"}),
]


@pytest.mark.parametrize(("source", "delivery"), GOOD)
def test_who_knows_the_secret_is_believed(source, delivery):
    assert SOURCES[source].proves(delivery, SECRET)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("delivery", BAD)
def test_nobody_else_is(source, delivery):
    assert not SOURCES[source].proves(delivery, SECRET)


@pytest.mark.parametrize("source", ["github", "docker-hub", "quay"])
def test_a_secret_is_looked_for_only_where_the_source_can_put_it(source):
    anywhere = {"authorization": f"Bearer {TEXT}", "x-gitlab-token": TEXT}
    query = {} if source != "github" else {"token": TEXT}

    assert not SOURCES[source].proves(Delivery(b"{}", anywhere, query), SECRET)


@pytest.mark.parametrize("source", SOURCES)
def test_an_empty_secret_proves_nothing(source):
    empty = Delivery(b"", {"authorization": "", **signed(b"", b"")}, {"token": ""})

    assert not SOURCES[source].proves(empty, b"")


def test_the_example_of_github_is_believed():
    # "Validating webhook deliveries", "Testing the webhook payload validation"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    delivery = Delivery(b"Hello, World!", {"x-hub-signature-256": signature})

    assert SOURCES["github"].proves(delivery, b"It's a Secret to Everybody")


@pytest.mark.parametrize(("source", "delivery"), GOOD)
def test_every_comparison_takes_the_same_time_and_is_of_bytes(source, delivery, monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((type(one), type(other)))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)

    assert not SOURCES[source].proves(delivery, SECRET)
    assert {(bytes, bytes)} == set(compared)


def test_nothing_that_may_be_secret_is_shown():
    delivery = Delivery(b"body-s3cret", {"authorization": "head-s3cret"}, {"token": "url-s3cret"})

    assert "s3cret" not in repr(delivery)


def test_every_source_says_how_its_sender_gets_the_secret():
    assert set(SOURCES) == {
        "distribution",
        "harbor",
        "docker-hub",
        "quay",
        "github",
        "gitlab",
    }
    for name, source in SOURCES.items():
        assert re.fullmatch(r"[A-Z].*\.", source.setup)
        assert name == source.name
    assert set(proofs.__all__) == {
        proof.__name__ for source in SOURCES.values() for proof in source.proofs
    }
