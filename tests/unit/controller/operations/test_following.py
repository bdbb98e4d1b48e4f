"""A plan that a controller makes is followed over HTTP, also while the controller is away."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from typing import Any

import pytest

from accounts.roles import Grant
from accounts.signing_in.machine_tokens import TokenWish, make_token
from controller.apply.events import WaveStarted
from controller.operations import following
from controller.operations.following import _Follower
from controller.operations.model import Beginning, OperationKind
from controller.roles import Role
from controller.transport.api_client import ApiClient
from inventory.errors import NoControllerError
from tests.rigs.service.api_bench import api_bench
from tests.rigs.service.matrix import World
from tests.rigs.service.tcp_door import TcpDoor
from tests.rigs.waiting import eventually

WITHIN_S = 60


@pytest.fixture(scope="module")
def bench():
    with api_bench({}) as made:
        yield made


@pytest.fixture(scope="module")
def token(bench):
    chief = World(bench).enter("chief", (Role.ADMINISTRATOR, ""))
    wish = TokenWish("t", (Grant(Role.ADMINISTRATOR, ""),), 3600.0)
    made, _ = make_token(bench.realm, chief.by, wish, now_s=bench.clock(), because="test")
    return made.text


@pytest.fixture
def door(bench):
    made = TcpDoor(bench.client.port)
    yield made
    made.shut()


class Waves:
    """An operation that tells a wave whenever it is let."""

    def __init__(self, operations):
        self.next, self.last = Flag(), Flag()
        self.begun = operations.start(Beginning(OperationKind.BACKUP, "chief"), self.work)

    def work(self, watch):
        watch(WaveStarted(1, 2, ()))
        assert self.next.wait(WITHIN_S)
        watch(WaveStarted(2, 2, ()))
        assert self.last.wait(WITHIN_S)
        return {"done": True}


def test_it_goes_on_where_it_was_when_the_controller_answers_again(bench, token, door):
    waves, heard = Waves(bench.changes.operations), list[Any]()
    client = ApiClient(f"http://127.0.0.1:{door.port}", token)
    follower = _Follower(client, waves.begun.id, heard.append)
    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(follower.follow)
        eventually(lambda: len(heard) == 1, WITHIN_S, "the first wave")
        door.shut()
        waves.next.set()
        operations = bench.changes.operations
        eventually(lambda: operations.find(waves.begun.id).position == 2, WITHIN_S, "the second")
        door.open()
        eventually(lambda: len(heard) == 2, WITHIN_S, "what was told meanwhile")
        waves.last.set()
        assert followed.result(WITHIN_S)["result"] == {"done": True}
    assert [event.number for event in heard] == [1, 2]


def test_who_does_not_come_back_is_named_at_last(bench, token, door, monkeypatch):
    monkeypatch.setattr(following, "_AWAY_S", 0.1)
    monkeypatch.setattr(following, "_AGAIN_S", 0.02)
    waves = Waves(bench.changes.operations)
    client = ApiClient(f"http://127.0.0.1:{door.port}", token)
    door.shut()
    with pytest.raises(NoControllerError, match="no controller answers"):
        _Follower(client, waves.begun.id, lambda _: None).follow()
    waves.next.set()
    waves.last.set()
    door.open()
    assert bench.changes.operations.wait(waves.begun.id, WITHIN_S)
