"""The service as a process, and the verbs that ask it over its local socket."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from time import time
from typing import Any

import pytest

from accounts.factors.totp import STEP_S, code_at
from inventory.country.examples import write_example
from tests.rigs.waiting import eventually

WITHIN_S = 90


@dataclass
class Service:
    """A service that runs: its process, its state folder, its network, and what it said."""

    process: "subprocess.Popen[bytes]"
    state: Path
    network: Path
    log: Path

    @property
    def port(self) -> int:
        found = re.search(r"port (\d+)", self.log.read_text())
        assert found
        return int(found[1])


def environment(state):
    return {**os.environ, "SANAGA_STATE_DIR": str(state)}  # noqa: TID251


def sanaga(service, *words, **variables):
    argv = [sys.executable, "-m", "controller.start", *words]
    environ = {**environment(service.state), **variables}
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


def answered(service, *words) -> Any:
    done = sanaga(service, *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def serving(network, state, log):
    argv = [sys.executable, "-m", "controller.start", "serve", str(network)]
    # Another port for edges than the usual one: other tests run beside this one.
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [*argv, "--listen", "127.0.0.1:0", "--edges", "0"],
            env=environment(state),
            stdout=opened,
            stderr=opened,
        )
    try:
        eventually(
            lambda: "serving" in log.read_text() or process.poll() is not None, WITHIN_S, "serving"
        )
        assert process.poll() is None, log.read_text()
        yield Service(process, state, network, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    network = folder / "net"
    write_example(network, "northern-spur")
    document = network / "network.yaml"
    lines = document.read_text().splitlines(keepends=True)
    # Without the laboratory there is no such namespace.
    document.write_text("".join(one for one in lines if "management_namespace" not in one))
    # Whether a laboratory runs on this machine, whose secrets are there, is no matter here.
    devices = network / "devices.yaml"
    devices.write_text(devices.read_text().replace("/run/sanaga/lab", str(folder / "none")))
    with serving(network, folder / "state", folder / "log") as made:
        yield made


def test_it_says_where_it_serves_and_which_devices_it_cannot_poll(service):
    said = service.log.read_text()
    assert re.search(r"^serving northern-spur on 127\.0\.0\.1 port \d+$", said, re.MULTILINE)
    assert "not polled: 12 devices: " in said


def test_a_well_network_has_no_incident(service):
    assert answered(service, "noc", "incidents") == []
    done = sanaga(service, "noc", "incidents")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no incident is open\n")


def test_a_window_is_announced_listed_and_removed(service):
    window = ["--day", "2026-12-01", "--from", "22:00", "--until", "02:00", "--reason", "splice"]
    added = sanaga(
        service, "noc", "maintenance", "add", "w 1", "--circuit", "mora-kolofata-fibre", *window
    )
    assert (added.returncode, added.stderr) == (0, "window w 1 is announced\n")
    (listed,) = answered(service, "noc", "maintenance", "list")
    assert (listed["name"], listed["begins"], listed["reason"]) == ("w 1", "22:00", "splice")
    removed = sanaga(service, "noc", "maintenance", "remove", "w 1")
    assert (removed.returncode, removed.stderr) == (0, "window w 1 is removed\n")
    assert answered(service, "noc", "maintenance", "list") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["noc", "incidents", "77"], "no incident '77' here; GET the list to see which there are"),
        (["noc", "ack", "77"], "no incident '77' here"),
        (["noc", "maintenance", "remove", "none"], "no maintenance window 'none' here"),
        (
            ["noc", "maintenance", "remove", "a/b"],
            "write letters, digits, spaces, '.', '_' and '-'",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_is_an_error_that_says_so(service, words, said):
    done = sanaga(service, *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_schedules_are_listed_and_one_runs_in_the_service(service):
    rows = answered(service, "schedule", "list")
    assert [row["name"] for row in rows] == ["backup", "drift", "maintenance", "availability"]
    assert [row["next_at"][11:] for row in rows] == [
        *("01:00:00Z", "02:00:00Z", "05:00:00Z", "04:00:00Z"),
    ]
    ran = sanaga(service, "schedule", "run", "availability")
    assert (ran.returncode, ran.stderr) == (
        0,
        "availability is done; read it with 'sanaga report availability'\n",
    )
    *_, after = answered(service, "schedule", "list")
    assert (after["outcome"], after["report"][:13]) == ("done", "availability-")


def test_a_report_comes_from_the_service_and_counts_what_it_watched(service):
    found = answered(service, "report", "availability")
    assert found["all"]["sites"] == 9
    assert found["gap_s"] > 0
    done = sanaga(service, "report", "availability", "--month", "2999-01")
    assert (done.returncode, "has not begun" in done.stderr) == (1, True)


def test_a_consultation_that_is_not_there_is_told_so(service):
    assert answered(service, "noc", "consultation") == []
    done = sanaga(service, "noc", "consultation", "none")
    assert (done.returncode, "no consultation 'none'" in done.stderr) == (1, True)


def test_a_second_service_of_the_same_folder_is_refused_and_harms_nothing(service, tmp_path):
    argv = [sys.executable, "-m", "controller.start", "serve", str(service.network)]
    done = subprocess.run(
        argv, env=environment(service.state), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "a controller serves this state folder already; stop it first" in done.stderr
    assert answered(service, "noc", "incidents") == []


def test_who_comes_over_the_network_is_asked_to_sign_in(service):
    connection = HTTPConnection("127.0.0.1", service.port, timeout=20)
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/api/v1/summary", 401)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, path
    connection.close()


@dataclass
class Visitor:
    """A browser at the service: keeps cookies, and names our own page as where it is."""

    service: Service
    cookies: dict[str, str]

    def send(self, path, body):
        port = self.service.port
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://localhost:{port}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as opened:
            opened.request("POST", f"/api/v1{path}", json.dumps(body), headers)
            answer = opened.getresponse()
            for line in answer.headers.get_all("Set-Cookie", ()):
                self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
            text = answer.read()
        assert answer.status < 300, text
        return json.loads(text) if text else None


def code(secret, later):
    """Return the code of an app; the next one is good before its time, too."""
    return code_at(base64.b32decode(secret), int(time() // STEP_S) + later)


def test_the_printed_link_leads_to_a_token_with_which_a_verb_asks_over_tcp(service, tmp_path):
    (link,) = re.findall(r"open this once, within 24 hours: (\S+)", service.log.read_text())
    page, _, given = link.partition("#")
    assert page == f"http://localhost:{service.port}/set-up"
    browser = Visitor(service, {})
    person = {"name": "a.ngono", "title": "Dr Ngono", "password": "four words nobody guesses"}
    begun = browser.send("/set-up", {"link": given, **person})
    factor = {"token": begun["token"], "totp": code(begun["secret"], 0)}
    assert len(browser.send("/set-up/factor", factor)["recovery_codes"]) == 10
    browser.send("/account/step-up", {"totp": code(begun["secret"], 1)})
    grants = [{"role": "viewer", "scope": "yaounde/maroua"}]
    made = browser.send("/tokens", {"title": "wall", "days": 1, "grants": grants})
    file = tmp_path / "token"
    file.write_text(f"{made['token']}\n")
    there = ["--controller", f"http://127.0.0.1:{service.port}"]
    window = ["--site", "mora", "--day", "2026-12-01", "--from", "22:00", "--until", "02:00"]
    variables = {"SANAGA_TOKEN_FILE": str(file)}
    done = sanaga(service, "noc", "incidents", *there, "-o", "json", **variables)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr
    refused = sanaga(service, "noc", "maintenance", "add", "w", *window, *there, **variables)
    assert refused.returncode == 1
    assert "your roles do not cover this anywhere" in refused.stderr
    file.write_text("sanaga_machine_" + "x" * 43)
    unknown = sanaga(service, "noc", "incidents", *there, **variables)
    assert unknown.returncode == 1
    assert "sign in, or send a token" in unknown.stderr


def test_its_keys_and_its_socket_are_its_owners_alone(service):
    for name in ("controller.sock", "sealing_key", "sanaga.sqlite"):
        assert (service.state / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://192.0.2.1", "is an IP address, and browsers make passkeys only for names"),
        ("http://noc.example.cm", "write https://NAME"),
        ("noc", "is no web address"),
    ],
)
def test_a_name_under_which_nobody_could_sign_in_is_refused_at_the_start(service, url, said):
    words = ["serve", str(service.network), "--listen", "127.0.0.1:0", "--edges", "0"]
    state = service.state.with_name("elsewhere")
    argv = [sys.executable, "-m", "controller.start", *words, "--url", url]
    done = subprocess.run(argv, env=environment(state), capture_output=True, text=True, check=False)
    assert done.returncode == 64, done.stderr
    assert said in done.stderr


def test_without_a_service_the_verbs_say_how_to_start_one(tmp_path):
    argv = [sys.executable, "-m", "controller.start", "noc", "incidents"]
    done = subprocess.run(
        argv, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "start one with 'sanaga serve DIR'" in done.stderr


def test_a_token_is_not_sent_in_clear_text(tmp_path):
    argv = [sys.executable, "-m", "controller.start", "noc", "incidents"]
    done = subprocess.run(
        [*argv, "--controller", "http://noc.example.cm"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 64
    assert "write https://HOST" in done.stderr


def test_it_ends_in_order_when_asked_and_its_windows_are_there_again(service, tmp_path):
    state = tmp_path / "state"
    window = ["--day", "2026-12-01", "--from", "22:00", "--until", "02:00"]
    with serving(service.network, state, tmp_path / "log") as one:
        added = sanaga(one, "noc", "maintenance", "add", "splice", "--site", "mora", *window)
        assert added.returncode == 0, added.stderr
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(30) == 0, one.log.read_text()
        assert not (state / "controller.sock").exists()
    with serving(service.network, state, tmp_path / "log2") as again:
        assert [one["name"] for one in answered(again, "noc", "maintenance", "list")] == ["splice"]
        again.process.send_signal(signal.SIGKILL)
        again.process.wait(30)
    with serving(service.network, state, tmp_path / "log3") as after:
        assert [one["name"] for one in answered(after, "noc", "maintenance", "list")] == ["splice"]
