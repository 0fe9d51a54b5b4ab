"""What the tests share."""

import signal

import numpy as np
import pytest


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c():
    """Hear Ctrl-C, as do programs that tests start: in a shell's background all would ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def rng():
    """Return a generator with a fixed seed."""
    return np.random.default_rng(0)
