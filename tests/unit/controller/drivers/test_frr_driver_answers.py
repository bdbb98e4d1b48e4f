"""What the FRR driver makes of answers, whole, cut short, hostile or endless."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from types import TracebackType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.drivers.frr import FrrDriver, canonical
from controller.transport import ssh_door
from controller.transport.host_key import shown
from controller.transport.ssh_door import SshTimeouts
from inventory.errors import DeviceError, RejectedError, UnreachableError
from inventory.model import Device, Management, Platform, Role
from tests.netns.controller.frr_router import public_text

DEVICE = Device(
    "r1",
    "mora",
    1,
    Role.ROUTER,
    Platform.FRR,
    Management(IPv4Address("198.18.0.1"), 22, "sanaga", "", ""),
    lan=True,
)


@dataclass
class Said:
    """A channel on which a door says the same pieces to every request."""

    pieces: tuple[bytes, ...]
    left: list[bytes] = field(default_factory=list)

    def __enter__(self) -> "Said":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        del kind, error, at

    def exec_command(self, command: str) -> None:
        assert command
        self.left = list(self.pieces)

    def sendall(self, data: bytes) -> None:
        assert isinstance(data, bytes)

    def shutdown_write(self) -> None:
        """Accept that nothing more comes."""

    def recv(self, most: int) -> bytes:
        assert most
        return self.left.pop(0) if self.left else b""


def _asking(*pieces: bytes, answer_s: float = 60) -> FrrDriver:
    driver = FrrDriver(DEVICE, secret="", namespace=None, patience=SshTimeouts(answer_s=answer_s))
    driver._channel = lambda: Said(pieces)  # type: ignore[method-assign, assignment, return-value]
    return driver


def _rude(server: socket.socket) -> None:
    with server.accept()[0] as link:
        link.sendall(b"SSH-9\x1b[2J\x07-rude\r\n")
        link.recv(1000)


def _read(device: Device) -> object:
    return FrrDriver(device, secret="tr0ub4dor", namespace=None).read()  # noqa: S106


def test_signs_of_life_before_an_answer_mean_nothing():
    assert _asking(b"  ", b' {"ok": true, "config": "a\\n"}\n').read().text == "a\n"


@pytest.mark.parametrize("cut", [b"", b"   ", b'{"ok": tr'])
def test_dropped_connection_is_told_as_such(cut: bytes):
    with pytest.raises(UnreachableError, match="ended before read was answered; it may have"):
        _asking(cut).read()


@pytest.mark.parametrize(
    "said", [b"This account is not available.\n", b"[]\n", b"1\n", b"{}\n", b"[" * 100_000 + b"\n"]
)
def test_what_is_not_the_door_is_told_as_such(said: bytes):
    with pytest.raises(UnreachableError, match="what answers is not the door"):
        _asking(said).read()


def test_words_of_a_router_never_command_the_terminal():
    said = b'{"ok": false, "error": "rejected", "message": "no \\u001b[2J\\u0007 line"}\n'
    with pytest.raises(RejectedError, match=r"^r1: no  \[2J  line \(read\)$"):
        _asking(said).read()


@pytest.mark.parametrize("said", [b'{"ok": false}\n', b'{"ok": 1, "error": []}\n'])
def test_refusal_without_a_known_reason_is_the_devices_fault(said: bytes):
    with pytest.raises(DeviceError):
        _asking(said).read()


def test_answer_without_its_content_is_not_the_doors():
    with pytest.raises(UnreachableError, match="config"):
        _asking(b'{"ok": true}\n').read()


def test_endless_answer_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ssh_door, "_LARGEST_ANSWER", 100)
    with pytest.raises(UnreachableError, match="more than 100 bytes"):
        _asking(*[b" " * 60] * 3).read()


def test_router_that_only_shows_signs_of_life_is_given_up():
    with pytest.raises(UnreachableError, match="did not finish its answer within 0 s"):
        _asking(b" ", b" ", answer_s=0).read()


@pytest.mark.parametrize("ask", [lambda d: shown(d, namespace=None), _read])
def test_banner_of_a_stranger_never_commands_the_terminal(ask: Callable[[Device], object]):
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        server.settimeout(10)
        management = replace(
            DEVICE.management or pytest.fail("no management"),
            address=IPv4Address("127.0.0.1"),
            port=server.getsockname()[1],
            host_key=public_text(Ed25519PrivateKey.generate()),
        )
        pool.submit(_rude, server)
        with pytest.raises(UnreachableError) as caught:
            ask(replace(DEVICE, management=management))
    assert str(caught.value).isprintable()


def test_failed_staging_forgets_what_was_staged_before():
    driver = _asking(b'{"ok": false, "error": "rejected", "message": "no"}\n')
    driver._txn = "old"
    with pytest.raises(RejectedError):
        driver.stage(canonical("interface lo\n"))
    assert driver._txn is None
