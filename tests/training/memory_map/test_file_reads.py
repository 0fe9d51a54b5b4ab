"""Rows of a memory map are the same, read from the file or copied from the map."""

import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.memory_map import file_reads, windows
from pellucid.training.memory_map.file_reads import MappedRows, open_behind

X = np.random.default_rng(0).integers(0, 256, (5000, 7), np.uint8)
CHANGED = X.copy()
CHANGED[7] = 3
RUNS = slice(0, 3), slice(4990, 5000), slice(2000, 4500)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped where")


def saved(path, array=X):
    np.save(path, array)
    return path


def check_read(x, same, *runs, by_calls):
    """Check that rows are those of another array, and that they were read by system calls, or copied."""
    with MappedRows(x) as rows:
        rows.expect(runs)
        for run in runs:
            into = np.empty_like(x[run])
            rows.read(run, into)
            np.testing.assert_array_equal(into, same[run])
        assert (rows._file is not None) == by_calls


@on_linux
@pytest.mark.parametrize("dtype", ["uint8", "float32", ">f8", "float16", "bool"])
def test_rows_come_from_the_file(tmp_path, dtype):
    x = X.astype(dtype)
    check_read(np.load(saved(tmp_path / "x.npy", x), mmap_mode="r"), x, *RUNS, by_calls=True)


@on_linux
def test_a_part_of_a_map_and_a_map_of_a_part(tmp_path):
    whole = np.load(saved(tmp_path / "x.npy"), mmap_mode="r")
    check_read(whole[100:4000], X[100:4000], slice(5, 9), slice(3890, 3900), by_calls=True)
    X.tofile(tmp_path / "x.bin")
    far = np.memmap(tmp_path / "x.bin", np.uint8, "r", offset=7 * 4000, shape=(1000, 7))
    check_read(far, X[4000:], slice(2, 5), by_calls=True)


@on_linux
def test_what_is_written_into_a_shared_map_is_read(tmp_path):
    x = np.load(saved(tmp_path / "x.npy"), mmap_mode="r+")
    x[7] = 3
    check_read(x, CHANGED, slice(6, 8), by_calls=True)


def test_changes_of_the_process_s_own_are_seen(tmp_path):
    x = np.load(saved(tmp_path / "x.npy"), mmap_mode="c")
    x[7] = 3
    check_read(x, CHANGED, slice(6, 8), by_calls=False)


@pytest.mark.parametrize("new", [X[::-1], None])
def test_a_file_that_was_replaced_or_removed_is_not_taken_for_the_old_one(tmp_path, new):
    path = saved(tmp_path / "x.npy")
    x = np.load(path, mmap_mode="r")
    saved(tmp_path / "new.npy", X if new is None else new).replace(path)
    if new is None:
        path.unlink()
    check_read(x, X, slice(0, 5), by_calls=False)


@on_linux
@pytest.mark.parametrize(
    "name", [b"caf\xe9.npy", "\N{LINE SEPARATOR} (deleted).npy".encode(), b"a\nb \r c.npy"]
)
def test_any_name_of_any_file_that_is_mapped(tmp_path, name):
    odd = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))  # noqa: PTH118 - of bytes
    other, x = (np.load(saved(path), mmap_mode="r") for path in (odd, tmp_path / "x.npy"))
    for each in (other, x):
        check_read(each, X, slice(6, 8), by_calls=True)


@on_linux
def test_a_map_in_two_pieces_is_copied(tmp_path):
    x = np.load(saved(tmp_path / "x.npy"), mmap_mode="r")
    x._mmap.madvise(mmap.MADV_RANDOM, mmap.PAGESIZE, mmap.PAGESIZE)
    check_read(x, X, *RUNS, by_calls=False)


@on_linux
def test_one_row_backwards(tmp_path):
    x = np.load(saved(tmp_path / "x.npy"), mmap_mode="r")
    check_read(x[5:4:-1], X[5:4:-1], slice(0, 1), by_calls=True)


@on_linux
def test_each_window_is_asked_for_before_the_one_before_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "WINDOW_BYTES", 7000)
    monkeypatch.setattr(windows, "RUN_BYTES", 700)
    calls, advise, read_at = [], os.posix_fadvise, os.preadv
    monkeypatch.setattr(os, "posix_fadvise", lambda *what: calls.append(("ask", what[1])) or advise(*what))
    monkeypatch.setattr(os, "preadv", lambda *what: calls.append(("read", what[2])) or read_at(*what))
    x = np.load(saved(tmp_path / "x.npy"), mmap_mode="r")
    for _ in windows.FromFile(x, np.arange(5000), 10, np.random.default_rng(0)).epoch(10):
        pass
    asked, read = ([place for kind, place in calls if kind == each] for each in ("ask", "read"))
    assert sorted(set(asked)) == sorted(set(read)) == sorted(asked) == sorted(read)
    assert len(asked) == 50
    for i, place in enumerate(read):
        ahead = [where for kind, where in calls[: calls.index(("read", place))] if kind == "ask"]
        assert ahead == asked[: min(50, 10 * (i // 10) + 20)]


@on_linux
def test_a_pipe_in_the_place_of_the_file_does_not_stop_anything(tmp_path):
    path = saved(tmp_path / "x.npy")
    x = np.load(path, mmap_mode="r")
    path.unlink()
    os.mkfifo(path)
    assert open_behind(x) is None


def test_where_nobody_tells_what_is_mapped_rows_are_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(file_reads, "MAPS", tmp_path / "maps")
    check_read(np.load(saved(tmp_path / "x.npy"), mmap_mode="r"), X, *RUNS, by_calls=False)


@pytest.mark.parametrize("part", [np.s_[:, 1:5], np.s_[::2], np.s_[::-1]])
def test_rows_that_do_not_lie_one_behind_the_other_are_copied(tmp_path, part):
    x = np.load(saved(tmp_path / "x.npy"), mmap_mode="r")[part]
    check_read(x, X[part], slice(3, 9), by_calls=False)


@on_linux
def test_a_file_that_becomes_shorter_is_an_error_and_not_a_crash(tmp_path):
    path = saved(tmp_path / "x.npy")
    x = np.load(path, mmap_mode="r")
    with MappedRows(x) as rows:
        os.truncate(path, 20_000)
        with pytest.raises(OSError, match=r"x\.npy became shorter during training"):
            rows.read(slice(2000, 4000), np.empty((2000, 7), np.uint8))


@on_linux
def test_the_file_is_closed_after_each_epoch_and_when_one_is_broken_off(tmp_path):
    path, n = saved(tmp_path / "x.npy", np.zeros((3000, 16384), np.uint8)), []
    y = np.arange(3000) % 2
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(2)]).build(16384, rng=np.random.default_rng(0))
    records = pl.train(
        net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), path, y, epochs=3, batch_size=500,
        rng=np.random.default_rng(0), per_batch=True,
    )  # fmt: skip

    def opened():
        return sum(each.resolve() == path for each in Path("/proc/self/fd").iterdir())

    first = opened()
    for record in records:
        n.append(opened())
        if record.epoch == 2:
            break
    records.close()
    assert max(n) == first + 1  # the map holds its file, too
    assert opened() < first + 1
