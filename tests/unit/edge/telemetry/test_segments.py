"""What an edge reports of its packet filter, from what its chains have counted."""

from edge.cli import tables
from edge.telemetry.segments import is_unfiltered, segment_report
from inventory.model import Segment
from tests.rigs.edge.edge_policies import edge_policy
from tests.rigs.edge.segments import packet_filter

COUNTED = {
    "segment_from_patients": 7,
    "segment_ask_patients": 2,
    "segment_to_lans": 3,
    "distrust4": 4,
    "distrust6": 1,
    "surplus": 5,
}


def test_each_lan_has_what_it_reaches_and_what_was_dropped():
    report = segment_report(edge_policy(packet_filter=packet_filter()), COUNTED)
    lans = {lan["segment"]: lan for lan in report["lans"]}
    assert set(lans) == {segment.value for segment in Segment}
    assert (lans["patients"]["dropped"], lans["patients"]["dropped_to_device"]) == (7, 2)
    assert "hosts in clinical" in lans["clinical"]["reaches"]
    assert "10.0.3.20 on tcp/1060 udp/1061-1063" in lans["patients"]["reaches"]
    assert not any(words.startswith("hosts") for words in lans["patients"]["reaches"])
    assert report["dropped"]["from elsewhere, to the LANs"] == 3
    assert report["marks"] == {"untrusted": 5, "surplus": 5}


def test_the_table_says_each_segment_once_and_names_what_it_reaches(capsys):
    report = segment_report(edge_policy(packet_filter=packet_filter()), COUNTED)
    tables.show_segments(report)
    shown = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("patients") for line in shown) == 1
    assert "dropped from networks of others: 0 packets" in shown
    assert "marks of consultations not trusted: 5 packets" in shown


def test_without_a_filter_the_report_says_so(capsys):
    policy = edge_policy()
    assert is_unfiltered(policy)
    tables.show_segments(segment_report(policy, {}))
    shown = capsys.readouterr()
    assert "nothing is filtered between the segments of this site" in shown.err
    assert not shown.out
    assert not is_unfiltered(edge_policy(packet_filter=packet_filter()))
    assert not is_unfiltered(edge_policy(lans=()))
