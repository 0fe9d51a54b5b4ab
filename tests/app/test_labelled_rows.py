"""Rows of data sets and CSV files, and how they are divided: sizes, classes, no leaks."""

import gzip

import numpy as np
import pytest

from pellucid.app.labelled_rows import divide, load_rows, taken
from pellucid.app.settings import TrainSettings
from pellucid.data import DataError


def settings_for(path, **more):
    return TrainSettings(source=str(path), label="kind", **more)


def test_a_table_of_text_labels(flowers):
    source = load_rows(settings_for(flowers))
    assert (source.classes, source.features, source.label) == (("elm", "oak"), ("width", "height"), "kind")
    assert (source.x.shape, source.image_shape, source.test) == ((60, 2), None, None)
    np.testing.assert_array_equal(np.bincount(source.y), [20, 40])
    assert source.y[:3].tolist() == [0, 1, 1]
    assert list(source.sha256) == ["flowers.csv"]


def test_the_parts_are_stratified_and_disjoint(flowers):
    source = load_rows(settings_for(flowers))
    parts = divide(source, settings_for(flowers, test=0.2, validation=0.25), np.random.default_rng(3))
    assert [len(part) for part in (parts.train, parts.validation, parts.y_test)] == [36, 12, 12]
    assert np.intersect1d(parts.train, parts.validation).size == 0
    assert np.bincount(source.y[parts.train]).tolist() == [12, 24]
    assert np.bincount(source.y[parts.validation]).tolist() == [4, 8]
    held_out = {tuple(row) for row in parts.x_test}
    seen = {tuple(row) for row in source.x[np.concatenate([parts.train, parts.validation])]}
    assert (len(held_out), len(seen), held_out & seen) == (12, 48, set())


def test_shares_of_0_leave_all_rows_to_train_on(flowers):
    source, settings = load_rows(settings_for(flowers)), settings_for(flowers, test=0.0, validation=0.0)
    parts = divide(source, settings, np.random.default_rng(0))
    assert [len(part) for part in (parts.train, parts.validation, parts.y_test)] == [60, 0, 0]


def test_all_rows_are_not_copied_and_some_are_the_ones_asked_for(flowers):
    source, settings = load_rows(settings_for(flowers)), settings_for(flowers, test=0.0)
    parts = divide(source, settings, np.random.default_rng(0))
    np.testing.assert_array_equal(taken(source.x, parts.validation), source.x[parts.validation])
    every = np.union1d(parts.train, parts.validation)
    assert taken(source.x, every) is source.x


def test_a_data_set_has_its_own_test_rows():
    settings = TrainSettings(source="digits", test=0.9)
    source = load_rows(settings)
    parts = divide(source, settings, np.random.default_rng(0))
    assert len(parts.train) + len(parts.validation) == 1437
    assert parts.x_test is source.test[0]
    assert source.features[-1] == "pixel63"


def test_numbers_as_classes_are_ordered_by_size(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,label\n" + "1,10\n2,9\n3,-1\n" * 3)
    source = load_rows(TrainSettings(source=str(path)))
    assert (source.classes, source.y[:3].tolist()) == (("-1", "9", "10"), [2, 1, 0])


@pytest.mark.parametrize("packed", [False, True])
def test_labelled_images_are_read_as_pixels(tmp_path, packed):
    """Kaggle's format: pixels stay bytes, and the classes are those in the file."""
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    rows = [",".join([str(label), *["0"] * 783, "255"]) for label in (7, 3, 3)]
    text = "\n".join([header, *rows]).encode()
    path = tmp_path / "train.csv"
    path.write_bytes(gzip.compress(text) if packed else text)
    source = load_rows(TrainSettings(source=str(path)))
    assert (source.x.dtype, source.image_shape, source.x[0, 783]) == (np.uint8, (28, 28), 255)
    assert (source.classes, source.y.tolist()) == (("3", "7"), [1, 0, 0])


WRONG = [
    ("a,kind\n1,x\n2,x\n", {}, "column kind holds only one class, 'x': at least 2"),
    ("a,b\n1,2\n", {}, "there is no column 'kind'; the columns are a, b"),
    ("a,kinds\n1,2\n", {}, "there is no column 'kind': did you mean kinds?; the columns are a, kinds"),
    (
        "a,b\n1,2\n",
        {"label": None},
        "no column 'label': name the column of classes with --label; the columns are",
    ),
    ("a,kind\n1,x\n2,\n", {}, "row 3, column kind: empty"),
    ("a,kind\n1,x\n,y\n", {}, "row 3, column a: empty"),
    (",".join(f"c{i}" for i in range(30)) + "\n" + "1," * 29 + "1\n", {}, "c19, ... (30 in all)"),
]


@pytest.mark.parametrize(("text", "more", "message"), WRONG, ids=range(len(WRONG)))
def test_tables_that_do_not_fit(tmp_path, text, more, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        load_rows(TrainSettings(**{"source": str(path), "label": "kind", **more}))
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_name_that_is_nothing():
    with pytest.raises(DataError, match=r"'fashion' is neither a data set \(mnist, .*\) nor a file: did you"):
        load_rows(TrainSettings(source="fashion"))


ROWS = {"x": 20, "y": 20}
TOO_FEW = [
    ({**ROWS, "z": 1}, {}, "class 'z' has 1 row, at least 3 are needed, .*is 'kind' the right --label"),
    ({**ROWS, "z": 2}, {}, "class 'z' has 2 rows, at least 3 are needed"),
    ({**ROWS, "z": 1}, {"test": 0.0}, "class 'z' has 1 row, at least 2 are needed"),
    ({"x": 20, "y": 3}, {"test": 0.85, "validation": 0.0}, "no training rows are left for class 'y'"),
    (ROWS, {"test": 0.001}, r"--test 0\.001 of 40 rows leaves a part empty"),
    (ROWS, {"validation": 0.001}, r"--validation 0\.001 of 32 rows leaves a part empty"),
]


@pytest.mark.parametrize(("counts", "shares", "message"), TOO_FEW)
def test_too_few_rows_to_divide(tmp_path, counts, shares, message):
    path = tmp_path / "t.csv"
    rows = [f"{i},{kind}" for kind, count in counts.items() for i in range(count)]
    path.write_text("\n".join(["a,kind", *rows]))
    settings = settings_for(path, **shares)
    with pytest.raises(ValueError, match=message):
        divide(load_rows(settings), settings, np.random.default_rng(0))


def test_one_row_of_a_class_is_enough_where_nothing_is_held_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,kind\n1,x\n2,y\n")
    settings = settings_for(path, test=0.0, validation=0.0)
    assert len(divide(load_rows(settings), settings, np.random.default_rng(0)).train) == 2


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["²", "3"], ("3", "²")),
        (["--3", "2"], ("--3", "2")),
        (["9" * 5000, "x", "1"], ("1", "9" * 5000, "x")),
        (["9" * 5000, "1"], ("1", "9" * 5000)),
    ],
)
def test_classes_that_only_look_like_numbers(tmp_path, labels, classes):
    path = tmp_path / "a.csv"
    path.write_text("a,kind\n" + "".join(f"1,{label}\n" for label in labels), encoding="utf-8")
    assert load_rows(settings_for(path)).classes == classes


@pytest.mark.parametrize(
    "text",
    [
        '"a\nb",c\n1,2\n',
        f'"a","{"k" * 2000}"\n1,2\n',
        '"kind\n",kind\n1,2\n',
        "a,kind\n1,{0}\n2,{0}\n".format("x" * 2000),
    ],
)
def test_a_refusal_is_one_short_line(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_rows(settings_for(path))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
