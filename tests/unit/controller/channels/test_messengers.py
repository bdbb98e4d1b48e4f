"""Messengers through Apprise itself, which speaks to a receiver that is a process of its own."""

import pytest

from controller.channels.message import ChannelKind, ContactPoint, Message, MessageKind, SendError
from controller.channels.messengers import MessengerSender
from tests.rigs.notices.peers import running

# Apprise imports what Python will give up.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CHAT = ContactPoint("messenger", ChannelKind.MESSENGER, "env:CHAT")
MESSAGE = Message("7.1", MessageKind.OPENED, CHAT, "Fibre cut", "Both ends lost light.", "", "")


@pytest.fixture(scope="module")
def peer():
    with running("hook_peer.py") as one:
        yield one


def sender_to(url, timeout_s=60.0):
    return MessengerSender({"env:CHAT": url}.__getitem__, timeout_s=timeout_s)


def test_a_message_goes_through_apprise(peer):
    assert sender_to(f"json://127.0.0.1:{peer.port}/hook").send(MESSAGE) == "7.1"
    assert "Both ends lost light." in peer.wait("request")["body"]


def test_what_the_service_refuses_is_tried_again(peer):
    with pytest.raises(SendError, match="did not take it") as caught:
        sender_to(f"json://127.0.0.1:{peer.port}/status/503").send(MESSAGE)
    assert not caught.value.permanent


def test_a_service_that_never_answers_is_left_and_so_are_only_four(peer):
    sender = sender_to(f"json://127.0.0.1:{peer.port}/silent?rto=300", timeout_s=0.2)
    for _ in range(4):
        with pytest.raises(SendError, match=r"within 0\.2 s") as caught:
            sender.send(MESSAGE)
        assert caught.value.unsure
    with pytest.raises(SendError, match="still wait"):
        sender.send(MESSAGE)


@pytest.mark.parametrize(
    "url", ["smpp://noc:secret@10.0.0.1/1/2", "SMPPS://noc:secret@10.0.0.1/1/2", "nothing://x"]
)
def test_an_address_of_no_messenger_is_refused_for_good_and_not_repeated(url):
    with pytest.raises(SendError) as caught:
        sender_to(url).send(MESSAGE)
    assert caught.value.permanent
    assert "secret" not in str(caught.value)
