"""One-hot encoding of DNA, in the order A, C, G, T.

Sequences of one length are handled as matrices of ASCII letters, `uint8` (N, L), so that a batch is encoded
by one look-up in a table of 256 rows.
"""

from collections.abc import Sequence

import numpy as np

ALPHABET = "ACGT"


def _encoding_table() -> np.ndarray:
    table = np.zeros((256, len(ALPHABET)), dtype=np.float32)
    for index, letter in enumerate(ALPHABET):
        for byte in (ord(letter), ord(letter.lower())):
            table[byte, index] = 1.0
    for byte in b"Nn":
        table[byte] = 1.0 / len(ALPHABET)
    return table


def _complement_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    for letter, partner in zip(b"ACGTacgt", b"TGCAtgca", strict=True):
        table[letter] = partner
    return table


_ENCODING = _encoding_table()
_COMPLEMENT = _complement_table()
_IS_LETTER = _ENCODING.any(axis=1)
_BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_N = np.uint8(ord("N"))
_IS_GC = np.isin(np.arange(256), list(b"GCgc"))

#: Rows that a check looks at together, so that it takes little memory beside a large matrix.
_CHECKED_ROWS = 65_536


def encoding_table() -> np.ndarray:
    """Table that `one_hot` looks letters up in, for encoding elsewhere (on a GPU, say).

    Returns
    -------
    numpy.ndarray
        `float32` (256, 4): the row of an ASCII code is its letter's encoding, zeros for what is not a letter. A copy.
    """
    return _ENCODING.copy()


def letters(sequences: Sequence[str]) -> np.ndarray:
    """Lay sequences of one length out as a matrix of letters.

    Parameters
    ----------
    sequences : sequence of str
        N sequences of the same length L, ASCII.

    Returns
    -------
    numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Raises
    ------
    ValueError
        If the lengths differ, or if a sequence holds a character that is not ASCII.
    """
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) > 1:
        raise ValueError(f"sequences must have one length but have lengths {sorted(lengths)}")
    try:
        text = "".join(sequences).encode("ascii")
    except UnicodeEncodeError as error:
        raise ValueError(f"sequences must be ASCII letters but hold {error.object[error.start]!r}") from None
    return np.frombuffer(text, dtype=np.uint8).reshape(len(sequences), lengths.pop() if lengths else 0)


def enclose(left: str, rows: np.ndarray, right: str) -> np.ndarray:
    """Put every row of a matrix of letters between two sequences.

    Parameters
    ----------
    left, right : str
        What comes before and after every row, A and B letters.
    rows : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Returns
    -------
    numpy.ndarray
        `uint8` (N, A + L + B).
    """

    def repeated(sequence: str) -> np.ndarray:
        return np.broadcast_to(letters([sequence]), (len(rows), len(sequence)))

    return np.concatenate([repeated(left), rows, repeated(right)], axis=1)


def find_invalid(matrix: np.ndarray) -> tuple[int, int] | None:
    """Find the first letter that is not A, C, G, T or N, in either case.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Returns
    -------
    tuple of int or None
        Row and column of the letter, both 0-based; None if every letter is valid.
    """
    for start in range(0, len(matrix), _CHECKED_ROWS):
        valid = _IS_LETTER.take(matrix[start : start + _CHECKED_ROWS])
        if not valid.all():
            row, column = np.unravel_index(int(np.argmin(valid)), valid.shape)
            return start + int(row), int(column)
    return None


def check_letters(matrix: np.ndarray) -> None:
    """Make sure that a matrix of letters can be encoded.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Raises
    ------
    ValueError
        If a letter is none of A, C, G, T, N.
    """
    invalid = find_invalid(matrix)
    if invalid is not None:
        row, column = invalid
        raise ValueError(
            f"sequence {row} has {chr(matrix[row, column])!r} at position {column + 1}, but only A, C, G, T and N "
            "can be encoded"
        )


def check_rows(matrix: np.ndarray, length: int) -> np.ndarray:
    """Make sure that an array is a matrix of letters of sequences of one length.

    Parameters
    ----------
    matrix : numpy.ndarray
        What should be ASCII codes, `uint8` (N, `length`).
    length : int
        Length of the sequences in bp.

    Returns
    -------
    numpy.ndarray
        The array.

    Raises
    ------
    ValueError
        If the dtype or the shape is another one, or a letter is none of A, C, G, T, N.
    """
    matrix = np.asarray(matrix)
    if matrix.dtype != np.uint8 or matrix.ndim != 2 or matrix.shape[1] != length:
        raise ValueError(
            f"letters have dtype {matrix.dtype} and shape {matrix.shape} but must be ASCII codes of sequences of "
            f"{length} bp, uint8 (N, {length}): yeastpromoter.sequence.encoding.letters makes them of strings, "
            "yeastpromoter.sequence.reporter.PTPA.add_adapters constructs of inserts"
        )
    check_letters(matrix)
    return matrix


def one_hot(matrix: np.ndarray) -> np.ndarray:
    """One-hot encode a matrix of letters; N becomes 0.25 for each base.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L); A, C, G, T and N in either case.

    Returns
    -------
    numpy.ndarray
        `float32` (N, L, 4), columns in the order A, C, G, T.

    Raises
    ------
    ValueError
        If a letter is none of A, C, G, T, N.
    """
    check_letters(matrix)
    return _ENCODING.take(matrix, axis=0)


def letters_of(encoded: np.ndarray) -> np.ndarray:
    """Read letters back from their one-hot encoding.

    Parameters
    ----------
    encoded : numpy.ndarray
        (N, L, 4), any real dtype, as `one_hot` makes it.

    Returns
    -------
    numpy.ndarray
        Upper-case ASCII codes, `uint8` (N, L); a position that has nowhere a 1 is N.
    """
    return np.where((encoded == 1).any(axis=2), _BASES[encoded.argmax(axis=2)], _N)


def from_one_hot(encoded: np.ndarray) -> list[str]:
    """Read sequences back from their one-hot encoding.

    Parameters
    ----------
    encoded : numpy.ndarray
        As for `letters_of`.

    Returns
    -------
    list of str
        N sequences of upper-case letters; a position that has nowhere a 1 is N.
    """
    return [row.tobytes().decode("ascii") for row in letters_of(encoded)]


def reverse_complement(matrix: np.ndarray) -> np.ndarray:
    """Reverse-complement every row of a matrix of letters.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L). Letters other than A, C, G and T stay what they are.

    Returns
    -------
    numpy.ndarray
        `uint8` (N, L).
    """
    return _COMPLEMENT[matrix[:, ::-1]]


def gc_content(matrix: np.ndarray) -> np.ndarray:
    """Fraction of G and C among all letters of each row.

    Parameters
    ----------
    matrix : numpy.ndarray
        ASCII codes, `uint8` (N, L).

    Returns
    -------
    numpy.ndarray
        `float64` (N,), 0 to 1.
    """
    return _IS_GC[matrix].mean(axis=1)
