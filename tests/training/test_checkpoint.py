"""A training that is interrupted anywhere resumes to the bits of one that is not."""

import errno
import itertools
import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.files import safetensors
from pellucid.files import whole as files
from pellucid.training.checkpoint import Checkpoint, _digest, generator_state, set_generator_state

ROWS, WIDTH, CLASSES = 50, 6, 3


def data(dtype=np.float64):
    rng = np.random.default_rng(7)
    return rng.normal(size=(ROWS, WIDTH)).astype(dtype), rng.integers(CLASSES, size=ROWS)


def network(seed=0, dtype=np.float64):
    layers = [
        pl.Dense(8),
        pl.Tanh(),
        pl.Dropout(0.3),
        pl.Dense(7),
        pl.ReLU(),
        pl.Dropout(0.1),
        pl.Dense(CLASSES),
    ]
    return pl.Network(layers).build(WIDTH, rng=np.random.default_rng(seed), dtype=dtype)


OPTIMIZERS = {
    "sgd": lambda: pl.SGD(0.1),
    "momentum": lambda: pl.SGD(pl.cosine(0.1, steps=40), momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda: pl.Adam(pl.one_cycle(0.01, steps=40), weight_decay=0.001),
}


def outcome(nets, optimizer, rng, records):
    """Return all that must be equal to the last bit."""
    return {
        "theta": [net.theta.tobytes() for net in nets],
        "optimizer": {name: kept.tobytes() for name, kept in optimizer.state.items()},
        "steps": optimizer.step_number,
        "generators": [generator_state(each) for each in (rng, *(g for net in nets for g in net.generators))],
        "records": {(r.epoch, r.batch or 1000): r for r in records},
    }


class Break(files.System):
    """Breaks off after so many files."""

    def __init__(self, n_files):
        self.n_files = n_files

    def sync_folder(self, folder):
        super().sync_folder(folder)
        self.n_files -= 1
        if self.n_files == 0:
            raise KeyboardInterrupt


def train(
    path, every, *, resume=False, way="memory", optimizer="adam", epochs=4, dtype=np.float64, **settings
):
    """Train once, to the end or until it is interrupted; return the outcome, or None."""
    net, rules, rng = network(dtype=dtype), OPTIMIZERS[optimizer](), np.random.default_rng(3)
    x, y = data(dtype)
    given = {"x": x, "y": y, "batch_size": 8, "rng": rng, "validation": (x[:9], y[:9])}
    if way == "full batch":
        given["batch_size"] = None
    elif way == "batches":
        given = {"x": [(x[i : i + 8], y[i : i + 8]) for i in range(0, ROWS, 8)], "y": None, "rng": None}
    elif way == "in order":
        given |= {"shuffle": False, "rng": None, "validation": None}
    records = []
    try:
        for record in pl.train(
            net, pl.SoftmaxCrossEntropy(), rules, epochs=epochs, checkpoint=path, every=every, resume=resume,
            **given, **settings,
        ):  # fmt: skip
            records.append(record)
    except KeyboardInterrupt:
        return None
    return outcome([net], rules, rng, records)


def without_records(found):
    return {name: value for name, value in found.items() if name != "records"}


CASES = [
    *itertools.product(["memory"], ["sgd", "momentum", "adam"], [None, 1, 3, 5], [{}, {"compiled": True}]),
    *itertools.product(["batches", "in order"], ["adam"], [None, 3], [{}, {"compiled": True}]),
    *itertools.product(["full batch"], ["adam"], [None, 1], [{}, {"compiled": True}]),
    ("memory", "adam", 3, {"per_batch": True}),
    ("memory", "adam", 4, {"dtype": np.float32, "compiled": True, "deterministic": True}),
    ("full batch", "adam", 1, {"block_rows": 16}),
]


@pytest.mark.parametrize(("way", "optimizer", "every", "settings"), CASES)
def test_goes_on_to_the_same_bits(tmp_path, monkeypatch, way, optimizer, every, settings):
    path = tmp_path / "a.safetensors"
    whole = train(path, every, way=way, optimizer=optimizer, **settings)
    seen = {}
    for n_files in (1, 2, 3, 100):
        path.unlink(missing_ok=True)
        monkeypatch.setattr(files, "SYSTEM", Break(n_files))
        broken = train(path, every, way=way, optimizer=optimizer, **settings)
        monkeypatch.setattr(files, "SYSTEM", files.System())
        again = train(path, every, resume=True, way=way, optimizer=optimizer, **settings)
        assert without_records(again) == without_records(whole)
        assert again["records"].items() <= whole["records"].items()
        assert max(again["records"]) == max(whole["records"])
        seen[n_files] = broken, len(again["records"])
    assert [broken is None for broken, _ in seen.values()] == [True, True, True, False]
    # A later break leaves less to do; what has ended gives its last record again.
    assert seen[1][1] >= seen[3][1] >= seen[100][1] == 1


def test_checkpoints_change_no_bit(tmp_path):
    net, rules, rng = network(), OPTIMIZERS["adam"](), np.random.default_rng(3)
    x, y = data()
    records = list(
        pl.train(
            net,
            pl.SoftmaxCrossEntropy(),
            rules,
            x,
            y,
            epochs=4,
            batch_size=8,
            rng=rng,
            validation=(x[:9], y[:9]),
        )
    )
    assert outcome([net], rules, rng, records) == train(tmp_path / "a", 2)


@pytest.mark.parametrize("compiled", [False, True])
def test_many_networks_go_on_to_the_same_bits(tmp_path, monkeypatch, compiled):
    def train_many(*, resume=False):
        nets, rng = [network(seed) for seed in range(4)], np.random.default_rng(1)
        x, y = data()
        rules = pl.Adam()
        for records in pl.train_many(
            nets, pl.SoftmaxCrossEntropy(), rules, x, y, epochs=3, batch_size=8, rng=rng, compiled=compiled,
            checkpoint=tmp_path / "many", every=5, resume=resume,
        ):  # fmt: skip
            last = records
        assert rules.step_number == 0
        return (
            [net.theta.tobytes() for net in nets],
            last,
            [generator_state(g) for net in nets for g in net.generators],
        )

    whole = train_many()
    (tmp_path / "many").unlink()
    monkeypatch.setattr(files, "SYSTEM", Break(2))
    with pytest.raises(KeyboardInterrupt):
        train_many()
    monkeypatch.setattr(files, "SYSTEM", files.System())
    assert train_many(resume=True) == whole


def test_a_file_larger_than_a_window(tmp_path, monkeypatch):
    monkeypatch.setattr("pellucid.training.setup.WINDOW_BYTES", 500)
    monkeypatch.setattr("pellucid.training.memory_map.windows.WINDOW_BYTES", 8 * WIDTH * 20)
    monkeypatch.setattr("pellucid.training.memory_map.windows.RUN_BYTES", 8 * WIDTH * 3)
    x, y = data()
    np.save(tmp_path / "x.npy", x)

    def run(*, resume=False):
        net, rng = network(), np.random.default_rng(2)
        for _ in pl.train(
            net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), tmp_path / "x.npy", y, epochs=2, batch_size=4,
            rng=rng, checkpoint=tmp_path / "c", every=3, resume=resume,
        ):  # fmt: skip
            pass
        return net.theta.tobytes(), generator_state(rng)

    whole = run()
    for n_files in range(1, 7):
        (tmp_path / "c").unlink()
        monkeypatch.setattr(files, "SYSTEM", Break(n_files))
        with pytest.raises(KeyboardInterrupt):
            run()
        monkeypatch.setattr(files, "SYSTEM", files.System())
        assert run(resume=True) == whole


def test_extras_and_earlier_records_come_back(tmp_path, monkeypatch):
    def run(checkpoint, *, resume=False):
        x, y = data()
        best = []
        for record in pl.train(
            network(),
            pl.SoftmaxCrossEntropy(),
            pl.SGD(0.1),
            x,
            y,
            epochs=4,
            checkpoint=checkpoint,
            resume=resume,
        ):
            best.append(record)
            checkpoint.extras["seen"] = checkpoint.extras.get("seen", np.zeros(0)).copy()
            checkpoint.extras["seen"] = np.append(checkpoint.extras["seen"], record.loss)
        return best

    whole, first = Checkpoint(tmp_path / "a"), Checkpoint(tmp_path / "b")
    records = run(whole)
    monkeypatch.setattr(files, "SYSTEM", Break(3))
    with pytest.raises(KeyboardInterrupt):
        run(first)
    monkeypatch.setattr(files, "SYSTEM", files.System())
    second = Checkpoint(str(tmp_path / "b"))
    again = run(second, resume=True)
    # The third epoch was saved and not yet given.
    assert [record.epoch for [record] in second.records] == [1, 2]
    assert [record for [record] in second.records] + again == records
    assert second.extras["seen"].tolist() == whole.extras["seen"].tolist()


def test_more_epochs_than_at_first(tmp_path):
    train(tmp_path / "a", None, epochs=2, way="in order", optimizer="sgd")
    longer = train(tmp_path / "a", None, epochs=5, way="in order", optimizer="sgd", resume=True)
    whole = train(tmp_path / "b", None, epochs=5, way="in order", optimizer="sgd")
    assert without_records(longer) == without_records(whole)
    assert [epoch for epoch, _ in longer["records"]] == [2, 3, 4, 5]


def test_without_a_file_it_begins_at_the_start(tmp_path):
    assert train(tmp_path / "a", 2, resume=True) == train(tmp_path / "b", 2)


def test_what_diverges_leaves_the_last_good_checkpoint(tmp_path):
    x, y = data()

    def run(rate, *, resume=False):
        net = network()
        net.theta[...] = 0.1
        return list(
            pl.train(
                net, pl.MeanSquaredError(), pl.SGD(rate), x, y, epochs=300, shuffle=False, batch_size=10,
                checkpoint=tmp_path / "a", every=1, resume=resume,
            )
        )  # fmt: skip

    with pytest.raises(FloatingPointError, match="epoch"):
        run(1e6)
    about = Checkpoint(tmp_path / "a").load()
    assert np.isfinite(about.theta).all()
    with pytest.raises(FloatingPointError, match="epoch"):
        run(1e6, resume=True)


class Full(files.System):
    """A disk that is full in the middle of the third file."""

    n_files = 0

    def create(self, path):
        self.n_files += 1
        return super().create(path)

    def write(self, file, chunk):
        if self.n_files == 3 and len(chunk) > 500:
            file.write(chunk[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(file, chunk)


class ReadOnly(Full):
    """A folder that can be written to no more when the third file comes."""

    def create(self, path):
        if self.n_files == 2:
            raise OSError(errno.EROFS, "Read-only file system")
        return super().create(path)


@pytest.mark.parametrize("system", [Full, ReadOnly])
def test_a_disk_that_takes_no_more_keeps_the_last_good_checkpoint(tmp_path, monkeypatch, system):
    path = tmp_path / "a.safetensors"
    monkeypatch.setattr(files, "SYSTEM", system())
    with pytest.raises(
        OSError,
        match=r"(No space left on device|Read-only file system); the previous checkpoint, .*a.safetensors'",
    ):
        train(path, 1)
    monkeypatch.setattr(files, "SYSTEM", files.System())
    assert [each.name for each in tmp_path.iterdir()] == ["a.safetensors"]
    assert without_records(train(path, 1, resume=True)) == without_records(train(tmp_path / "b", 1))


def test_what_a_killed_writer_left_is_removed(tmp_path):
    ours = tmp_path / ".a.999999999-0123abcd"
    for each in (
        ours,
        tmp_path / ".b.999999999-0123abcd",
        tmp_path / ".a.1-0123abcd",
        tmp_path / ".a.x-0123abcd",
    ):
        each.write_bytes(b"half")
    assert train(tmp_path / "a", 2, resume=True)
    assert not ours.exists()
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"optimizer": "momentum"},
            r"another run, optimizer: 'Adam\(.*one_cycle.* there, 'SGD\(.* here",
        ),
        ({"way": "in order"}, r"validation: '[0-9a-f]{64}' there, None here"),
        (
            {"epochs": 1},
            "epochs must be at least 4, the epoch that .* has reached, got 1",
        ),
        ({"dtype": np.float32}, "dtype: 'float64' there, 'float32' here"),
        ({"block_rows": 4}, "block_rows: 2048 there, 4 here"),
        ({"compiled": True}, "steps: 'PlainDescent' there, 'CompiledDescent' here"),
    ],
)
def test_another_training_is_refused(tmp_path, changes, message):
    train(tmp_path / "a", 2, compiled=False)
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "a", 2, resume=True, **changes)


def test_other_data_are_refused(tmp_path):
    x, y = data()
    for rows in (x, x + 1):
        records = pl.train(
            network(), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), rows, y, epochs=1, checkpoint=tmp_path / "a"
        )
        list(records)
        with pytest.raises(ValueError, match="another run, data: "):
            pl.train(
                network(), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), rows, y[::-1].copy(), epochs=1,
                checkpoint=tmp_path / "a", resume=True,
            )  # fmt: skip
        (tmp_path / "a").unlink()


@pytest.mark.parametrize("many", [False, True])
def test_a_file_that_is_there_is_lost_by_no_training(tmp_path, many):
    path = tmp_path / "a"
    network().save(path)
    before = path.read_bytes()

    def run(*, resume):
        task = pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data()
        if many:
            return pl.train_many([network()], *task, epochs=1, checkpoint=path, resume=resume)
        return pl.train(network(), *task, epochs=1, checkpoint=path, resume=resume)

    with pytest.raises(
        FileExistsError, match="/a exists: resume from it with resume=True, or remove it to start"
    ):
        run(resume=False)
    assert path.read_bytes() == before
    path.unlink()
    assert [len(list(run(resume=resume))) for resume in (False, True)] == [1, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"every": 3}, "every=3 needs a checkpoint"),
        ({"resume": True}, "resume=True needs a checkpoint"),
        ({"checkpoint": "a", "every": 0}, "every must be a whole number >= 1, got 0"),
        ({"checkpoint": "missing/a"}, "the folder of the checkpoint does not exist"),
        ({"checkpoint": "."}, "the checkpoint must be a regular file; name another"),
        ({"checkpoint": ""}, "checkpoint must be the path of a file, got ''"),
        ({"checkpoint": 7}, "checkpoint must be the path of a file, got 7"),
        ({"checkpoint": "a", "resume": "no"}, "resume must be True or False, got 'no'"),
        ({"deterministic": 1}, "deterministic must be True or False, got 1"),
        ({"checkpoint": "a", "rng": np.random.Generator(np.random.MT19937(0))}, "got MT19937: make one with"),
    ],
)
def test_arguments_that_cannot_be(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    x, y = data()
    given = {"batch_size": 5, "rng": np.random.default_rng(0), **given}
    with pytest.raises((ValueError, OSError, TypeError), match=message):
        next(pl.train(network(), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=1, **given))


@pytest.mark.parametrize("change", ["x", "y", "validation"])
def test_a_single_number_of_the_data_tells_trainings_apart(tmp_path, change):
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=(3000, WIDTH)), "y": rng.integers(CLASSES, size=3000)}
    data["validation"] = rng.normal(size=(10, WIDTH)), rng.integers(CLASSES, size=10)

    def run(*, resume):
        return pl.train(
            network(), pl.SoftmaxCrossEntropy(), pl.SGD(lambda step: 0.1), **data, epochs=1,
            checkpoint=tmp_path / "a", resume=resume,
        )  # fmt: skip

    list(run(resume=False))
    list(run(resume=True))
    changed = {"x": data["x"], "y": data["y"], "validation": data["validation"][0]}[change]
    changed[1] = changed[2]
    with pytest.raises(ValueError, match=r"another run, (data|validation): "):
        run(resume=True)


def test_another_function_as_learning_rate_or_mask_is_refused(tmp_path):
    x, y = data()

    def run(rate, kept, *, resume):
        net = network()
        net.layers[2].fix_mask(np.arange(8) < kept)
        return pl.train(
            net,
            pl.SoftmaxCrossEntropy(),
            pl.SGD(rate),
            x,
            y,
            epochs=1,
            checkpoint=tmp_path / "a",
            resume=resume,
        )

    list(run(lambda step: 0.1, 4, resume=False))
    list(run(lambda step: 0.1, 4, resume=True))
    for rate, kept in ((lambda step: 0.2, 4), (lambda step: 0.1, 5)):
        with pytest.raises(ValueError, match=r"another run, (optimizer|layers): "):
            run(rate, kept, resume=True)


def test_numbers_of_numpy_and_objects_as_learning_rate_are_saved(tmp_path):
    x, y = data()

    class Rate:
        def __call__(self, step):
            return 0.1

    for resume in (False, True):
        records = pl.train(
            network(), pl.SoftmaxCrossEntropy(), pl.SGD(Rate()), x, y, epochs=1, batch_size=np.int64(7),
            block_rows=np.int64(100), rng=np.random.default_rng(0), checkpoint=tmp_path / "a", resume=resume,
        )  # fmt: skip
        assert len(list(records)) == 1


def test_fewer_batches_than_were_taken_are_refused(tmp_path, monkeypatch):
    x, y = data()
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, ROWS, 8)]

    def run(batches, *, resume):
        return list(
            pl.train(
                network(), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), batches, epochs=1,
                checkpoint=tmp_path / "a", every=5, resume=resume,
            )
        )  # fmt: skip

    monkeypatch.setattr(files, "SYSTEM", Break(1))
    with pytest.raises(KeyboardInterrupt):
        run(batches, resume=False)
    monkeypatch.setattr(files, "SYSTEM", files.System())
    with pytest.raises(ValueError, match="the iterable yields 2 batches, but the interrupted run had used 5"):
        run(batches[:2], resume=True)


def test_other_safetensors_files_are_refused(tmp_path):
    network().save(tmp_path / "net")
    with pytest.raises(ValueError, match="net is a safetensors file, but not a training checkpoint"):
        train(tmp_path / "net", None, resume=True)
    train(tmp_path / "a", None, epochs=1)
    with pytest.raises(ValueError, match="a is a checkpoint, not a network: resume from it"):
        pl.Network.load(tmp_path / "a")


def saved(tmp_path):
    """Return arrays and metadata of a checkpoint in the middle of the second epoch."""
    train(tmp_path / "a", 10, epochs=2)
    return safetensors.read(tmp_path / "a")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors, about: about.pop("checkpoint"),
        lambda tensors, about: about.update(checkpoint=2),
        lambda tensors, about: about.update(checkpoint=[0] * 1000),
        lambda tensors, about: about["training"].update(loss="x" * 3000),
        lambda tensors, about: about.update(step_number=10**1000),
        lambda tensors, about: (about.update(epochs=0), tensors.pop("records")),
        lambda tensors, about: about.update(epochs=-1),
        lambda tensors, about: about.update(epochs=10**30),
        lambda tensors, about: about.update(epochs=True),
        lambda tensors, about: about.update(step_number="7"),
        lambda tensors, about: about.update(generators=[{}]),
        lambda tensors, about: about["generators"][0].update(bit_generator="MT19937"),
        lambda tensors, about: about["generators"].pop(),
        lambda tensors, about: about["generators"][0].update(state={"state": [1, 2]}),
        lambda tensors, about: about["order"].update(state=None),
        lambda tensors, about: about.update(order=None),
        lambda tensors, about: about.update(training=[]),
        lambda tensors, about: about.update(arithmetic=7),
        lambda tensors, about: tensors.pop("theta"),
        lambda tensors, about: tensors.update(theta=tensors["theta"][:-1]),
        lambda tensors, about: tensors.update(theta=tensors["theta"].astype(np.int64)),
        lambda tensors, about: tensors.update({"optimizer.m": tensors["optimizer.m"][:5]}),
        lambda tensors, about: tensors.update(records=tensors["records"][0]),
        lambda tensors, about: tensors.update(records=np.zeros((2, 9, 4))),
        lambda tensors, about: tensors.update({"running.losses": np.zeros((1, 1))}),
        lambda tensors, about: tensors.update({"running.nonsense": np.zeros((1, 1))}),
    ],
)
def test_damaged_checkpoints_are_refused(tmp_path, spoil):
    tensors, about = saved(tmp_path)
    spoil(tensors, about)
    about["sha256"] = _digest(tensors)
    safetensors.write(tmp_path / "a", tensors, about)
    with pytest.raises(ValueError, match=r"/a(:| )") as caught:
        train(tmp_path / "a", 10, epochs=2, resume=True)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


def test_flipped_bits_are_found(tmp_path):
    train(tmp_path / "a", 10, epochs=2)
    content = bytearray((tmp_path / "a").read_bytes())
    content[-20] ^= 1
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="the checksum of its arrays is wrong: the file is damaged"):
        train(tmp_path / "a", 10, epochs=2, resume=True)


def test_the_file_is_one_safetensors_file_of_numbers_and_json(tmp_path):
    tensors, about = saved(tmp_path)
    assert set(tensors) == {"theta", "optimizer.m", "optimizer.v", "records"}
    assert tensors["records"].shape == (2, 1, 4)
    assert about["epochs"] == 2
    assert about["training"]["batch_size"] == 8
    json.dumps(about)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64])
def test_states_of_generators(kind):
    rng, other = np.random.Generator(kind(5)), np.random.Generator(kind(6))
    rng.random(7, dtype=np.float32)  # leaves half of a number behind
    set_generator_state(other, json.loads(json.dumps(generator_state(rng))))
    assert other.random(9, dtype=np.float32).tolist() == rng.random(9, dtype=np.float32).tolist()
