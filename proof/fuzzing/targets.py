"""Every reader of a file that a user names, with intact files to damage. Add new readers to TARGETS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from proof.fuzzing import large, readers, samples, words
from proof.fuzzing.json_edits import edit_json_file
from proof.fuzzing.structure import (
    checksummed,
    edit_model_notes,
    edit_rows,
    edit_safetensors_header,
    image_bytes,
    packed,
    redigested,
    table_bytes,
    unpacked_bytes,
)


@dataclass(frozen=True)
class Target:
    """A reader and how to damage its files."""

    name: str
    #: Reads the file at a path.
    read: Callable[[Path], object]
    #: Returns intact files, which `read` accepts.
    files: Callable[[], Sequence[bytes]]
    #: Words of the format.
    words: Sequence[bytes] = ()
    #: Damages the structure of a file; applied to half of the files.
    edit: Callable[[bytes, Random], bytes] | None = None
    #: Makes damaged bytes pass the outermost check of the format; applied to half of the files.
    finish: Callable[[bytes, Random], bytes] | None = None
    #: Returns the size of the content that a file states, in bytes.
    stated_bytes: Callable[[bytes], int] = unpacked_bytes
    #: Returns large files, of megabytes or near a limit, valid or not.
    large: Callable[[], Sequence[bytes]] = list


TARGETS = (
    Target(
        "safetensors",
        readers.tensors,
        samples.tensor_files,
        words.TENSOR_WORDS,
        edit_safetensors_header,
        large=large.tensor_files,
    ),
    Target("model", readers.model, samples.models, words.TENSOR_WORDS, edit_model_notes, large=large.models),
    Target(
        "checkpoint",
        readers.checkpoint,
        samples.checkpoints,
        (),
        edit_model_notes,
        redigested,
        large=large.checkpoints,
    ),
    Target("IDX", readers.values, samples.idx_files, large=large.idx_files),
    Target("IDX labels", readers.labels, samples.idx_labels, large=large.idx_labels),
    Target("IDX in gzip", readers.values, samples.idx_packed, finish=packed, large=large.idx_files),
    Target("IDX to predict", readers.images, samples.idx_images, finish=packed, large=large.idx_images),
    Target(
        "digit CSV",
        readers.digits,
        samples.digit_tables,
        words.DIGIT_WORDS,
        edit_rows,
        packed,
        large=large.digit_tables,
    ),
    Target(
        "CSV to train on",
        readers.table_to_train_on,
        samples.labelled,
        words.TABLE_WORDS,
        edit_rows,
        None,
        table_bytes,
        large.tables,
    ),
    Target(
        "CSV to predict",
        readers.table_to_predict,
        samples.tables,
        words.TABLE_WORDS,
        edit_rows,
        packed,
        table_bytes,
        large.tables,
    ),
    Target("TOML settings", readers.settings, samples.settings, words.SETTING_WORDS, large=large.settings),
    Target(
        "picture",
        readers.picture,
        samples.pictures,
        finish=checksummed,
        stated_bytes=image_bytes,
        large=large.pictures,
    ),
    Target("array in .npy", readers.array_to_train_on, samples.arrays, words.ARRAY_WORDS, large=large.arrays),
    Target(
        "run of a report",
        readers.report_run,
        samples.report_runs,
        edit=edit_json_file,
        large=large.json_files,
    ),
    Target(
        "results of bench",
        readers.bench_results,
        samples.bench_results,
        edit=edit_json_file,
        large=large.json_files,
    ),
    Target("ledger", readers.ledger, samples.ledgers, edit=edit_json_file, large=large.json_files),
    Target("npm package", readers.package, samples.packages, finish=packed, large=large.packages),
)
