"""No file, however broken, ends an import otherwise than by a message to who gave it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.errors import IntentError
from inventory.exchange.formats import import_path
from inventory.exchange.report import to_yaml

CSV = "Name;Statut;Site;Rôle;Plateforme;Adresse IPv4\nMora R1;Actif;Mora;Router;FRR;198.18.0.1/24\n"
CABLES = 'ID,Label,Termination A,Termination B,Device A,Device B\n1,,"eth1,eth2",eth3,a,b\n'
SITES = "Name,Slug,Region,Latitude,Longitude\nMora,mora,CM-EN,11.0,14.1\n"
NORNIR = "r1: {hostname: 198.18.0.1, port: 22, groups: [g], data: {site: mora, at: 2024-01-31}}\n"
ANSIBLE = "all: {vars: {a: !vault b}, hosts: {'r[1:3]': {ansible_port: 22}}, children: {g: {}}}\n"
LISTING = '{"_meta": {"hostvars": {"r1": {"ansible_host": "198.18.0.1"}}}, "g": {"hosts": ["r1"]}}'
INI = "[g:children]\nh\n[h]\nr[1:3]:22 ansible_host='198.18.0.1' x=[1,2]\n[h:vars]\na=b\n"
ZOO = (
    '<graphml><key attr.name="label" id="d0"/><key attr.name="LinkSpeedRaw" id="d1"/><graph>'
    '<node id="0"><data key="d0">Mora</data></node><node id="1"/>'
    '<edge source="0" target="1"><data key="d1">1e9</data></edge></graph></graphml>'
)
OWN = (
    '<graphml><key attr.name="kind" id="k"/><key attr.name="circuit" id="c"/><graph>'
    '<node id="site:a"><data key="k">site</data></node><node id="r"><data key="k">device</data>'
    '</node><edge source="r" target="r"><data key="c">x</data></edge></graph></graphml>'
)
SEEDS = [
    ("a.csv", CSV),
    ("a.csv", CABLES),
    ("a.csv", SITES),
    ("hosts.yaml", NORNIR),
    ("a.yml", ANSIBLE),
    ("a.json", LISTING),
    ("a", INI),
    ("a.graphml", ZOO),
    ("a.graphml", OWN),
]
PIECES = st.one_of(
    st.sampled_from(
        [
            *":,;|[]{}<>\"'&*!#%@-\n\t\0",
            "\r\n",
            "&x ",
            "*x",
            "<<: ",
            "- ",
            "null",
            "~",
            "1e999",
            "-1",
        ]
    ),
    st.sampled_from(
        ["[" * 300, "{a: " * 300, "9" * 5_000, "\ud7ff", "\U0001f600", "0x", "[a:z]", "{{x}}"]
    ),
    st.text(max_size=4),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=4)


@pytest.mark.parametrize(("name", "seed"), SEEDS)
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edits=EDITS)
def test_a_broken_file_is_read_or_refused(tmp_path, name, seed, edits):
    text = seed
    for share, length, piece in edits:
        at = int(share * len(text))
        text = text[:at] + piece + text[at + length :]
    (tmp_path / name).write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        found = import_path(tmp_path / name)
    except IntentError as error:
        told = [*map(str, error.faults)]
    else:
        to_yaml(found.sections).encode()
        told = [*map(str, found.notices)]
    assert "".join(told).isprintable()
