"""Which tests share a process when several run side by side (pytest --dist loadscope).

Beside that, PostgreSQL and an edge's installation for the tests that ask for them.
"""

import gc
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.rigs.database.postgresql import PostgresqlServer, running_postgresql
from tests.rigs.edge.edge_install import EdgeInstallation, install_edge
from tests.rigs.examples import examples

# How long an example takes says how busy the machine is. What hangs is ended by pytest, after
# faulthandler_timeout (pyproject.toml).
settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

# Files that count every packet of a call; each keeps a core busy, so they do not run side by side.
CALLS: Final = frozenset(
    {
        "test_edge_daemon",
        "test_edge_faults",
        "test_edge_floods",
        "test_failover_harness",
        "test_lab_edges_at_work",
        "test_random_faults",
    }
)
# A daemon that is short of time leaves a fault late, and a laboratory that comes up beside it takes
# its time. These measure how late, so they go first, beside a file that has no laboratory.
TIMED: Final = "test_failover_harness"
# Files that take longest begin first, so that all processes end at about the same time; beside the
# timed ones those without a laboratory.
LONGEST: Final = (
    TIMED,
    *sorted(CALLS - {TIMED}),
    "test_cli_served_access",
    "test_cli_change",
    "test_cli_usage",
    "test_demo",
    "test_frr_driver",
    "test_linux_driver",
    "test_lab",
    "test_people_gateway",
    "test_edge_rotation",
    "test_apply_in_the_laboratory",
    "test_edge_preshared",
    "test_recipes_in_the_laboratory",
    "test_frr_grammar",
    "test_edge_reports",
    "test_frr_packet_filter",
    "test_dataplane",
    "test_walls",
    "test_recipes",
    "test_two_services",
    "test_noc_pages",
    "test_administration_pages",
    "test_change_pages",
    "test_cli_served_change",
    "test_cli_edge",
    "test_cli_vpn_people",
    "test_cli_serve",
    "test_telemetry_series",
    "test_cli_seal",
    "test_cli_vpn_lists",
    "test_rights_matrix",
    "test_former_files",
    "test_month_away",
    "test_database_gone",
    "test_apply_killed",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the files that take longest first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_collection_finish() -> None:
    """Keep seven thousand tests and all modules out of the way of the garbage collector."""
    gc.collect()
    gc.freeze()


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps the tests of a file together, which share its laboratory, and all that count calls."""

    def _split_scope(self, nodeid: str) -> str:
        name = PurePath(nodeid.split("::", maxsplit=1)[0]).stem
        return "calls" if name in CALLS else name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together | None:
    """Return who gives tests to processes, where they are to be kept together."""
    return Together(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Give a server of PostgreSQL for all tests of this process that ask for one."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def postgresql_address(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Give the address of an empty database of PostgreSQL."""
    with postgresql_server.database() as address:
        yield address


@pytest.fixture(scope="session")
def installed_edge(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> EdgeInstallation:
    """Give an installation of an edge, which all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return install_edge(own if worker_id == "master" else own.parent)
