"""What 'sanaga edge status' says of reporting."""

from edge.cli.tables import _reporting

AWAY = {
    "controllers": ["noc.example.cm:8444", "192.0.2.10:8444"],
    "controller": None,
    "connected_since": None,
    "acknowledged": 0,
    "acknowledged_at": None,
    "spooled": 12,
    "spooled_octets": 2_300,
    "oldest": 4,
    "given_up": 0,
    "trouble": "192.0.2.10:8444: Connection refused",
}


def test_an_edge_that_is_cut_off_says_why_and_what_waits():
    assert _reporting(AWAY) == (
        "reports to noc.example.cm:8444 or 192.0.2.10:8444, which does not answer now "
        "(192.0.2.10:8444: Connection refused); 12 reports wait (2.3kB), the oldest is number 4"
    )


def test_an_edge_that_is_heard_says_since_when_and_what_arrived():
    heard = {
        **AWAY,
        "controller": "192.0.2.10:8444",
        "connected_since": "2026-11-30T08:00:00.000Z",
        "acknowledged": 15,
        "acknowledged_at": "2026-11-30T08:10:00.000Z",
        "spooled": 0,
        "given_up": 3,
    }
    assert _reporting(heard) == (
        "reports to 192.0.2.10:8444 since 2026-11-30T08:00:00.000Z; number 15 arrived at "
        "2026-11-30T08:10:00.000Z; 3 were given up for want of room"
    )
