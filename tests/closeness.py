"""How near two computations of the same numbers have to be, where the numbers come out of a network.

A network in float32 does not give the same bits everywhere. Processors (AVX2, AVX-512), libraries, batch sizes and
numbers of threads lead to other kernels, which add up the terms of a sum in another order. Each addition rounds to
2**-24, 6e-8, of its value. The longest sums here have 4,500 terms (dense_1); in any order they agree to about
sqrt(4500) * 6e-8 = 4e-6 of the size of their terms, and the layers after keep that near 1e-6 of scores of size 1.

So bounds are absolute, or a share of the largest value. A bound that is relative to each value, `rtol` alone, fails
where a value is near 0. Equality is asked for only where no arithmetic comes between (weights saved and loaded), or
where one process runs the same kernels on the same shapes; the tests say so there.

Measured on 1,065 random constructs with the SSE4.1 and AVX2 kernels of oneDNN, with 1 and 2 threads, at batch sizes
of 1, 7 and all. "lively" is `networks.lively_network`, which has larger weights.

=====================  ==================  ====================  =========
numbers                largest difference  largest value         bound
=====================  ==================  ====================  =========
scores, shipped        4e-7 (of float64)   0.6                   1e-5
scores, lively         3e-6                1.6                   1e-5
expression             9e-6 buckets        17 buckets            1e-4
gradients              2e-5 of the largest 6                     share 1e-4
inner layers, lively   5e-6 of the largest 31                    share 1e-4
=====================  ==================  ====================  =========

Expression is a quotient, sum(s * b) / sum(s). An error d of every score moves it by at most d * sum(|b - e|) / sum(s),
which is 150 d for scores that sum to 1: 6e-5 in the worst case for the shipped weights.
"""

import sys

import numpy as np
import pandas as pd

#: Bucket scores of size 1 and their likes, such as sigmoids.
SCORES = 1e-5

#: Expression and effects, in buckets.
EXPRESSION = 1e-4

#: Gradients and inner layers: share of the largest value.
SHARE = 1e-4


def assert_scores_close(found, wanted):
    """Compare bucket scores, or other numbers of size 1."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=SCORES)


def assert_expression_close(found, wanted):
    """Compare expression, or effects, in buckets."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=EXPRESSION)


def assert_close_by_size(found, wanted):
    """Compare gradients or the outputs of inner layers, by the largest of them."""
    largest = np.abs(wanted).max()
    assert largest > 0
    np.testing.assert_allclose(found, wanted, rtol=0, atol=SHARE * largest)


def assert_tables_close(found, wanted):
    """Compare two tables of `kipoi predict --keep_metadata`: the same rows, and expression that is close."""
    first, second = (pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False) for path in (found, wanted))
    assert list(first) == list(second)
    predictions = [name for name in first if name.startswith("preds/")]
    assert predictions
    pd.testing.assert_frame_equal(first.drop(columns=predictions), second.drop(columns=predictions))
    assert_expression_close(first[predictions].astype(float), second[predictions].astype(float))


if __name__ == "__main__":
    assert_tables_close(*sys.argv[1:])
