"""Saturation mutagenesis: what every substitution, and every deletion of one base, does to expression.

An effect is always the expression with the changed sequence minus the expression without the change (alt − ref),
in buckets, the unit of expression (0 to 17).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yeastpromoter.interpret.partial_network import PartialNetwork
from yeastpromoter.model.entry import TrainedNetwork
from yeastpromoter.model.prediction import compile_network
from yeastpromoter.sequence.construct import CONSTRUCT_LENGTH, LEFT_FLANK, REGIONS, RIGHT_FLANK, fit_window
from yeastpromoter.sequence.encoding import ALPHABET, letters, one_hot

METHODS = ("partial", "plain")

#: Constructs whose substitutions are scored together.
BATCH_SIZE = 32

#: Batch size of whole constructs.
_PLAIN_BATCH_SIZE = 1024

_COLUMNS = np.arange(len(ALPHABET))

#: Scores constructs and their substitutions: see `PartialNetwork.score_substitutions`.
_Scorer = Callable[[np.ndarray, range, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Saturation:
    """What changes of single bases do to the expression of N constructs, in a region of L positions.

    Attributes
    ----------
    reference : numpy.ndarray
        Expression of the unchanged constructs, 0 to 17, `float64` (N,).
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
    trained: TrainedNetwork,
    constructs: np.ndarray,
    region: str = "insert",
    deletions: bool = False,
    method: str = "partial",
) -> Saturation:
    """Find the effect of every substitution in some constructs.

    Parameters
    ----------
    trained : TrainedNetwork
        The network and its decoding (`yeastpromoter.model.entry.load_trained_network`).
    constructs : numpy.ndarray
        ASCII letters of the constructs, adapters included, `uint8` (N, 110), as
        `yeastpromoter.sequence.encoding.letters` makes them of strings and
        `yeastpromoter.io.sequence_files.SequenceFile` reads them. A, C, G, T and N in either case.
    region : {"insert", "construct"}, optional
        Where bases are changed: in the insert (L = 80, the positions 17 to 96 of the construct, from 0) or in the
        adapters as well (L = 110).
    deletions : bool, optional
        Whether to take out each base of the region, too.
    method : {"partial", "plain"}, optional
        How substitutions are scored: by computing only what they reach (`yeastpromoter.interpret.partial_network`), or
        by running the whole network on each of them, which takes several times as long. The results are the same up
        to rounding (1e-4 in float32, 1e-9 in float64); the plain way is there to check the other.

    Returns
    -------
    Saturation
        Reference expression and effects, in the order of `constructs`.

    Raises
    ------
    ValueError
        If an argument is not one of those above, if a letter is none of A, C, G, T, N, or if the expression of a
        construct, changed or not, is undefined (see `yeastpromoter.model.decoding.decode`).

    Examples
    --------
    >>> from yeastpromoter.sequence.construct import add_adapters
    >>> from yeastpromoter.sequence.encoding import letters
    >>> from yeastpromoter.model.entry import load_trained_network
    >>> constructs = letters([add_adapters("ACGTTGCA" * 10)])
    >>> saturation_mutagenesis(load_trained_network(), constructs).effects.shape
    (1, 80, 4)
    """
    return Mutagenesis(trained, region, deletions, method, min(BATCH_SIZE, max(1, len(constructs))))(constructs)


class Mutagenesis:
    """Saturation mutagenesis with one network, made once for many calls.

    It holds a copy of the weights and what was compiled for it. Memory does not grow with the number of constructs
    beyond that of the result: they are computed `batch_size` at a time.

    Parameters
    ----------
    trained, region, deletions, method
        As for `saturation_mutagenesis`.
    batch_size : int, optional
        Constructs whose substitutions are scored together.

    Raises
    ------
    ValueError
        If an argument is wrong.
    """

    def __init__(
        self,
        trained: TrainedNetwork,
        region: str = "insert",
        deletions: bool = False,
        method: str = "partial",
        batch_size: int = BATCH_SIZE,
    ) -> None:
        if region not in REGIONS:
            raise ValueError(f"region must be one of {', '.join(REGIONS)} but is {region!r}")
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)} but is {method!r}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1 but is {batch_size}")
        self.region, self.positions = region, range(CONSTRUCT_LENGTH)[REGIONS[region]]
        self._trained, self._deletions, self._batch_size = trained, deletions, batch_size
        self._predict = compile_network(trained.network)
        self._score: _Scorer = (
            PartialNetwork(trained.network, batch_size).score_substitutions
            if method == "partial"
            else self._score_plainly
        )

    def __call__(self, constructs: np.ndarray) -> Saturation:
        """Do as `saturation_mutagenesis` says."""
        constructs = np.asarray(constructs)
        if constructs.dtype != np.uint8 or constructs.ndim != 2 or constructs.shape[1] != CONSTRUCT_LENGTH:
            raise ValueError(
                f"constructs have dtype {constructs.dtype} and shape {constructs.shape} but must be ASCII letters, "
                f"uint8 (N, {CONSTRUCT_LENGTH}): yeastpromoter.sequence.encoding.letters makes them of strings, "
                "yeastpromoter.sequence.construct.add_adapters constructs of inserts"
            )
        n, length = len(constructs), len(self.positions)
        reference = np.empty(n)
        effects = np.empty((n, length, len(ALPHABET)))
        deleted = np.empty((n, length)) if self._deletions else None
        for first in range(0, n, self._batch_size):
            part = slice(first, first + self._batch_size)
            reference[part], effects[part] = self._substitute(constructs[part], first)
            if deleted is not None:
                deleted[part] = self._delete(constructs[part], first) - reference[part, np.newaxis]
        return Saturation(reference, effects, deleted)

    def _substitute(self, constructs: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
        encoded = one_hot(constructs)
        bases = encoded[:, self.positions.start : self.positions.stop]
        known = bases.max(axis=2) == 1
        # Three other bases at each position; all four where there are N, and then, for one shape, everywhere.
        alternatives = (bases.argmax(axis=2)[..., np.newaxis] + _COLUMNS[1:]) % len(ALPHABET)
        if not known.all():
            alternatives = np.broadcast_to(_COLUMNS, bases.shape)
        reference_scores, scores = self._score(encoded, self.positions, alternatives)
        reference = self._decode(reference_scores[:, np.newaxis], first, "")[:, 0]
        shape = scores.shape[:-1]
        expression = self._decode(scores.reshape(shape[0], -1, scores.shape[-1]), first, "a substitution in ")
        effects = np.zeros(bases.shape)
        np.put_along_axis(effects, alternatives, expression.reshape(shape) - reference[:, None, None], axis=2)
        effects[bases == 1] = 0  # where all four were scored: the same base again, up to rounding
        return reference, effects

    def _score_plainly(
        self, encoded: np.ndarray, positions: range, alternatives: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score every changed construct as a whole; as `PartialNetwork.score_substitutions`."""
        encoded = encoded.astype(self._trained.network.input.dtype)
        changed = np.tile(encoded[:, np.newaxis, np.newaxis], (1, *alternatives.shape[1:], 1, 1))
        for index, position in enumerate(positions):
            changed[:, index, :, position] = np.eye(len(ALPHABET))[alternatives[:, index]]
        scores = self._predict_all(changed.reshape(-1, *encoded.shape[1:]))
        return self._predict(encoded), scores.reshape(*alternatives.shape, -1)

    def _delete(self, constructs: np.ndarray, first: int) -> np.ndarray:
        """Expression after each deletion, (N, L)."""
        bases = constructs[:, self.positions.start : self.positions.stop]
        # To take out one base of a run of the same is to take out any other of it: only the first is computed.
        new = np.ones(bases.shape, dtype=bool)
        new[:, 1:] = bases[:, 1:] != bases[:, :-1]
        scores = self._predict_all(
            one_hot(delete_bases(constructs, self.positions)[new]).astype(self._trained.network.input.dtype)
        )
        every = scores[np.cumsum(new).reshape(new.shape) - 1]
        return self._decode(every, first, "a deletion in ")

    def _predict_all(self, encoded: np.ndarray) -> np.ndarray:
        parts = range(0, len(encoded), _PLAIN_BATCH_SIZE)
        return np.concatenate([self._predict(encoded[start : start + _PLAIN_BATCH_SIZE]) for start in parts])

    def _decode(self, scores: np.ndarray, first: int, change: str) -> np.ndarray:
        """Decode (N, M, 18) into (N, M)."""
        expression = self._trained.decode(scores.reshape(-1, scores.shape[-1])).reshape(scores.shape[:-1])
        undefined = np.isnan(expression)
        if undefined.any():
            row = int(undefined.any(axis=1).argmax())
            raise ValueError(
                f"the expression of {change}construct {first + row} (from 0) is undefined: its bucket scores cancel "
                "one another or are not finite. Are the weights those of this network?"
            )
        return expression


def delete_bases(constructs: np.ndarray, positions: range) -> np.ndarray:
    """Take single bases out of constructs.

    What is left, 109 bp, is brought to 110 bp as `yeastpromoter.sequence.construct.fit_construct` does with a construct
    that is one base short: the base of the plasmid that stands before the left adapter comes in on the left. So what is
    downstream of the deletion stays at its distance from the reporter gene, and everything upstream of it, the left
    adapter included, moves one base toward the gene, as it does in the plasmid. The rule is the same for bases of
    the insert and of the adapters.

    Parameters
    ----------
    constructs : numpy.ndarray
        ASCII letters, `uint8` (N, 110).
    positions : range
        The P positions, from 0, at which one base each is taken out.

    Returns
    -------
    numpy.ndarray
        ASCII letters of the constructs without them, `uint8` (N, P, 110).
    """

    def beside(flank: str) -> np.ndarray:
        return np.broadcast_to(letters([flank]), (len(constructs), len(flank)))

    plasmid = np.concatenate([beside(LEFT_FLANK), constructs, beside(RIGHT_FLANK)], axis=1)
    everything = np.arange(plasmid.shape[1])
    window = fit_window(CONSTRUCT_LENGTH - 1)
    kept = [np.delete(everything, len(LEFT_FLANK) + position)[window] for position in positions]
    return plasmid[:, np.array(kept)]
