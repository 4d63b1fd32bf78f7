"""Tables of predicted variant effects: ranked, by distance to the coding start, and by the kind of substitution."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yeastpromoter.io.prediction_tables import read_columns, read_rows
from yeastpromoter.sequence.encoding import ALPHABET
from yeastpromoter.statistics import RESAMPLES, bootstrap, percentile_interval
from yeastpromoter.variants.effects import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

BIN_SIZE = 25

_TEXT = ("chromosome", "id", "REF", "ALT", "gene", "gene_name", "strand")
#: Numbers that may be missing: the distance without annotation, predictions where the decoding is undefined.
_MISSING = ("distance", *COLUMNS.values())
_NUMBERS = ("position", *_MISSING)

#: The names of the columns in a table of the command ``variants``, and in what Kipoi writes.
_PLAIN = {name: name for name in (*_TEXT, *_NUMBERS)} | {of_kipoi: name for name, of_kipoi in COLUMNS.items()}
_KIPOI = {name: f"{'preds' if name in COLUMNS.values() else 'metadata'}/{name}" for name in _PLAIN}

_TRANSITIONS = ("AG", "GA", "CT", "TC")
_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def read_effects(path: str | Path) -> pd.DataFrame:
    """Read what ``yeastpromoter variants`` or ``kipoi predict variant_effects --keep_metadata`` wrote.

    Parameters
    ----------
    path : str or Path
        The predictions: a table separated by tabs or commas, also compressed (``.tsv.gz``), or HDF5.

    Returns
    -------
    pandas.DataFrame
        ``chromosome``, ``position``, ``id``, ``REF``, ``ALT``, ``gene``, ``gene_name``, ``strand``, ``distance`` (bp,
        NaN without annotation), ``effect`` (alt − ref), ``ref``, ``alt`` and ``spread`` (buckets); rows in the order of
        the file, columns in any.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is neither, is not whole (see `yeastpromoter.io.prediction_tables.read_columns`), a column is
        missing, or a cell is not what its column holds; the message names the line or the row.
    """
    import h5py
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.absolute()}: there is no such file")
    is_hdf5 = h5py.is_hdf5(path)
    columns = _read_hdf5(path) if is_hdf5 else _read_table(path)
    table = pd.DataFrame(columns).astype(dict.fromkeys(_TEXT, object))

    def refuse(wrong: pd.Series, column: str, wanted: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            place = f"row {row:,}" if is_hdf5 else f"line {row + 2:,}"
            raise ValueError(f"{path}: {place} has {table[column][row]!r} as {column}, but must have {wanted}")

    for column in ("REF", "ALT"):
        refuse(~table[column].str.fullmatch("[ACGTacgt]+").astype(bool), column, "bases, A, C, G and T")
    for column in ("chromosome", "gene"):
        refuse(table[column] == "", column, "a name")
    refuse(~table["strand"].isin(["+", "-"]), "strand", "+ or -")
    refuse((table["position"] < 1) | (table["position"] % 1 != 0), "position", "a whole number, from 1")
    refuse(table["distance"] % 1 > 0, "distance", "a whole number")
    return table.astype({"position": np.int64})


def _names_in(found: Collection[str]) -> dict[str, str]:
    """What the columns are called, with their names in the one of both layouts that has more of them."""
    return max(_PLAIN, _KIPOI, key=lambda layout: sum(name in found for name in layout.values()))


def _read_table(path: Path) -> dict[str, list[str] | np.ndarray]:
    _, header = next(read_rows(path))
    names = _names_in(header)
    texts, numbers, missing = ([names[name] for name in some] for some in (_TEXT, _NUMBERS, _MISSING))
    found = read_columns(path, texts, numbers, missing)
    return {name: found[names[name]] for name in (*_TEXT, *_NUMBERS)}


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    import h5py

    found: dict[str, np.ndarray] = {}
    try:
        with h5py.File(path) as file:
            names = _names_in(file)
            absent = [names[name] for name in (*_TEXT, *_NUMBERS) if names[name] not in file]
            if absent:
                raise ValueError(
                    f"has no dataset {', '.join(absent)}, but a file that `yeastpromoter variants`, or `kipoi predict` "
                    "of variant_effects with --keep_metadata, wrote is needed"
                )
            for name in (*_TEXT, *_NUMBERS):
                data = file[names[name]]
                found[name] = data.asstr()[:] if name in _TEXT else data[:].astype(np.float64)
                if found[name].shape != found[_TEXT[0]].shape or found[name].ndim != 1:
                    raise ValueError(
                        f"{names[name]} has shape {found[name].shape}, but {names[_TEXT[0]]} {found[_TEXT[0]].shape}"
                    )
                if name in _NUMBERS:
                    wrong = np.isinf(found[name]) | (np.isnan(found[name]) & (name not in _MISSING))
                    if wrong.any():
                        raise ValueError(f"row {np.argmax(wrong):,} of {names[name]} is not a finite number")
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return found


def by_distance(
    effects: pd.DataFrame, bin_size: int = BIN_SIZE, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Summarise effects in bins of the distance to the coding start.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``distance`` (bp, negative upstream), ``effect`` (buckets) and ``gene``, finite. Rows within the coding
        sequence, at 0 or more, are in no bin.
    bin_size : int, optional
        Bases of a bin; the last one ends with the base before the coding start.
    resamples : int, optional
        Bootstrap resamples of genes.
    seed : int, optional
        Seed of the resamples.

    Returns
    -------
    pandas.DataFrame
        A row for each bin that has any: ``from`` and ``to`` (its first and last distance), ``rows``, ``genes``,
        ``mean_size`` (mean absolute effect) with ``mean_size_low`` and ``mean_size_high`` (95 % interval, NaN for
        fewer genes than `yeastpromoter.statistics.MIN_GROUPS`), ``median_size``, and ``mean_effect`` with its interval.
    """
    upstream = effects[effects["distance"] < 0]
    number = (-1 - upstream["distance"].to_numpy(dtype=np.int64)) // bin_size
    groups = {}
    for bin_number in range(int(number.max(initial=-1)), -1, -1):
        found = number == bin_number
        if found.any():
            groups[-(bin_number + 1) * bin_size, -1 - bin_number * bin_size] = found
    table = _summary(upstream, list(groups.values()), upstream["gene"].to_numpy(), resamples, seed)
    table.insert(0, "from", [first for first, _ in groups])
    table.insert(1, "to", [last for _, last in groups])
    return table


def by_substitution(effects: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Summarise effects of single-base substitutions by their kind.

    Parameters
    ----------
    effects : pandas.DataFrame
        ``REF``, ``ALT``, ``strand``, ``chromosome``, ``position``, ``gene`` and ``effect`` (buckets, finite). Rows that
        substitute not exactly one base are in no kind.
    resamples : int, optional
        Bootstrap resamples, of genes, or of positions where there are no genes.
    seed : int, optional
        Seed of the resamples.

    Returns
    -------
    pandas.DataFrame
        ``kind``: transitions, transversions, the difference of the two (first less second, of the means only), and
        the twelve substitutions as they read on the strand of the gene (``A>C``, ...), those that there are; further
        columns as in `by_distance`. Where there are no genes ``genes`` counts positions. The difference has an interval
        only if both kinds have enough genes.
    """
    single = effects[(effects["REF"].str.len() == 1) & (effects["ALT"].str.len() == 1)]
    pairs = substitutions(single)
    transition = is_transition(pairs)
    kinds = {"transitions": transition, "transversions": ~transition}
    kinds |= {f"{a}>{b}": pairs == a + b for a in ALPHABET for b in ALPHABET if a != b}
    kinds = {name: found for name, found in kinds.items() if found.any()}
    unit = (
        single["gene"] if unit_of(effects) == "genes" else single["chromosome"] + ":" + single["position"].astype(str)
    )
    contrast = (0, 1) if {"transitions", "transversions"} <= set(kinds) else None
    table = _summary(single, list(kinds.values()), unit.to_numpy(), resamples, seed, contrast)
    names = list(kinds)
    table.insert(0, "kind", names if contrast is None else [*names, "transitions - transversions"])
    return table if contrast is None else table.iloc[[0, 1, len(table) - 1, *range(2, len(names))]]


def unit_of(effects: pd.DataFrame) -> str:
    """What is resampled and counted: ``"genes"``, or ``"positions"`` where there was no annotation."""
    return "genes" if (effects["gene"] != ".").any() else "positions"


def substitutions(single: pd.DataFrame) -> np.ndarray:
    """REF and ALT of single-base substitutions as they read on the strand of the gene, `str` (N,), such as ``AG``."""
    pairs = (single["REF"] + single["ALT"]).str.upper()
    return np.where(single["strand"] == "-", pairs.str.translate(_COMPLEMENT), pairs).astype(str)


def is_transition(pairs: np.ndarray) -> np.ndarray:
    """Whether pairs of bases such as ``AG`` are transitions (A and G, or C and T), `bool` (N,)."""
    return np.isin(pairs, _TRANSITIONS)


def _summary(
    rows: pd.DataFrame,
    groups: list[np.ndarray],
    unit: np.ndarray,
    resamples: int,
    seed: int,
    contrast: tuple[int, int] | None = None,
) -> pd.DataFrame:
    """Statistics of each group of rows, and of the difference of two of them; what is resampled are the units."""
    import pandas as pd

    effect = rows["effect"].to_numpy(dtype=np.float64)
    codes, units = pd.factorize(unit)
    membership = np.stack(groups, axis=1).astype(np.float64) if groups else np.zeros((len(rows), 0))

    def total(values: np.ndarray) -> np.ndarray:
        """Sum over the rows of each unit and group, (units, groups)."""
        return np.stack([np.bincount(codes, weights=values * column, minlength=len(units)) for column in membership.T])

    if not groups:
        return pd.DataFrame(columns=["rows", "genes", *_means("mean_size"), "median_size", *_means("mean_effect")])
    counts = total(np.ones(len(rows)))
    table = pd.DataFrame({"rows": counts.sum(axis=1), "genes": (counts > 0).sum(axis=1)}).astype(np.int64)
    enough = table["genes"].to_numpy()
    if contrast is not None:
        table.loc[len(table)] = [table["rows"][list(contrast)].sum(), len(units)]
        enough = np.append(enough, enough[list(contrast)].min())

    def means_of(weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """Mean of each group, (R, groups), for weights of the units, (R, units); NaN where none counts."""
        drawn = weights @ counts.T
        means = np.divide(weights @ sums.T, drawn, out=np.full_like(drawn, np.nan), where=drawn > 0)
        if contrast is None:
            return means
        first, second = contrast
        return np.column_stack([means, means[:, first] - means[:, second]])

    for name, values in (("mean_size", np.abs(effect)), ("mean_effect", effect)):
        sums = total(values)
        draws = bootstrap(lambda weights, sums=sums: means_of(weights, sums), len(units), resamples, seed)
        low, high = percentile_interval(draws, enough)
        table[name] = means_of(np.ones((1, len(units))), sums)[0]
        table[f"{name}_low"], table[f"{name}_high"] = low, high
        if name == "mean_size":
            medians = [np.median(values[found]) for found in groups]
            table["median_size"] = medians + [np.nan] * (len(table) - len(medians))
    return table


def _means(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]
