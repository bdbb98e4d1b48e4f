"""The test runner: what it takes for a machine to look green."""

from pathlib import Path

import pytest

from tools.run_tests import OTHERS, ROOT, ROUTERS, Case, Result, Tier, read, results, summary

REPORT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><skipped message="no namespaces"/></testcase>
<testcase classname="a" name="three"><failure message="no"/></testcase>
<testcase classname="a" name="four"><error message="no"/></testcase>
</testsuite></testsuites>"""

LENIENT = Tier("unit", skips=True)
STRICT = Tier("netns", skips=False)
GOOD, BAD, SKIPPED = Case("x"), Case("y", failed=True), Case("z", skipped="no root")


def test_report_of_pytest_tells_what_ran_and_what_did_not(tmp_path: Path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert read(report) == (
        Case("a::one"),
        Case("a::two", skipped="no namespaces"),
        Case("a::three", failed=True),
        Case("a::four", failed=True),
    )
    assert read(tmp_path / "absent.xml") == ()


@pytest.mark.parametrize(
    ("tier", "cases", "narrowed", "faults"),
    [
        (STRICT, (GOOD,), False, ()),
        (LENIENT, (GOOD, SKIPPED), False, ()),
        (STRICT, (GOOD, SKIPPED), False, ("skipped: z: no root",)),
        (LENIENT, (GOOD, BAD), False, ("failed: y",)),
        (STRICT, (), False, ("no test ran",)),
        (LENIENT, (SKIPPED,), False, ("no test ran",)),
        (STRICT, (), True, ()),
    ],
)
def test_tier_is_green_when_its_tests_ran_and_passed(tier, cases, narrowed, faults):
    assert Result(tier, cases, narrowed).faults == faults


def test_tests_on_real_routers_are_counted_apart():
    routers, other = Case("tests.netns.a::b"), Case("tests.unit.a::b")
    first, second = results((ROUTERS, OTHERS), (other, routers), narrowed=False)
    assert (first.cases, second.cases) == ((routers,), (other,))


@pytest.mark.parametrize(
    ("cases", "codes", "code"),
    [((GOOD,), [0], 0), ((GOOD,), [0, 5], 0), ((GOOD,), [2], 1), ((BAD,), [1], 1), ((), [5], 1)],
)
def test_a_run_is_green_when_pytest_and_every_tier_are(cases, codes, code):
    assert summary([Result(LENIENT, cases, narrowed=True)], codes, 1.0) == code


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
