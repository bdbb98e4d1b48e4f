"""Made-up requests over the whole API, from its OpenAPI document: none is answered with 5xx."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok

from controller.roles import Role
from tests.rigs.service.api_bench import ORIGIN, api_bench
from tests.rigs.service.matrix import HERE, World

# One never ends, and the other would end the session with which all others are asked.
APART = {"/api/v1/stream", "/api/v1/sign-out"}


@pytest.fixture(scope="module")
def world():
    with api_bench({}) as bench:
        made = World(bench)
        made.enter("chief", (Role.ADMINISTRATOR, ""))
        made.enter("subject", (Role.VIEWER, HERE))
        made.cut()
        yield made


def failures(world, examples, paths=()):
    """Return which operations failed, of some paths or of all, with the request that shows it."""
    server = f"http://127.0.0.1:{world.bench.client.port}"
    schema = schemathesis.openapi.from_url(f"{server}/api/v1/openapi.json")
    cookies = world.people["chief"].browser.headers()
    found, asked = [], 0
    for one in schema.get_all_operations():
        assert isinstance(one, Ok), one
        operation = one.ok()
        if operation.path in APART or (paths and operation.path not in paths):
            continue
        asked += 1

        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case):
            answer = case.call(headers={**cookies, "Origin": ORIGIN})
            assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"

        try:
            ask()
        except AssertionError as error:
            found.append(f"{operation.method} {operation.path}: {error}")
    assert asked > 40 or paths
    return found


def test_no_made_up_request_is_a_fault_of_ours(world):
    assert failures(world, 2) == []
    signed_in = world.people["chief"].browser.send("GET", "/account")
    assert signed_in.status_code == 200, "the requests after this were not judged"


@pytest.mark.long
def test_no_request_of_many_is_a_fault_of_ours(world):
    assert failures(world, 200) == []


def test_a_fault_of_ours_would_be_found(world, monkeypatch):
    def broken(*_):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("controller.account_routes.accounts.list_accounts", broken)
    (found,) = failures(world, 1, ["/api/v1/accounts"])
    assert found.startswith("get /api/v1/accounts: ")
