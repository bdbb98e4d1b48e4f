"""Reports of consultations as the API and the command line show them."""

from typing import Any

from controller.api.instants import rfc3339
from controller.consultations.report import ConsultationReport, EndQuality
from controller.incidents.sentences import Language


def consultation_report_json(report: ConsultationReport) -> dict[str, Any]:
    """Return what a consultation was like; a minute that nobody measured has null for its MOS."""
    return {
        "began_at": rfc3339(report.began_s),
        "ended_at": rfc3339(report.ended_s),
        "complete": report.complete,
        "sentence": report.sentence(Language.ENGLISH),
        "sentence_fr": report.sentence(Language.FRENCH),
        "ends": [_end(one) for one in report.ends],
    }


def _end(one: EndQuality) -> dict[str, Any]:
    return {
        "device": one.device,
        "site": one.site,
        "mos": one.mos,
        "worst_mos": one.worst_mos,
        "lost_s": one.lost_s,
        "unknown_s": one.unknown_s,
        "minutes": [
            {
                "at": rfc3339(minute.began_s),
                "mos": minute.mos,
                "loss": minute.loss,
                "circuits": list(minute.circuits),
                "lost_s": minute.lost_s,
                "unknown_s": minute.unknown_s,
            }
            for minute in one.minutes
        ],
        "moves": [
            {
                "at": rfc3339(move.at_s),
                "service": move.service,
                "circuit": move.circuit,
                "reason": move.reason,
            }
            for move in one.moves
        ],
    }
