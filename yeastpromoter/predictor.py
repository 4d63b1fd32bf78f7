"""Prediction from Python: sequences, series, tables and files of them, any number in bounded memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from yeastpromoter.argument_names import argument
from yeastpromoter.design.designs import Request, design
from yeastpromoter.io.interval_files import IntervalFile, open_sequences
from yeastpromoter.io.row_files import Columns
from yeastpromoter.io.sequence_files import Promoters, SequenceFile
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.sequence.construct_rules import ConstructRules
from yeastpromoter.sequence.encoding import find_invalid, letters
from yeastpromoter.sequence.reporter import Reporter
from yeastpromoter.sequence.scanning import tile_starts
from yeastpromoter.uncertainty.calibration import Bounds
from yeastpromoter.variants.effects import effects_table, predict_rows
from yeastpromoter.variants.rows import VariantRows

if TYPE_CHECKING:
    import pandas as pd

#: Sequences that are predicted at once.
BLOCK = 4096

#: Names of the columns of prediction intervals.
BOUND_COLUMNS = ("lower", "upper", "flag")

_N = ord("N")


class Predictor:
    """The trained network, for prediction from text. `yeastpromoter.load` makes one.

    A sequence is written 5' to 3' toward the reporter gene, in A, C, G, T and N of either case: an insert (80 bp),
    which gets the adapters, or a whole construct (110 bp). An entry for another reporter has other lengths.

    Parameters
    ----------
    entry : str or os.PathLike, optional
        Folder of the entry whose weights are used. Default: the weights that come with the package.
    threads : int, optional
        Number of threads. Default: the environment variable ``YEASTPROMOTER_THREADS``, or else one for each core that
        the process may use.
    engine : {"lookup", "keras"}, optional
        What computes predictions: look-up in NumPy, or the Keras network, on a GPU where its backend has one. They
        differ by rounding alone.

    Attributes
    ----------
    reporter : yeastpromoter.sequence.reporter.Reporter
        Adapters and insert length of the constructs.
    bucket_values : tuple of float
        Expression that each of the buckets stands for, ascending: the scale of predictions.
    weights_version : str
        Version of the weights.

    Raises
    ------
    FileNotFoundError
        If there is no such entry, or it has no weights.
    ValueError
        If the weights are not those that the entry describes.

    Examples
    --------
    >>> import yeastpromoter
    >>> predictor = yeastpromoter.load()
    >>> predictor.predict(["ACGT" * 20])
    array([12.798...])
    """

    def __init__(
        self, entry: str | os.PathLike | None = None, threads: int | None = None, engine: str = "lookup"
    ) -> None:
        where = {} if entry is None else {"entry": Path(entry)}
        self._trained = load_trained_network(**where, engine=engine, threads=threads)
        self.reporter: Reporter = self._trained.reporter
        self.bucket_values: tuple[float, ...] = self._trained.bucket_values
        self.weights_version: str = self._trained.weights_version

    def predict(
        self,
        sequences: Sequence[str] | pd.Series | pd.DataFrame,
        *,
        sequence_column: Any = None,
        check_adapters: bool = True,
        interval: int | None = None,
    ) -> np.ndarray | pd.Series | pd.DataFrame:
        """Predict expression.

        Parameters
        ----------
        sequences : sequence of str, pandas.Series or pandas.DataFrame
            N inserts (80 bp) or N constructs (110 bp), not a mixture of both.
        sequence_column : optional
            The column of a DataFrame that holds the sequences.
        check_adapters : bool, optional
            Whether constructs must have their adapters, and inserts must not.
        interval : int, optional
            Level of a prediction interval, in percent, 50 to 99: the share of the measurements of promoters like those
            of the training data that it holds.

        Returns
        -------
        numpy.ndarray, pandas.Series or pandas.DataFrame
            Expression, the mean sorting bucket on the scale of the buckets, 0 to 17, in the order of the input:
            `float64` (N,) for
            a list; a series named ``expression`` with the index of the series; a copy of the frame with the further
            column ``expression``. With `interval` always a frame, with the further columns ``lower`` and ``upper``, the
            ends of the interval, and ``flag``: what is unlike the training data, in words, empty where nothing is.

        Raises
        ------
        ValueError
            If a sequence is not text, has another length than 80 or 110 bp or than the first one, holds another letter
            or nothing but N, or is a construct without its adapters; the message names the first such sequence. If the
            frame has no column `sequence_column`, or has a column already that would be added. If `interval` is not
            such a level, or the entry has no calibration.

        Examples
        --------
        >>> predictor.predict(pd.Series({"a": "ACGT" * 20, "b": "TTTTA" * 16}))
        a    12.798...
        b    10.995...
        Name: expression, dtype: float64
        >>> predictor.predict(["ACGT" * 20], interval=90).round(1)
        EXAMPLE
        """
        texts, frame = _column_of(sequences, sequence_column, interval is not None)
        if interval is not None:
            self._trained.need_calibration(interval)
        expression = np.empty(len(texts))
        bounds = Bounds(np.empty(len(texts)), np.empty(len(texts)), [])
        for rows, constructs in _constructs(texts, check_adapters, self.reporter):
            expression[rows], _, found = self._predict(constructs, interval)
            if found is not None:
                bounds.lower[rows], bounds.upper[rows] = found.lower, found.upper
                bounds.flags.extend(found.flags)
        if interval is not None:
            return _with_bounds(texts, frame, expression, bounds)
        if frame is not None:
            return frame.assign(expression=expression)
        return _with_index(texts, expression)

    def check_interval(self, level: int) -> None:
        """Make sure, before anything is predicted, that there are prediction intervals of a level, in percent.

        Raises
        ------
        ValueError
            If there are none.
        """
        self._trained.need_calibration(level)

    def bucket_scores(self, sequences: Sequence[str] | pd.Series, *, check_adapters: bool = True) -> np.ndarray:
        """Predict the scores of the 18 buckets, from which expression is decoded.

        Parameters
        ----------
        sequences, check_adapters
            As for `predict`, without frames.

        Returns
        -------
        numpy.ndarray
            `float32` (N, 18): raw outputs of the network, neither probabilities nor logits; single ones may be
            negative.

        Raises
        ------
        ValueError
            As `predict`.

        Examples
        --------
        >>> predictor.bucket_scores(["ACGT" * 20]).shape
        (1, 18)
        """
        texts, _ = _column_of(sequences, None)
        scores = np.empty((len(texts), len(self._trained.bucket_values)), dtype=np.float32)
        for rows, constructs in _constructs(texts, check_adapters, self.reporter):
            scores[rows] = self._trained.bucket_scores(constructs)
        return scores

    def predict_file(
        self,
        path: str | os.PathLike,
        *,
        fasta_file: str | os.PathLike | None = None,
        bucket_scores: bool = False,
        interval: int | None = None,
        **reading: Any,
    ) -> pd.DataFrame:
        """Predict the sequences of a file.

        Parameters
        ----------
        path : str or os.PathLike
            FASTA, table (tab or comma) or one sequence per line, or with `fasta_file` BED; plain, gzip or bgzip.
        fasta_file : str or os.PathLike, optional
            The genome that the intervals of a BED file are cut from.
        bucket_scores : bool, optional
            Whether to return the bucket scores, too.
        interval : int, optional
            Level of a prediction interval, as for `predict`.
        **reading
            As for `yeastpromoter.io.sequence_files.SequenceFile`: ``sequence_column``, ``id_column``, ``header``,
            ``sequence_type`` (``"construct"`` unless given, ``"insert"`` for intervals), ``other_lengths`` and
            ``check_adapters``.

        Returns
        -------
        pandas.DataFrame
            A row for each sequence, in the order of the file: ``id``, ``record`` (its number in the file, from 0),
            ``expression``; ``lower``, ``upper`` and ``flag``, and ``bucket_00`` to ``bucket_17``, if they were asked
            for.

        Raises
        ------
        FileNotFoundError, ValueError
            If the file or an argument is wrong; the message names the record.

        Examples
        --------
        >>> predictor.predict_file("promoters.fa", sequence_type="insert")
        """
        import pandas as pd

        blocks = self.file_blocks(open_sequences(path, fasta_file, **reading), bucket_scores, interval)
        return pd.concat([pd.DataFrame(block.columns()) for block in blocks], ignore_index=True)

    def variant_effects(
        self,
        vcf_file: str | os.PathLike,
        fasta_file: str | os.PathLike,
        annotation_file: str | os.PathLike | None = None,
        interval: int | None = None,
        **reading: Any,
    ) -> pd.DataFrame:
        """Predict what the alleles of a VCF file do to the expression of the promoters they lie in.

        Parameters
        ----------
        vcf_file, fasta_file : str or os.PathLike
            The variants, and the genome that they were called on; plain, gzip or bgzip.
        annotation_file : str or os.PathLike, optional
            Genes (GTF, GFF3) or promoters (BED6). Without it every allele has two rows, for a gene on either strand.
        interval : int, optional
            Level of a prediction interval of the effects, in percent: the columns ``effect_lower`` and
            ``effect_upper``, which are approximate.
        **reading
            As for `yeastpromoter.variants.rows.VariantRows`: ``upstream``, ``offsets`` and ``skipped_file`` (no file
            unless it is given).

        Returns
        -------
        pandas.DataFrame
            A row for each allele and gene, in the order of the file: ``record`` (from 0), ``chromosome``, ``position``,
            ``id``, ``REF``, ``ALT``, ``gene``, ``gene_name``, ``strand``, ``distance`` (bp to the coding start),
            ``ref_expression``, ``alt_expression``, ``effect_alt_minus_ref`` and ``spread``, in buckets; see
            `yeastpromoter.variants.effects.variant_effects`. What was not scored is in ``attrs["notes"]``.

        Raises
        ------
        FileNotFoundError, ValueError
            If a file or an argument is wrong, or no allele can be scored; the message names the line.

        Examples
        --------
        >>> effects = predictor.variant_effects("variants.vcf", "genome.fa", "genes.gtf")
        >>> effects.sort_values("effect_alt_minus_ref", key=abs, ascending=False).head()
        """
        rows = VariantRows(
            vcf_file, fasta_file, annotation_file, **({"skipped_file": False} | reading), reporter=self.reporter
        )
        table = effects_table(predict_rows(self._trained, rows, interval))
        table.attrs["notes"] = list(rows.notes)
        return table

    def design(self, request: Request, interval: int | None = 90) -> pd.DataFrame:
        """Design promoters of a wanted strength.

        Parameters
        ----------
        request : yeastpromoter.design.designs.Request
            What is asked for: goals, constraints, promoters to change.
        interval : int, optional
            Level of the prediction intervals in the table, in percent; None for none.

        Returns
        -------
        pandas.DataFrame
            A row for each design; see `yeastpromoter.design.designs.Designs.table`. Why searches gave none is counted
            in ``attrs["missing"]``.

        Raises
        ------
        ValueError
            If a goal is not on the scale of expression, or the entry has no calibration, which `interval` needs, and so
            does a request that does not take any uncertainty.

        Examples
        --------
        >>> from yeastpromoter.design.designs import Request
        >>> from yeastpromoter.design.goals import target
        >>> designs = predictor.design(Request([target(12)], count=2))
        >>> designs.reached.tolist()
        ['yes', 'yes']
        """
        if interval is not None:
            self._trained.need_calibration(interval)
        found = design(self._trained, request)
        table = found.table(self._trained, interval)
        table.attrs["missing"] = dict(found.missing)
        return table

    def scan(self, sequence: str, step: int = 10, interval: int | None = None) -> pd.DataFrame:
        """Predict every tile of a longer promoter, as long as an insert (80 bp).

        Parameters
        ----------
        sequence : str
            At least as long as a tile, 5' to 3' toward the gene.
        step : int, optional
            Distance in bp from the start of one tile to the start of the next; the end is always in a tile.
        interval : int, optional
            Level of a prediction interval, as for `predict`.

        Returns
        -------
        pandas.DataFrame
            A row for each tile, from 5' to 3': ``position``, that of its first base, from 1, and ``expression``, NaN
            where the tile holds nothing but N; with `interval` also ``lower``, ``upper`` and ``flag``.

        Raises
        ------
        ValueError
            If the sequence is shorter, or holds another letter than A, C, G, T and N.

        Examples
        --------
        >>> predictor.scan("ACGT" * 100, step=80).position.tolist()
        [1, 81, 161, 241, 321]
        """
        import pandas as pd

        if not isinstance(sequence, str):
            raise ValueError(f"the sequence must be text but is {type(sequence).__name__}")
        tiled = letters([sequence])
        if (invalid := find_invalid(tiled)) is not None:
            raise ValueError(
                f"the sequence has {sequence[invalid[1]]!r} at position {invalid[1] + 1}, but only A, C, G, T and N "
                "are read"
            )
        blocks = self._tile_blocks([Promoters([tiled[0]], np.array([""]), np.array([0]))], step, False, interval)
        tables = [pd.DataFrame(block.columns()).drop(columns=["id", "record"]) for block in blocks]
        return pd.concat(tables, ignore_index=True)

    def file_blocks(
        self, sequences: SequenceFile | IntervalFile, bucket_scores: bool = False, interval: int | None = None
    ) -> Iterator[Predicted]:
        """Predict an open file in blocks, in its order.

        Parameters
        ----------
        sequences : SequenceFile or IntervalFile
            The file.
        bucket_scores : bool, optional
            Whether to give the bucket scores.
        interval : int, optional
            Level of prediction intervals to give, as for `predict`.

        Yields
        ------
        Predicted
            Of at most `BLOCK` sequences.
        """
        for first in range(0, len(sequences), BLOCK):
            batch = sequences.read(np.arange(first, min(first + BLOCK, len(sequences))))
            expression, scores, bounds = self._predict(batch.constructs, interval)
            yield Predicted(batch.ids, batch.records, None, expression, scores if bucket_scores else None, bounds)

    def scan_blocks(
        self,
        sequences: SequenceFile | IntervalFile,
        step: int,
        bucket_scores: bool = False,
        interval: int | None = None,
    ) -> Iterator[Predicted]:
        """Predict the tiles of an open file of longer promoters in blocks, in its order; see `scan`.

        Parameters
        ----------
        sequences : SequenceFile or IntervalFile
            The file, opened with `yeastpromoter.sequence.scanning.PromoterRules`.
        step : int
            As for `scan`.
        bucket_scores : bool, optional
            Whether to give the bucket scores.
        interval : int, optional
            Level of prediction intervals to give, as for `predict`.

        Yields
        ------
        Predicted
            Of at most `BLOCK` tiles, with their positions.
        """
        promoters = (sequences.read_promoters([number]) for number in range(len(sequences)))
        return self._tile_blocks(promoters, step, bucket_scores, interval)

    def _tile_blocks(
        self, promoters: Iterable[Promoters], step: int, bucket_scores: bool, interval: int | None
    ) -> Iterator[Predicted]:
        length = self.reporter.insert_length
        for promoter in promoters:
            sequence = promoter.letters[0]
            every = tile_starts(sequence.size, step, length)
            unknown = np.concatenate([[0], np.cumsum((sequence | 0x20) == (_N | 0x20))])
            for first in range(0, every.size, BLOCK):
                starts = every[first : first + BLOCK]
                known = unknown[starts + length] - unknown[starts] < length
                scores = np.full((starts.size, len(self._trained.bucket_values)), np.nan, dtype=np.float32)
                scores[known] = self._trained.tile_scores(sequence, starts[known])
                expression = np.full(starts.size, np.nan)
                expression[known] = self._trained.decode(scores[known])
                bounds = None
                if interval is not None:
                    tiles = np.lib.stride_tricks.sliding_window_view(sequence, length)[starts]
                    constructs = self.reporter.constructs(tiles)
                    bounds = self._trained.bounds(constructs, scores, expression, interval)
                yield Predicted(
                    np.repeat(promoter.ids, starts.size),
                    np.repeat(promoter.records, starts.size),
                    starts + 1,
                    expression,
                    scores if bucket_scores else None,
                    bounds,
                )

    def _predict(self, constructs: np.ndarray, interval: int | None) -> tuple[np.ndarray, np.ndarray, Bounds | None]:
        scores = self._trained.bucket_scores(constructs)
        expression = self._trained.decode(scores)
        bounds = None if interval is None else self._trained.bounds(constructs, scores, expression, interval)
        return expression, scores, bounds


def bucket_columns(buckets: int) -> tuple[str, ...]:
    """Names of the columns of the scores of a number of buckets."""
    return tuple(f"bucket_{bucket:02d}" for bucket in range(buckets))


class Predicted(NamedTuple):
    """Predictions of some sequences, or of some tiles of longer ones.

    Attributes
    ----------
    ids, records : numpy.ndarray
        Id, `str`, and number in the file, `int64`, of the sequence, (N,).
    positions : numpy.ndarray or None
        Position of the first base of each tile in its sequence, from 1, `int64` (N,); None for whole sequences.
    expression : numpy.ndarray
        `float64` (N,).
    bucket_scores : numpy.ndarray or None
        `float32` (N, B), if they were asked for.
    bounds : Bounds or None
        Prediction intervals and flags, if they were asked for.
    """

    ids: np.ndarray
    records: np.ndarray
    positions: np.ndarray | None
    expression: np.ndarray
    bucket_scores: np.ndarray | None
    bounds: Bounds | None = None

    def columns(self) -> Columns:
        """Columns of a table of them: id, record, position if there are any, expression, bounds and bucket scores."""
        columns: Columns = {"id": self.ids.tolist(), "record": self.records}
        if self.positions is not None:
            columns["position"] = self.positions
        columns["expression"] = self.expression
        if self.bounds is not None:
            columns |= dict(zip(BOUND_COLUMNS, self.bounds, strict=True))
        if self.bucket_scores is not None:
            columns |= dict(zip(bucket_columns(self.bucket_scores.shape[1]), self.bucket_scores.T, strict=True))
        return columns


def _column_of(sequences: Any, sequence_column: Any, bounds: bool = False) -> tuple[Any, pd.DataFrame | None]:
    """The sequences as a list or a series, and the frame that they are a column of, if they are one."""
    pandas = sys.modules.get("pandas")  # what is not imported made none of its objects
    if pandas is not None and isinstance(sequences, pandas.DataFrame):
        if sequence_column is None or list(sequences.columns).count(sequence_column) != 1:
            raise ValueError(
                f"{argument('sequence_column')} is {sequence_column!r} but must name one column of the table, which "
                f"has {', '.join(map(repr, sequences.columns[:20]))}"
            )
        for name in ("expression", *(BOUND_COLUMNS if bounds else ())):
            if name in sequences.columns:
                raise ValueError(f"the table has a column {name!r} already: rename it")
        return sequences[sequence_column], sequences
    if sequence_column is not None:
        raise ValueError(f"{argument('sequence_column')} is for a DataFrame but a {type(sequences).__name__} is given")
    if pandas is not None and isinstance(sequences, pandas.Series):
        return sequences, None
    if isinstance(sequences, (str, bytes)):
        raise ValueError("the sequences must be a list of text but are a single text: give [sequence]")
    return sequences if isinstance(sequences, Sequence) else list(sequences), None


def _with_index(texts: Any, expression: np.ndarray) -> np.ndarray | pd.Series:
    if isinstance(texts, Sequence):
        return expression
    import pandas as pd

    return pd.Series(expression, index=texts.index, name="expression")


def _with_bounds(texts: Any, frame: pd.DataFrame | None, expression: np.ndarray, bounds: Bounds) -> pd.DataFrame:
    import pandas as pd

    columns = {"expression": expression, **dict(zip(BOUND_COLUMNS, bounds, strict=True))}
    if frame is not None:
        return frame.assign(**columns)
    return pd.DataFrame(columns, index=None if isinstance(texts, Sequence) else texts.index)


def _constructs(texts: Any, check_adapters: bool, reporter: Reporter) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of constructs, `uint8` (N, L), with the rows that they are; all are checked before the first."""
    index = None if isinstance(texts, Sequence) else texts.index
    texts = texts if index is None else texts.array
    if not len(texts):
        return

    def place(row: int) -> str:
        return f"sequence {row}" + ("" if index is None else f" (index {index[row]!r})")

    def block(first: int) -> np.ndarray:
        return _matrix(texts[first : first + BLOCK], length, lambda row: place(first + row), reporter)

    length = len(texts[0]) if isinstance(texts[0], str) else 0
    blocks = range(0, len(texts), BLOCK)
    types = {length: name for name, length in reporter.lengths.items()}
    if length not in types:
        _matrix(texts[:1], length, place, reporter)  # says if it is not text
        raise ValueError(
            f"{place(0)} has {length} bp but must have {reporter.insert_length} (an insert) or "
            f"{reporter.construct_length} (a construct with its adapters). `Predictor.scan` predicts the tiles of a "
            "longer promoter"
        )
    rules = ConstructRules(reporter, types[length], "error", check_adapters)
    for first in blocks:
        matrix = block(first)
        rules.look_at(matrix.ravel(), np.full(len(matrix), length), lambda row, first=first: place(first + row))
    rules.finish("the sequences", len(texts))
    for first in blocks:
        matrix = block(first)
        yield (
            slice(first, first + len(matrix)),
            rules.constructs(matrix.ravel(), np.full(len(matrix), length)),
        )


def _matrix(texts: Sequence[str], length: int, place: Callable[[int], str], reporter: Reporter) -> np.ndarray:
    """Letters of sequences that must have one length, `uint8` (N, length)."""
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"{place(row)} is {text!r:.60} but must be text of A, C, G, T and N")
        if len(text) != length:
            raise ValueError(
                f"{place(row)} has {len(text)} bp but the first has {length}: all must be inserts of "
                f"{reporter.insert_length} bp, or all constructs of {reporter.construct_length} bp"
            )
    joined = "".join(texts)
    codes = np.frombuffer(joined.encode("ascii", "replace"), dtype=np.uint8).reshape(len(texts), length)
    if (invalid := find_invalid(codes)) is not None:
        row, column = invalid
        raise ValueError(
            f"{place(row)} has {texts[row][column]!r} at position {column + 1}, but only A, C, G, T and N are read"
        )
    return codes
