"""Lines of syslog: both forms are read, text is fit to be shown, and nothing else comes through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.polling.syslog import (
    LONGEST_LINE,
    LONGEST_TEXT,
    FrameReader,
    SyslogError,
    SyslogMessage,
    parse_message,
)

MODERN = (
    b"<165>1 2026-10-11T22:14:15.003Z mora-r1 bgpd 8710 ID47 "
    b'[sd@32473 a="x \\" \\]" b="1"][more] \xef\xbb\xbfneighbor 172.20.0.3 Down'
)


def test_a_line_of_rfc_5424_is_read():
    assert parse_message(MODERN) == SyslogMessage(
        20, 5, "mora-r1", "bgpd", "neighbor 172.20.0.3 Down", 1791756855.003
    )


def test_one_without_anything_is_read():
    assert parse_message(b"<0>1 - - - - - -") == SyslogMessage(0, 0, "", "", "")


@pytest.mark.parametrize(
    ("line", "host", "app", "text"),
    [
        (
            b"<13>Oct 11 22:14:15 mora-r1 zebra[23]: eth1 is down",
            "mora-r1",
            "zebra",
            "eth1 is down",
        ),
        (b"<13>Oct  1 22:14:15 mora-r1 link down", "mora-r1", "", "link down"),
        (
            b"<189>%LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
            "",
            "%LINK-3-UPDOWN",
            "Interface Gi0/1, changed state to down",
        ),
        (b"<13>", "", "", ""),
    ],
)
def test_lines_of_before_are_read(line, host, app, text):
    found = parse_message(line)
    assert (found.host, found.app, found.text, found.at_s) == (host, app, text, None)


@pytest.mark.parametrize(
    "line", [b"", b"hello", b"<192>x", b"<01>x", b"<-1>x", b"<9999>x", b"<a>x"]
)
def test_without_a_priority_it_is_no_line(line):
    with pytest.raises(SyslogError, match="priority"):
        parse_message(line)


def test_text_obeys_nobody_and_has_an_end():
    found = parse_message(b"<13>1 - mora\x1b[31m a\x07 - - - \x1b]0;rm\x07 \xff\n" + b"x" * 9000)
    shown = found.host + found.app + found.text
    assert shown.isprintable()
    assert len(found.text) <= LONGEST_TEXT


@given(st.binary(max_size=400))
def test_octets_of_chance_are_refused_or_printable(data):
    for candidate in (data, b"<13>" + data, b"<13>1 - - - - - " + data):
        try:
            found = parse_message(candidate)
        except SyslogError:
            continue
        assert (found.host + found.app + found.text).isprintable()


def test_a_hostile_structure_takes_no_time():
    assert parse_message(b"<13>1 - - - - - " + b'[a b="' + b'\\"' * 4000).severity == 5


FRAMES = [b"<13>one", b"<14>two lines\nin one", b"<15>three"]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_counted_frames_are_found_however_the_stream_is_cut(cuts):
    stream = b"".join(b"%d %s" % (len(frame), frame) for frame in FRAMES)
    assert fed(stream, cuts) == FRAMES


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_lines_are_found_however_the_stream_is_cut(cuts):
    lines = [b"<13>one", b"<14>two", b"<15>three"]
    assert fed(b"\r\n".join(lines) + b"\n", cuts) == lines


def fed(stream, cuts):
    found: list[bytes] = []
    reader, place = FrameReader(), 0
    for cut in (*cuts, len(stream)):
        found += reader.feed(stream[place : place + cut])
        place += cut
    return found


@pytest.mark.parametrize(
    "stream",
    [b"hello", b"0 x", b"99999 <13>", b"<13>" + b"x" * (LONGEST_LINE + 1), b"123456789", b"7x<13>"],
)
def test_a_stream_that_is_not_syslog_is_refused(stream):
    with pytest.raises(SyslogError):
        list(FrameReader().feed(stream))


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_a_stream_of_chance_never_holds_more_than_a_message(pieces):
    reader = FrameReader()
    try:
        for piece in pieces:
            list(reader.feed(piece))
    except SyslogError:
        return
    assert len(reader._held) <= LONGEST_LINE + 6
