"""A plan as JSON: what the command line prints and the API answers."""

from collections.abc import Mapping
from typing import Any

from controller.model import Plan
from inventory.model import DeviceName


def plan_json(
    plan: Plan,
    unmanaged: Mapping[DeviceName, str],
    consultations: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """Return a plan as JSON shows it: every change with its wave and diff, without whole texts.

    consultations are those it would touch; None where nobody is asked.
    """
    return {
        "id": plan.id,
        "network": plan.network,
        "created_at": plan.created_at,
        "changes": [
            {
                "device": change.device,
                "platform": change.platform,
                "wave": number,
                "impact": change.impact,
                "because": change.because,
                "cannot_revert": change.cannot_revert,
                "diff": change.diff,
            }
            for number, wave in enumerate(plan.waves, start=1)
            for change in wave
        ],
        "blast_radius": plan.blast_radius,
        "worst_wave": plan.worst_wave,
        "steady": plan.steady,
        "cannot_revert": plan.cannot_revert,
        "forced": plan.forced,
        "notices": plan.notices,
        "refused": plan.refused,
        "consultations": consultations,
        "unmanaged": list(unmanaged),
        "unmanaged_because": unmanaged,
        "expectations": [
            {
                "text": finding.expectation.text,
                "where": finding.expectation.where,
                "holds": finding.holds,
                "because": finding.because,
            }
            for finding in plan.findings
        ],
    }
