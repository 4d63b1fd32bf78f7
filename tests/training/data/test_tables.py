from pathlib import Path

import numpy as np
import pytest

from training.data.tables import read_attribute, read_table, sha256_of, write_table
from training.paths import Layout

LAYOUT = Layout(Path("results"), Path("records"))


@pytest.mark.parametrize("read", [read_table, lambda path: read_attribute(path, "sources"), sha256_of])
@pytest.mark.parametrize(
    ("path", "step"),
    [
        (LAYOUT.constructs, "assemble"),
        (LAYOUT.buckets, "buckets"),
        (LAYOUT.split, "split"),
        (LAYOUT.sample("one"), "sample"),
        (LAYOUT.synthetic("mix.2"), "synthesise"),
        (LAYOUT.scores("one"), "distil"),
        (LAYOUT.weights("one"), "train"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_not_there_is_named_with_the_step_that_writes_it(tmp_path, read, path, step):
    with pytest.raises(ValueError, match=rf"{path.name} is missing: run the step {step} first$"):
        read(tmp_path / path)


def test_a_file_of_another_name_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"mine\.h5 is missing: is its name right\?$"):
        read_table(tmp_path / "mine.h5")


def test_a_column_that_is_not_there_is_named(tmp_path):
    write_table(tmp_path / "a.h5", {"row": np.arange(2)})
    with pytest.raises(ValueError, match=r"a\.h5 has no column bucket; it has row$"):
        read_table(tmp_path / "a.h5", "row", "bucket")
