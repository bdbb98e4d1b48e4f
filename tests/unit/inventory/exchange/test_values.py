from inventory.exchange.values import NETMIKO_TYPE, NETWORK_OS
from inventory.model import Platform

# Ansible reaches these over plain SSH and asks for no network_os.
WITHOUT_NETWORK_OS = {Platform.LINUX}


def test_every_platform_has_its_names_in_other_tools():
    assert set(NETMIKO_TYPE) == set(Platform)
    assert set(NETWORK_OS) == set(Platform) - WITHOUT_NETWORK_OS
