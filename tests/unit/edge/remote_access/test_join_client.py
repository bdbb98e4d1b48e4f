"""Devices in the field over lines that lose, keep silent or lead nowhere; a gateway's ports."""

import socket
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from edge.remote_access import join_code, join_messages
from edge.remote_access.join_code import Invitation
from inventory.errors import EdgeError
from tests.rigs.people import field_rig
from tests.rigs.people.field_rig import FILE, Hasty, beside, free_port, joining, line, visit
from vpn.model import Endpoint


@pytest.fixture
def gate():
    with field_rig.gate() as made:
        yield made


def test_datagrams_that_are_lost_or_come_twice_change_nothing(gate):
    # Who speaks again does so by the machine's own clock.
    opened = visit(gate, clock=Hasty(0.5))
    with lossy(opened.invited.where.port) as port:
        invited = Invitation(Endpoint("127.0.0.1", port), opened.invited.chance)
        with line(invited, first_s=30, silence_s=30) as asker:
            device = joining(invited, asker)
            with beside(device.words) as words:
                guest = opened.guest()
                assert guest.words == words().said
            with beside(device.config) as config:
                opened.hand(guest, FILE)
                assert config().peers
            with beside(device.written):
                opened.written(guest)
            with beside(device.let_in) as let_in:
                opened.done(guest, let_in=False)
                assert let_in() is False


@contextmanager
def lossy(there):
    """Have a way to a port on which every fourth datagram is lost, and others come twice."""
    ending, door = Event(), socket.socket(type=socket.SOCK_DGRAM)
    far = socket.socket(type=socket.SOCK_DGRAM)
    door.bind(("127.0.0.1", 0))
    far.connect(("127.0.0.1", there))
    for one in (door, far):
        one.settimeout(0.02)

    def relay():
        number, back = 0, ("", 0)
        while not ending.is_set():
            for source in (door, far):
                try:
                    octets, back_ = source.recvfrom(2000)
                except OSError:
                    continue
                back, number = (back_ if source is door else back), number + 1
                for _ in range((1, 2, 1, 0)[number % 4]):
                    far.send(octets) if source is door else door.sendto(octets, back)

    thread = Thread(target=relay)
    thread.start()
    try:
        yield door.getsockname()[1]
    finally:
        ending.set()
        thread.join()
        door.close()
        far.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1"])
def test_a_gateway_answers_from_the_address_that_was_asked(gate, host):
    opened = visit(gate, host=host)
    with line(opened.invited) as asker:
        assert asker.ask({"who": "a", "have": 0})["state"] == "open"


def test_where_nothing_answers_a_person_is_told_what_to_try(gate):
    where = Endpoint("127.0.0.1", free_port())
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind((where.host, where.port))
        said = silent(where)
    assert "lets no UDP through: try another one" in said
    assert "takes nobody in now" in silent(where)


def silent(where):
    """Return what a person is told where nobody answers."""
    with (
        line(join_code.new_invitation(where), first_s=0.2) as asker,
        pytest.raises(EdgeError) as caught,
    ):
        asker.ask({"who": "a", "have": 0})
    return str(caught.value)


def test_where_a_name_is_unknown_a_person_is_told(gate):
    with pytest.raises(EdgeError, match="is this device on a network"):
        line(join_code.new_invitation(Endpoint("nowhere.invalid", 51830)))


def test_a_gateway_that_falls_silent_is_told_of(gate):
    opened = visit(gate)
    with line(opened.invited, silence_s=0.2) as asker:
        asker.ask({"who": "a", "have": 0})
        gate.loop.call_soon_threadsafe(gate.rendezvous.close)
        with pytest.raises(EdgeError, match="fallen silent"):
            [asker.ask({"who": "a", "have": 0}) for _ in range(100)]


def test_the_port_is_open_only_while_somebody_could_ask(gate):
    port = free_port()
    opened = visit(gate, port=port)
    with pytest.raises(OSError, match="in use"):
        bound(port)
    opened.close()
    gate.now_s = 10_000.0
    done = Event()
    gate.loop.call_soon_threadsafe(gate.rendezvous._tend)
    gate.loop.call_soon_threadsafe(done.set)
    assert done.wait(5)
    bound(port)


def bound(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        one.bind(("::", port))


def test_a_port_that_is_taken_is_told_of(gate):
    port = free_port()
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::", port))
        with pytest.raises(EdgeError, match=f"UDP port {port}: .*; name another enrolment_port"):
            visit(gate, port=port)


def test_nobody_without_the_code_learns_whether_there_is_an_invitation(gate):
    opened = visit(gate)
    stranger = join_code.new_invitation(opened.invited.where)
    with line(stranger, first_s=0.3) as asker, pytest.raises(EdgeError, match="nothing answers"):
        asker.ask({"who": "a", "have": 0})
    name, key = opened.invited.name, stranger.mailbox_key
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.connect((opened.invited.where.host, opened.invited.where.port))
        one.settimeout(0.3)
        one.send(join_messages.seal_request(name, key, {"who": "a", "have": 0}))
        with pytest.raises(TimeoutError):
            one.recv(2000)
    # The control: who has it is answered.
    with line(opened.invited) as asker:
        assert asker.ask({"who": "a", "have": 0})["state"] == "open"
