"""Damaged files drawn by hypothesis, which shrinks and remembers failures.

The edits are those of `proof.fuzz`. A case is a whole file, a list of edits, each with a seed for its places
and values, and whether the outermost check of the file is corrected at the end.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proof.fuzzing.damage import MUTATIONS, Stock, mutated
from proof.fuzzing.targets import TARGETS
from proof.fuzzing.watch import observe, watching

#: Files for each reader; 20,400 in all.
N_FILES = 1200


def edits_of(target, whole):
    """Return the edits for a target; each takes a file and a random generator."""
    stock = Stock(whole, target.words)
    of_bytes = [lambda content, rng, each=each: mutated(content, [each], rng, stock) for each in MUTATIONS]
    return of_bytes + ([target.edit] * 5 if target.edit else [])


def files_of(target):
    """Return a strategy for files of a target with one to three edits."""
    whole = target.files()
    edit = st.tuples(st.sampled_from(edits_of(target, whole)), st.integers(0, 2**16))
    finish = st.tuples(st.booleans(), st.integers(0, 99))

    def make(drawn):
        content, edits, (is_finished, seed) = drawn
        for each, its_seed in edits:
            content = each(content, Random(its_seed))
        return target.finish(content, Random(seed)) if target.finish and is_finished else content

    return st.tuples(st.sampled_from(whole), st.lists(edit, min_size=1, max_size=3), finish).map(make)


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_a_damaged_file_ends_in_a_value_or_one_line(target, tmp_path):
    path = tmp_path / "file"

    @given(content=files_of(target))
    @settings(max_examples=N_FILES, deadline=None, suppress_health_check=list(HealthCheck))
    def check(content):
        path.write_bytes(content)
        outcome = observe(target.read, path, memory=False)
        assert outcome.kind != "defect", outcome.message

    with watching():
        check()
