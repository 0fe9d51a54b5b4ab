"""Data sets: `load_dataset` loads images by name, `split` divides rows, `describe` summarizes a data set.

`read_idx` and `read_digit_csv` read the two file formats; their errors name the byte, or the row and column.
Importing this package needs NumPy only, and uses neither network nor disk.

>>> import numpy as np
>>> digits = load_dataset("digits")
>>> train, validation = split(digits.y_train, (0.9, 0.1), rng=np.random.default_rng(0), stratify=True)
>>> digits.x_train[train].shape, digits.x_train[validation].shape
((1293, 64), (144, 64))
"""

from pellucid.data.catalog import DATASETS, cache_folder, load_dataset
from pellucid.data.dataset import Dataset, Description, Outlier, describe
from pellucid.data.digit_csv import read_digit_csv
from pellucid.data.idx import read_idx
from pellucid.data.split import split
from pellucid.data.unpack import DataError

__all__ = [
    "DATASETS",
    "DataError",
    "Dataset",
    "Description",
    "Outlier",
    "cache_folder",
    "describe",
    "load_dataset",
    "read_digit_csv",
    "read_idx",
    "split",
]
