"""A contestant for tests, whose units sleep or fail as its options say."""

import os
import time

from bench.problem import Prepared


def prepare(problem, options):
    print("output of a library is not an answer")
    if "error" in options:
        raise ValueError(options["error"] + "\nand more")
    runs = []

    def run():
        runs.append(1)
        if len(runs) > options.get("dies_after", 99):
            os.write(2, b"first line\nout of memory\n")
            os._exit(3)
        time.sleep(options["seconds"])

    return Prepared(run, report=lambda: options.get("report", {}))
