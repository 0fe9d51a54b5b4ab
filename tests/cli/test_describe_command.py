"""`pellucid data describe`."""

import re


def test_a_description(run, tmp_path):
    code, out, err = run("data", "describe", "digits", "--picture", tmp_path / "pictures")
    assert (code, err) == (0, "")
    text = re.sub(r"[ \n]+", " ", out)
    for fact in (
        "training images 1,437 of 8 x 8 = 64 pixels",
        "test images 360",
        "memory 0.1 MB",
        "pixel range 0 to 16",
        "pixel mean ± sd 4.89 ± 6.02",
        "pixels at 0 48.9%",
        "constant pixels 3: 0, 32, 39",
        "│ 9 │ 144 │ 10.0% │ 36 │",
        "Outliers: the worst 2 of 2",
        "│ 1,241 │ 6 │ 42.0 │ 4.18 │",
    ):
        assert fact in text
    pictures = [tmp_path / "pictures" / f"digits-digits.{kind}" for kind in ("png", "svg")]
    assert out.splitlines()[-2:] == [str(path) for path in pictures]
    assert max(map(len, out.splitlines()[:-2])) <= 80
    assert [path.read_bytes()[:5] for path in pictures] == [b"\x89PNG\r", b"<?xml"]
