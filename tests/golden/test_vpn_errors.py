"""Every fault of a folder's access policy is reported at once, in these words."""

from pathlib import Path

import pytest

from inventory.documents import entries
from tests.factories import hierarchy
from tests.golden_files import assert_golden
from vpn.grants.documents import check_access

CASES = Path(__file__).with_name("vpn_errors")


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_faults_of_access_are_worded_for_the_administrator(case: str):
    read = entries.read_documents(CASES / case)
    written, faults = check_access(read, hierarchy(regions=2, departments=1, arrondissements=1))
    assert written is None
    told = sorted({*read.faults, *faults})
    assert_golden(CASES / case / "faults.txt", "".join(f"{fault}\n" for fault in told))
