"""The tables of the audit report, row by row: one for every figure."""

from typing import Any

from governance.audit.format import Rows, count, number, percent, signed, words
from governance.audit.provenance import Provenance
from governance.instants import to_text
from governance.model.card import Dependence, ModelFacts


def _value(value: float | None) -> str:
    return "missing" if value is None else f"{value:,.4g}"


def _permission(name: str) -> str:
    return words(name.replace("refused:", "no: "))


def _dependence(found: Dependence) -> Rows:
    return [(p.label or _value(p.value), p.n, signed(p.contribution)) for p in found.points]


def model_tables(facts: ModelFacts) -> dict[str, Any]:
    """Give the tables that speak of the model: results, calibration, reasons, people left out."""
    shorter = {f"this model, {days} days": each for days, each in facts.horizons.items()}
    results = [("this model", facts.test), *shorter.items(), *facts.baselines.items()]
    return {
        "trained_permission_rows": [
            (_permission(name), f"{n:,}") for name, n in sorted(facts.permission.items())
        ],
        "dropped_rows": [
            (d.step, d.reason, f"{d.rows:,}", f"{d.customers:,}") for d in facts.dropped
        ],
        "leak_rows": [(words(c.name), words(c.outcome), c.text) for c in facts.leak_checks],
        "shift_rows": [
            (words(s.what), words(s.outcome), "cannot say" if s.psi is None else str(s.psi))
            for s in facts.drift
        ],
        "result_rows": [
            (
                words(score),
                str(r.auc),
                str(r.average_precision),
                *(str(r.interval(name)) for name in ("log_loss", "brier", "ece", "lift_at_10")),
            )
            for score, r in results
        ],
        "difference_rows": [(words(name), str(i)) for name, i in facts.differences.items()],
        "reliability_rows": [
            (b.n, f"{100 * b.predicted:.1f}", percent(b.observed)) for b in facts.reliability
        ],
        "group_rows": [(g.group, f"{g.mean_abs:.3f}", len(g.features)) for g in facts.groups],
        "dependence_rows": [(d.feature, _dependence(d)) for d in facts.dependence],
        "importance_rows": [(i.feature, i.text, f"{i.mean_abs:.3f}") for i in facts.importance],
        "stamp_rows": [
            ("model", facts.model_digest),
            ("trained", to_text(facts.created_at)),
            ("author", facts.author),
            ("MLflow run", facts.mlflow_run_id or "none"),
            ("commit", facts.commit or "not recorded"),
            ("lock file, sha256", facts.lock_hash or "not recorded"),
            ("data manifest, sha256", facts.data_manifest or "not recorded"),
            ("seed", facts.seed),
            ("command", facts.command or "not recorded"),
            ("cut-offs", ", ".join(each[:10] for each in facts.cutoffs) or "not recorded"),
            *((f"version of {name}", version) for name, version in sorted(facts.versions.items())),
            *((f"limit {name}", limit) for name, limit in sorted(facts.thresholds.items())),
        ],
    }


def provenance_tables(found: Provenance | None) -> dict[str, Rows]:
    """Give the tables of where data came from and who is missing."""
    if found is None:
        return {"source_rows": [], "permission_rows": [], "coverage_rows": []}
    return {
        "source_rows": [
            (
                each.name,
                words(each.kind),
                to_text(each.taken_in_at)[:10],
                f"{each.rows:,}",
                " to ".join(to_text(at)[:10] for at in (each.first, each.last) if at is not None),
                each.digest[:12] or "none",
            )
            for each in found.sources
        ],
        "permission_rows": [(_permission(name), number(n)) for name, n in found.permission.items()],
        "coverage_rows": [
            (
                f"{words(each.attribute)}: {each.group}",
                count(each.permitted),
                "" if each.missing is None else f"{each.missing:,}",
                "" if each.permitted is None else percent(each.share),
            )
            for each in found.coverage
        ],
    }
