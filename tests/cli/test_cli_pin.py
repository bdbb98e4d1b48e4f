"""Trusting a device's SSH host key, with a real SSH server on the loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from paramiko import ECDSAKey, ServerInterface, Transport

from controller.transport.host_key import fingerprint


@contextmanager
def ssh_server(key) -> Iterator[int]:
    """Answer one SSH connection after another, to show the key and nothing else."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            transport = Transport(connection)
            transport.add_server_key(key)
            transport.start_server(server=ServerInterface(), event=threading.Event())
            transport.join(10)
            transport.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(20)


@pytest.fixture
def router(sanaga, small):
    """Let mora-r1 of the small network be the server; yield its key's fingerprint."""
    key = ECDSAKey.generate()
    network = sanaga.folder / small / "network.yaml"
    network.write_text(network.read_text().replace("management_namespace: sanaga-small-noc", ""))
    with ssh_server(key) as port:
        devices = sanaga.folder / small / "devices.yaml"
        devices.write_text(
            devices.read_text().replace("198.18.0.6", f"127.0.0.1\n      port: {port}")
        )
        yield fingerprint(f"{key.get_name()} {key.get_base64()}")


def pin(sanaga, small, *words):
    return sanaga("inventory", "pin", "mora-r1", "--dir", small, *words)


def test_pin_trusts_the_key_of_the_expected_fingerprint(sanaga, small, router):
    answer = pin(sanaga, small, "--fingerprint", router)
    assert (answer.code, answer.out) == (0, ""), answer.err
    assert router in answer.err
    assert "its SSH host key is pinned" in sanaga("explain", "mora-r1", "--dir", small).out
    again = pin(sanaga, small)
    assert again.code == 0
    assert "pinned already" in again.err


def test_pin_refuses_another_key_and_writes_nothing(sanaga, small, router):
    answer = pin(sanaga, small, "--fingerprint", "SHA256:AAAA")
    assert answer.code == 1
    assert "not the expected SHA256:AAAA" in answer.err
    assert not (sanaga.folder / small / "known_hosts").exists()


def test_pin_wants_a_person_or_a_fingerprint(sanaga, small, router):
    answer = pin(sanaga, small)
    assert answer.code == 64
    assert router in answer.err
    assert "--fingerprint" in answer.err
    assert not (sanaga.folder / small / "known_hosts").exists()


def test_pin_says_when_the_pinned_key_is_another(sanaga, small, router):
    pin(sanaga, small, "--fingerprint", router)
    known_hosts = sanaga.folder / small / "known_hosts"
    host = known_hosts.read_text().split()[0]
    other = ECDSAKey.generate()
    known_hosts.write_text(f"{host} {other.get_name()} {other.get_base64()}\n")
    answer = pin(sanaga, small, "--fingerprint", router)
    assert answer.code == 1
    assert "another key is pinned" in answer.err


def test_pin_of_a_silent_device_is_unreachable(sanaga, small):
    network = sanaga.folder / small / "network.yaml"
    network.write_text(network.read_text().replace("management_namespace: sanaga-small-noc", ""))
    devices = sanaga.folder / small / "devices.yaml"
    devices.write_text(devices.read_text().replace("198.18.0.6", "127.0.0.1\n      port: 1"))
    answer = pin(sanaga, small)
    assert answer.code == 4
    assert "mora-r1: no SSH at 127.0.0.1 port 1" in answer.err
