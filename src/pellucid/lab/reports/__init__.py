"""The five published reports, one module each: settings as data, slips as named code."""

from pellucid.lab.report import Report
from pellucid.lab.reports import c, d

REPORTS: dict[str, Report] = {report.letter: report for report in (c.REPORT, d.REPORT)}
