"""What operators do to the packets of their subscribers, as rules."""

from simulations.netns.blueprint import Provider
from simulations.netns.nat import nat_rules

TWO = Provider("leo", "ns", subscribers=("c3", "c4"), uplinks=("c5",))


def test_subscribers_leave_towards_uplinks_under_the_operators_address():
    assert 'iifname { "c3", "c4" } oifname { "c5" } masquerade' in nat_rules(TWO)


def test_nobody_reaches_a_subscriber_who_did_not_speak_first():
    lines = [line.strip() for line in nat_rules(TWO).splitlines()]
    answer = lines.index('oifname { "c3", "c4" } ct state established,related accept')
    assert lines[answer + 1] == 'oifname { "c3", "c4" } drop'
