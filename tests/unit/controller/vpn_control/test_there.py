"""People at a controller that goes away while it is asked to put a device on record."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from controller.store.audit import Actor
from controller.transport.api_client import ApiClient
from controller.vpn_control.model import Handing
from controller.vpn_control.there import PeopleThere
from inventory.errors import AccessError, NoControllerError
from vpn.model import Person
from vpn.wireguard import keys

NGONO = Person("a-ngono", "Dr A. Ngono", "doctor", "mora")
ACT = Actor("root", "locum")
FILE = f"[Interface]\nAddress = 172.26.0.2/32\n\n[Peer]\nPublicKey = {keys.generate_pair()[1]}\n"
TAKEN = {"detail": "taken", "error": {"type": "AccessError", "detail": "the key is taken"}}


@contextmanager
def controller(entry: int | None) -> Iterator[tuple[ApiClient, list[Any]]]:
    """Serve files for a device, and answer its entry with a status, or close without an answer."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            if self.path.endswith("/entry"):
                if entry is not None:
                    self.answer(entry, TAKEN)
                return
            person = {**body["person"]}
            device = {
                "person": person["name"],
                "name": body["device"],
                "number": 2,
                "public_key": body["public_key"],
            }
            files = {"yaounde-e1": FILE}
            self.answer(200, {"person": person, "device": device, "files": files, "pending": "p"})

        def answer(self, status: int, body: Any) -> None:
            octets = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ApiClient(f"http://127.0.0.1:{server.server_port}"), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def handing(did: list[str]) -> Handing:
    """Note whether a file is written and taken back."""
    return Handing(lambda _: did.append("written"), lambda: did.append("withdrawn"))


def test_a_file_is_taken_back_when_its_device_is_refused():
    did: list[str] = []
    with controller(409) as (client, _):
        people = PeopleThere(client, keys.generate_pair)
        with pytest.raises(AccessError, match="the key is taken"):
            people.add(NGONO, "tablet", ACT, handing(did), None)
    assert did == ["written", "withdrawn"]


def test_a_file_stays_when_nobody_knows_whether_its_device_is_on_record():
    did: list[str] = []
    with controller(None) as (client, _):
        people = PeopleThere(client, keys.generate_pair)
        with pytest.raises(NoControllerError, match="'sanaga vpn person show a-ngono' tells"):
            people.add(NGONO, "tablet", ACT, handing(did), None)
    assert did == ["written"]


def test_the_private_key_is_in_the_file_and_in_no_request():
    private, public = keys.generate_pair()
    with controller(200) as (client, asked):
        made = PeopleThere(client, lambda: (private, public)).add(
            NGONO, "tablet", ACT, handing([]), None
        )
    assert made.files["yaounde-e1"].private_key == private
    assert asked[0]["public_key"] == public
    assert private.reveal() not in json.dumps(asked)
