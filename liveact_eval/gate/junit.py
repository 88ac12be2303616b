"""Verdicts as JUnit XML, which most CI systems show: one suite for each model, one case for each metric."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from liveact_eval.gate.judge import FAILING, Judgement, Report
from liveact_eval.gate.tables import sentence

# XML 1.0 has no place for these, not even as references.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: Report) -> str:
    """The report; what is worse or missing fails, what could not be judged is skipped with its reason."""
    root = ET.Element("testsuites", name="liveact-eval check")
    for model in dict.fromkeys(item.model for item in report.judgements):
        items = [item for item in report.judgements if item.model == model]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_clean(f"{report.baseline}: {model}"),
            tests=str(len(items)),
            failures=str(sum(item.verdict in FAILING for item in items)),
            errors="0",
            skipped=str(sum(_skipped(item) for item in items)),
        )
        for item in items:
            case = ET.SubElement(
                suite, "testcase", classname=_clean(f"{report.baseline}.{model}"), name=_clean(item.metric)
            )
            if item.verdict in FAILING:
                failure = ET.SubElement(case, "failure", type=item.verdict, message=_clean(sentence(item)))
                failure.text = _clean(sentence(item))
            elif _skipped(item):
                ET.SubElement(case, "skipped", message=_clean(sentence(item)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _skipped(item: Judgement) -> bool:
    return item.verdict in ("PROTOCOL MISMATCH", "CALIBRATION NEEDED")


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
