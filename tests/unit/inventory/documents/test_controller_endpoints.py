"""Endpoints of a controller in the intent: taken as people write them, or refused with a hint."""

import pytest
from pydantic import TypeAdapter, ValidationError

from inventory.documents.fields import ControllerEndpoint

READ = TypeAdapter(ControllerEndpoint)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("noc.example.cm:8444", "noc.example.cm:8444"),
        ("NOC.example.cm:08444", "noc.example.cm:8444"),
        ("192.0.2.10:443", "192.0.2.10:443"),
        ("[2001:db8::7]:8444", "[2001:db8::7]:8444"),
    ],
)
def test_a_name_or_an_address_with_a_port_is_taken(written, read):
    assert READ.validate_python(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "noc.example.cm",
        "noc.example.cm:0",
        "noc.example.cm:65536",
        ":8444",
        "127.0.0.1:8444",
        "0.0.0.0:8444",
        "2001:db8::7:8444",
        "[noc.example.cm]:8444",
        "[fe80::1%eth0]:8444",
        "127.1:8444",
        "noc example:8444",
        "noc.example.cm:port",
        "$(reboot):8444",
        8444,
        None,
    ],
)
def test_whatever_else_is_refused(written):
    with pytest.raises(ValidationError):
        READ.validate_python(written)
