"""What a laboratory lacks is named at once, before anything is made."""

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from inventory.errors import LabError
from inventory.model import Management
from simulations.lab.prerequisites import require_prerequisites, unreachable
from simulations.netns import capabilities
from tests.factories import hierarchy

KEY = Path("/run/sanaga/lab/test/controller_key")
NAMESPACE = "sanaga-test-noc"


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be root on a machine with all packages, whose only user is root."""
    monkeypatch.setattr(capabilities, "require_root", lambda: None)
    monkeypatch.setattr(capabilities, "require_packages", lambda: None)
    monkeypatch.setattr(capabilities, "knows_user", lambda name: name == "root")


def managed(namespace=None, **changes):
    """Return an intent all of whose routers are managed alike."""
    intent = hierarchy(3, 1, 1)
    return replace(
        intent,
        network=replace(intent.network, management_namespace=namespace),
        devices={
            name: replace(d, management=Management(address=IPv4Address("198.18.0.1"), **changes))
            for name, d in intent.devices.items()
        },
    )


def test_user_key_and_namespace_are_named_at_once(machine):
    with pytest.raises(LabError) as refused:
        require_prerequisites(managed(), KEY, NAMESPACE)
    said = str(refused.value)
    assert "no user 'sanaga'" in said
    assert "write 'username: root' under management" in said
    assert f"'management_namespace: {NAMESPACE}' under network" in said
    assert f'credential: "file:{KEY}"' in said
    assert said.count("no user") == 1


def test_nothing_is_missing_where_all_is_written(machine):
    intent = managed(NAMESPACE, username="root", credential=f"file:{KEY}")
    require_prerequisites(intent, KEY, NAMESPACE)
    assert unreachable(intent, KEY, NAMESPACE) == ()


def test_laboratory_comes_up_without_what_only_plan_and_apply_need(machine):
    intent = managed(username="root")
    require_prerequisites(intent, KEY, NAMESPACE)
    assert len(unreachable(intent, KEY, NAMESPACE)) == 2


def test_root_and_packages_are_named_with_the_rest(machine, monkeypatch):
    def lacking():
        raise LabError("missing packages: frr; run 'make setup'")

    monkeypatch.setattr(capabilities, "require_packages", lacking)
    with pytest.raises(LabError, match=r"missing packages: frr(.|\n)*no user 'sanaga'"):
        require_prerequisites(managed(), KEY, NAMESPACE)
