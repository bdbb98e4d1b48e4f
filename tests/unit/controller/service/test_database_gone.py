"""PostgreSQL that goes away and comes back while a service runs: it waits, and loses nothing."""

from contextlib import closing
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import psycopg
import pytest

from controller.transport.api_client import ApiClient, ApiError
from edge.telemetry.model import PathState
from tests.rigs.service.two_services import ACCESS, WITHIN_S, world
from tests.rigs.waiting import eventually

SOCKET = ".s.PGSQL.5432"


class Door:
    """A way to a server that a test shuts: whoever is inside is thrown out, nobody comes in."""

    def __init__(self, address: str) -> None:
        self.folder = Path(mkdtemp(prefix="pgd-", dir="/tmp"))
        before, _, self._server = address.partition("?host=")
        self.address = f"{before}?host={self.folder}"
        self._database = before.rpartition("/")[2]
        self.open()

    def open(self) -> None:
        (self.folder / SOCKET).symlink_to(Path(self._server, SOCKET))

    def shut(self) -> None:
        (self.folder / SOCKET).unlink()
        with psycopg.connect(
            host=self._server, user="sanaga", dbname="postgres", autocommit=True
        ) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self._database],
            )


@pytest.fixture
def door(postgresql_address):
    made = Door(postgresql_address)
    yield made
    rmtree(made.folder)


@pytest.fixture
def services(tmp_path, door):
    with world(tmp_path, door.address) as made:
        yield made


def ready(served):
    """Return the status of the check that balancers ask."""
    with closing(ApiClient(served.state / "controller.sock")._connection()) as connection:
        connection.request("GET", "/readyz", headers={"Connection": "close"})
        return connection.getresponse().status


def status_of(act):
    """Return the status with which the API refuses something, 200 if it does not."""
    try:
        act()
    except ApiError as error:
        return error.status
    return 200


def test_a_server_that_goes_and_comes_back_costs_time_and_nothing_else(services, door):
    one = services.serve("one")
    services.report(one, PathState.DEAD)
    eventually(lambda: one.incidents() == [ACCESS], WITHIN_S, "the incident")
    services.hook.until(lambda: services.told() == ["firing"], "the notice")
    (incident,) = one.client.all("/incidents")
    acts = f"/incidents/{incident['number']}/acts"
    door.shut()
    eventually(lambda: ready(one) == 503, WITHIN_S, "that it is not ready")
    comment = {"kind": "comment", "text": "lost"}
    assert status_of(lambda: one.client.send("POST", acts, comment)) == 503
    assert status_of(lambda: one.client.get("/incidents")) in {200, 503}
    services.sent += 1
    assert not services._reported(one.edge_port, PathState.UP), "it is not stored anywhere"
    door.open()
    eventually(lambda: ready(one) == 200, WITHIN_S, "that it is ready again")
    services.report(one, PathState.UP)
    eventually(lambda: one.incidents() == [], WITHIN_S, "the end")
    services.hook.until(lambda: len(services.told_apart()) >= 2, "the notice of the end")
    # The server may have gone between the answer of the hook and its record.
    assert services.told_apart() == ["firing", "resolved"]
    assert one.process.poll() is None
    timeline = one.client.get(f"/incidents/{incident['number']}")["timeline"]
    assert "lost" not in [entry["sentence"] for entry in timeline]
