"""Prediction intervals and flags: a calibration, which the training makes and the entry ships beside its weights.

The intervals are those of split conformal prediction with a learned scale (Lei et al. 2018, J. Am. Stat. Assoc. 113,
1094-1111, section 5.2). The error of a prediction, measured − predicted, is divided by a scale that the signals of the
prediction give, and the quantiles of these quotients on constructs that no training saw are the ends of the interval,
below and above separately. An interval of 90 % then holds nine of ten measurements of constructs like those; of a
sequence that is unlike them it promises nothing, and the flag says so.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from yeastpromoter.uncertainty.signals import DINUCLEOTIDES, Signals

#: How the flag begins.
FLAG = "unlike the training data: "

#: How the flag names each signal that is outside its limits.
_REASONS = {
    "gc": "GC {:.2f}",
    "longest_run": "{:.0f} equal bases in a row",
    "distinct_4mers": "only {:.0f} different 4-mers",
    "unknown": "unknown bases: {:.0f}",
    "expression": "expression {:.2f}",
    "negative": "negative bucket scores, {:.2f} in sum",
}

#: The signals that have limits.
LIMITED = tuple(_REASONS)

#: What the logarithm of the scale is linear in, in the order of its coefficients after the intercept.
SCALE_TERMS = ("entropy", "gc", "gc_squared", "expression", "expression_squared", *DINUCLEOTIDES[1:])

_KEYS = (
    "weights_sha256",
    "decoding",
    "bucket_values",
    "scale",
    "scale_deciles",
    "levels",
    "lower",
    "upper",
    "effects",
    "limits",
    "measured",
)


class Bounds(NamedTuple):
    """Prediction intervals of N predictions, and their flags.

    Attributes
    ----------
    lower, upper : numpy.ndarray
        The ends, on the scale of expression, `float64` (N,); NaN where the expression is undefined.
    flags : list of str
        What of each sequence or prediction is unlike the training data, in words; empty where nothing is.
    """

    lower: np.ndarray
    upper: np.ndarray
    flags: list[str]


@dataclass(frozen=True)
class EffectErrors:
    """Errors of the difference between the predictions of two related constructs.

    Their scale is the root of the sum of the squares of both predictions' scales. What the network gets wrong of
    related constructs it gets wrong of both alike, so that differences are surer than that: the multiples are smaller.

    Parameters
    ----------
    half_widths : tuple of float or None
        For each level of the calibration half of the interval, in multiples of the scale; None where the pairs are too
        few for it.
    pairs, groups : int
        Number of pairs of constructs that they were calibrated on, and of groups of constructs that these are from.
    """

    half_widths: tuple[float | None, ...]
    pairs: int
    groups: int


@dataclass(frozen=True)
class Calibration:
    """What turns predictions into intervals and flags; see the module.

    Parameters
    ----------
    weights_sha256 : str
        SHA-256 of the weights that it is for.
    decoding, bucket_values
        The decoding that it is for.
    scale : tuple of float
        Coefficients of the logarithm of the scale: intercept, then by `SCALE_TERMS`.
    scale_deciles : tuple of float
        Smallest scale, in buckets, of the constructs that it was made on, then the deciles, and the largest: 11
        numbers. Scales beyond the smallest and the largest are brought to them.
    levels : tuple of int
        Levels that there are intervals for, in percent, ascending.
    lower, upper : tuple of float
        For each level the ends of the interval, less the expression, in multiples of the scale.
    effects : EffectErrors or None
        Those of differences; None where too few pairs of related constructs were measured.
    limits : mapping of str to tuple
        For each of `LIMITED` the smallest and the largest value that is not flagged, None for no limit.
    measured : mapping of str to tuple of float
        Measured expression of the constructs of each source that it was made on: percentiles 0 to 100, 101 numbers.
    """

    weights_sha256: str
    decoding: str
    bucket_values: tuple[float, ...]
    scale: tuple[float, ...]
    scale_deciles: tuple[float, ...]
    levels: tuple[int, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    effects: EffectErrors | None
    limits: Mapping[str, tuple[float | None, float | None]]
    measured: Mapping[str, tuple[float, ...]]

    def scales(self, signals: Signals) -> np.ndarray:
        """Scale of the error of predictions, in buckets, `float64` (N,)."""
        scale = np.exp(self.scale[0] + scale_terms(signals) @ self.scale[1:])
        return np.clip(scale, self.scale_deciles[0], self.scale_deciles[-1])

    def bounds(self, signals: Signals, level: int) -> Bounds:
        """State the prediction intervals of some predictions.

        Parameters
        ----------
        signals : Signals
            Of N predictions.
        level : int
            Percentage of measurements that the interval is to hold, one of `levels`.

        Returns
        -------
        Bounds
            Their intervals and flags.

        Raises
        ------
        ValueError
            If there is no such level.
        """
        place = self.check(level)
        scale = self.scales(signals)
        lower, upper = (signals.expression + ends[place] * scale for ends in (self.lower, self.upper))
        return Bounds(lower, upper, self.flags(signals))

    def effect_half_widths(self, ref: np.ndarray, alt: np.ndarray, level: int) -> np.ndarray:
        """Half widths of the intervals of effects, which reach as far below them as above.

        Parameters
        ----------
        ref, alt : numpy.ndarray
            Scales (see `scales`) of the predictions of two related constructs, of any shape.
        level : int
            As for `bounds`.

        Returns
        -------
        numpy.ndarray
            In buckets, the shape of `ref`.

        Raises
        ------
        ValueError
            If there is no such level, or no errors of effects are known.
        """
        place = self.check(level, effects=True)
        return self.effects.half_widths[place] * np.hypot(ref, alt)

    def percentiles(self, expression: float) -> dict[str, float]:
        """Percentage of the measured constructs of each source with a lower expression than one, 0 to 100."""
        percent = np.linspace(0, 100, 101)
        return {source: float(np.interp(expression, values, percent)) for source, values in self.measured.items()}

    def flags(self, signals: Signals) -> list[str]:
        """Say of each of N predictions what is unlike the training data, empty where nothing is."""
        reasons: list[list[str]] = [[] for _ in range(len(signals.gc))]
        known = ~np.isnan(signals.expression)  # what has no prediction has none that could be doubted
        for name, text in _REASONS.items():
            values = getattr(signals, name)
            for row in np.flatnonzero(self._outside(name, values) & known):
                reasons[row].append(text.format(values[row]))
        return [FLAG + ", ".join(found) if found else "" for found in reasons]

    def flagged(self, signals: Signals) -> np.ndarray:
        """Tell which of N predictions have a flag, `bool` (N,)."""
        return np.any([self._outside(name, getattr(signals, name)) for name in LIMITED], axis=0)

    def _outside(self, name: str, values: np.ndarray) -> np.ndarray:
        low, high = self.limits[name]
        outside = np.zeros(len(values), dtype=bool)
        if low is not None:
            outside |= values < low
        if high is not None:
            outside |= values > high
        return outside

    def check(self, level: int, effects: bool = False) -> int:
        """Return the place of a level among `levels`, or raise as `bounds` and `effect_half_widths` do."""
        if isinstance(level, bool) or level not in self.levels:
            raise ValueError(
                f"the level of an interval must be a whole number of percent from {self.levels[0]} to "
                f"{self.levels[-1]} but is {level!r}"
            )
        place = self.levels.index(level)
        if effects and (self.effects is None or self.effects.half_widths[place] is None):
            raise ValueError(
                f"there are no intervals of {level} % of effects: the calibration of these weights had too few pairs "
                "of related constructs"
            )
        return place

    def content(self) -> dict[str, Any]:
        """What the file that `read_calibration` reads says, for JSON."""
        content = {name: getattr(self, name) for name in _KEYS}
        return content | {"effects": None if self.effects is None else vars(self.effects)}


def scale_terms(signals: Signals) -> np.ndarray:
    """The terms of the scale, `float64` (N, K), by `SCALE_TERMS`."""
    gc, expression = signals.gc, signals.expression
    return np.column_stack([signals.entropy, gc, gc**2, expression, expression**2, signals.dinucleotides[:, 1:]])


def read_calibration(path: str | Path, sha256: str) -> Calibration:
    """Read and verify a calibration.

    Parameters
    ----------
    path : str or Path
        JSON, as `Calibration.as_json` makes it.
    sha256 : str
        SHA-256 of the file, 64 hexadecimal digits.

    Returns
    -------
    Calibration
        What the file says.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is another one, or does not hold a calibration.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"calibration {path} does not exist: was the entry's folder copied without it?")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != str(sha256).lower():
        raise ValueError(
            f"calibration {path} is not the one that is expected (sha256 is {found} but must be {sha256}): it "
            "was swapped or altered, or it and the sha256 come from different versions of the entry"
        )
    return parse_calibration(content.decode("utf-8", "replace"), str(path))


def parse_calibration(text: str, name: str) -> Calibration:
    """Read the text of a calibration; `name` is what messages call it.

    Raises
    ------
    ValueError
        If it is not a calibration.
    """
    try:
        content = json.loads(text)
        if set(content) != set(_KEYS):
            raise ValueError(f"it must have the keys {', '.join(_KEYS)}")
        effects = content["effects"]
        calibration = Calibration(
            str(content["weights_sha256"]),
            str(content["decoding"]),
            _numbers(content["bucket_values"]),
            _numbers(content["scale"]),
            _numbers(content["scale_deciles"]),
            tuple(map(int, content["levels"])),
            _numbers(content["lower"]),
            _numbers(content["upper"]),
            effects and EffectErrors(**(effects | {"half_widths": tuple(effects["half_widths"])})),
            {name: tuple(content["limits"][name]) for name in LIMITED},
            {name: _numbers(values) for name, values in content["measured"].items()},
        )
        lengths = {len(calibration.lower), len(calibration.upper), len(calibration.levels)}
        if len(calibration.scale) != 1 + len(SCALE_TERMS) or len(calibration.scale_deciles) != 11:
            raise ValueError("its scale does not have one number for each term, and 11 deciles")
        _check_values(calibration)
        if len(lengths) > 1 or not calibration.levels:
            raise ValueError("its ends do not have one number for each level")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{name}: is not a calibration: {error}") from None
    return calibration


def _check_values(calibration: Calibration) -> None:
    """Make sure that the numbers can be what they stand for; a `ValueError` says which cannot."""
    deciles, levels = calibration.scale_deciles, calibration.levels
    effects = calibration.effects.half_widths if calibration.effects else (1.0,) * len(levels)
    right = {
        "scale_deciles": deciles[0] > 0 and list(deciles) == sorted(deciles),
        "levels": list(levels) == sorted(set(levels)) and all(0 < level < 100 for level in levels),
        "lower and upper": all(low < high for low, high in zip(calibration.lower, calibration.upper, strict=False)),
        "effects": len(effects) == len(levels) and all(width is None or width > 0 for width in effects),
        "limits": all(
            len(pair) == 2
            and (None in pair or pair[0] <= pair[1])
            and all(end is None or end + 0 == end for end in pair)
            for pair in calibration.limits.values()
        ),
        "measured": all(len(some) == 101 and list(some) == sorted(some) for some in calibration.measured.values()),
    }
    if wrong := [name for name, is_right in right.items() if not is_right]:
        raise ValueError(f"what it says of {', '.join(wrong)} cannot be")


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number is not finite")
    return numbers
