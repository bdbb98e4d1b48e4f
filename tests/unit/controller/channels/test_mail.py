"""Mail against a server that is a process of its own."""

import base64
import email
import ssl
from email.policy import default

import pytest

from controller.channels.mail import MailSender, compose_mail
from controller.channels.message import (
    ChannelKind,
    ContactPoint,
    MailServer,
    MessageKind,
    OutboxEntry,
    SendError,
)
from controller.notices.model import Language
from controller.notices.texts import Report, write_message
from tests.rigs.notices.notice_rig import MAIL, payload, person
from tests.rigs.notices.peers import make_certificate, running
from tests.simulated_time import TestClock

SESAME = "open-sesame"


def written(to=MAIL, language=Language.FRENCH, **more):
    entry = OutboxEntry(1, 12, "opened", "12:1", 0.0, payload(12, **more))
    report = Report(MessageKind.OPENED, "7.1000", (entry,))
    return write_message(report, person(language=language), to)


def mailbox(name):
    return ContactPoint("email", ChannelKind.EMAIL, f"{name}@example.cm")


def sender_to(peer, context=None, *, security="none", user="", password=SESAME, timeout_s=30.0):
    server = MailServer("127.0.0.1", "noc@example.cm", peer.port, security, user, "env:X")
    context = context or ssl.create_default_context()
    return MailSender(server, lambda: password, context, TestClock(), timeout_s=timeout_s)


def letter_of(event):
    return email.message_from_bytes(base64.b64decode(event["letter"]), policy=default)


@pytest.fixture(scope="module")
def plain():
    with running("mail_peer.py") as one:
        yield one


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_letter_goes_encrypted_after_the_password(certificate, security):
    options = ("--security", security, "--tls", *map(str, certificate), "--login")
    with running("mail_peer.py", *options) as peer:
        known = ssl.create_default_context(cafile=str(certificate[0]))
        told = sender_to(peer, known, security=security, user="noc").send(written())
        got = peer.wait("letter")
        assert (told, got["user"], got["tls"]) == ("<sanaga.7.1000@example.cm>", "noc", True)
        strange = sender_to(peer, security=security, user="noc")
        with pytest.raises(SendError, match="certificate verify failed") as caught:
            strange.send(written())
        wrong = sender_to(peer, known, security=security, user="noc", password=SESAME[1:])
        with pytest.raises(SendError, match="535") as refused:
            wrong.send(written())
        assert not caught.value.permanent
        assert not refused.value.permanent
        peer.wait("letter")
        assert len(peer.of("letter")) == 1


def test_nothing_goes_in_clear_when_the_server_has_no_starttls(plain):
    before = len(plain.of("letter"))
    with pytest.raises(SendError, match="STARTTLS"):
        sender_to(plain, security="starttls").send(written())
    assert len(plain.of("letter")) == before


def test_a_letter_has_text_and_html_in_the_language_of_its_reader(plain):
    sender_to(plain).send(written(mailbox("awa")))
    letter = letter_of(plain.wait("letter", len(plain.of("letter")) or 1))
    assert letter["Subject"] == "[ALERTE] Nouveau: Coupure de fibre à Mora (12)"
    assert letter["X-Sanaga-Incident"] == "12"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_body(("plain",)).get_content()
    assert "Les deux bouts ont perdu la lumière en une seconde." in text
    assert "Depuis: 02/03/2026 09:00 (Africa/Douala, UTC+1)" in text
    assert "<h1>" in letter.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("box", "permanent", "unsure"),
    [("refused", True, False), ("later", False, False), ("lost", False, True)],
)
def test_refusals_and_losses_are_told_apart(plain, box, permanent, unsure):
    with pytest.raises(SendError) as caught:
        sender_to(plain).send(written(mailbox(box)))
    assert (caught.value.permanent, caught.value.unsure) == (permanent, unsure)


def test_a_server_that_does_not_answer_ends_the_attempt_unsure():
    with running("mail_peer.py") as peer, pytest.raises(SendError) as caught:
        sender_to(peer, timeout_s=2.0).send(written(mailbox("slow")))
    assert caught.value.unsure


def test_a_server_that_is_away_is_tried_again():
    with running("mail_peer.py") as peer:
        pass
    with pytest.raises(SendError) as caught:
        sender_to(peer).send(written())
    assert (caught.value.permanent, caught.value.unsure) == (False, False)


@pytest.mark.parametrize("evil", ["x\r\nBcc: all@example.cm", "x\nX-Evil: 1\n\nbody", "x\u2028y"])
def test_text_of_a_device_adds_no_header(evil):
    letter = compose_mail(written(title=evil, title_fr=evil), "noc@example.cm", "now")
    read = email.message_from_bytes(letter.as_bytes(), policy=default)
    assert read["Bcc"] is None
    assert read["X-Evil"] is None
    assert "\n" not in read["Subject"]


def test_text_of_a_device_is_no_html():
    message = written(title_fr="<script>alert(1)</script>", sentence_fr="<img src=x>")
    assert "<script>" not in message.html
    assert "&lt;script&gt;" in message.html
    assert "<img" not in message.html
