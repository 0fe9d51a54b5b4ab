"""Damage is of every kind, and gets past the outermost check of a format."""

import gzip
import io
import json
import zlib
from random import Random

import pytest
from PIL import Image
from proof.fuzzing.damage import MAX_BYTES, MUTATIONS, Stock, mutate
from proof.fuzzing.json_edits import edit_json, edit_json_file
from proof.fuzzing.structure import (
    checksummed,
    edit_model_notes,
    edit_rows,
    edit_safetensors_header,
    image_bytes,
    packed,
    unpacked_bytes,
)
from proof.fuzzing.targets import TARGETS

from pellucid.files import safetensors
from proof.fuzzing import samples

STOCK = Stock((b"0123456789" * 8, b"abc"), (b"word",))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.__name__ for mutation in MUTATIONS])
def test_every_mutation_changes_most_files_and_takes_an_empty_one(mutation):
    changed = 0
    for seed in range(100):
        content = bytearray(STOCK.files[0])
        mutation(content, Random(seed), STOCK)
        changed += content != STOCK.files[0]
        mutation(bytearray(), Random(seed), STOCK)
    assert changed > 80


def test_damaged_files_are_short_and_differ():
    found = [mutate(STOCK.files[0], Random(seed), STOCK) for seed in range(1000)]
    assert max(map(len, found)) <= MAX_BYTES
    assert len(set(found)) > 800
    assert found[:5] == [mutate(STOCK.files[0], Random(seed), STOCK) for seed in range(5)]


def test_edits_of_json_reach_every_place_and_leave_the_value_alone():
    value = {"a": [1, {"b": 2}], "c": "x"}
    found = [edit_json(value, Random(seed)) for seed in range(2000)]
    assert value == {"a": [1, {"b": 2}], "c": "x"}
    texts = {json.dumps(each) for each in found}
    assert len(texts) > 800
    assert {json.dumps({"a": [1, {}], "c": "x"}), json.dumps({"a": [1, {"b": 2}]})} <= texts
    assert json.dumps({"a": "x", "c": [1, {"b": 2}]}) in texts
    assert edit_json_file(b"no JSON", Random(0)) == b"no JSON"


def test_headers_of_safetensors_stay_framed(tmp_path):
    (content, *_) = samples.tensor_files()
    for seed in range(50):
        edited = edit_safetensors_header(content, Random(seed))
        json.loads(edited[8 : 8 + int.from_bytes(edited[:8], "little")])
        assert edited.endswith(content[-27:])


def test_most_edits_of_a_model_leave_its_file_readable(tmp_path):
    (content, *_), read, about = samples.models(), 0, set()
    for seed in range(100):
        (tmp_path / "a").write_bytes(edit_model_notes(content, Random(seed)))
        try:
            about.add(json.dumps(safetensors.read(tmp_path / "a")[1]))
            read += 1
        except ValueError:
            pass
    assert read > 40
    assert len(about) > 40


def test_rows_are_damaged_below_the_header():
    assert all(edit_rows(b"a,b\n1,2\n", Random(seed)).startswith(b"a,b\n") for seed in range(50))


def test_packed_files_unpack_except_for_bytes_after_the_end():
    for seed in range(50):
        content = packed(b"x" * 1000, Random(seed))
        try:
            assert gzip.decompress(content) == b"x" * 1000
        except (gzip.BadGzipFile, EOFError):
            assert seed
        assert 500 < unpacked_bytes(gzip.compress(b"x" * 1000)) < 1100
    assert unpacked_bytes(b"plain") == 5


def test_checksums_of_a_damaged_picture_are_corrected():
    (content, *_) = samples.pictures()
    damaged = bytearray(content)
    damaged[17] ^= 1  # of the width
    assert checksummed(content, Random(0)) == content
    mended = checksummed(bytes(damaged), Random(0))
    assert mended[29:33] == zlib.crc32(mended[12:29]).to_bytes(4, "big")
    assert Image.open(io.BytesIO(mended)).size == (8 + 65_536, 8)
    assert (image_bytes(content), image_bytes(b"none")) == (len(content) + 8 * 64, 4)


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_whole_files_are_read(target, tmp_path):
    for content in target.files():
        (tmp_path / "a").write_bytes(content)
        target.read(tmp_path / "a")
