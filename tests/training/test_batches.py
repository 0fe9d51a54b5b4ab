"""Rows for training: every row once an epoch, whatever they come from, and a file never whole in memory."""

import tracemalloc

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.batches import InMemory
from pellucid.training.memory_map import windows
from pellucid.training.memory_map.windows import FromFile


def rows_of(source, epochs=1):
    """Return, epoch by epoch, the first column of the batches that a source gives."""
    return [[batch for piece in source.epoch(3) for batch in batches_of(piece)] for _ in range(epochs)]


def batches_of(piece):
    """Yield the first column of each batch of a piece."""
    rows = piece.x[piece.rows][:, 0].tolist()
    for size in piece.sizes:
        yield rows[:size]
        rows = rows[size:]


def joined(epoch):
    """Return the rows of an epoch's batches as one list."""
    return [row for batch in epoch for row in batch]


@pytest.fixture
def on_disk(tmp_path):
    """Return a function that writes an array and opens it as a memory map."""

    def write(array):
        np.save(tmp_path / "x.npy", array)
        return np.load(tmp_path / "x.npy", mmap_mode="r")

    return write


@pytest.fixture
def small_windows(monkeypatch):
    """Make windows of 640 bytes and runs of 64: 20 and 2 rows of 4 float64."""
    monkeypatch.setattr(windows, "WINDOW_BYTES", 640)
    monkeypatch.setattr(windows, "RUN_BYTES", 64)


def numbered(n):
    return np.repeat(np.arange(n, dtype=np.float64)[:, None], 4, axis=1)


class TestInMemory:
    def test_each_row_once_in_batches_of_the_size_asked_for(self):
        x = numbered(23)
        first, second = rows_of(InMemory(x, x[:, 0], 5, np.random.default_rng(0)), epochs=2)
        assert [len(batch) for batch in first] == [5, 5, 5, 5, 3]
        assert sorted(joined(first)) == sorted(joined(second)) == list(range(23))
        assert first != second

    def test_without_a_generator_the_rows_keep_their_order(self):
        x = numbered(7)
        assert rows_of(InMemory(x, x[:, 0], 3, None)) == [[[0, 1, 2], [3, 4, 5], [6]]]

    def test_no_batch_size_is_one_batch_in_order(self):
        x = numbered(7)
        assert rows_of(InMemory(x, x[:, 0], None, np.random.default_rng(0))) == [[list(range(7))]]


@pytest.mark.usefixtures("small_windows")
class TestFromFile:
    @pytest.mark.parametrize("n", [1, 19, 20, 21, 40, 41, 97])
    def test_each_row_once_and_only_the_last_batch_smaller(self, on_disk, n):
        x = on_disk(numbered(n))
        for epoch in rows_of(FromFile(x, np.arange(n), 6, np.random.default_rng(1)), epochs=3):
            assert sorted(joined(epoch)) == list(range(n))
            assert [len(batch) for batch in epoch] == [6] * (n // 6) + [n % 6] * (n % 6 > 0)

    def test_labels_stay_with_their_rows(self, on_disk):
        x = on_disk(numbered(97))
        source = FromFile(x, 2 * np.arange(97), 6, np.random.default_rng(1))
        for piece in source.epoch(2):
            assert piece.y[piece.rows].tolist() == (2 * piece.x[piece.rows][:, 0]).tolist()

    def test_rows_move_between_windows_and_within_them(self, on_disk):
        x = on_disk(numbered(400))
        first, second = rows_of(FromFile(x, np.arange(400), 18, np.random.default_rng(1)), epochs=2)
        assert set(first[0]) != set(second[0])
        assert first[0] != sorted(first[0])
        # A batch of 18 rows from one place of the file would span 18 of its 400 rows.
        assert np.mean([max(batch) - min(batch) for batch in first]) > 200

    def test_without_a_generator_the_rows_keep_their_order(self, on_disk):
        x = on_disk(numbered(97))
        [epoch] = rows_of(FromFile(x, np.arange(97), 6, None))
        assert joined(epoch) == list(range(97))

    @pytest.mark.parametrize("shuffled", [True, False])
    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
    def test_a_number_that_is_not_finite_names_the_row_of_the_file(self, on_disk, number, shuffled):
        x = numbered(97)
        x[45, 2] = number
        source = FromFile(on_disk(x), np.arange(97), 6, np.random.default_rng(1) if shuffled else None)
        with pytest.raises(ValueError, match=rf"^x\[45, 2\] is {number}: data must be finite"):
            rows_of(source)

    def test_a_number_that_the_network_cannot_hold(self, on_disk):
        x = numbered(97)
        x[45, 2] = 1e39
        assert len(rows_of(FromFile(on_disk(x), np.arange(97), 97, None))[0]) == 1
        with pytest.raises(ValueError, match=r"^x\[45, 2\] is 1e\+39: data must be at most 3.4e\+38"):
            rows_of(FromFile(on_disk(x), np.arange(97), 6, None, dtype=np.dtype(np.float32)))

    def test_stopping_in_the_middle_of_an_epoch_ends_the_reading_thread(self, on_disk):
        import threading

        before = threading.active_count()
        epoch = FromFile(on_disk(numbered(400)), np.arange(400), 6, None).epoch(1)
        next(epoch)
        epoch.close()
        assert threading.active_count() == before


class TestTrain:
    def setup_method(self):
        rng = np.random.default_rng(0)
        self.x = rng.integers(0, 256, (60_000, 1000), dtype=np.uint8)
        self.y = (self.x[:, 0] > 127).astype(np.int64)

    def net(self, n_in=1000):
        layers = [pl.Rescale(1 / 255), pl.Dense(2)]
        return pl.Network(layers).build(n_in, rng=np.random.default_rng(1))

    def train(self, net, *data, **options):
        return list(pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data, **options))

    def test_a_file_is_learned_from_with_two_windows_in_memory(self, tmp_path):
        np.save(tmp_path / "x.npy", self.x)
        np.save(tmp_path / "y.npy", self.y)
        tracemalloc.start()
        records = self.train(
            self.net(),
            tmp_path / "x.npy",
            str(tmp_path / "y.npy"),
            epochs=2,
            batch_size=64,
            rng=np.random.default_rng(2),
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert records[1].accuracy > 0.8
        assert peak < 2 * windows.WINDOW_BYTES + 4e6 < self.x.nbytes * 1.2

    def test_a_small_file_gives_the_numbers_of_the_array(self, tmp_path):
        np.save(tmp_path / "x.npy", self.x[:500])
        results = []
        for x in (self.x[:500], tmp_path / "x.npy"):
            net = self.net()
            self.train(net, x, self.y[:500], epochs=2, batch_size=64, rng=np.random.default_rng(2))
            results.append(net.theta.copy())
        np.testing.assert_array_equal(*results)

    def test_batches_from_a_list_give_the_numbers_of_the_array(self):
        x, y = self.x[:500], self.y[:500]
        pairs = [(x[i : i + 64], y[i : i + 64]) for i in range(0, 500, 64)]
        one, other = self.net(), self.net()
        whole = self.train(one, x, y, epochs=3, batch_size=64, shuffle=False)
        parts = self.train(other, pairs, epochs=3)
        np.testing.assert_array_equal(one.theta, other.theta)
        assert whole == parts

    def test_a_generator_lasts_for_one_epoch_only(self):
        pairs = ((self.x[:10], self.y[:10]) for _ in range(2))
        with pytest.raises(ValueError, match="must start again in every epoch"):
            self.train(self.net(), pairs, epochs=2)

    @pytest.mark.parametrize(
        ("batch", "error", "message"),
        [
            ("x", ValueError, "batch 1 must be a pair"),
            ((np.zeros((2, 3)), [0, 1]), ValueError, r"x must have shape \(n, 1000\)"),
            ((np.zeros((2, 1000)), [0, 7]), ValueError, "batch 1: .* from 0 to 1, got 7 in row 1"),
            ((np.full((2, 1000), np.inf), [0, 1]), ValueError, r"^batch 1: x\[0, 0\] is inf: data must be"),
        ],
    )
    def test_a_wrong_batch_is_named(self, batch, error, message):
        with pytest.raises(error, match=message):
            self.train(self.net(), [batch], epochs=1)

    def test_batches_have_their_own_size(self):
        with pytest.raises(ValueError, match="leave out batch_size=5"):
            self.train(self.net(), [(self.x, self.y)], epochs=1, batch_size=5, shuffle=False)

    def test_an_array_without_labels_is_an_error(self):
        with pytest.raises(TypeError, match="an iterable of batches"):
            self.train(self.net(), self.x, epochs=1)

    @pytest.mark.parametrize(
        ("number", "message"), [(np.nan, "nan: data must be f"), (1e39, "1e\\+39: data must")]
    )
    def test_a_wrong_number_in_a_file_is_reported_when_its_window_is_read(self, tmp_path, number, message):
        """1e39 is none of float32, in which the network computes."""
        x, y = np.zeros((70_000, 64)), np.zeros(70_000, int)
        x[68_123, 5] = number
        np.save(tmp_path / "x.npy", x)
        net = pl.Network([pl.Dense(2)]).build(64, rng=np.random.default_rng(1))
        loss, optimizer, way = pl.SoftmaxCrossEntropy(), pl.SGD(0.1), {"batch_size": 1000, "shuffle": False}
        records = pl.train(net, loss, optimizer, tmp_path / "x.npy", y, epochs=1, **way)
        with pytest.raises(ValueError, match=rf"^x\[68123, 5\] is {message}"):
            next(records)

    def test_a_damaged_file_is_named(self, tmp_path):
        np.save(tmp_path / "x.npy", self.x[:500])
        whole = (tmp_path / "x.npy").read_bytes()
        (tmp_path / "x.npy").write_bytes(whole[:1000])
        with pytest.raises(ValueError, match=r"x.npy' is not a whole .npy file"):
            self.train(self.net(), tmp_path / "x.npy", self.y, epochs=1)
