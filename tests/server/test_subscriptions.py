"""Who is sent what happens, over the agent's routes: added, told and removed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.parts.agent import RunningAgent, running_agent
from tests.serving import wait_until

SETTINGS = "c.AgentExtension.allow_internal_subscriptions = True"


class Receiver:
    """Takes deliveries."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=in-the-query"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(scope="module")
def open_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    """Run an agent that may send to this machine."""
    with running_agent(tmp_path_factory.mktemp("open"), {}, settings=SETTINGS) as running:
        yield running


def test_what_happens_is_sent_signed_until_it_is_removed(open_agent, receiver):
    added = open_agent.ask("POST", "/subscriptions", json={"url": receiver.url})
    body = {"name": "told", "url": "http://localhost:1"}
    open_agent.ask("POST", "/registries", json=body)
    wait_until(lambda: receiver.taken)
    listed = open_agent.ask("GET", "/subscriptions")
    removed = open_agent.ask("DELETE", f"/subscriptions/{added.json()['id']}")

    headers, sent = receiver.taken[0]
    assert (added.status_code, removed.status_code) == (201, 200)
    assert json.loads(sent)["data"]["registry"] == "told"
    assert headers["webhook-signature"] == signature(added.json()["secret"], headers, sent)
    assert "in-the-query" not in added.text + listed.text
    assert listed.json()["subscriptions"][0]["secret"] is None
    assert open_agent.ask("GET", "/subscriptions").json() == {"subscriptions": []}


def signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """Sign as Standard Webhooks says, "Signature scheme"."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()}"


@pytest.mark.parametrize("url", ["http://localhost:1/x", "http://169.254.169.254/", "ftp://x"])
def test_nothing_is_sent_to_this_machine_unless_it_may_be(agent, url):
    answer = agent.ask("POST", "/subscriptions", json={"url": url})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_configuration")


def test_there_is_an_end_to_how_many_there_may_be(agent):
    statuses = [
        agent.ask("POST", "/subscriptions", json={"url": f"https://example.com/{n}"}).status_code
        for n in range(51)
    ]
    for one in agent.ask("GET", "/subscriptions").json()["subscriptions"]:
        agent.ask("DELETE", f"/subscriptions/{one['id']}")

    assert statuses == [201] * 50 + [409]
    assert agent.ask("DELETE", "/subscriptions/sub_absent").status_code == 404
