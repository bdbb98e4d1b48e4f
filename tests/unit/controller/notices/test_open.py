"""Notices at work by themselves: threads, a database, and peers that are processes."""

import json
import threading
from dataclasses import replace
from datetime import time

import pytest
from sqlalchemy import insert, select

from controller.channels.message import ChannelKind, ContactPoint, MailServer, SmsCentre
from controller.channels.sms import Pace
from controller.channels.webhook import CONTROLLER_SIGNATURE, SIGNATURE, signature_holds
from controller.clock import SystemClock
from controller.notices.model import AllClear, Beat, NoticePolicy
from controller.notices.open import Surroundings, open_worker, upgrade_notices
from controller.notices.recipients import Audience
from controller.notices.schema import OUTBOX_OWNER, deliveries, outbox
from database.engine import open_engine, reading
from inventory.errors import CredentialError
from tests.rigs.notices.notice_rig import PHONE, PLACES, Incidents, payload, person, subscribed
from tests.rigs.notices.peers import running


@pytest.fixture
def engine(tmp_path):
    made = open_engine(tmp_path / "notices.sqlite")
    OUTBOX_OWNER.create_all(made)
    upgrade_notices(made)
    yield made
    made.dispose()


def around(tmp_path, **environment):
    return Surroundings(
        tmp_path, environment, SystemClock(), lambda _: "signed", Pace(first_wait_s=0.05)
    )


def write(engine, incident, kind):
    with engine.begin() as connection:
        connection.execute(
            insert(outbox).values(
                incident=incident,
                kind=kind,
                dedup=f"{incident}:{kind}",
                created_s=0.0,
                payload=payload(incident),
            )
        )


def states(engine):
    with reading(engine) as connection:
        columns = (deliveries.c.channel, deliveries.c.state, deliveries.c.last_error)
        rows = connection.execute(select(*columns))
        return sorted(tuple(row) for row in rows)


def test_a_mail_server_that_does_not_answer_holds_up_no_sms(engine, tmp_path):
    with running("mail_peer.py") as mail, running("smpp_peer.py") as sms:
        slow = ContactPoint("email", ChannelKind.EMAIL, "slow@example.cm")
        policy = replace(
            subscribed(person(contacts=[slow, PHONE])),
            mail=MailServer("127.0.0.1", "noc@example.cm", mail.port, "none"),
            sms=SmsCentre("127.0.0.1", "noc", "SANAGA", sms.port, password="env:SMS"),  # noqa: S106
        )
        audience = Audience(policy, PLACES)
        surroundings = around(tmp_path, SMS="sesame")
        worker = open_worker(engine, audience, Incidents(), surroundings, "noc-1")
        worker.start()
        try:
            write(engine, 1, "opened")
            write(engine, 2, "opened")
            worker.wake()
            mail.wait("letter", 2)
            sms.wait("receipt-answered", 2)
            assert [one for one in states(engine) if one[0] == "email"] == [
                ("email", "claimed", ""),
                ("email", "claimed", ""),
            ]
            mail.write("\n\n")
        finally:
            worker.stop()
    assert {one[1:] for one in states(engine)} == {("sent", "")}


def test_a_beat_passes_the_whole_chain_signed_twice(engine, tmp_path):
    with running("hook_peer.py") as hook:
        beat = Beat("env:BEAT", "env:KEY", 10.0, loopback=True)
        surroundings = around(tmp_path, BEAT=f"http://127.0.0.1:{hook.port}/beat", KEY="s3cret")
        audience = Audience(NoticePolicy(beat=beat), {})
        worker = open_worker(engine, audience, Incidents(), surroundings, "noc-1")
        worker.start()
        try:
            got = hook.wait("request")
        finally:
            worker.stop()
    headers, body = got["headers"], got["body"].encode()
    now_s = SystemClock().instant().timestamp()
    assert signature_holds(body, headers[SIGNATURE], "s3cret", now_s)
    assert headers[CONTROLLER_SIGNATURE] == "signed"
    assert json.loads(body)["alerts"][0]["labels"]["alertname"] == "SanagaBeat"


def test_a_step_that_fails_is_repeated_and_nothing_is_lost(engine, tmp_path, caplog):
    with running("mail_peer.py") as mail:
        policy = replace(
            subscribed(person()), mail=MailServer("127.0.0.1", "noc@example.cm", mail.port, "none")
        )
        broken = threading.Event()

        class Failing(Incidents):
            def count_open(self):
                broken.set()
                raise OSError("disk full")

        hour = SystemClock().instant().hour
        daily = AllClear(("awa",), time(hour), "UTC")
        audience = Audience(replace(policy, all_clear=daily), PLACES)
        worker = open_worker(engine, audience, Failing(), around(tmp_path), "noc-1")
        worker.start()
        try:
            write(engine, 1, "opened")
            worker.wake()
            assert broken.wait(60)
            assert mail.of("letter") == []
            worker.use(Audience(policy, PLACES))
            mail.wait("letter")
        finally:
            worker.stop()
    assert "it is repeated" in caplog.text


def test_authorities_that_cannot_be_read_are_named(engine, tmp_path):
    policy = NoticePolicy(authorities="none.pem")
    with pytest.raises(CredentialError, match="authorities cannot be read"):
        open_worker(engine, Audience(policy), Incidents(), around(tmp_path), "noc-1")


def test_a_secret_that_is_missing_is_told_and_tried_again(engine, tmp_path):
    hook = ContactPoint("hook", ChannelKind.WEBHOOK, "env:HOOK")
    audience = Audience(subscribed(person(contacts=[hook])), PLACES)
    worker = open_worker(engine, audience, Incidents(), around(tmp_path), "noc-1")
    write(engine, 1, "opened")
    now_s = SystemClock().instant().timestamp()
    worker.decide_once(now_s)
    assert worker.send_once("webhook", now_s)
    with reading(engine) as connection:
        row = connection.execute(select(deliveries)).one()
    assert row.state == "waiting"
    assert "env:HOOK" in row.last_error
