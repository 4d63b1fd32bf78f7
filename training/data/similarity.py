"""Which sequences resemble each other: shared k-mers on either strand, few substitutions, or every letter.

All functions take sequences of one length as matrices of letters, `uint8` (N, L). A k-mer is packed into a 64-bit
key, two bits a base, and stands for itself and its reverse complement; a k-mer that holds an N is left out.

Everything here is exact, and meant for millions of sequences that mostly resemble nothing. So each question is asked
in two steps: a cheap one, which never misses a relative but may name others too, and an exact one for those few that
the first one names.
"""

import math

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from training.data.tables import sequences_of
from yeastpromoter.sequence.encoding import reverse_complement

K = 30
#: This many rows at once keep their k-mers' keys within a processor's cache.
_ROWS_AT_ONCE = 4096
#: k-mers that are compared exactly at once, about 60 bytes each.
_KEYS_AT_ONCE = 1 << 24

_CODE = np.full(256, 4, dtype=np.uint8)
for _code, _letter in enumerate("ACGT"):
    _CODE[ord(_letter)] = _CODE[ord(_letter.lower())] = _code

#: Odd multipliers of 64-bit hashes: 2**64 over the golden ratio (Fibonacci hashing) and the multiplier of Knuth's
#: MMIX generator. The first is used with an offset, so that the key of a run of A is not a special value.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(6364136223846793005)
_OFFSET = np.uint64(0x5851F42D4C957F2D)


def _spread(keys: np.ndarray) -> np.ndarray:
    """Spread keys over all 64 bits, one to one, `uint64`: the high bits depend on every bit of the key."""
    spread = keys ^ _OFFSET
    spread *= _SPREAD
    spread ^= spread >> np.uint64(32)
    spread *= _MULTIPLIER
    return spread


class _Sieve:
    """A set of keys that may say yes of a key that it does not hold, seldom, and never no of one that it holds.

    Parameters
    ----------
    expected : int
        About how many keys will be added. It has 64 bits for each, but at most 128 MiB altogether.
    """

    def __init__(self, expected: int):
        bits = min(max(math.ceil(math.log2(64 * max(expected, 1))), 16), 30)
        self._shift = np.uint64(64 - bits)
        self._bytes = np.zeros(1 << (bits - 3), dtype=np.uint8)

    def _slots(self, keys: np.ndarray) -> np.ndarray:
        return (_spread(keys) >> self._shift).astype(np.int64)

    def add(self, keys: np.ndarray) -> None:
        """Add keys, `uint64` (M,)."""
        slots = np.unique(self._slots(keys))
        places = slots >> 3
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        if len(starts):
            self._bytes[places[starts]] |= np.bitwise_or.reduceat(np.uint8(1) << (slots & 7).astype(np.uint8), starts)

    def may_hold(self, keys: np.ndarray) -> np.ndarray:
        """Which keys may be in the set, `bool`, in the shape of `keys`."""
        slots = self._slots(keys)
        return (self._bytes[slots >> 3] >> (slots & 7).astype(np.uint8)) & 1 == 1


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
    keys = keys[:, :n_kmers]
    unknown = codes == 4
    if not unknown.any():
        return keys, np.ones(keys.shape, dtype=bool)
    unknown = np.cumsum(np.pad(unknown, ((0, 0), (1, 0))), axis=1)
    return keys, (unknown[:, k:] - unknown[:, :-k]) == 0


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


class KmerSet:
    """The k-mers of some sequences, on both strands, made ready for asking which others share one.

    A sequence that shares a k-mer holds, at one of every k // 2 + 1 positions, a word of half its length that stands
    somewhere in the set's sequences too. So only a word in sixteen is looked up in a sieve of those words, and only
    sequences that pass have all their k-mers looked up.

    Parameters
    ----------
    *matrices : numpy.ndarray
        ASCII codes, those of sequences of one length as `uint8` (M, L).
    k : int, optional
        Length of the k-mers, at most 31.
    """

    def __init__(self, *matrices: np.ndarray, k: int = K):
        self._k, self._word = k, (k + 1) // 2
        words = sum(len(matrix) * max(matrix.shape[1] - self._word + 1, 0) for matrix in matrices)
        self._sieve = _Sieve(2 * words)
        parts = [np.empty(0, dtype=np.uint64)]
        for matrix in matrices:
            for start in range(0, len(matrix), _ROWS_AT_ONCE):
                rows = matrix[start : start + _ROWS_AT_ONCE]
                keys, whole = kmer_keys(rows, k)
                parts.append(np.unique(keys[whole]))
                if matrix.shape[1] >= k:
                    for strand in (rows, reverse_complement(rows)):
                        words, whole = _forward_keys(strand, self._word)
                        self._sieve.add(words[whole])
        self._keys = np.unique(np.concatenate(parts))

    def __len__(self) -> int:
        return len(self._keys)

    def shared_by(self, matrix: np.ndarray) -> np.ndarray:
        """Tell which sequences share a k-mer, on either strand, with the set.

        Parameters
        ----------
        matrix : numpy.ndarray
            ASCII codes, `uint8` (N, L).

        Returns
        -------
        numpy.ndarray
            `bool` (N,).
        """
        shared = np.zeros(len(matrix), dtype=bool)
        if not len(self) or matrix.shape[1] < self._k:
            return shared
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            rows = matrix[start : start + _ROWS_AT_ONCE]
            passed = self._pass(rows)
            keys, whole = kmer_keys(rows[passed], self._k)
            place = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
            shared[start + passed] = ((self._keys[place] == keys) & whole).any(axis=1)
        return shared

    def _pass(self, rows: np.ndarray) -> np.ndarray:
        """Rows that pass the sieve, `int64`."""
        # Between two sampled words lie k - word + 1 positions, so every window of k holds one as a whole.
        starts = np.arange(0, rows.shape[1] - self._word + 1, self._k - self._word + 1)
        words = np.zeros((len(rows), len(starts)), dtype=np.uint64)
        whole = np.ones(words.shape, dtype=bool)
        for offset in range(self._word):
            codes = _CODE[rows[:, starts + offset]]
            words = (words << np.uint64(2)) | (codes & 3)
            whole &= codes != 4
        return np.flatnonzero((self._sieve.may_hold(words) & whole).any(axis=1))


def _hashes(matrix: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Hash the letters at some positions of each row, `uint64` (N,): equal letters have equal hashes."""
    hashes = np.zeros(len(matrix), dtype=np.uint64)
    columns = np.ascontiguousarray(matrix[:, positions].T)
    for letters in columns:
        hashes *= _MULTIPLIER
        hashes += letters
    return hashes


class Neighbours:
    """Known sequences, made ready for asking which others lie within a few substitutions of one.

    Two sequences that differ in at most s places agree exactly in at least one of s + 1 blocks of positions, however
    the positions are divided, so only pairs that share a block are compared in full. Positions at which all known
    sequences agree, like those of an adapter, are spread over the blocks as the others are: a block of adapter alone
    would be shared by all.

    Parameters
    ----------
    known : numpy.ndarray
        ASCII codes, `uint8` (M, L).
    substitutions : int, optional
        Largest number of differing positions that still counts as near.
    """

    def __init__(self, known: np.ndarray, substitutions: int = 3):
        self._known, self._substitutions = known, substitutions
        varies = (known != known[:1]).any(axis=0)
        parts = [np.array_split(np.flatnonzero(mask), substitutions + 1) for mask in (varies, ~varies)]
        self._blocks = []
        for positions in map(np.concatenate, zip(parts[0], parts[1][::-1], strict=True)):
            hashes = _hashes(known, positions)
            sieve = _Sieve(len(known))
            sieve.add(hashes)
            order = np.argsort(hashes, kind="stable")
            self._blocks.append((positions, sieve, hashes[order], order))

    def __len__(self) -> int:
        return len(self._known)

    def near(self, matrix: np.ndarray) -> np.ndarray:
        """Tell which sequences lie within that many substitutions of a known one.

        Parameters
        ----------
        matrix : numpy.ndarray
            ASCII codes, `uint8` (N, L).

        Returns
        -------
        numpy.ndarray
            `bool` (N,).

        Raises
        ------
        ValueError
            If the sequences are not as long as the known ones.
        """
        if matrix.shape[1] != self._known.shape[1]:
            raise ValueError(
                f"sequences of {matrix.shape[1]} bp cannot be compared with known ones of {self._known.shape[1]} bp"
            )
        near = np.zeros(len(matrix), dtype=bool)
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            rows = matrix[start : start + _ROWS_AT_ONCE]
            for block in self._blocks:
                near[start : start + len(rows)] |= self._near_by_block(rows, *block)
        return near

    def _near_by_block(
        self, rows: np.ndarray, positions: np.ndarray, sieve: _Sieve, hashes: np.ndarray, order: np.ndarray
    ) -> np.ndarray:
        """Which rows are near a known sequence with which they share this block (and perhaps others)."""
        near = np.zeros(len(rows), dtype=bool)
        wanted = _hashes(rows, positions)
        pending = np.flatnonzero(sieve.may_hold(wanted))
        first = np.searchsorted(hashes, wanted[pending], side="left")
        last = np.searchsorted(hashes, wanted[pending], side="right")
        # Every row walks through its own run of equal blocks, all rows one step at a time.
        step = 0
        while len(pending):
            pending, first, last = (values[first + step < last] for values in (pending, first, last))
            partners = self._known[order[first + step]]
            close = (rows[pending] != partners).sum(axis=1) <= self._substitutions
            near[pending[close]] = True
            pending, first, last = (values[~close] for values in (pending, first, last))
            step += 1
        return near


def repeated_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows that are there more than once.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Returns
    -------
    rows : numpy.ndarray
        Every row that equals another one, `int64` (R,), ascending.
    sequence : numpy.ndarray
        Number of the sequence of each of them, `int64` (R,): from 0, in alphabetical order.
    """
    everywhere = np.arange(matrix.shape[1])
    hashes = np.empty(len(matrix), dtype=np.uint64)
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        hashes[start : start + _ROWS_AT_ONCE] = _hashes(matrix[start : start + _ROWS_AT_ONCE], everywhere)
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(twice, hashes), len(twice) - 1)
    rows = np.flatnonzero(twice[place] == hashes)
    # Equal hashes do not mean equal rows.
    sequence = np.unique(sequences_of(matrix[rows]), return_inverse=True)[1]
    repeated = np.bincount(sequence)[sequence] > 1
    return rows[repeated], np.unique(sequence[repeated], return_inverse=True)[1]


def kmer_groups(matrix: np.ndarray, k: int = K) -> np.ndarray:
    """Group sequences so that two that share a k-mer, on either strand, are in one group.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Returns
    -------
    numpy.ndarray
        Number of the group of each sequence, `int32` (N,): the connected components of sharing a k-mer, numbered by
        their first sequences.
    """
    rows = _sharing_a_minimiser(matrix, k)
    component = _components(matrix[rows], k)
    first = np.arange(len(matrix))
    first[rows] = rows[np.unique(component, return_index=True)[1]][component]
    return (np.cumsum(first == np.arange(len(matrix))) - 1)[first].astype(np.int32)


def related_pairs(matrix: np.ndarray, most_shifted: int = 10, most_substituted: int = 3) -> np.ndarray:
    """Find the pairs of sequences of which one is the other with few changes.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes of different sequences, `uint8` (N, L).
    most_shifted : int, optional
        One is the other shifted by at most this many bases: the end of one is the beginning of the other.
    most_substituted : int, optional
        Or they differ in at most this many bases.

    Returns
    -------
    numpy.ndarray
        Rows of the pairs, `int64` (2, P), each pair once. Of sequences that share a stretch of L / (1 +
        `most_substituted`) letters in the same place with more than 100 others, such as repeats, some pairs that differ
        in few bases may be missing.
    """
    pairs = [np.empty((2, 0), dtype=np.int64)]
    for shift in range(1, most_shifted + 1):
        ends, beginnings = sequences_of(matrix[:, shift:]), sequences_of(matrix[:, :-shift])
        order = np.argsort(beginnings)
        first, last = (np.searchsorted(beginnings[order], ends, side) for side in ("left", "right"))
        counts = last - first
        rows = np.repeat(np.arange(len(matrix)), counts)
        place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
        pairs.append(np.stack([rows, order[place]]))
    # Few substitutions leave one of the stretches, one more than there are of them, as it is.
    for stretch in np.array_split(np.arange(matrix.shape[1]), most_substituted + 1):
        keys = sequences_of(matrix[:, stretch])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        for distance in range(1, min(100, len(keys) - 1) + 1):
            same = np.flatnonzero(keys[distance:] == keys[:-distance])
            if not len(same):
                break
            found = np.stack([order[same], order[same + distance]])
            near = (matrix[found[0]] != matrix[found[1]]).sum(axis=1) <= most_substituted
            pairs.append(found[:, near])
    found = np.concatenate(pairs, axis=1)
    return np.unique(np.sort(found[:, found[0] != found[1]], axis=0), axis=1)


def _sharing_a_minimiser(matrix: np.ndarray, k: int) -> np.ndarray:
    """Rows, `int64`, ascending, among which are all that share a k-mer with another row.

    The minimiser of a k-mer is the least, by a hash, of the words of two thirds its length in it (Roberts et al.
    2004, Bioinformatics 20, 3363-3369). Sequences that share a k-mer share its minimiser, and neighbouring k-mers
    mostly have one in common, so that there is a sixth as many of them as of k-mers. A hash with its row fits into
    one 64-bit number, which sorts fast.
    """
    if matrix.shape[1] < k:
        return np.empty(0, dtype=np.int64)
    word = max(2 * k // 3, 1)
    row_bits = np.uint64(max(len(matrix) - 1, 1).bit_length())
    parts = [np.empty(0, dtype=np.uint64)]
    for start in range(0, len(matrix), _ROWS_AT_ONCE):
        letters = matrix[start : start + _ROWS_AT_ONCE]
        least, whole = _spread(kmer_keys(letters, word)[0]), _forward_keys(letters, k)[1]
        window = 1
        while window < k - word + 1:
            more = min(window, k - word + 1 - window)
            least = np.minimum(least[:, :-more], least[:, more:])
            window += more
        # What is the same as for the k-mer before need not be reported again.
        whole[:, 1:] &= ~(whole[:, :-1] & (least[:, 1:] == least[:, :-1]))
        row = np.nonzero(whole)[0].astype(np.uint64) + np.uint64(start)
        # Least hashes are small numbers: spread again, their high bits differ.
        parts.append((_spread(least[whole]) >> row_bits << row_bits) | row)
    entries = np.concatenate(parts)
    del parts
    entries.sort()
    # Those of one minimiser stand side by side, in the order of their rows.
    same = (entries[1:] ^ entries[:-1]) >> row_bits == 0
    same &= entries[1:] != entries[:-1]
    row = entries & ((np.uint64(1) << row_bits) - np.uint64(1))
    return np.unique(np.concatenate([row[:-1][same], row[1:][same]])).astype(np.int64)


def _components(matrix: np.ndarray, k: int) -> np.ndarray:
    """Connected components of sharing a k-mer, `int32` (N,), all k-mers compared, some of the keys at a time."""
    component = np.arange(len(matrix), dtype=np.int32)
    n_parts = np.uint64(math.ceil(len(matrix) * max(matrix.shape[1] - k + 1, 0) / _KEYS_AT_ONCE))
    for part in range(int(n_parts)):
        keys, rows = [], []
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            found, whole = kmer_keys(matrix[start : start + _ROWS_AT_ONCE], k)
            mine = whole & (_spread(found) % n_parts == part) if n_parts > 1 else whole
            keys.append(found[mine])
            rows.append((np.nonzero(mine)[0] + start).astype(np.int32))
        keys, rows = np.concatenate(keys), np.concatenate(rows)
        order = np.argsort(keys, kind="stable")
        rows, keys = rows[order], keys[order]
        # Sequences with the same key stand side by side: linking neighbours links them all.
        same = keys[1:] == keys[:-1]
        first, second = component[rows[:-1][same]], component[rows[1:][same]]
        links = coo_matrix((np.ones(len(first), dtype=bool), (first, second)), shape=(len(matrix),) * 2)
        component = connected_components(links, directed=False)[1].astype(np.int32)[component]
    return component
