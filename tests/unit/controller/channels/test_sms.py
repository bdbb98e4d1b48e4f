"""SMS over a lasting session, against a centre that is a process of its own."""

import ssl
import threading
from dataclasses import replace

import pytest

from controller.channels.gsm7 import UCS2
from controller.channels.message import Message, MessageKind, SendError, SmsCentre
from controller.channels.sms import Pace, SmsSender
from tests.rigs.notices.notice_rig import PHONE
from tests.rigs.notices.peers import make_certificate, running

PACE = Pace(timeout_s=20.0, enquire_s=0.3, first_wait_s=0.05)
SESAME = "sesame"


def message(short="Fibre cut at Mora", key="7.1000"):
    return Message(key, MessageKind.OPENED, PHONE, "", "", "", short)


@pytest.fixture
def peer():
    with running("smpp_peer.py") as one:
        yield one


@pytest.fixture
def sender_of(peer):
    made = []

    def make(password=SESAME, pace=PACE, context=None, receipts=None, port=None, **more):
        centre = SmsCentre(
            "127.0.0.1", "noc", "SANAGA", port or peer.port, per_second=100.0, **more
        )
        heard = receipts if receipts is not None else []
        note = lambda name, state: heard.append((name, state))  # noqa: E731
        made.append(SmsSender(centre, lambda: password, context, note, pace=pace))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_sent_is_what_the_centre_took_and_its_id_is_kept(peer, sender_of):
    assert sender_of().send(message()) == "m1"
    got = peer.wait("submit")
    assert (got["to"], got["source"], got["source_kind"]) == ("237650000001", "SANAGA", [5, 0])
    assert (got["coding"], bytes.fromhex(got["octets"])) == (0, b"Fibre cut at Mora")


def test_a_receipt_is_answered_and_noted(peer, sender_of):
    heard: list[tuple[str, str]] = []
    sender_of(receipts=heard).send(message())
    peer.wait("receipt-answered")
    peer.until(lambda: heard == [("m1", "DELIVRD")], "receipt")


def test_a_receipt_long_after_is_noted_too(peer, sender_of):
    heard: list[tuple[str, str]] = []
    peer.tell("hold")
    sender = sender_of(receipts=heard)
    sender.send(message())
    sender.send(message(key="8.1000"))
    assert heard == []
    peer.tell("release")
    peer.wait("receipt-answered", 2)
    assert {name for name, _ in heard} <= {"m1", "m2"}


def test_a_long_text_goes_in_parts_under_one_reference(peer, sender_of):
    assert sender_of().send(message("é" * 200)) == "m1 m2"
    parts = [peer.wait("submit", number) for number in (1, 2)]
    heads = [bytes.fromhex(one["octets"])[:6] for one in parts]
    assert [one["flag"] for one in parts] == [0x40, 0x40]
    assert [head[:3] for head in heads] == [b"\5\0\3"] * 2
    assert heads[0][3] == heads[1][3]
    assert [(head[4], head[5]) for head in heads] == [(2, 1), (2, 2)]


def test_letters_that_the_alphabet_lacks_go_as_ucs2(peer, sender_of):
    sender_of().send(message("ɓii Mora"))
    got = peer.wait("submit")
    assert (got["coding"], bytes.fromhex(got["octets"]).decode("utf-16-be")) == (UCS2, "ɓii Mora")


def test_a_busy_centre_is_a_failure_and_is_given_time(peer, sender_of):
    sender = sender_of()
    peer.tell("throttle 2")
    waits = []
    for _ in range(2):
        with pytest.raises(SendError, match="busy") as caught:
            sender.send(message())
        waits.append(caught.value.retry_after_s)
        assert not caught.value.permanent
    assert waits == [0.05, 0.1]
    assert sender.send(message()) == "m3"


def test_a_number_that_does_not_exist_is_refused_for_good(peer, sender_of):
    sender = sender_of()
    peer.tell("refuse 0x0b 1")
    with pytest.raises(SendError, match="0x0b") as caught:
        sender.send(message())
    assert caught.value.permanent
    assert sender.send(message()) == "m2"


def test_a_centre_that_does_not_answer_leaves_it_unsure(peer, sender_of):
    sender = sender_of(pace=replace(PACE, timeout_s=2.0, enquire_s=30.0))
    sender.send(message())
    peer.tell("mute 1")
    with pytest.raises(SendError, match="may have taken") as caught:
        sender.send(message())
    assert caught.value.unsure


def test_a_connection_that_breaks_is_unsure_and_bound_again(peer, sender_of):
    sender = sender_of()
    peer.tell("drop 1")
    with pytest.raises(SendError) as caught:
        sender.send(message())
    assert caught.value.unsure
    assert sender.send(message()) == "m1"
    peer.wait("bind", 2)
    assert len(peer.of("bind")) == 2


@pytest.mark.parametrize("order", ["close", "unbind", "garbage", "deaf"])
def test_a_session_that_ends_is_replaced_without_a_message(peer, sender_of, order):
    sender_of(pace=replace(PACE, timeout_s=1.0))
    peer.wait("bind")
    peer.tell(order)
    peer.wait("bind", 2)


def test_an_idle_session_is_asked_for_signs_of_life(peer, sender_of):
    sender_of()
    peer.wait("enquire", 3)
    peer.wait("bind")
    assert len(peer.of("bind")) == 1


def test_a_wrong_password_is_told_and_nothing_is_sent(peer, sender_of):
    with pytest.raises(SendError, match="refuses to bind") as caught:
        sender_of("wrong", replace(PACE, timeout_s=1.0)).send(message())
    assert not caught.value.permanent
    assert peer.of("submit") == []


def test_a_password_that_smpp_cannot_carry_is_told(peer, sender_of):
    with pytest.raises(SendError, match="at most 8"):
        sender_of("open-sesame", replace(PACE, timeout_s=1.0)).send(message())
    assert peer.of("bind") == []


def test_messages_of_several_threads_go_one_after_the_other(peer, sender_of):
    sender = sender_of()
    ids, faults = [], []

    def send(number):
        try:
            ids.append(sender.send(message(key=f"{number}.1")))
        except SendError as error:
            faults.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(ids) == sorted(f"m{n}" for n in range(1, 9))


def test_the_session_is_encrypted_and_its_certificate_checked(tmp_path, sender_of):
    certificate, key = make_certificate(tmp_path)
    with running("smpp_peer.py", "--tls", str(certificate), str(key)) as peer:
        known = ssl.create_default_context(cafile=str(certificate))
        sender = sender_of(context=known, tls=True, port=peer.port)
        assert sender.send(message()) == "m1"
        strange = sender_of(
            context=ssl.create_default_context(),
            tls=True,
            port=peer.port,
            pace=replace(PACE, timeout_s=2.0),
        )
        with pytest.raises(SendError, match="certificate verify failed"):
            strange.send(message())
        peer.wait("submit")
        assert len(peer.of("submit")) == 1
        sender.close()


def test_the_end_is_said_to_the_centre(peer, sender_of):
    sender = sender_of()
    sender.send(message())
    sender.close()
    peer.wait("unbind")
