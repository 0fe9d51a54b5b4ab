"""Ctrl-C waits for the end of a block, and then works as before."""

import signal

import pytest

from pellucid.app.screen import interrupts_held


def test_ctrl_c_takes_effect_after_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append("the block")
    assert done == ["the block"]


def test_without_ctrl_c_nothing_happens_and_all_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_held():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_of_the_block_is_not_hidden():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="mine"), interrupts_held():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGINT) is before
