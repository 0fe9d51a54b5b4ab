"""How threads divide the work of training steps inside compiled code, with shared atomic counters.

Work comes in phases. Each phase has as many shares as there are threads, and begins when all shares of the
previous phase are finished. Each thread takes its own share, whose numbers are in its cache. It also takes
the share of a thread that has not started it, so a thread that the operating system has suspended holds up
the others only in the middle of a share. Which thread computes a share changes no bit of the result.
"""

import os

import numpy as np
from numba import types

from pellucid.backend import LINE_BYTES, Array, aligned_zeros
from pellucid.compiled.jit import kernel
from pellucid.compiled.llvm.intrinsics import atomic_add, atomic_load, atomic_swap

#: Each counter has its own cache line, so that threads do not slow each other down.
STRIDE = LINE_BYTES // 8
#: Offsets of the counters: threads that have joined; shares finished; and from `TAKEN` on, for each share,
#: the number of phases in which it has been taken, followed by whether its weights are packed.
JOINED, FINISHED, TAKEN = 0, STRIDE, 2 * STRIDE
#: More than all shares of all phases.
ALL_FINISHED = 1 << 62
#: Number of checks for the next phase before a thread takes shares of others and yields its core.
SPINS = 2000
#: Work is shared only where the operating system has `sched_yield`, which POSIX defines.
CAN_SHARE = os.name == "posix"
_yield_core = types.ExternalFunction("sched_yield" if CAN_SHARE else "rand", types.int32())


def new_counters(n_shares: int) -> Array:
    """Return the counters, all 0."""
    return aligned_zeros(TAKEN + n_shares * STRIDE, np.int64)


def any_packed(counters: Array) -> bool:
    """Return whether the weights of any share are packed."""
    return bool(counters[TAKEN + 1 :: STRIDE].any())


def finish_all(counters: Array) -> None:
    """Mark all phases as finished, so that no thread takes another share."""
    counters[FINISHED] = ALL_FINISHED


@kernel
def join(counters: Array) -> int:
    """Return the number of this thread's own share."""
    return atomic_add(counters, JOINED, 1)  # type: ignore[no-any-return]


@kernel
def take_share(counters: Array, own: int, n_shares: int, n_phases: int, spins: int) -> tuple[int, int]:
    """Wait for a share that can be computed; return its phase and number. Phase n_phases means the end.

    A thread that has checked `spins` times also takes shares of others.
    """
    n_checks = 0
    while True:
        phase = atomic_load(counters, FINISHED) // n_shares
        if phase >= n_phases:
            return n_phases, own
        for i in range(1 if n_checks < spins else n_shares):
            share = (own + i) % n_shares
            place = TAKEN + share * STRIDE
            if atomic_load(counters, place) == phase and atomic_swap(counters, place, phase, phase + 1):
                return phase, share
        n_checks += 1
        if n_checks > spins:
            _yield_core()


@kernel
def is_packed(counters: Array, share: int) -> bool:
    """Return whether the weights of a share are packed."""
    return bool(counters[TAKEN + share * STRIDE + 1])


@kernel
def set_packed(counters: Array, share: int, packed: bool) -> None:
    """Record for all threads whether the weights of a share are packed."""
    counters[TAKEN + share * STRIDE + 1] = packed


@kernel
def finish_share(counters: Array) -> None:
    """Count a share as finished. Threads of the next phase see everything that was written before."""
    atomic_add(counters, FINISHED, 1)
