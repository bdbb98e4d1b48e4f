"""Who is polled, with which secrets and interfaces."""

from dataclasses import replace

import pytest

from controller.snmp.targets import make_target, polled_devices
from inventory.errors import CredentialError
from inventory.model import Snmp, SnmpVersion
from tests.rigs.snmp.readings import intent

USER = Snmp(SnmpVersion.V3, 1161, "", "sanaga", "env:A", "env:P")


def polled(snmp):
    made = intent()
    device = replace(made.devices["kolofata-r1"], snmp=snmp)
    return replace(made, devices={**made.devices, "kolofata-r1": device}), device


def test_devices_with_snmp_are_polled():
    made, device = polled(USER)
    assert polled_devices(made) == (device,)


def test_a_target_has_its_secrets_and_the_interfaces_of_circuits():
    made, device = polled(USER)
    target = make_target(made, device, {"env:A": "auth-auth", "env:P": "priv-priv"}.__getitem__)
    assert (target.address, target.port, target.user) == ("198.18.0.17", 1161, "sanaga")
    assert (target.authentication, target.privacy, target.community) == (
        "auth-auth",
        "priv-priv",
        "",
    )
    assert target.interfaces == {"eth1", "eth2"}


def test_one_of_version_2c_has_a_community_alone():
    made, device = polled(Snmp(SnmpVersion.V2C, community="env:C"))
    target = make_target(made, device, {"env:C": "hush"}.__getitem__)
    assert (target.community, target.user, target.authentication) == ("hush", "", "")


def test_a_secret_that_is_not_there_is_told():
    made, device = polled(USER)

    def missing(reference):
        raise CredentialError(f"{reference} is not set")

    with pytest.raises(CredentialError):
        make_target(made, device, missing)


def test_a_passphrase_that_no_agent_takes_is_told_but_not_shown():
    made, device = polled(USER)
    with pytest.raises(CredentialError, match="kolofata-r1: the privacy passphrase") as told:
        make_target(made, device, {"env:A": "auth-auth", "env:P": "short"}.__getitem__)
    assert "short" not in str(told.value).replace("shorter", "")
