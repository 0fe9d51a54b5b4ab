"""The pictures from results."""

from bench.chart import pictures

from pellucid.lab.pictures.figures import Bars, Plot, render


def test_bars_are_times_over_ours(results):
    bars, _ = pictures(results)
    assert isinstance(bars, Bars)
    workload, race = bars.groups
    assert workload.label == "D  784-10, batch 32\npellucid: 2 s"
    found = {bar.series: (bar.value, bar.text) for bar in workload.bars}
    assert found == {
        "PyTorch eager": (4.5, "4.50 ×  (9 s)"),
        "JAX jit": (1.5, "1.50 ×  (3 s)"),
        "scikit-learn": (None, "not measured"),
        "published code": (1.25, "1.25 ×  (2.5 s)"),
    }
    assert race.label == "T98  shell to 98 %\npellucid: 2 s"


def test_curves_of_the_scaling(results):
    _, plot = pictures(results)
    assert isinstance(plot, Plot)
    batch, rows = plot.panels
    assert batch.series[0].x == [3, 4, 6]  # 8, 16 and 64 as powers of two
    assert rows.series[1].x == [8, 16, 64]
    assert [series.label for series in rows.series] == ["pellucid", "PyTorch eager"]
    assert rows.series[1].y == [[2.0, 4.0, 16.0]]


def test_without_ours_there_is_nothing_to_draw(results, compared):
    results["parts"] = {"D": results["parts"]["D"]}
    results["parts"]["D"]["contestants"]["pellucid"] = {"missing": "broken"}
    assert pictures(results) == []


def test_a_curve_with_a_gap_is_left_out(results):
    results["parts"]["scaling"]["axes"]["rows"][1]["contestants"]["pytorch"] = {"missing": "gone"}
    plot = pictures(results)[1]
    assert [series.label for series in plot.panels[1].series] == ["pellucid"]


def test_the_pictures_can_be_drawn(results, tmp_path):
    names = [path.name for picture in pictures(results) for path in render(picture, tmp_path)]
    assert names == ["bench.png", "bench.svg", "bench-scaling.png", "bench-scaling.svg"]
