"""A calibration whose numbers can be worked out by hand."""

from yeastpromoter.uncertainty.calibration import SCALE_TERMS, Calibration, EffectErrors

#: No limits at all.
NO_LIMITS = dict.fromkeys(("gc", "longest_run", "distinct_4mers", "unknown", "expression", "negative"), (None, None))


def calibration(scale=None, **changes):
    """The scale is 1 for every construct unless it is given: exp of its intercept and its terms."""
    values = {
        "weights_sha256": "ab" * 32,
        "decoding": "weighted_mean",
        "bucket_values": (0.0, 10.0),
        "scale": tuple(scale or [0.0] * (1 + len(SCALE_TERMS))),
        "scale_deciles": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0),
        "levels": (50, 80, 90),
        "lower": (-0.5, -1.5, -2.0),
        "upper": (1.0, 2.0, 3.0),
        "effects": EffectErrors((1.0, 2.0, None), 40, 8),
        "limits": NO_LIMITS,
        "measured": {"tiles": tuple(number / 10 for number in range(101))},
    }
    return Calibration(**(values | changes))
