"""Saturation mutagenesis: what every substitution, and every deletion of one base, does to expression.

An effect is always the expression with the changed sequence minus the expression without the change (alt − ref),
in buckets, the unit of expression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.sequence.construct_rules import upper_case
from yeastpromoter.sequence.encoding import ALPHABET, check_rows, letters
from yeastpromoter.sequence.reporter import REGIONS, Reporter

#: Constructs whose substitutions are scored together.
BATCH_SIZE = 64

_BASES = letters([ALPHABET])[0]


@dataclass(frozen=True)
class Saturation:
    """What changes of single bases do to the expression of N constructs, in a region of L positions.

    Attributes
    ----------
    reference : numpy.ndarray
        Expression of the unchanged constructs, `float64` (N,).
    effects : numpy.ndarray
        Effect (alt − ref, in buckets) of putting each base, in the order A, C, G, T, at each position of the
        region, `float64` (N, L, 4). It is exactly 0 for the base that stands there. Where an N stands none of
        the four does: the reference is what the network makes of N (0.25 of each base), and all four are effects
        against it. There is no NaN.
    deletions : numpy.ndarray or None
        Effect (alt − ref, in buckets) of taking each base out, `float64` (N, L); see `delete_bases`. None unless
        it was asked for.
    """

    reference: np.ndarray
    effects: np.ndarray
    deletions: np.ndarray | None


def saturation_mutagenesis(
    trained: TrainedNetwork, constructs: np.ndarray, region: str = "insert", deletions: bool = False
) -> Saturation:
    """Find the effect of every substitution in some constructs.

    Memory does not grow with their number beyond that of the result: they are computed `BATCH_SIZE` at a time.

    Parameters
    ----------
    trained : TrainedNetwork
        The network and its decoding (`yeastpromoter.model.entry.load_trained_network`).
    constructs : numpy.ndarray
        ASCII letters of the constructs, adapters included, `uint8` (N, length of a construct), as
        `yeastpromoter.sequence.encoding.letters` makes them of strings and
        `yeastpromoter.io.sequence_files.SequenceFile` reads them. A, C, G, T and N in either case.
    region : {"insert", "construct"}, optional
        Where bases are changed: in the insert (of the public reporter L = 80, the positions 17 to 96 of the construct,
        from 0) or in the adapters as well (L = 110).
    deletions : bool, optional
        Whether to take out each base of the region, too.

    Returns
    -------
    Saturation
        Reference expression and effects, in the order of `constructs`.

    Raises
    ------
    ValueError
        If an argument is not one of those above, if a letter is none of A, C, G, T, N, if `deletions` are asked for but
        the reporter has no flanks, or if the expression of a
        construct, changed or not, is undefined (see `yeastpromoter.model.decoding.decode`).

    Examples
    --------
    >>> from yeastpromoter.sequence.encoding import letters
    >>> from yeastpromoter.model.entry import load_trained_network
    >>> trained = load_trained_network()
    >>> constructs = letters([trained.reporter.add_adapters("ACGTTGCA" * 10)])
    >>> saturation_mutagenesis(trained, constructs).effects.shape
    (1, 80, 4)
    """
    if region not in REGIONS:
        raise ValueError(f"region must be one of {', '.join(REGIONS)} but is {region!r}")
    whole = trained.reporter.construct_length
    constructs = upper_case(check_rows(constructs, whole))
    positions = range(whole)[trained.reporter.bases(region)]
    n, length = len(constructs), len(positions)
    reference = np.empty(n)
    effects = np.empty((n, length, len(ALPHABET)))
    deleted = np.empty((n, length)) if deletions else None
    for first in range(0, n, BATCH_SIZE):
        part = slice(first, first + BATCH_SIZE)
        reference[part], effects[part] = _substitute(trained, constructs[part], positions, first)
        if deleted is not None:
            deleted[part] = _delete(trained, constructs[part], positions, first) - reference[part, np.newaxis]
    return Saturation(reference, effects, deleted)


def _substitute(
    trained: TrainedNetwork, constructs: np.ndarray, positions: range, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Expression, (N,), and effects, (N, L, 4), of constructs of which the first has a number."""
    is_base = constructs[:, positions.start : positions.stop, np.newaxis] == _BASES
    # Three other bases at each position; all four where there are N, and then, for one shape, everywhere.
    others = np.argsort(is_base, axis=2, kind="stable")
    if is_base.any(axis=2).all():
        others = others[:, :, :-1]
    scores, substituted = trained.substitution_scores(constructs, positions, _BASES[others])
    reference = _decode(trained, scores[:, np.newaxis], first, "")[:, 0]
    n, shape = len(constructs), others.shape
    expression = _decode(trained, substituted.reshape(n, -1, scores.shape[1]), first, "a substitution in ")
    effects = np.zeros(is_base.shape)
    np.put_along_axis(effects, others, expression.reshape(shape) - reference[:, None, None], axis=2)
    effects[is_base] = 0  # where all four were scored: the same base again, up to rounding
    return reference, effects


def _delete(trained: TrainedNetwork, constructs: np.ndarray, positions: range, first: int) -> np.ndarray:
    """Expression after each deletion, (N, L)."""
    bases = constructs[:, positions.start : positions.stop]
    # To take out one base of a run of the same is to take out any other of it: only the first is computed.
    new = np.ones(bases.shape, dtype=bool)
    new[:, 1:] = bases[:, 1:] != bases[:, :-1]
    scores = trained.related_scores(delete_bases(constructs, positions, trained.reporter)[new])
    return _decode(trained, scores[np.cumsum(new).reshape(new.shape) - 1], first, "a deletion in ")


def _decode(trained: TrainedNetwork, scores: np.ndarray, first: int, change: str) -> np.ndarray:
    """Decode (N, M, B) into (N, M)."""
    expression = trained.decode(scores.reshape(-1, scores.shape[-1])).reshape(scores.shape[:-1])
    undefined = np.isnan(expression)
    if undefined.any():
        row = int(undefined.any(axis=1).argmax())
        raise ValueError(
            f"the expression of {change}construct {first + row} (from 0) is undefined: its bucket scores cancel "
            "one another or are not finite. Are the weights those of this network?"
        )
    return expression


def delete_bases(constructs: np.ndarray, positions: range, reporter: Reporter) -> np.ndarray:
    """Take single bases out of constructs.

    What is left is brought to the length of a construct as `Reporter.fit_construct` does with a construct that is one
    base short: the base of the plasmid that stands before the left adapter comes in on the left. So what is
    downstream of the deletion stays at its distance from the reporter gene, and everything upstream of it, the left
    adapter included, moves one base toward the gene, as it does in the plasmid. The rule is the same for bases of
    the insert and of the adapters.

    Parameters
    ----------
    constructs : numpy.ndarray
        ASCII letters, `uint8` (N, L).
    positions : range
        The P positions, from 0, at which one base each is taken out.
    reporter : Reporter
        The reporter of the constructs.

    Returns
    -------
    numpy.ndarray
        ASCII letters of the constructs without them, `uint8` (N, P, L).

    Raises
    ------
    ValueError
        If the reporter has no flanks.
    """
    plasmid = reporter.with_flanks(constructs)
    everything = np.arange(plasmid.shape[1])
    window = reporter.fit_window(reporter.construct_length - 1)
    kept = [np.delete(everything, len(reporter.left_flank) + position)[window] for position in positions]
    return plasmid[:, np.array(kept)]
