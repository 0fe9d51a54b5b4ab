"""How threads share out the work of training steps, in compiled code: by counters that they have in common.

Work comes in phases of as many shares as there are threads; a phase begins when all shares of the one before
are done. Each thread takes the share that is its own, whose numbers are in its cache, and another's where
that thread does not come: one that the operating system keeps from running holds up the others only in the
middle of a share. Which thread computes a share changes no bit of it.
"""

import os

import numpy as np
from numba import types

from pellucid.backend import LINE_BYTES, Array, aligned_zeros
from pellucid.compiled.jit import kernel
from pellucid.compiled.llvm.intrinsics import atomic_add, atomic_load, atomic_swap

#: Each counter has a cache line for itself.
APART = LINE_BYTES // 8
#: Places of the counters of threads that have come and of shares done; behind them, for each share, in how
#: many phases it has been taken, and beside that whether its weights have been moved.
COME, DONE, TAKEN = 0, APART, 2 * APART
#: More than all shares of all phases.
ALL_DONE = 1 << 62
#: How often a thread looks whether a phase has begun before it takes the shares of others and lets them run.
PATIENCE = 2000
#: Work is shared out where the operating system has a call to let others run, which POSIX names.
CAN_SHARE = os.name == "posix"
_let_others_run = types.ExternalFunction("sched_yield" if CAN_SHARE else "rand", types.int32())


def new_counters(n_shares: int) -> Array:
    """Return the counters at 0."""
    return aligned_zeros(TAKEN + n_shares * APART, np.int64)


def any_moved(counters: Array) -> bool:
    """Whether the weights of any share are not where they were."""
    return bool(counters[TAKEN + 1 :: APART].any())


def end_all(counters: Array) -> None:
    """Let all phases count as done: no thread takes a share any more."""
    counters[DONE] = ALL_DONE


@kernel
def join(counters: Array) -> int:
    """Return the number of this thread's own share."""
    return atomic_add(counters, COME, 1)  # type: ignore[no-any-return]


@kernel
def take_share(counters: Array, own: int, n_shares: int, n_phases: int, patience: int) -> tuple[int, int]:
    """Return the phase and the number of a share to be done now; wait for it; phase n_phases is the end.

    A thread that has looked as often as its patience lasts takes the shares of others.
    """
    looks = 0
    while True:
        phase = atomic_load(counters, DONE) // n_shares
        if phase >= n_phases:
            return n_phases, own
        for i in range(1 if looks < patience else n_shares):
            share = (own + i) % n_shares
            place = TAKEN + share * APART
            if atomic_load(counters, place) == phase and atomic_swap(counters, place, phase, phase + 1):
                return phase, share
        looks += 1
        if looks > patience:
            _let_others_run()


@kernel
def is_moved(counters: Array, share: int) -> bool:
    """Whether a share's weights have been moved."""
    return bool(counters[TAKEN + share * APART + 1])


@kernel
def note_moved(counters: Array, share: int, moved: bool) -> None:
    """Note that they have been moved, or moved back; for whoever has the share."""
    counters[TAKEN + share * APART + 1] = moved


@kernel
def share_done(counters: Array) -> None:
    """Count a share as done: what was written by then is seen by whoever takes one of the next phase."""
    atomic_add(counters, DONE, 1)
