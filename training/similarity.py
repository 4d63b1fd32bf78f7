"""Which sequences resemble each other: shared k-mers on either strand, and few substitutions.

All functions take inserts as matrices of letters, `uint8` (N, L). A k-mer is packed into a 64-bit key, two
bits a base, and stands for itself and its reverse complement; a k-mer that holds an N is left out.
"""

from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from yeastpromoter.encoding import reverse_complement

K = 30
_ROWS_AT_ONCE = 50_000

_CODE = np.full(256, 4, dtype=np.uint8)
for _code, _letter in enumerate("ACGT"):
    _CODE[ord(_letter)] = _CODE[ord(_letter.lower())] = _code


def _forward_keys(matrix: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the k-mers as written, `uint64` (N, L - k + 1), and which of them hold no N."""
    codes = _CODE[matrix]
    n_kmers = matrix.shape[1] - k + 1
    # Windows double in width until k is reached: a key of width a + b is key_a << 2b | key_b.
    keys, width = (codes & 3).astype(np.uint64), 1
    for bit in bin(k)[3:]:
        keys = (keys[:, :-width] << np.uint64(2 * width)) | keys[:, width:]
        width *= 2
        if bit == "1":
            keys = (keys[:, :-1] << np.uint64(2)) | (codes[:, width:] & 3)
            width += 1
    unknown = np.cumsum(np.pad(codes == 4, ((0, 0), (1, 0))), axis=1)
    whole = (unknown[:, k:] - unknown[:, :-k]) == 0
    return keys[:, :n_kmers], whole


def kmer_keys(matrix: np.ndarray, k: int = K) -> tuple[np.ndarray, np.ndarray]:
    """Pack the k-mers of sequences into keys that are the same for both strands.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).
    k : int, optional
        Length of the k-mers, at most 31.

    Returns
    -------
    keys : numpy.ndarray
        `uint64` (N, L - k + 1): the smaller key of the k-mer and of its reverse complement.
    whole : numpy.ndarray
        `bool`, same shape: False where the k-mer holds a letter other than A, C, G, T.
    """
    if matrix.shape[1] < k:
        return np.empty((len(matrix), 0), dtype=np.uint64), np.empty((len(matrix), 0), dtype=bool)
    forward, whole = _forward_keys(matrix, k)
    backward = _forward_keys(reverse_complement(matrix), k)[0][:, ::-1]
    return np.minimum(forward, backward), whole


def distinct_kmers(matrix: np.ndarray, k: int = K) -> np.ndarray:
    """Collect the distinct keys of all k-mers, sorted, `uint64` (M,)."""
    parts = []
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        keys, whole = kmer_keys(matrix[start : start + _ROWS_AT_ONCE], k)
        parts.append(np.unique(keys[whole]))
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)


def shares_kmer(matrix: np.ndarray, known: np.ndarray, k: int = K) -> np.ndarray:
    """Tell which sequences share a k-mer, on either strand, with a set of known ones.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).
    known : numpy.ndarray
        Keys from `distinct_kmers`.

    Returns
    -------
    numpy.ndarray
        `bool` (N,).
    """
    shared = np.zeros(len(matrix), dtype=bool)
    if not len(known):
        return shared
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        keys, whole = kmer_keys(matrix[start : start + _ROWS_AT_ONCE], k)
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        shared[start : start + len(keys)] = ((known[place] == keys) & whole).any(axis=1)
    return shared


def near_duplicates(matrix: np.ndarray, known: np.ndarray, substitutions: int = 3) -> np.ndarray:
    """Tell which sequences lie within a few substitutions of a known one of the same length.

    Two sequences that differ in at most s places agree exactly in at least one of s + 1 blocks, so only
    pairs that share a block are compared in full.

    Parameters
    ----------
    matrix, known : numpy.ndarray
        ASCII codes, `uint8` (N, L) and (M, L).
    substitutions : int, optional
        Largest number of differing positions that still counts as near.

    Returns
    -------
    numpy.ndarray
        `bool` (N,).

    Raises
    ------
    ValueError
        If the two matrices differ in sequence length.
    """
    if matrix.shape[1] != known.shape[1]:
        raise ValueError(f"sequences of {matrix.shape[1]} bp cannot be compared with known ones of {known.shape[1]} bp")
    near = np.zeros(len(matrix), dtype=bool)
    edges = np.linspace(0, matrix.shape[1], substitutions + 2).astype(int)
    for left, right in pairwise(edges):
        block = f"S{right - left}"
        queries = np.ascontiguousarray(matrix[:, left:right]).view(block).ravel()
        targets = np.ascontiguousarray(known[:, left:right]).view(block).ravel()
        order = np.argsort(targets, kind="stable")
        first = np.searchsorted(targets, queries, side="left", sorter=order)
        last = np.searchsorted(targets, queries, side="right", sorter=order)
        # Every query walks through its own run of equal blocks, all queries one step at a time.
        pending = np.flatnonzero((last > first) & ~near)
        step = 0
        while len(pending):
            partners = order[first[pending] + step]
            near[pending] = (matrix[pending] != known[partners]).sum(axis=1) <= substitutions
            step += 1
            pending = pending[~near[pending] & (first[pending] + step < last[pending])]
    return near


def kmer_groups(matrix: np.ndarray, k: int = K) -> np.ndarray:
    """Group sequences so that two that share a k-mer, on either strand, are in one group.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Returns
    -------
    numpy.ndarray
        Number of the group of each sequence, `int32` (N,): the connected components of sharing a k-mer.
    """
    keys, whole = kmer_keys(matrix, k)
    rows = np.broadcast_to(np.arange(len(matrix))[:, np.newaxis], keys.shape)[whole]
    keys = keys[whole]
    order = np.argsort(keys, kind="stable")
    rows, keys = rows[order], keys[order]
    # Sequences with the same key stand side by side: linking neighbours links them all.
    same = keys[1:] == keys[:-1]
    links = coo_matrix((np.ones(same.sum(), dtype=bool), (rows[:-1][same], rows[1:][same])), shape=(len(matrix),) * 2)
    return connected_components(links, directed=False)[1].astype(np.int32)
