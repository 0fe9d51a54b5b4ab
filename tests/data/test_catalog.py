"""The data sets that `load_dataset` knows by name."""

import gzip
import hashlib
import importlib.util
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid.data
from pellucid.data import DATASETS, DataError, cache_folder, fetch, load_dataset
from pellucid.data.catalog import candidates, named_folder

needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)


@pytest.fixture(autouse=True)
def _no_named_folder(monkeypatch):
    monkeypatch.delenv("PELLUCID_DATA", raising=False)


def test_unknown_name():
    with pytest.raises(
        DataError, match="unknown data set 'minst', expected mnist, fashion-mnist, digits, kaggle-"
    ):
        load_dataset("minst")


def modules_after(code):
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@needs_sklearn
def test_digits_against_scikit_learn():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    data = load_dataset("digits")
    assert data.x_train.shape == (1437, 64)
    assert data.x_test.shape == (360, 64)
    assert data.x_train.dtype == np.uint8
    assert data.y_train.dtype == np.int64
    ours = np.c_[np.r_[data.y_train, data.y_test], np.r_[data.x_train, data.x_test]].tolist()
    assert sorted(ours) == sorted(np.c_[y, x].astype(int).tolist())
    share = np.bincount(y) / 5
    assert (abs(np.bincount(data.y_test) - share) < 1).all()


@needs_sklearn
def test_digits_split_never_changes():
    data = load_dataset("digits")
    assert data.y_train[:10].tolist() == [1, 3, 5, 6, 7, 8, 9, 0, 1, 2]
    assert data.y_test[:10].tolist() == [0, 2, 4, 7, 1, 6, 8, 9, 5, 3]
    digest = hashlib.sha256(data.x_test.tobytes() + data.y_test.astype("<i8").tobytes()).hexdigest()
    assert digest.startswith("973417cfcf53301f")


@needs_sklearn
def test_digits_needs_no_import_of_scikit_learn():
    assert "sklearn" not in modules_after("import pellucid.data as d; d.load_dataset('digits')")


@needs_sklearn
def test_digits_from_a_folder_and_damaged(tmp_path):
    data = load_dataset("digits")
    text = gzip.decompress(Path(data.source).read_bytes())
    (tmp_path / "digits.csv").write_bytes(text)
    again = load_dataset("digits", folder=tmp_path)
    assert again.source == str(tmp_path / "digits.csv")
    np.testing.assert_array_equal(again.x_test, data.x_test)
    (tmp_path / "digits.csv").write_bytes(text.replace(b"16", b"15", 1))
    with pytest.raises(DataError, match=r"digits\.csv: wrong content: SHA-256 .*, expected 6ebb3d2f"):
        load_dataset("digits", folder=tmp_path)


def test_digits_without_scikit_learn(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"pip install 'pellucid\[lab\]'"):
        load_dataset("digits")
    with pytest.raises(DataError, match=r"digits: no digits\.csv, with or without \.gz, in folder"):
        load_dataset("digits", folder=tmp_path)


@pytest.fixture
def kaggle_text():
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    rows = [",".join(map(str, [label, *([label * 20] * 784)])) for label in (3, 1, 4)]
    return "\n".join([header, *rows, ""]).encode()


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "kaggle-mnist.csv", "kaggle-mnist/train.csv"])
@pytest.mark.parametrize("by", ["argument", "environment", "cache"])
def test_kaggle(tmp_path, monkeypatch, kaggle_text, name, by):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "kaggle-mnist" if by == "cache" else tmp_path / "mine"
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(kaggle_text) if path.suffix == ".gz" else kaggle_text)
    if by == "environment":
        monkeypatch.setenv("PELLUCID_DATA", str(folder))
    data = load_dataset("kaggle-mnist", folder=folder if by == "argument" else None)
    assert data.y_train.tolist() == [3, 1, 4]
    assert data.x_train.shape == (3, 784)
    assert data.x_train[:, 5].tolist() == [60, 20, 80]
    assert data.x_test.shape == (0, 784)
    assert data.y_test.shape == (0,)
    assert data.source == str(path)
    assert list(data.sha256) == [path.name.removesuffix(".gz")]
    assert not data.x_train.flags.writeable


def test_kaggle_is_absent(tmp_path, monkeypatch):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        load_dataset("kaggle-mnist")
    message = str(caught.value)
    assert (
        f"no train.csv or kaggle-mnist.csv in {tmp_path} or {tmp_path / 'cache' / 'kaggle-mnist'}" in message
    )
    assert "https://www.kaggle.com/c/digit-recognizer/data" in message
    with pytest.raises(DataError, match="in folder"):
        load_dataset("kaggle-mnist", folder=tmp_path)


@needs_sklearn
def test_arrays_are_read_only_and_travel():
    data = load_dataset("digits")
    for array in (data.x_train, data.y_train, data.x_test, data.y_test):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy.x_train, data.x_train)
    assert repr(data).startswith(
        "Dataset('digits': 1437 training and 360 test images of 8 x 8, 10 classes, from /"
    )


def test_pinned_checksums_are_the_issue_s():
    digests = [file.sha256[:8] for file in fetch.ORIGINS["mnist"].files]
    assert digests == ["ba891046", "65a50cbb", "0fa7898d", "ff7bcfd4"]
    assert set(DATASETS) == set(fetch.ORIGINS) | {"digits", "kaggle-mnist"}


def _at_hand(name):
    if name == "mnist":
        return (cache_folder() / name / "train-images-idx3-ubyte").exists() or shutil.which("npm")
    return (fetch.FASHION_MNIST.sources[-1].path / "train-images-idx3-ubyte.gz").exists()


@pytest.mark.parametrize(
    ("name", "first_labels"), [("mnist", [5, 0, 4, 1, 9]), ("fashion-mnist", [9, 0, 0, 3, 0])]
)
def test_the_true_files(name, first_labels, monkeypatch):
    if not _at_hand(name):
        pytest.skip(f"{name} is neither in the cache nor can it be had without the network")
    try:
        data = load_dataset(name)
    except DataError as error:
        if "wrong content" in str(error):
            raise
        pytest.skip(str(error).splitlines()[0])
    assert data.x_train.shape == (60_000, 784)
    assert data.x_test.shape == (10_000, 784)
    assert data.y_train[:5].tolist() == first_labels
    assert data.x_train.max() == 255


def test_import_is_light():
    loaded = modules_after("import pellucid.data")
    heavy = {
        "pooch",
        "requests",
        "rich",
        "sklearn",
        "tarfile",
        "gzip",
        "subprocess",
        "http.client",
        "socket",
        "ssl",
    }
    assert loaded & heavy == set()
    assert pellucid.data.__doc__


# --- folders ---------------------------------------------------------------------------------------


def test_default_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("PELLUCID_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pellucid"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert cache_folder() == Path("/home/ada/.cache/pellucid")


def test_a_caller_s_folder_goes_before_the_environment_s(monkeypatch):
    monkeypatch.setenv("PELLUCID_DATA", "/somewhere")
    assert named_folder(None) == Path("/somewhere")
    assert named_folder("/mine") is None


def test_candidates_in_order(tmp_path):
    (tmp_path / "set").mkdir()
    for name in ("a.idx3.gz", "set/a-idx3.gz", "a-idx3", "b"):
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in candidates(tmp_path, ["set"], ["a-idx3", "c"])]
    assert found == ["set/a-idx3.gz", "a-idx3", "a.idx3.gz"]
