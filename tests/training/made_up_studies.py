"""Records of a study of GC correction, made up."""

from training.studies.gc_study import CHANGE_RATIOS, CHANGES, SIGNED_CHANGES

SOURCES = ("high_quality", "native")


def made_up(settings, number):
    """A record whose numbers follow from one."""
    statistics = {
        "pearson": [0.9 + number / 100, 0.85, 0.99],
        "gc_predicted": [0.5 - number / 100, 0.4, 0.6],
        "gc_measured": [0.44, 0.3, 0.5],
    }
    after = {
        "distinct_constructs": 1000 - number,
        "effective_constructs": 900.4 - number,
        "largest_weight": 1.5,
        "gc_expression_pearson": 0.2,
        "gc_expression_pearson_by_source": dict.fromkeys(SOURCES, 0.1),
    }
    return {
        "settings": settings,
        "tables": {"table": "t", "split": "s", "sample": str(number)},
        "gc_correction": {"before": {"constructs": 1000}, "after": after},
        "evaluation": {"validation": {name: {"full_length": statistics} for name in (*SOURCES, "all_sources")}},
        "base_changes": {
            "settings": {"sequences": 1000, "gc": 0.5, "seed": 2022},
            "mean_absolute_effect": {name: [0.5, 0.48, 0.51] for name in CHANGES},
            "ratio": {name: [1.3, 1.25, 1.31] for name in CHANGE_RATIOS},
            "mean_effect": {name: [0.1, 0.09, 0.11] for name in SIGNED_CHANGES},
        },
    }
