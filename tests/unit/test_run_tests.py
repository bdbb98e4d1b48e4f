"""The test runner: what it takes for a machine to look green."""

from pathlib import Path

import pytest

from tools.run_tests import ROOT, Result, Tier, read

REPORT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><skipped message="no namespaces"/></testcase>
</testsuite></testsuites>"""

LENIENT = Tier("unit", (), skips=True)
STRICT = Tier("netns", (), skips=False)


def result(tier, *, code=0, ran=1, skipped=(), narrowed=False):
    return Result(tier, code, ran, skipped, 0.0, narrowed)


def test_report_of_pytest_tells_what_ran_and_what_did_not(tmp_path: Path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert read(report) == (1, ("a::two: no namespaces",))
    assert read(tmp_path / "absent.xml") == (0, ())


@pytest.mark.parametrize(
    ("ended", "faults"),
    [
        (result(STRICT), ()),
        (result(LENIENT, skipped=("x",)), ()),
        (result(STRICT, skipped=("x",)), ("skipped: x",)),
        (result(LENIENT, code=1), ("pytest ended with 1",)),
        (result(STRICT, code=5, ran=0), ("no test ran",)),
        (result(STRICT, code=5, ran=0, narrowed=True), ()),
    ],
)
def test_tier_is_green_when_its_tests_ran_and_passed(ended, faults):
    assert ended.faults == faults


def test_every_test_on_real_routers_is_where_its_tier_looks():
    marked = {
        file.relative_to(ROOT)
        for file in (ROOT / "tests").rglob("test_*.py")
        if "pytest.mark.netns" in file.read_text()
    }
    folder = Path("tests/netns")
    assert [file for file in marked if folder not in file.parents] == [
        Path("tests/unit/test_run_tests.py")
    ]
    everywhere = {file.relative_to(ROOT) for file in (ROOT / folder).rglob("test_*.py")}
    assert everywhere <= marked
