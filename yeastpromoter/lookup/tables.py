"""The network up to its pooling, by look-up: tables whose rows stand for the 8-mers of a sequence.

The first convolution (kernel 7) with its activation and normalisation is a function of 7 bases, of which there are
4^7. The second one (kernel 8) is linear in that before its softmax. So its sums at a position are 8 rows of tables over
7-mers, added up, or 4 rows of tables over the 8-mers that hold two neighbouring 7-mers:

    sums[p] = T_0[8-mer at p] + T_1[8-mer at p + 2] + T_2[8-mer at p + 4] + T_3[8-mer at p + 6]

A softmax does not change when all its inputs get the same number. With E_i = exp(T_i − the largest number in its row),
the softmax at a position is the product of four rows divided by the sum of that product, and no exponentials are left
to take. Where the tables do not prove that no such product underflows, the sums are used.

The normalisation before the pooling is left to the layer after it. Here channels that it gives a negative scale change
their sign, so that the pooling stays a maximum.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from yeastpromoter.lookup.layers import scale_and_shift, softmax
from yeastpromoter.lookup.threads import Buffers, Threads
from yeastpromoter.sequence.encoding import ALPHABET, encoding_table

#: Positions of the second convolution that are pooled together.
POOL = 2

#: Words whose rows are gathered together, about 1.6 MB of float32: more would not stay in the caches.
_GATHERED = 400

#: Words whose rows are made together.
_MADE = 2048

#: The four rows of a word lie side by side, each filled up to a multiple of this many numbers. With 250 channels they
#: then fill one page of memory exactly, and most of what a look-up costs is the way to a new page.
_ROUNDED = 64
_PAGE = 4096

#: Code of N; those of the bases are 0 to 3.
_N = len(ALPHABET)
_ENCODED = encoding_table()[list(f"{ALPHABET}N".encode())].astype(np.float64)


def _code_of_letters() -> np.ndarray:
    codes = np.zeros(256, dtype=np.intp)
    for code, letter in enumerate(f"{ALPHABET}N"):
        codes[[ord(letter), ord(letter.lower())]] = code
    return codes


#: Code of each ASCII letter: A, C, G, T are 0 to 3, N is 4.
CODES = _code_of_letters()


@dataclass(frozen=True, eq=False)
class Found:
    """Rows that were looked up.

    Attributes
    ----------
    tables : Tables
        The tables.
    others : Tables or None
        Further tables for words with N, whose rows are counted on from those of the first.
    index : numpy.ndarray
        Row of each word, `intp` (N, words).
    """

    tables: Tables
    others: Tables | None
    index: np.ndarray


class PooledSoftmax:
    """The layers ``conv_1`` to ``pool_1`` as tables.

    Parameters
    ----------
    layers : mapping of str to list of numpy.ndarray
        `float64` weights of ``conv_1``, ``norm_1``, ``conv_2`` and ``norm_2``, in Keras's order.
    first_activation : {"relu", "softmax"}
        Activation of ``conv_1``.
    dtype : numpy.dtype
        Arithmetic.
    limit : float
        How far from 0 a logarithm may be, so that its exponential is a normal number of that dtype.

    Attributes
    ----------
    signs : numpy.ndarray
        1 or -1 for each channel: what the outputs are multiplied by, (C,).
    field : int
        Bases that a position of the second convolution sees.
    complete : Tables or None
        The tables of all words, once they are made.
    """

    def __init__(
        self, layers: Mapping[str, list[np.ndarray]], first_activation: str, dtype: np.dtype, limit: float
    ) -> None:
        self._first, self._second = layers["conv_1"], layers["conv_2"]
        self._first_activation, self._dtype, self._limit = first_activation, dtype, limit
        self._scale, self._shift = scale_and_shift(layers["norm_1"])
        self.signs = np.where(scale_and_shift(layers["norm_2"])[0] < 0, -1, 1).astype(dtype)
        self._word = len(self._first[0]) + 1
        self._taps = len(self._second[0])
        self.field = self._word + self._taps - 2
        self._lock = threading.Lock()
        self._looked_up = 0
        self.complete: Tables | None = None

    def expect(self, words: int, threads: Threads) -> None:
        """Make the tables of all words once they cost no more than what is looked up without them.

        Parameters
        ----------
        words : int
            Distinct words, or a little more, that will be looked up next.
        threads : Threads
            What makes them.
        """
        with self._lock:
            self._looked_up += words
            # A row of all tables takes about half of the time of a single one: neighbours share their 7-mers.
            if self.complete is None and 2 * self._looked_up >= len(ALPHABET) ** self._word:
                every = np.indices((len(ALPHABET),) * self._word).reshape(self._word, -1).T
                complete = self._tables(every, threads)
                complete.use_products(self._limit)
                self.complete = complete

    def find(self, codes: np.ndarray) -> Found:
        """Look up the rows of all words.

        Parameters
        ----------
        codes : numpy.ndarray
            `CODES` of the letters, `intp` (N, L).

        Returns
        -------
        Found
            With L − 7 words for each sequence.
        """
        words = sliding_window_view(codes, self._word, axis=1)
        if (complete := self.complete) is not None:
            index = np.zeros(words.shape[:2], dtype=np.intp)
            for place in range(self._word):
                index *= len(ALPHABET)
                index += words[:, :, place]
            if codes.max(initial=0) < _N:
                return Found(complete, None, index)
            with_n = (words == _N).any(axis=2)
            others, rows = self._tables_of_distinct(words[with_n])
            if complete.are_products:
                others.use_products(self._limit, complete.smallest)
            if others.are_products == complete.are_products:
                index[with_n] = complete.size + rows
                return Found(complete, others, index)
        tables, rows = self._tables_of_distinct(words.reshape(-1, self._word))
        tables.use_products(self._limit)
        return Found(tables, None, rows.reshape(words.shape[:2]))

    def pooled(self, found: Found, buffers: Buffers, chosen: slice = slice(None)) -> np.ndarray:
        """Pool the softmax of the second convolution.

        Parameters
        ----------
        found : Found
            Of some sequences.
        buffers : Buffers
            The result is in one of them.
        chosen : slice, optional
            Which N of the sequences are wanted; all by default.

        Returns
        -------
        numpy.ndarray
            Outputs of ``pool_1`` before the normalisation, times `signs`, (N, positions, C).
        """
        index = found.index[chosen]
        n, words = index.shape
        length = (words - self._taps + 2) // POOL
        out = buffers("pooled", n, length, len(self.signs))
        rows_at_once = max(1, _GATHERED // words)
        positions_at_once = max(1, _GATHERED // POOL)
        for start in range(0, n, rows_at_once):
            rows = slice(start, start + rows_at_once)
            for first in range(0, length, positions_at_once):
                stop = min(length, first + positions_at_once)
                words_seen = slice(POOL * first, POOL * stop + self._taps - 2)
                self._pool(found, index[rows, words_seen], out[rows, first:stop], buffers)
        return out

    def _pool(self, found: Found, index: np.ndarray, out: np.ndarray, buffers: Buffers) -> None:
        n, positions, channels = out.shape
        positions *= POOL
        gathered = buffers("gathered", *index.shape, *found.tables.rows.shape[1:])
        found.tables.take(index, gathered, found.others)
        terms = [gathered[:, 2 * pair : 2 * pair + positions, pair, :channels] for pair in range(self._taps // 2)]
        softmax = buffers("softmax", n, positions, channels)
        combine = np.multiply if found.tables.are_products else np.add
        x = terms[0]
        for term in terms[1:] or [combine.identity]:
            x = combine(x, term, out=softmax)
        flat = softmax.reshape(-1, channels)
        if not found.tables.are_products:
            flat -= flat.max(axis=1, keepdims=True)
            np.exp(flat, out=flat)
            flat *= self.signs
        flat *= np.reciprocal(flat @ self.signs)[:, np.newaxis]
        np.maximum(softmax[:, 0::POOL], softmax[:, 1::POOL], out=out)

    def _tables_of_distinct(self, words: np.ndarray) -> tuple[Tables, np.ndarray]:
        """Tables of the distinct ones among words, codes (M, 8), and the row of each word, (M,)."""
        values = _place_values(len(_ENCODED), self._word)
        distinct, rows = np.unique(words @ values, return_inverse=True)
        return self._tables(distinct[:, np.newaxis] // values % len(_ENCODED)), rows

    def _tables(self, words: np.ndarray, threads: Threads | None = None) -> Tables:
        """Tables of some words, codes (M, 8), as logarithms."""
        values = _place_values(len(_ENCODED), self._word - 1)
        distinct, index = np.unique(
            np.concatenate([words[:, :-1] @ values, words[:, 1:] @ values]), return_inverse=True
        )
        outputs = self._first_layers(distinct[:, np.newaxis] // values % len(_ENCODED)).astype(self._dtype)
        left, right = index.reshape(2, -1)
        kernel, bias = (array.astype(self._dtype) for array in self._second)
        tables = Tables(len(words), self._taps // 2, self.signs, self._dtype)

        def fill(pair: int) -> None:
            of_left, of_right = outputs @ kernel[2 * pair], outputs @ kernel[2 * pair + 1]
            if not pair:
                of_left += bias
            for start in range(0, len(words), _MADE):
                some = slice(start, start + _MADE)
                rows = of_left[left[some]]
                rows += of_right[right[some]]
                tables.put(pair, some, rows)

        (threads or Threads(1, self._dtype)).map(fill, range(self._taps // 2))
        return tables

    def _first_layers(self, words: np.ndarray) -> np.ndarray:
        """Outputs of norm_1 for some 7-mers, codes (M, 7) to `float64` (M, C)."""
        kernel, bias = self._first
        x = _ENCODED[words].reshape(len(words), -1) @ kernel.reshape(-1, kernel.shape[2]) + bias
        if self._first_activation == "relu":
            np.maximum(x, 0, out=x)
        else:
            softmax(x)
        return x * self._scale + self._shift


class Tables:
    """Tables over some words, one for each pair of taps of the second convolution.

    Their rows are logarithms, less the largest of the row, to be added up; or, after `use_products`, exponentials to be
    multiplied. Those of the first table have the signs of the channels then.

    Parameters
    ----------
    size, pairs : int
        Number of words and of tables.
    signs : numpy.ndarray
        Signs of the channels, (C,).
    dtype : numpy.dtype
        Of the numbers.

    Attributes
    ----------
    rows : numpy.ndarray
        The tables, (size, pairs, C or a little more).
    are_products : bool
        Whether the rows are exponentials.
    smallest : numpy.ndarray
        Smallest logarithm in each table, (pairs,).
    """

    def __init__(self, size: int, pairs: int, signs: np.ndarray, dtype: np.dtype) -> None:
        width = -(-len(signs) // _ROUNDED) * _ROUNDED
        room = np.zeros(size * pairs * width + _PAGE, dtype=dtype)
        start = -room.ctypes.data % _PAGE // room.itemsize
        self.rows = room[start : start + size * pairs * width].reshape(size, pairs, width)
        self.size = size
        self.are_products = False
        self.smallest = np.zeros(pairs, dtype=dtype)
        self._signs = signs

    def put(self, pair: int, words: slice, rows: np.ndarray) -> None:
        """Store logarithms, (words, C), of some words in the table of a pair. `rows` are changed."""
        rows -= rows.max(axis=1, keepdims=True)
        self.smallest[pair] = min(self.smallest[pair], rows.min())
        self.rows[words, pair, : len(self._signs)] = rows

    def use_products(self, limit: float, others: np.ndarray | float = 0.0) -> None:
        """Take the exponentials if no product of rows, or of rows of other tables, can underflow.

        `limit` is how far below 0 a logarithm may be, `others` the smallest logarithms of the other tables.
        """
        self.are_products = bool(np.minimum(self.smallest, others).sum() > -limit)
        if self.are_products:
            np.exp(self.rows, out=self.rows)
            self.rows[:, 0, : len(self._signs)] *= self._signs

    def take(self, index: np.ndarray, out: np.ndarray, others: Tables | None) -> None:
        """Copy the rows of words, of all tables. Those from `size` on are of the other tables."""
        # Unlike the default, "clip" writes into `out` without another copy.
        flat = self.rows.reshape(self.size, -1)
        np.take(flat, index, axis=0, out=out.reshape(*index.shape, flat.shape[1]), mode="clip")
        if others is not None:
            places = index >= self.size
            out[places] = others.rows[index[places] - self.size]


def _place_values(base: int, digits: int) -> np.ndarray:
    """What the digits of a number are worth, the first one most."""
    return base ** np.arange(digits)[::-1]
