"""Every fault of a folder's policies is reported at once, in these words."""

from pathlib import Path

import pytest

from inventory.documents import entries
from policies.documents import check_policies
from tests.factories import hierarchy
from tests.golden_files import assert_golden

CASES = Path(__file__).with_name("policy_errors")


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_faults_of_policies_are_worded_for_the_engineer(case: str):
    read = entries.read_documents(CASES / case)
    policies, faults = check_policies(read, hierarchy(regions=3, departments=4, arrondissements=2))
    assert policies is None
    told = sorted({*read.faults, *faults})
    assert_golden(CASES / case / "faults.txt", "".join(f"{fault}\n" for fault in told))
