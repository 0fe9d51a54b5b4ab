"""Inputs of `predict`: columns by name, images by size, and clear refusals."""

import gzip

import numpy as np
import pytest
from PIL import Image

import pellucid as pl
from pellucid.app.inputs import kind_of, read_inputs
from pellucid.app.model_notes import ModelNotes
from pellucid.data import DataError

TABLE = ModelNotes(("elm", "oak"), ("width", "height"), "kind", None, None, "softmax-cross-entropy")
DIGITS = tuple("0123456789")


def images(height, width, white=255):
    features = tuple(f"pixel{i}" for i in range(height * width))
    return ModelNotes(DIGITS, features, "label", (height, width), white, "softmax-cross-entropy")


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def write(tmp_path):
    def call(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return call


def test_columns_go_by_name(write):
    inputs = read_inputs([write("height,kind,width\n1,oak,2\n3,elm,4\n")], TABLE)
    np.testing.assert_array_equal(inputs.x, [[2, 1], [4, 3]])
    assert (inputs.heading, list(inputs.names), inputs.y.tolist()) == ("row", [1, 2], [1, 0])


def test_without_labels(write):
    assert read_inputs([write("width,height\n1,2\n")], TABLE).y is None


WRONG = [
    ("width,kind\n1,oak\n", "the model needs the column 'height'; it was trained on width, height"),
    ("width,hight\n1,2\n", "the model needs the column 'height': did you mean hight?; it was trained on"),
    ("width,height,id\n1,2,3\n", "the model does not know the column 'id': remove it"),
    (
        "width,height,kind\n1,2,oak\n1,2,ash\n",
        "row 3, column kind: the model has no class 'ash', only elm, oak",
    ),
    ("width,height\n1,x\n", "row 2, column height: 'x' is not a finite number"),
    ("width,height\n", "no rows below the header"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_tables_that_do_not_fit(write, text, message):
    path = write(text)
    with pytest.raises(DataError) as caught:
        read_inputs([path], TABLE)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_pixels_as_a_table(write):
    inputs = read_inputs([write("pixel1,pixel0\n9,255\n")], images(1, 2))
    np.testing.assert_array_equal(inputs.x, [[255, 9]])


@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file(write, packed):
    array = np.arange(12).reshape(3, 2, 2)
    content = gzip.compress(idx(array)) if packed else idx(array)
    inputs = read_inputs([write(content, "no-ending")], images(2, 2))
    np.testing.assert_array_equal(inputs.x, array.reshape(3, 4))
    assert (inputs.x.dtype, list(inputs.names), inputs.y) == (np.uint8, [1, 2, 3], None)


def test_images_come_in_the_range_that_the_model_knows(tmp_path, write):
    """Pixels of scikit-learn's digits go from 0 to 16, those of image files from 0 to 255."""
    pixels = np.array([[0, 255], [51, 102]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", write(idx(pixels[None]), "b")):
        np.testing.assert_allclose(
            read_inputs([str(source)], images(2, 2, 16)).x, [[0, 16, 3.2, 6.4]], rtol=1e-6
        )
    assert read_inputs([str(tmp_path / "a.png")], images(2, 2)).x.dtype == np.uint8


def test_names_of_pictures_and_a_hint_for_paper(tmp_path):
    for name, value in (("a.png", 250), ("b.png", 240)):
        Image.new("L", (2, 2), value).save(tmp_path / name)
    named = [str(tmp_path / name) for name in ("b.png", "a.png")]
    inputs = read_inputs(named, images(2, 2))
    assert (inputs.heading, inputs.names) == ("file", named)
    assert inputs.hint.endswith("try --invert.")
    inverted = read_inputs(named, images(2, 2), invert=True)
    assert inverted.hint == ""
    np.testing.assert_array_equal(inverted.x, [[15] * 4, [5] * 4])


def test_a_data_set_gives_its_test_images_and_their_labels():
    inputs = read_inputs(["digits"], images(8, 8, 16))
    data = pl.load_dataset("digits")
    np.testing.assert_array_equal(inputs.x, data.x_test)
    np.testing.assert_array_equal(inputs.y, data.y_test)


def test_labels_of_a_data_set_are_left_out_where_classes_differ():
    notes = images(8, 8, 16)
    other = ModelNotes(tuple("abc"), notes.features, "label", (8, 8), 16, notes.loss)
    assert read_inputs(["digits"], other).y is None


def test_refusals(tmp_path, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (2, 2)).save("a.png")
    write("width,height\n1,2\n", "t.csv")
    write(idx(np.zeros((0, 2, 2))), "none.idx")
    write(idx(np.zeros((1, 3, 2))), "tall.idx")
    for named, notes, options, message in (
        (["digits"], images(2, 2), {}, "digits has images of 8 x 8 pixels, the model needs 2 x 2"),
        (
            ["digits"],
            TABLE,
            {},
            "digits holds images, but the model was trained on a table: .* width, height",
        ),
        (["a.png"], TABLE, {}, "a.png holds images, but the model was trained on a table"),
        (["none.idx"], images(2, 2), {}, "the file holds no images"),
        (["tall.idx"], images(2, 2), {}, "dimension 1 is 3, expected 2"),
        (["a.png", "t.csv"], images(2, 2), {}, "must all be PNG or JPEG files, and t.csv is not"),
        (["t.csv", "t.csv"], TABLE, {}, "must all be PNG or JPEG files"),
        (["t.csv"], TABLE, {"invert": True}, "--resize and --invert are for PNG and JPEG files, and t.csv"),
        (["digits"], images(8, 8), {"resize": True}, "--resize and --invert are for PNG and JPEG files"),
        (["a.png"], images(3, 3), {}, "2 x 2 pixels, the model needs 3 x 3: add --resize"),
        (["."], TABLE, {}, r"\. is a folder: name the files in it"),
        (["mnits"], TABLE, {}, "'mnits' is neither a file nor a data set: did you mean mnist"),
    ):
        with pytest.raises(DataError, match=message):
            read_inputs(named, notes, **options)


def test_kinds_go_by_content(write):
    assert kind_of(write(b"\x89PNG\r\n\x1a\n", "a.csv")) == "picture"
    assert kind_of(write(b"\xff\xd8\xff\xe0", "b.png")) == "picture"
    assert kind_of(write(b"\0\0\x08\x03", "c.png")) == "idx"
    assert kind_of(write(b"a,b\n", "d.png")) == "table"
    assert kind_of(write(b"", "e")) == "table"


@pytest.mark.parametrize(
    "text",
    [
        "width,height\x08\n1,2\n",
        "width,height,kind\n1,2,{}\n".format("x" * 3000),
        'width,height,"a\nb"\n1,2,3\n',
    ],
)
def test_a_refusal_is_one_short_line(write, text):
    with pytest.raises(DataError) as caught:
        read_inputs([write(text)], TABLE)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_what_the_model_was_trained_on_is_listed_on_one_line(write):
    notes = ModelNotes(("a", "b"), ("x\ny", "z" * 1000), "kind", None, None, "softmax-cross-entropy")
    with pytest.raises(DataError, match=r"it was trained on 'x\\ny', 'zzz") as caught:
        read_inputs([write("a,b\n1,2\n")], notes)
    assert len(str(caught.value)) < 400
