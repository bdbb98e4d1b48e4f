"""Webhooks against a receiver that is a process of its own."""

import json
import socket
import ssl

import pytest

from controller.channels.message import (
    ChannelKind,
    ContactPoint,
    MessageKind,
    OutboxEntry,
    SendError,
)
from controller.channels.pinned import AddressRefusedError, check_target, post_to
from controller.channels.webhook import (
    CONTROLLER_SIGNATURE,
    SIGNATURE,
    WebhookSender,
    alertmanager_body,
    signature_holds,
)
from controller.notices.texts import Report, write_message
from tests.rigs.notices.notice_rig import NOW_S, payload, person
from tests.rigs.notices.peers import make_certificate, running
from tests.simulated_time import TestClock


def hook(*, loopback=True):
    return ContactPoint("hook", ChannelKind.WEBHOOK, "env:URL", "env:KEY", loopback=loopback)


def written(kind=MessageKind.OPENED, to=None, **more):
    entry = OutboxEntry(1, 12, str(kind), "12:1", NOW_S, payload(12, **more))
    return write_message(Report(kind, "7.1000", (entry,)), person(), to or hook())


def sender_to(url, context=None, timeout_s=20.0, **more):
    secrets = {"env:URL": url, "env:KEY": "s3cret"}
    context = context or ssl.create_default_context()
    return WebhookSender(secrets.__getitem__, context, TestClock(), timeout_s=timeout_s, **more)


@pytest.fixture(scope="module")
def peer():
    with running("hook_peer.py") as one:
        yield one


def url_of(peer, path="/hook"):
    return f"http://127.0.0.1:{peer.port}{path}"


def test_a_notice_has_the_shape_of_alertmanager_and_a_signature(peer):
    before = len(peer.of("request"))
    assert sender_to(url_of(peer)).send(written()) == "7.1000"
    got = peer.wait("request", before + 1)
    body, headers = got["body"], got["headers"]
    read = json.loads(body)
    assert (read["version"], read["status"], read["receiver"]) == ("4", "firing", "hook")
    assert read["groupKey"] == "sanaga:12"
    alert = read["alerts"][0]
    assert alert["labels"]["alertname"] == "fibre-cut"
    assert alert["startsAt"] == "2026-03-02T08:00:00Z"
    assert headers["Idempotency-Key"] == "7.1000"
    assert signature_holds(body.encode(), headers[SIGNATURE], "s3cret", NOW_S + 5)
    assert not signature_holds(body.encode() + b" ", headers[SIGNATURE], "s3cret", NOW_S)
    assert not signature_holds(body.encode(), headers[SIGNATURE], "other", NOW_S)
    assert not signature_holds(body.encode(), headers[SIGNATURE], "s3cret", NOW_S + 301)


def test_the_end_is_resolved_under_the_same_fingerprint():
    messages = (written(), written(MessageKind.ENDED, ended_s=NOW_S + 60))
    opened, ended = (json.loads(json.dumps(alertmanager_body(one))) for one in messages)
    assert (opened["status"], ended["status"]) == ("firing", "resolved")
    prints = [body["alerts"][0]["fingerprint"] for body in (opened, ended)]
    assert prints[0] == prints[1]
    assert ended["alerts"][0]["endsAt"] == "2026-03-02T08:01:00Z"


def test_a_beat_has_the_controllers_signature_too(peer):
    before = len(peer.of("request"))
    entry = OutboxEntry(1, None, "beat", "beat:1", NOW_S, {"title": "sanaga is alive"})
    message = write_message(Report(MessageKind.BEAT, "8.1", (entry,)), person(), hook())
    sender_to(url_of(peer), sign=lambda body: f"signed {len(body)}").send(message)
    got = peer.wait("request", before + 1)
    assert got["headers"][CONTROLLER_SIGNATURE] == f"signed {len(got['body'].encode())}"


@pytest.mark.parametrize(
    ("path", "permanent"),
    [("/status/503", False), ("/status/429", False), ("/status/404", True), ("/redirect", True)],
)
def test_what_the_receiver_answers_decides_whether_it_is_tried_again(peer, path, permanent):
    before = len(peer.of("request"))
    with pytest.raises(SendError) as caught:
        sender_to(url_of(peer, path)).send(written())
    assert caught.value.permanent is permanent
    peer.wait("request", before + 1)
    # A redirect is not followed.
    assert not [one for one in peer.of("request") if one["path"] == "/elsewhere"]


def test_a_busy_receiver_says_when_to_come_again(peer):
    with pytest.raises(SendError) as caught:
        sender_to(url_of(peer, "/status/429")).send(written())
    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_a_receiver_that_never_ends_its_answer_is_left(peer, path):
    with pytest.raises(SendError) as caught:
        sender_to(url_of(peer, path), timeout_s=1.0).send(written())
    assert caught.value.unsure


def test_the_certificate_is_checked_under_the_name_of_the_url(tmp_path):
    certificate, key = make_certificate(tmp_path, "localhost")
    with running("hook_peer.py", "--tls", str(certificate), str(key)) as peer:
        known = ssl.create_default_context(cafile=str(certificate))
        sender_to(f"https://localhost:{peer.port}/", known).send(written())
        peer.wait("request")
        assert len(peer.of("request")) == 1
        for url, context in (
            (f"https://localhost:{peer.port}/", None),
            (f"https://127.0.0.1:{peer.port}/", known),
        ):
            with pytest.raises(SendError, match="certificate verify failed"):
                sender_to(url, context).send(written())
        assert len(peer.of("request")) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "[fe80::1]",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
        "2852039166",
        "0x7f000001",
        "localhost",
    ],
)
def test_no_request_goes_to_what_is_no_ordinary_host(host):
    with pytest.raises(AddressRefusedError):
        check_target(f"http://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.cm/",
        "http://",
        "http://user:pass@10.0.0.1/",
        "http://10.0.0.1/a b",
        "http://10.0.0.1:99999/",
        "http://10.0.0.1/\r\nX: 1",
        "gopher://10.0.0.1/",
    ],
)
def test_what_is_no_plain_url_is_refused_without_being_repeated(url):
    with pytest.raises(AddressRefusedError) as caught:
        check_target(url)
    assert "pass" not in str(caught.value)


def test_loopback_passes_only_where_the_intent_says_so(peer):
    with pytest.raises(SendError, match="loopback") as caught:
        sender_to(url_of(peer)).send(written(to=hook(loopback=False)))
    assert caught.value.permanent


def test_loopback_does_not_open_other_special_addresses():
    with pytest.raises(AddressRefusedError):
        check_target("http://169.254.169.254/", loopback=True)


def test_a_name_that_moves_after_the_check_leads_nowhere_else(peer, monkeypatch):
    target = check_target(url_of(peer), loopback=True)
    # From here on, every look-up would lead to a metadata service; none is made.
    asked, look_up = [], socket.getaddrinfo

    def note(*arguments, **more):
        asked.append(arguments)
        return look_up(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    before = len(peer.of("request"))
    answer = post_to(target, b"{}", {}, ssl.create_default_context())
    peer.wait("request", before + 1)
    assert answer.status == 200
    assert all(one[0] == "127.0.0.1" for one in asked)
