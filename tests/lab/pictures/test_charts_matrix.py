import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from pellucid.lab.pictures.charts import draw_matrix
from pellucid.lab.pictures.curve_panels import INK, MUTED

COUNTS = np.array([[90, 10, 0], [1, 99, 0], [0, 0, 0]])  # the last class has no rows


def drawn(counts=COUNTS):
    ax = Figure().subplots()
    draw_matrix(ax, counts, ["cat", "dog", "owl"])
    return ax


def texts(ax):
    return {text.get_position(): text for text in ax.texts}


def test_each_count_stands_at_its_true_row_and_predicted_column():
    ax = drawn()
    assert {place: text.get_text() for place, text in texts(ax).items()} == {
        (j, i): str(COUNTS[i, j]) for i in range(3) for j in range(3)
    }
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == ["cat", "dog", "owl"]
    bottom, top = ax.get_ylim()
    assert bottom > top  # the first class is at the top, as in the table of counts


def test_the_shade_is_the_share_of_the_row_and_a_rare_mistake_shows():
    (image,) = drawn().get_images()
    shade = np.asarray(image.get_array())
    assert image.get_clim() == (0, 1)
    assert shade[0].tolist() == [0.9**0.5, 0.1**0.5, 0]
    assert shade[1, 0] == 0.1  # one in a hundred
    assert shade[2].tolist() == [0, 0, 0]
    np.testing.assert_allclose(np.asarray(drawn(COUNTS * 7).get_images()[0].get_array()), shade)


def test_counts_are_white_on_dark_and_a_zero_is_faint():
    ax = drawn()
    colors = {place: to_hex(text.get_color()) for place, text in texts(ax).items()}
    assert colors[(0, 0)] == "#ffffff"
    assert colors[(1, 0)] == INK
    assert colors[(2, 0)] == colors[(2, 2)] == MUTED
