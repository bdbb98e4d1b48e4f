"""What the program that a door runs as root takes for the packet filter, and nothing else."""

import json
import subprocess
import sys
from ipaddress import ip_address

import pytest

from controller.drivers import frr_filter
from controller.drivers.frr_filter import FilterError, refuse_others, whole_lines
from controller.intended.routers import intended_routers
from controller.intended.segments import segment_openings
from inventory.model import Ports
from policies.clinical import read_catalogue
from policies.packet_filter.chains import filter_chains
from tests.factories import hierarchy
from vpn.model import ServiceHost

BASE = """table inet sanaga_segments {
\tchain segment_input {
\t\ttype filter hook input priority -5; policy accept;
\t\tiifname "lo" accept
\t\tip saddr != { 172.20.0.3, 172.20.0.9 } tcp dport { 179 } counter drop
\t\tip6 saddr fd5a:6e61:6700::/40 ip6 saddr & 0:0:0:f:: == :: counter drop
\t}
}
"""
RULE = '\t\tiifname "lo" accept'


def test_every_table_that_the_controller_renders_is_taken():
    intent = hierarchy()
    host = ServiceHost("records", "yaounde", (ip_address("10.0.3.140"),), (Ports("udp", 1, 9),))
    opened = segment_openings(read_catalogue(), (host,), intent.network.plan)
    for router in intended_routers(intent, (), opened).values():
        assert router.packet_filter
        lines = filter_chains(router.packet_filter)
        refuse_others("table inet sanaga_segments {\n" + "".join(f"{x}\n" for x in lines) + "}\n")


@pytest.mark.parametrize(
    "rule",
    [
        'include "/etc/shadow"',
        "accept; drop",
        "accept } chain other {",
        "} } table ip nat { chain x {",
        "{ accept",
        "meta mark set 1 accept",
        "log accept",
        "queue num 0",
        'iifname "lo" ct helper set "ftp"',
        "tcp dport 80 redirect to 8080",
        "define x = 1",
        "jump other_chain",
        "accept # hidden",
        "accept \\",
        "add 1",
        'iifname "a" b" accept',
        "accept\r",
        "accept\x00",
        "tcp dport $ports accept",
        "ip saddr @people accept",
    ],
)
def test_a_line_that_is_no_rule_of_this_table_is_refused_and_named(rule):
    with pytest.raises(FilterError, match="line 4 "):
        refuse_others(BASE.replace(RULE, f"\t\t{rule}"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flush ruleset\n",
        f"flush ruleset\n{BASE}",
        f"{BASE}flush ruleset\n",
        f"{BASE}{BASE}",
        BASE.replace("inet sanaga_segments", "ip sanaga_segments"),
        BASE.replace("sanaga_segments", "sanaga"),
        BASE.replace("\t}\n}", "}"),
        BASE.replace("chain segment_input", "chain input"),
        BASE.replace("hook input", "hook ingress"),
        BASE.replace("priority -5", "priority -500"),
        BASE.replace("\tchain", "\tset x { type ipv4_addr; }\n\tchain"),
        BASE[:-1],
    ],
)
def test_a_text_that_is_not_this_table_alone_is_refused(text):
    refuse_others(BASE)
    with pytest.raises(FilterError):
        refuse_others(text)


def test_a_listing_of_nft_gets_one_line_a_rule():
    listing = (
        "table inet sanaga_segments {\n\tchain segment_a {\n\t\tip daddr { 10.0.0.1,\n"
        "\t\t\t     10.0.0.2 } accept\n\t}\n\n\tchain segment_b {\n\t\tdrop\n\t}\n}\n"
    )
    text = "".join(f"{line}\n" for line in whole_lines(listing))
    assert "\t\tip daddr { 10.0.0.1, 10.0.0.2 } accept\n" in text
    assert text.count("\n") == 8
    refuse_others(text)


@pytest.mark.parametrize("words", [(), ("flush",), ("load", "more"), ("-f", "/etc/shadow")])
def test_it_knows_no_other_request(words):
    command = [sys.executable, "-IS", frr_filter.__file__, *words]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there are: load, check, list, delete" in json.loads(done.stdout)["message"]


def test_a_text_beyond_all_measure_is_refused():
    given = "x" * (frr_filter.LARGEST_TABLE + 1)
    command = [sys.executable, "-IS", frr_filter.__file__, "check"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert "may have" in json.loads(done.stdout)["message"]
