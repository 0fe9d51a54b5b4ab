"""The five published reports, one module each: settings as data, slips as named code."""

from pellucid.lab.report import Report
from pellucid.lab.reports import a, b, c, d, e

REPORTS: dict[str, Report] = {
    report.letter: report for report in (a.REPORT, b.REPORT, c.REPORT, d.REPORT, e.REPORT)
}
