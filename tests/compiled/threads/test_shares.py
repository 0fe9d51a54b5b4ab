"""Every share is computed once and in its phase, whichever thread is suspended."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from pellucid.compiled.threads.shares import SPINS, finish_share, join, new_counters, take_share


@njit(nogil=True)
def work(counters, n_shares, n_phases, log, times, slow, spins):
    """Count in `log` the shares of the phase before that are finished; a slow thread does extra work."""
    own = join(counters)
    while True:
        phase, share = take_share(counters, own, n_shares, n_phases, spins)
        if phase == n_phases:
            return own
        for other in range(n_shares):  # all shares of the phase before are finished
            log[phase, share] += times[other] == phase or (other != share and times[other] == phase + 1)
        if own == slow:
            for i in range(2000):
                log[phase, share] += 0 * i
        times[share] += 1
        finish_share(counters)


@pytest.mark.parametrize(("n_threads", "n_shares"), [(1, 1), (1, 3), (2, 2), (2, 3), (4, 4)])
@pytest.mark.parametrize("slow", [-1, 0])
@pytest.mark.parametrize("spins", [0, SPINS])
def test_every_share_once_and_in_its_phase(n_threads, n_shares, slow, spins):
    """Fewer threads than shares do all the work, as if the others were suspended."""
    n_phases = 500
    log, times = np.zeros((n_phases, n_shares), np.int64), np.zeros(n_shares, np.int64)
    arguments = new_counters(n_shares), n_shares, n_phases, log, times, slow, spins
    with ThreadPoolExecutor(n_threads) as pool:
        jobs = [pool.submit(work, *arguments) for _ in range(n_threads)]
        assert sorted(job.result(timeout=60) for job in jobs) == list(range(n_threads))
    np.testing.assert_array_equal(times, n_phases)
    np.testing.assert_array_equal(log, n_shares)


def test_no_phases():
    assert work(new_counters(2), 2, 0, np.zeros((0, 2), np.int64), np.zeros(2, np.int64), -1, 0) == 0
