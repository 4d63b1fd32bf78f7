import json
import math

import numpy as np
import pytest
from training_tables import write_tables

from training.data.buckets import bucket_of, buckets, hard_labels, soft_labels
from training.data.tables import read_table, write_table


def test_rounding_and_truncation():
    values = np.array([0, 0.49, 0.5, 1.5, 2.51, 16.7, 17, -1, 19])
    assert bucket_of(values).tolist() == [0, 0, 0, 2, 3, 17, 17, 0, 17]
    assert bucket_of(values, "truncate").tolist() == [0, 0, 0, 1, 2, 16, 17, 0, 17]


def test_unknown_method_and_missing_value():
    with pytest.raises(ValueError, match="round, truncate but is 'floor'"):
        bucket_of(np.zeros(1), "floor")
    with pytest.raises(ValueError, match="expression 1 is not a number"):
        bucket_of(np.array([1, np.nan]))


def test_hard_labels_always_have_18_columns():
    labels = hard_labels(np.array([0, 3], dtype=np.uint8))
    assert labels.shape == (2, 18)
    assert labels.dtype == np.float32
    assert labels.sum() == 2
    assert labels[1, 3] == 1


def test_soft_labels_are_a_normal_density_over_the_buckets():
    label = soft_labels(np.array([5.0, 5.25]), 0.7)
    np.testing.assert_allclose(label.sum(axis=1), 1, rtol=1e-6)
    # Ratios of the density do not depend on its normalisation.
    assert label[0, 6] / label[0, 5] == pytest.approx(math.exp(-0.5 / 0.49), rel=1e-5)
    assert label[1, 6] / label[1, 5] == pytest.approx(math.exp(-0.5 * (0.75**2 - 0.25**2) / 0.49), rel=1e-5)
    assert label[0] @ np.arange(18) == pytest.approx(5, abs=1e-5)


def test_narrow_soft_labels_are_hard_ones():
    values = np.array([0.2, 16.6])
    np.testing.assert_allclose(soft_labels(values, 0.01), hard_labels(bucket_of(values)), atol=1e-6)


def test_step(tmp_path):
    paths = write_tables(tmp_path)
    buckets({"method": "truncate"}, paths["table"], tmp_path / "out.h5", tmp_path / "out.json")
    bucket = read_table(tmp_path / "out.h5", "bucket")["bucket"]
    assert (bucket == np.floor(read_table(paths["table"], "expression")["expression"])).all()
    report = json.loads((tmp_path / "out.json").read_text())
    assert sum(report["constructs"]) == 120
    assert len(report["constructs"]) == 18


def expressions(folder, *values):
    write_table(folder / "table.h5", {"expression": np.array(values, dtype=np.float32)})
    return folder / "table.h5", folder / "out.h5", folder / "out.json"


def test_labels_in_one_bucket_are_refused(tmp_path):
    for values in ([3, 3, 3], [6.6, 7.4, 7]):
        with pytest.raises(ValueError, match=r"all 3 constructs .* are in bucket [37] of 0 to 17, so there is nothing"):
            buckets({"method": "round"}, *expressions(tmp_path, *values))
    assert not (tmp_path / "out.h5").exists()


def test_labels_in_two_buckets_are_warned_of(tmp_path, capsys):
    tables = expressions(tmp_path, *[4.2] * 15, *[5.1] * 4, 11)
    buckets({"method": "round"}, *tables)
    (warning,) = json.loads(tables[-1].read_text())["warnings"]
    assert "of the 20 constructs, with an expression of 4.2 to 11, 19 are in the buckets 4 and 5" in warning
    assert warning in capsys.readouterr().err
    buckets({"method": "round"}, *expressions(tmp_path, *[4.2] * 15, *[5.1] * 3, 11, 12))
    assert json.loads(tables[-1].read_text())["warnings"] == []
