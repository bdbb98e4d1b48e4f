"""Every operation of the OpenAPI document, asked by every role within every scope."""

import http.client
import json
import re
from contextlib import closing

import pytest

from controller.account_routes.caller import AnyCaller
from controller.api.rights import NEEDS, Access, needs
from controller.drivers.memory import MemoryNetwork
from controller.roles import Right, Role
from tests.rigs.service.api_bench import api_bench
from tests.rigs.service.matrix import (
    ELSEWHERE,
    ENGINEER,
    HERE,
    NORTH,
    World,
    a_consultation,
    a_window,
    an_apply,
    proposed,
)
from tests.rigs.service.matrix_requests import REQUESTS

# Whoever comes may ask these; anything else needs somebody who is signed in.
FOR_ANYBODY = {
    "POST /sign-in",
    "POST /sign-in/factor",
    "POST /set-up",
    "POST /set-up/factor",
}
REFUSED = {403, 404, 422}
# Events are numbered over the whole network.
NEWEST = re.compile(r"^sanaga_events .*$", re.MULTILINE)
MOMENTS = re.compile(r'"(?:at|seen_at|used_at|position)": "[^"]*"')


@pytest.fixture(scope="module", autouse=True)
def routers():
    """Let the devices that are planned for live in memory."""
    network = MemoryNetwork()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANAGA_PACE", "0.1")
        for module in ("controller.drivers.connect", "controller.planning.from_folder"):
            patch.setattr(f"{module}.connector", lambda *_, **__: network.connect)
        yield network


@pytest.fixture(scope="module")
def world(routers):
    with api_bench({}) as bench:
        made = World(bench)
        made.enter("chief", (Role.ADMINISTRATOR, ""))
        made.enter("deputy", (Role.ADMINISTRATOR, ""))
        made.enter("subject", (Role.VIEWER, HERE))
        for role in Role:
            name = role.replace("_", "-")
            made.enter(f"{name}-north", (role, NORTH))
            made.enter(f"{name}-elsewhere", (role, ELSEWHERE))
            # Sees everything here, and may do what the role may in another place.
            made.enter(f"{name}-onlooker", (role, ELSEWHERE), (Role.VIEWER, NORTH))
        made.program("program", "chief", Right.SEE_AUDIT)
        yield made


@pytest.fixture(scope="module")
def cut(world):
    world.cut()
    return world


def operations(world):
    """Return what each operation states that it needs, by its method and path."""
    text = world.bench.client.request("GET", "/api/v1/openapi.json").text
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": operation.get(NEEDS)
        for path, methods in json.loads(text)["paths"].items()
        for method, operation in methods.items()
    }


def status_of(world, person, operation, asked):
    """Return the status of a request that would succeed for whoever may."""
    method, path = operation.split()
    address = asked.address(path, world)
    if path == "/stream":
        headers = {**person.browser.headers(), **person.headers}
        with closing(http.client.HTTPConnection("127.0.0.1", world.bench.client.port)) as opened:
            opened.request("GET", f"/api/v1{path}", headers=headers)
            return opened.getresponse().status
    body = asked.content(world, person)
    answer = person.browser.send(method, address, body, **person.headers)
    if answer.status_code == 202 and "id" in answer.json():
        # What it tells the stream is told before anybody looks at that.
        assert world.bench.changes.operations.wait(answer.json()["id"], 60)
        world.bench.client.call(lambda: None)
    return answer.status_code


def needed(stated, asked):
    """Return the rights that a request needs: what the route states, and what it does."""
    rights = {None if stated in set(Access) else Right(stated), asked.right}
    return rights - {None} or {None}


def test_every_operation_states_what_it_needs_and_has_a_line_in_the_matrix(world):
    stated = operations(world)
    assert {one for one, what in stated.items() if what not in {*Right, *Access}} == set()
    assert {one for one, what in stated.items() if what == Access.ANYBODY} == FOR_ANYBODY
    assert set(stated) == set(REQUESTS) | FOR_ANYBODY


def unstated(_caller: AnyCaller) -> None:
    """Answer whoever is signed in."""


def test_a_route_that_states_nothing_is_seen_and_refuses_everybody(world):
    application = world.bench.application
    chief = world.people["chief"].browser
    for stated, status in ((None, 403), (needs(Access.SIGNED_IN), 200)):
        application.add_api_route("/api/v1/unstated", unstated, openapi_extra=stated)
        application.openapi_schema = None
        try:
            assert operations(world)["GET /unstated"] == (stated or {}).get(NEEDS)
            assert chief.send("GET", "/unstated").status_code == status
        finally:
            application.router.routes.pop()
            application.openapi_schema = None


def test_nobody_gets_anything_without_signing_in(cut):
    for operation, asked in REQUESTS.items():
        method, path = operation.split()
        answer = cut.bench.client.request(method, f"/api/v1{asked.address(path, cut)}")
        assert answer.status_code == 401, operation


def test_every_role_in_every_scope_gets_what_it_may_and_nothing_else(cut):
    wrong = []
    for operation, stated in operations(cut).items():
        asked = REQUESTS.get(operation)
        if asked is None or asked.strangers_alone:
            continue
        for person in cut.people.values():
            # Onlookers of the other roles may do the same elsewhere, and see more.
            elsewhere = person.name.endswith("-elsewhere") and "admin" not in person.name
            if elsewhere or person.name in {"subject", "deputy", "chief"}:
                continue
            allowed = all(person.covers(one, asked.place) for one in needed(stated, asked))
            allowed &= not (asked.persons_alone and person.name == "program")
            status = status_of(cut, person, operation, asked)
            if allowed != (status < 300) or (not allowed and status not in REFUSED):
                wrong.append((operation, person.name, "allowed" if allowed else "not", status))
    assert wrong == []


def test_what_is_outside_of_a_scope_is_answered_as_if_it_were_not_there(cut):
    people = [one for name, one in cut.people.items() if name.endswith("-elsewhere")]
    for operation, asked in REQUESTS.items():
        method, path = operation.split()
        if method != "GET" or not asked.values or asked.place is None:
            continue
        ((name, _),) = asked.values.items()
        absent = path.replace(f"{{{name}}}", "987654321") + asked.query
        there = asked.address(path, cut)
        for person in people:
            found, missing = (person.browser.send("GET", one) for one in (there, absent))
            assert found.status_code == missing.status_code != 200, (operation, person.name)
            value = there.removeprefix(path.partition("{")[0]).split("/")[0].split("?")[0]
            assert found.text.replace(value, "987654321") == missing.text, operation


def seen(world, person):
    """Return all that somebody can read, but for the time of day."""
    found = {}
    for operation, asked in REQUESTS.items():
        method, path = operation.split()
        if method == "GET" and not asked.values and path != "/stream":
            answer = person.browser.send("GET", path, **person.headers)
            shown = json.dumps(answer.json()) if answer.text else ""
            found[path] = MOMENTS.sub("", shown)
    told = world.bench.client.request(
        "GET", "/metrics", headers={**person.browser.headers(), **person.headers}
    )
    found["/metrics"] = NEWEST.sub("", told.text)
    return found


def test_what_happens_outside_of_a_scope_changes_nothing_that_is_seen_within_it():
    with api_bench({}) as bench:
        world = World(bench)
        chief = world.enter("chief", (Role.ADMINISTRATOR, ""))
        world.enter("deputy", (Role.ADMINISTRATOR, ""))
        readers = [world.enter(f"r{number}", (role, ELSEWHERE)) for number, role in enumerate(Role)]
        before = {one.name: seen(world, one) for one in (*readers, chief)}
        world.cut()
        world.enter("subject", (Role.VIEWER, HERE))
        a_window(world)
        a_consultation(world)
        proposed(world)
        world.enter(ENGINEER, (Role.NETWORK_ENGINEER, NORTH))
        an_apply(world)
        for reader in readers:
            assert seen(world, reader) == before[reader.name], reader.by.grants
        after = seen(world, chief)
        differs = {path for path in after if after[path] != before["chief"][path]}
    control = {"/summary", "/sites", "/circuits", "/incidents", "/maintenance", "/consultations"}
    control |= {"/plans", "/applies", "/operations"}
    assert control | {"/accounts", "/proposals", "/announcements", "/metrics"} <= differs
