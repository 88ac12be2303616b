"""Notes under a table: what is missing and why, and what a reader must know about the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.networks.catalogue import REINSTALL, catalogue
from liveact_eval.reporting.numbers import rows_by_metric
from liveact_eval.results.schema import MetricRecord, ResultRow, Results

NO_WEIGHTS = "no_weights"
_LONGEST = 200
_Details = Mapping[tuple[str, str, str], str]
"""What the first clip says, by model, output and reason."""


def notes(results: Results) -> list[str]:
    """What a reader must know beside the numbers, one line each."""
    lines = [*not_measured(results), *incomplete(results)]
    shipped = {name for name, network in catalogue().items() if network.shipped}
    lacking = unfetched(results)
    if networks := [name for name in lacking if name not in shipped]:
        lines.append(f"Weights are missing. Fetch them with: liveact-eval metrics fetch {' '.join(networks)}")
    if networks := [name for name in lacking if name in shipped]:
        lines.append(f"Weights of {', '.join(networks)} are missing. {REINSTALL}.")
    measured = {row.metric for row in results.rows if row.value is not None}
    seeded = dict.fromkeys(
        _giver(metric) for metric in results.metrics if ":seeded" in metric.recipe and metric.name in measured
    )
    if seeded:
        lines.append(
            f"Networks with weights from a rule, not trained ones: {', '.join(seeded)}. These values mean nothing."
        )
    noted = [(f"{row.note}.", row) for row in results.rows if row.note is not None]
    lines += _grouped(results, noted)
    models = {model.name: model.title for model in results.models}
    flags = Counter((models[f.model], f.code, f.rejected) for f in results.flagged)
    for (model, code, rejected), count in flags.items():
        lines.append(
            f"{model}: {count} of {len(results.clips)} clips {'rejected' if rejected else 'flagged'} as {code}."
        )
    return [" ".join(line.split()) for line in lines]


def not_measured(results: Results) -> list[str]:
    """Lines about metrics without a single number: `Not measured (too_short): blink. For example: ...`.

    Metrics are named as on the command line; where others of their outputs have numbers, the titles of those that have
    none follow.
    """
    rows, details = rows_by_metric(results), _details(results)
    absent = _absent(results)
    outputs = Counter(_giver(metric) for metric in results.metrics)
    found: dict[tuple[str, str], list[MetricRecord]] = {}
    for metric in results.metrics:
        if metric.name in absent:
            reasons: Counter[str] = Counter()
            for row in rows[metric.name].values():
                reasons.update(row.failures or {row.value_reason or "unknown": 1})
            # Where clips failed for several reasons, none of them alone is why there is no number.
            example = _example(rows[metric.name].values(), sorted(reasons), details)
            found.setdefault((", ".join(sorted(reasons)), example), []).append(metric)
    return [
        f"Not measured ({reasons}): {', '.join(_named(metrics, outputs))}.{example}"
        for (reasons, example), metrics in found.items()
    ]


def incomplete(results: Results) -> list[str]:
    """Lines about numbers that not every clip has: `PSNR of Blur: n = 97/100 (unreadable 3).`"""
    absent, details = _absent(results), _details(results)
    counted = []
    for row in results.rows:
        if row.metric not in absent and row.n < row.n_total:
            why = ", ".join(f"{reason} {count}" for reason, count in row.failures.items())
            example = _example([row], list(row.failures), details)
            counted.append((f"n = {row.n}/{row.n_total} ({why}).{example}", row))
    return _grouped(results, counted)


def unfetched(results: Results) -> list[str]:
    """Networks whose weights were missing, by name: a recipe says `none` of each."""
    recipes = {row.recipe for row in results.rows if NO_WEIGHTS in row.failures}
    found = {part.removesuffix(":none") for r in recipes for part in r.split("+") if part.endswith(":none")}
    # A face metric's own networks may be there; then it was the detector that was not.
    lacking = any(":none" not in recipe for recipe in recipes)
    return sorted(found | ({DETECTOR} if lacking else set()))


def _absent(results: Results) -> set[str]:
    """Outputs without a single number."""
    return {metric.name for metric in results.metrics} - {
        row.metric for row in results.rows if row.value is not None
    }


def _giver(metric: MetricRecord) -> str:
    """The name that users type; files of earlier versions have that of the output only."""
    return metric.giver or metric.name


def _named(metrics: Sequence[MetricRecord], outputs: Mapping[str, int]) -> list[str]:
    """Metrics by name, each once, with the titles of these outputs where it has others."""
    titles: dict[str, list[str]] = {}
    for metric in metrics:
        titles.setdefault(_giver(metric), []).append(metric.title)
    return [
        name if len(own) == outputs[name] else f"{name} ({', '.join(own)})" for name, own in titles.items()
    ]


def _details(results: Results) -> _Details:
    found: dict[tuple[str, str, str], str] = {}
    for item in results.clip_values:
        if item.reason is not None and item.detail:
            found.setdefault((item.model, item.metric, item.reason), item.detail)
    return found


def _example(rows: Iterable[ResultRow], reasons: Sequence[str], details: _Details) -> str:
    """What the first clip of the first model says of each reason, as a sentence; nothing where none says more."""
    said = []
    places = [(row.model, row.metric) for row in rows]
    for reason in reasons:
        # Of weights another line says all: the command that fetches them.
        known = [details[model, name, reason] for model, name in places if (model, name, reason) in details]
        if known and reason != NO_WEIGHTS:
            said.append(known[0] if len(reasons) == 1 else f"{reason}, {known[0]}")
    return f" For example: {'; '.join(_shortened(text) for text in said)}." if said else ""


def _shortened(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " ..."


def _grouped(results: Results, said: Sequence[tuple[str, ResultRow]]) -> list[str]:
    """Sentences about rows, each once with all that it is about: `FID, KID of Still, Blur: ...`."""
    titles = {metric.name: metric.title for metric in results.metrics}
    models = {model.name: model.title for model in results.models}
    everything = len({metric.name for metric in results.metrics} - _absent(results))
    by_text: dict[str, dict[str, list[str]]] = {}
    for text, row in said:
        by_text.setdefault(text, {}).setdefault(row.model, []).append(titles[row.metric])
    lines = []
    for text, by_model in by_text.items():
        together: dict[tuple[str, ...], list[str]] = {}
        for model, names in by_model.items():
            together.setdefault(tuple(names), []).append(models[model])
        about = [
            f"{'All metrics' if len(names) == everything > 1 else ', '.join(names)} of {', '.join(of)}"
            for names, of in together.items()
        ]
        lines.append(f"{'; '.join(about)}: {text}")
    return lines
