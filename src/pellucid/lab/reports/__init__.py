"""The five published reports: `a` has claims, rows and pictures of report A, `a_run` trains its networks."""

from collections.abc import Callable

import pellucid as pl
from pellucid.lab.report import Report
from pellucid.lab.reports import a, b, c, d, d_run, e, e_run
from pellucid.lab.reports.twins import MiniBatchTraining

REPORTS: dict[str, Report] = {
    report.letter: report for report in (a.REPORT, b.REPORT, c.REPORT, d.REPORT, e.REPORT)
}
#: By letter, the training run that a report repeats in PyTorch: ``twin(mnist, seed)``.
TWINS: dict[str, Callable[[pl.Dataset, int], MiniBatchTraining]] = {"D": d_run.twin, "E": e_run.twin}
