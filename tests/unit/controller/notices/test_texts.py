"""What people read: both languages, their zone, and what was left out."""

from collections import Counter

import pytest

from controller.channels.gsm7 import GSM7, sms_parts
from controller.channels.message import MessageKind, OutboxEntry
from controller.notices.model import Language
from controller.notices.texts import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    Report,
    local_time,
    write_message,
)
from controller.notices.words import CATALOGUE
from tests.rigs.notices.notice_rig import MAIL, NOW_S, payload, person


def written(kind=MessageKind.OPENED, language=Language.ENGLISH, zone="Africa/Douala", **more):
    entry = OutboxEntry(1, 12, str(kind), "12:1", NOW_S, payload(12, **more))
    return write_message(Report(kind, "7.1", (entry,)), person(language=language, zone=zone), MAIL)


def test_both_languages_say_the_same_things():
    english, french = CATALOGUE[Language.ENGLISH], CATALOGUE[Language.FRENCH]
    assert english.keys() == french.keys()
    for key, text in english.items():
        named = [word for word in ("{number}", "{opened}", "{ended}", "{person}") if word in text]
        assert all(word in french[key] for word in named), key


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [MessageKind.OPENED, MessageKind.ENDED, MessageKind.ESCALATED])
def test_every_kind_is_written_in_both_languages(language, kind):
    message = written(kind, language, ended_s=NOW_S)
    assert CATALOGUE[language][kind] in message.subject
    assert CATALOGUE[language]["warning"] in message.subject
    assert "mora, kolofata" in message.text
    assert "34,000" in message.text


def test_an_sms_in_french_needs_no_other_alphabet():
    message = written(language=Language.FRENCH)
    assert sms_parts(message.short, 1).coding == GSM7
    assert "09:00 UTC+1" in message.short


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Africa/Douala", "2026-03-02 09:00 (Africa/Douala, UTC+1)"),
        ("America/New_York", "2026-03-02 03:00 (America/New_York, UTC-5)"),
        ("Asia/Kolkata", "2026-03-02 13:30 (Asia/Kolkata, UTC+5:30)"),
    ],
)
def test_times_are_those_of_the_reader_and_name_their_zone(zone, shown):
    assert local_time(NOW_S, zone, Language.ENGLISH) == shown
    assert shown in written(zone=zone).text


def test_long_texts_are_cut_and_say_how_much_was_left_out():
    message = written(title="t" * 5000, sentence="s" * 5000, sites=[f"s{n}" for n in range(400)])
    assert len(message.subject) <= LONGEST_SUBJECT
    assert "characters left out]" in message.subject
    assert len(message.text) <= LONGEST_TEXT
    assert "and 380 more" in message.text
    assert len(sms_parts(message.short, 1).parts) <= 2
    assert "characters)" in message.short


def test_a_digest_counts_and_names_the_first():
    entries = tuple(OutboxEntry(n, n, "opened", str(n), NOW_S, payload(n)) for n in range(1, 101))
    report = Report(MessageKind.DIGEST, "7.1", entries, 300, Counter(warning=390, info=10))
    message = write_message(report, person(), MAIL)
    assert message.subject == "Digest: 400 incidents began or changed, 0 ended"
    assert "WARNING: 390" in message.text
    assert "and 350 more" in message.text


def test_a_test_says_that_it_is_one():
    message = write_message(Report(MessageKind.TEST, "t.1"), person(), MAIL)
    assert message.subject.startswith("TEST")
    assert message.short.startswith("TEST")


def test_a_payload_with_nothing_in_it_can_still_be_told():
    entry = OutboxEntry(1, 12, "opened", "12:1", NOW_S, {})
    message = write_message(Report(MessageKind.OPENED, "7.1", (entry,)), person(), MAIL)
    assert message.subject == "[WARNING] New: 12:1"
