"""Expectation sentences are read as an engineer writes them, and errors teach the forms."""

import pytest

from inventory.documents.messages import Misread
from inventory.model import Level, Segment
from policies.sentences import (
    FORMS,
    ReachesCentral,
    SegmentNeverReaches,
    SegmentReaches,
    Sentence,
    SentenceFailure,
    ServiceMeetsSlo,
    ServiceReachable,
    Thing,
    TwoWaysOut,
    parse_sentence,
    render_sentence,
)

FIBRE = SentenceFailure(Thing.CIRCUIT, "mora-fibre")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("from mora, records at yaounde reachable", ServiceReachable("mora", "records", "yaounde")),
        ("from mora records reachable", ServiceReachable("mora", "records")),
        ("From mora, records is  still REACHABLE.", ServiceReachable("mora", "records")),
        (
            "records at yaounde from mora meets its slo",
            ServiceMeetsSlo("mora", "records", "yaounde"),
        ),
        (
            "if circuit mora-fibre fails, consultation-video from mora still meets its SLO",
            ServiceMeetsSlo("mora", "consultation-video", None, (FIBRE,)),
        ),
        (
            "IF circuits mora-fibre, b and c and device r1 FAIL, portal from mora at d reachable",
            ServiceReachable(
                "mora",
                "portal",
                "d",
                (
                    FIBRE,
                    SentenceFailure(Thing.CIRCUIT, "b"),
                    SentenceFailure(Thing.CIRCUIT, "c"),
                    SentenceFailure(Thing.DEVICE, "r1"),
                ),
            ),
        ),
        (
            "if device r1 and circuit mora-fibre and device r1 fail, from a, b reachable",
            ServiceReachable("a", "b", None, (FIBRE, SentenceFailure(Thing.DEVICE, "r1"))),
        ),
        (
            "if site maroua fails, every arrondissement site still reaches central",
            ReachesCentral(Level.ARRONDISSEMENT, (SentenceFailure(Thing.SITE, "maroua"),)),
        ),
        ("every departmental site has two ways out", TwoWaysOut(Level.DEPARTMENTAL)),
        ("every site reaches the centre", ReachesCentral(None)),
        (
            "patients never reach management",
            SegmentNeverReaches(Segment.PATIENTS, Segment.MANAGEMENT),
        ),
        ("Clinical reaches records", SegmentReaches(Segment.CLINICAL, "records")),
        ("devices reach Clinical", SegmentReaches(Segment.DEVICES, Segment.CLINICAL)),
    ],
)
def test_sentence_is_read_in_any_case_and_order(text: str, sentence: Sentence):
    assert parse_sentence(text) == sentence


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (ServiceReachable("mora", "records"), "from mora, records reachable"),
        (
            ServiceMeetsSlo("mora", "records", "yaounde", (FIBRE,)),
            "if circuit mora-fibre fails, records from mora at yaounde still meets its SLO",
        ),
        (
            ServiceReachable(
                "m",
                "s",
                None,
                (SentenceFailure(Thing.DEVICE, "r"), FIBRE, SentenceFailure(Thing.CIRCUIT, "b")),
            ),
            "if circuits mora-fibre and b and device r fail, s from m still reachable",
        ),
        (TwoWaysOut(None), "every site has two ways out"),
        (
            ReachesCentral(Level.REGIONAL, (FIBRE,)),
            "if circuit mora-fibre fails, every regional site still reaches central",
        ),
        (SegmentReaches(Segment.CLINICAL, "records"), "clinical reaches records"),
        (
            SegmentNeverReaches(Segment.PATIENTS, Segment.MANAGEMENT),
            "patients never reach management",
        ),
    ],
)
def test_sentence_is_written_in_one_way(sentence: Sentence, text: str):
    assert render_sentence(sentence) == text


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (" . ", "the expectation is empty", FORMS[0]),
        ("from mora to yaounde quickly", "cannot read 'from mora to yaounde quickly'", FORMS[1]),
        ("make it so", "cannot read 'make it so'", FORMS[-1]),
        ("x" * 200, "cannot read '" + "x" * 37 + "...'", FORMS[0]),
        (
            "if mora-fibre fails, records from mora reachable",
            "'mora-fibre' fails, but what is it?",
            'write "if circuit mora-fibre fails"',
        ),
        (
            "if circuit fails, records from mora reachable",
            "no circuit is named that fails",
            'write "circuit NAME fails"',
        ),
        (
            "if circuit a and device fail, records from mora reachable",
            "no device is named that fails",
            'write "device NAME fails"',
        ),
        (
            "every department site has two ways out",
            "unknown level 'department'",
            "did you mean 'departmental'?",
        ),
        ("patient never reach records", "unknown segment 'patient'", "did you mean 'patients'?"),
        (
            "if site mora fails, patients never reach records",
            "what segments may reach does not depend on failures",
            'write "patients never reach records" alone',
        ),
    ],
)
def test_misread_text_says_what_to_write(text: str, what: str, hint: str):
    misread = parse_sentence(text)
    assert isinstance(misread, Misread)
    assert misread.what == what
    assert hint in misread.hint


def test_hint_for_a_sentence_that_begins_well_shows_only_its_forms():
    misread = parse_sentence("every regional site is fine")
    assert isinstance(misread, Misread)
    assert misread.hint == f'write "{FORMS[4]}" | "{FORMS[5]}"'


def test_every_form_shown_can_be_read():
    for form in FORMS:
        text = form.replace("LEVEL", "regional").replace("SEGMENT or SERVICE", "management")
        assert not isinstance(parse_sentence(text.replace("SEGMENT", "patients")), Misread), form
