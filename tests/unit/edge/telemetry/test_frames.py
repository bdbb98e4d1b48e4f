"""The size of telemetry frames, their dictionaries, and what they refuse."""

from dataclasses import replace
from hashlib import sha256
from statistics import mean

import pytest

from edge.telemetry import frames
from edge.telemetry.dictionary import DICTIONARIES
from edge.telemetry.frames import FrameError
from edge.telemetry.model import Change, ChangeKind
from edge.telemetry.varints import LONGEST_TEXT
from tests.rigs.edge.telemetry_messages import idle_minute

FIRST_DICTIONARY = "4b99feaa0a9d98867d2da5c776860047eb0a4339a089a5c0f05eb9db95c74723"


def test_an_idle_minute_of_three_paths_takes_less_than_200_octets():
    minutes = [idle_minute(sequence=10_000 + number, seed=number) for number in range(40)]
    assert mean(len(frames.encode(minute)) for minute in minutes) < 200


def test_the_dictionary_is_what_makes_a_minute_that_small(monkeypatch):
    monkeypatch.setattr(frames, "DICTIONARIES", {1: b""})
    assert len(frames.encode(idle_minute(sequence=10_000))) > 300


def test_a_dictionary_never_changes():
    assert sha256(DICTIONARIES[1]).hexdigest() == FIRST_DICTIONARY


def test_a_minute_is_read_as_it_was_written():
    minute = idle_minute(sequence=7)
    assert frames.decode(frames.encode(minute)) == minute


def test_text_of_devices_arrives_printable_and_cut():
    sentence = "\x1b[31mloss\n" + "é" * LONGEST_TEXT
    told = Change(ChangeKind.FAULT, 1.0, reason=sentence)
    found = frames.decode(frames.encode(replace(idle_minute(), changes=(told,))))
    (change,) = found.changes
    assert change.reason.startswith("[31mloss")
    assert change.reason.isprintable()
    assert len(change.reason.encode()) <= LONGEST_TEXT


def test_a_message_larger_than_a_frame_is_refused():
    minute = idle_minute()
    large = replace(minute, summaries=minute.summaries * 6000)
    with pytest.raises(FrameError, match="split the message"):
        frames.encode(large)


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (b"", "0 octets are no frame"),
        (b"\x21\x00\x03\x00", "format 2"),
        (b"\x11\x02\x03\x00", "flags 2"),
        (b"\x1f\x00\x03\x00", "dictionary 15"),
        (b"\x11\x00\xff\xff", "not a deflate stream"),
        (b"\x11\x00" + bytes(300_000), "no frame"),
    ],
)
def test_what_is_no_frame_is_refused_in_words(frame, what):
    with pytest.raises(FrameError, match=what):
        frames.decode(frame)
