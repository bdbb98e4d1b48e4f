"""What the driver of edges hands over: signed policies, each with the next serial."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType

import pytest

from controller.drivers.linux import LinuxDriver
from controller.keys.revocation_file import FILE as LIST
from controller.keys.signing import signing_key
from controller.model import DeviceConfig
from edge.signed import policy_envelope, revocation_envelope
from inventory.errors import CredentialError, RejectedError, UnreachableError
from inventory.model import Device, Management, Platform, Role
from tests.rigs.edge.edge_policies import edge_policy
from vpn.people.revocation_list import RevocationList

DEVICE = Device(
    "kolofata-e1",
    "kolofata",
    2,
    Role.EDGE,
    Platform.LINUX,
    Management(IPv4Address("198.18.0.23"), 22, "root", "", ""),
    lan=True,
)
POLICY = DeviceConfig(policy_envelope.policy_text(edge_policy()))


@dataclass
class Heard:
    """A channel to a door that runs serial 7 and keeps what it is told."""

    status: dict[str, object]
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    left: list[bytes] = field(default_factory=list)
    list_serial: int = 0

    def __enter__(self) -> "Heard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        del kind, error, at

    def exec_command(self, command: str) -> None:
        said: dict[str, object] = {
            "status": self.status,
            "stage": {"delta": "one line"},
            "revoked": {"revoked": {"serial": self.list_serial}},
        }
        answer = said[command.split(maxsplit=1)[0]]
        assert isinstance(answer, dict)
        self.requests.append((command, b""))
        self.left = [json.dumps({"ok": True, **answer}).encode() + b"\n"]

    def sendall(self, data: bytes) -> None:
        command, _ = self.requests[-1]
        self.requests[-1] = (command, data)

    def shutdown_write(self) -> None:
        """Accept that nothing more comes."""

    def recv(self, most: int) -> bytes:
        assert most
        return self.left.pop(0) if self.left else b""


def driver(state_dir: Path, **status: object) -> tuple[LinuxDriver, Heard]:
    made = LinuxDriver(DEVICE, secret="", namespace=None, state_dir=state_dir)
    door = Heard({"newest_serial": 7, **status})
    made._channel = lambda: door  # type: ignore[method-assign, assignment, return-value]
    return made, door


def test_a_policy_is_signed_with_the_serial_after_the_newest_one(tmp_path):
    made, door = driver(tmp_path)
    assert made.stage(POLICY) == "one line"
    command, data = door.requests[-1]
    verb, _, length, digest = command.split()
    assert (verb, int(length), digest) == ("stage", len(data), sha256(data).hexdigest())
    signed = policy_envelope.verify_policy(
        data.decode(), "sent", signing_key(tmp_path).public_key()
    )
    assert signed.serial == 8
    assert signed.policy == edge_policy()


def test_an_edge_without_a_policy_is_given_serial_1(tmp_path):
    made, door = driver(tmp_path, newest_serial=0)
    made.stage(POLICY)
    assert json.loads(door.requests[-1][1])["serial"] == 1


def test_a_door_that_tells_no_serial_is_out_of_date(tmp_path):
    made, door = driver(tmp_path)
    del door.status["newest_serial"]
    with pytest.raises(UnreachableError, match="no newest_serial; update 'sanaga edge door' there"):
        made.stage(POLICY)


def test_nothing_to_go_back_to_is_told_before_anything_is_asked(tmp_path):
    made, door = driver(tmp_path)
    with pytest.raises(RejectedError, match="no policy to go back to; 'sanaga edge stop'"):
        made.stage(DeviceConfig(""))
    assert door.requests == []


@pytest.mark.parametrize("text", ["{", "router bgp 65000\n", '{"serial": 1}'])
def test_what_is_no_policy_is_never_signed(tmp_path, text):
    made, door = driver(tmp_path)
    with pytest.raises(RejectedError, match="is to be signed is no policy"):
        made.stage(DeviceConfig(text))
    assert door.requests == []


def test_a_signing_key_that_others_may_read_signs_nothing(tmp_path):
    made, door = driver(tmp_path)
    signing_key(tmp_path)
    (tmp_path / "signing_key").chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        made.stage(POLICY)
    assert [command for command, _ in door.requests] == ["revoked", "status"]


@pytest.mark.parametrize(("theirs", "handed"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_list_of_revoked_keys_that_is_newer_than_the_edge_s_comes_before_the_policy(
    tmp_path, theirs, handed
):
    made, door = driver(tmp_path)
    door.list_serial = theirs
    found = RevocationList(2, datetime(2026, 11, 27, tzinfo=UTC), ())
    envelope = revocation_envelope.sign_revocation_list(found, signing_key(tmp_path))
    (tmp_path / LIST).write_text(envelope)
    made.stage(POLICY)
    lists = [data.decode() for command, data in door.requests if command.startswith("revoked ")]
    assert lists == ([envelope] if handed else [])
    assert door.requests[-1][0].startswith("stage")


def test_an_edge_that_knows_no_such_list_is_out_of_date(tmp_path, monkeypatch):
    made, _ = driver(tmp_path)
    monkeypatch.setattr(made, "_ask", lambda *_words, **_how: {"ok": True})
    with pytest.raises(UnreachableError, match="no revoked; update 'sanaga edge door' there"):
        made.warn()
