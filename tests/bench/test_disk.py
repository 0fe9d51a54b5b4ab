"""Training from a cold file, on a small one."""

from bench import disk


def test_each_is_measured_and_the_file_is_removed(tmp_path):
    found = disk.measure(tmp_path, gibibytes=0.04, rounds=2)
    assert found["bytes"] == found["rows"] * 784 > 32 * 2**20  # larger than a window: read from the file
    assert {name: len(each) for name, each in found["seconds"].items()} == {
        "file": 2,
        "memory": 2,
        "reading": 2,
    }
    assert 0 < found["ratio"] < 2
    assert 0 < found["reading"] < 2
    assert list(tmp_path.iterdir()) == []
