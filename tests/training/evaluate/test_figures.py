import json

import numpy as np
import pandas as pd
import pytest
from made_up_results import SOURCES, N, columns, config, make_results, run_of

from training.data.tables import write_table
from training.evaluate.evaluation import evaluate
from training.evaluate.figures import (
    FIGURES,
    bucket_panels,
    epochs_markdown,
    epochs_note,
    epochs_table,
    figures,
    gc_panels,
    kept_epoch,
    learning_curves,
    png_of,
    residuals,
    scatter,
)
from training.evaluate.markdown import with_bounds
from yeastpromoter.plots.style import BLUE, ORANGE, subplots

HISTORY = [
    {"phase": 0, "epoch": 0, "loss": 0.3, "accuracy": 0.1, "mae": 0.2, "mse": 0.0456, "val_loss": 0.4}
    | {"val_accuracy": 0.12, "val_mae": 0.22, "val_mse": 0.05, "val_mape": 12.34, "val_pearson_native": 0.5},
    {"phase": 1, "epoch": 0, "loss": 0.2, "accuracy": 0.2, "mae": 0.1, "mse": 0.04, "val_loss": 0.35}
    | {"val_accuracy": 0.22, "val_mae": 0.12, "val_mse": 0.03, "val_mape": None, "val_pearson_native": 0.7},
]


def constructs(count=400):
    rng = np.random.default_rng(1)
    measured = rng.uniform(0, 17, count)
    return pd.DataFrame(
        {
            "source": np.where(np.arange(count) < count // 2, "first_source", "other"),
            "measured": measured,
            "predicted": measured + 1,
            "bucket": np.rint(measured).astype(int),
            "gc": rng.uniform(0.2, 0.7, count),
            "group": np.arange(count),
        }
    )


def test_table_of_the_epochs():
    table = epochs_table(HISTORY, HISTORY[1])
    assert list(table) == ["phase", "epoch", "acc", "mae", "mse", "val_acc", "val_mae", "val_mse", "val_mape", "kept"]
    assert table.iloc[0].tolist() == [1, 1, 0.1, 0.2, 0.0456, 0.12, 0.22, 0.05, 12.34, ""]
    assert epochs_markdown(table).splitlines()[2:] == [
        "| 1 | 1 | 0.100 | 0.200 | 0.046 | 0.120 | 0.220 | 0.050 | 12.3 |  |",
        "| 2 | 1 | 0.200 | 0.100 | 0.040 | 0.220 | 0.120 | 0.030 | – | yes |",
    ]


def trained(best=HISTORY[0], patience=10, average_last=None, constructs="measured", **settings):
    """A record of a run as the report describes it, but for what is given."""
    phase = {"constructs": constructs, "patience": patience, "average_last": average_last}
    return {
        "settings": {"loss": "mse", "soft_label_sd": None, "source_weights": False, "learn_from": ["train"]}
        | {"gc_sampling": {"method": "sampling"}, "phases": [phase, phase]}
        | settings,
        "best": best,
        "buckets": {"method": "round"},
        "data": {"sources": [{"name": "some_library", "label": None}]},
        "training_constructs": 1234,
    }


AVERAGE = {"phase": 1, "epoch": 1, "averaged": True, "val_loss": 0.02}
AVERAGE |= {"val_accuracy": 0.25, "val_mae": 0.1, "val_mse": 0.02, "val_mape": 9.96}


def test_the_epoch_that_is_kept_is_named_with_its_reason():
    assert kept_epoch(trained()) == (
        "phase 1, epoch 1, which has the lowest validation loss of the phase (validation loss, mse: 0.4000)"
    )
    assert kept_epoch(trained(HISTORY[1], patience=None, loss="huber")) == (
        "phase 2, epoch 1, the last one, whatever its validation loss (validation loss, huber: 0.3500)"
    )
    assert kept_epoch(trained(AVERAGE, average_last=2)).startswith(
        "phase 2, the average of the last 2 epochs, better in validation than the last epoch"
    )


def test_table_2_of_the_report_is_compared_only_with_what_is_like_it():
    note = epochs_note(trained())
    assert "its Table 2 can be compared with this one" in note
    assert "1,234 constructs of this run (some library)" in note
    assert "The run has the weights of phase 1, epoch 1, which has the lowest validation loss" in note
    unlike = {
        "labels are spread over neighbouring buckets (soft_label_sd 0.7)": {"soft_label_sd": 0.7},
        "the loss is huber, not MSE": {"loss": "huber"},
        "it learns from synthetic constructs": {"constructs": "both"},
        "constructs have weights": {"gc_sampling": {"method": "reweighting_by_source"}},
        "in training, constructs": {"source_weights": True},
    }
    for said, settings in unlike.items():
        note = epochs_note(trained(**settings))
        assert said in note
        assert "cannot be compared with Table 2 of the KircherLab report" in note
        assert "can be compared with this one" not in note
    assert "truncated to buckets" in epochs_note(trained() | {"buckets": {"method": "truncate"}})
    assert "how well it remembers" in epochs_note(trained(learn_from=["train", "validation"]))


def test_the_average_of_the_last_epochs_is_named_and_lacks_the_training():
    table = epochs_table([*HISTORY, AVERAGE], AVERAGE)
    assert table["epoch"].tolist() == [1, 1, "average"]
    assert epochs_markdown(table).splitlines()[-1] == "| 2 | average | – | – | – | 0.250 | 0.100 | 0.020 | 10.0 | yes |"


def lines(axis):
    return {line.get_label(): np.asarray(line.get_ydata()).tolist() for line in axis.lines}


def test_learning_curves_show_the_history():
    loss, accuracy, correlation = learning_curves(HISTORY, HISTORY[1]).axes
    assert lines(loss)["training"] == [0.3, 0.2]
    assert lines(loss)["validation"] == [0.4, 0.35]
    assert lines(accuracy)["validation"] == [0.12, 0.22]
    assert lines(correlation)["native"] == [0.5, 0.7]
    assert [line.get_xdata()[0] for line in loss.lines if line.get_linestyle() == ":"] == [1.5]
    for axis in (loss, accuracy, correlation):
        assert [line.get_xdata()[0] for line in axis.lines if line.get_label() == "weights kept"] == [2]


def test_a_correlation_that_is_undefined_is_a_gap():
    history = [HISTORY[0] | {"val_pearson_native": None}, HISTORY[1]]
    first, second = lines(learning_curves(history, history[1]).axes[2])["native"]
    assert np.isnan(first)
    assert second == 0.7


def evaluated(value, low, high):
    return {"full_length": {"groups": 150, "pearson": {"value": value, "low": low, "high": high}}}


@pytest.mark.parametrize("narrow", [False, True])
def test_scatter_has_every_construct_of_each_source_and_the_interval(narrow):
    sources = {"first_source": evaluated(0.5, 0.4567, 0.6), "other": evaluated(0.7, None, None)}
    panels = [axis for axis in scatter(constructs(), sources, narrow).axes if axis.collections and axis.get_title()]
    assert [panel.get_title() for panel in panels] == [
        "first source, 200 constructs in 150 groups\nPearson: 0.500 (0.457 to 0.600)",
        "other, 200 constructs in 150 groups\nPearson: 0.700 (–)",
    ]
    assert [panel.collections[0].get_array().sum() for panel in panels] == [200, 200]


def test_what_is_said_where_a_statistic_is_undefined():
    nothing = {"value": None, "low": None, "high": None}
    assert with_bounds(nothing) == with_bounds(dict.fromkeys(nothing, np.nan)) == "–"
    assert with_bounds(nothing | {"reason": "predictions do not vary"}) == "– (predictions do not vary)"
    assert with_bounds({"value": 0.5, "low": None, "high": None}) == "0.500 (–)"
    assert with_bounds({"value": 0.5, "low": -0.1234, "high": 0.6}, 2) == "0.50 (-0.12 to 0.60)"


def panels_of_residuals(rows, narrow=False):
    """The panels by bucket and by GC content, of each source."""
    panels = [axis for axis in residuals(rows, narrow).axes if axis.get_xlabel()]
    by_bucket = [axis for axis in panels if axis.get_xlabel() == "measured bucket"]
    return by_bucket, [axis for axis in panels if axis not in by_bucket]


@pytest.mark.parametrize("narrow", [False, True])
def test_residuals_are_predicted_less_measured(narrow):
    for panels in panels_of_residuals(constructs(), narrow):
        assert len(panels) == 2
        for panel in panels:
            assert panel.collections[0].get_array().sum() == 200
            np.testing.assert_allclose(panel.lines[-1].get_ydata(), 1)


def test_residuals_by_bucket_and_by_gc_with_interval():
    # 40 of bucket 3, where truncation puts 3.9, with GC content 0.32 and errors of 1 and 3 in turn; four are too few.
    rows = pd.DataFrame({"source": "one", "measured": 3.9, "bucket": 3, "gc": 0.32, "group": range(44)})
    rows["predicted"] = rows["measured"] + [1, 3] * 22
    rows.loc[40:, ["bucket", "gc"]] = (8, 0.52)
    (bucket,), (gc,) = panels_of_residuals(rows)
    for panel, middle in ((bucket, 3), (gc, 0.325)):
        container = panel.containers[-1]
        assert [list(values) for values in container.lines[0].get_data()] == [
            [pytest.approx(middle)],
            [pytest.approx(2)],
        ]
        (bar,) = container.lines[2][0].get_segments()
        # The standard deviation of 1, 3, 1, 3, ... is the root of 40 / 39.
        assert bar[1][1] - bar[0][1] == pytest.approx(2 * 1.96 * np.sqrt(40 / 39 / 40), rel=1e-4)
    # Each four times, as groups of four: no more is known than before. In two groups nothing is known.
    for group, width in ((np.repeat(range(44), 4), 2 * 1.96 / np.sqrt(39)), (np.arange(176) % 2, None)):
        copies = pd.concat([rows] * 4).sort_index(kind="stable").reset_index(drop=True).assign(group=group)
        (panel,), _ = panels_of_residuals(copies)
        (bar, *_) = [s for s in panel.containers[-1].lines[2][0].get_segments() if len(s)] or [None]
        if width is None:
            assert bar is None or np.isnan(bar).any()
        else:
            assert bar[1][1] - bar[0][1] == pytest.approx(width, rel=1e-4)


def test_narrow_figures_have_their_panels_one_below_the_other():
    for narrow in (False, True):
        curves = learning_curves(HISTORY, HISTORY[1], narrow)
        corners = {axis.get_subplotspec().get_geometry()[:2] for axis in curves.axes}
        assert corners == {(3, 1) if narrow else (1, 3)}


def test_pictures_are_small_and_keep_their_colours(tmp_path):
    from matplotlib.image import imread

    figure, ((axis,),) = subplots(figsize=(4, 3))
    for number, color in enumerate((BLUE, ORANGE)):
        axis.bar(number, 1, color=color)
    plain = tmp_path / "plain.png"
    figure.savefig(plain)
    (tmp_path / "packed.png").write_bytes(png_of(figure))
    assert (tmp_path / "packed.png").stat().st_size < plain.stat().st_size
    first, second = (imread(path)[..., :3] for path in (plain, tmp_path / "packed.png"))
    assert np.abs(first - second).max() < 0.06


def test_buckets_show_occupancy_and_predictions():
    rows = constructs().assign(predicted=lambda table: table["bucket"] + 0.25)
    rows = rows[rows["bucket"] != 5]
    above, below = bucket_panels(rows).axes
    heights = np.array([bar.get_height() for bar in above.patches]).reshape(2, 18)
    for number, source in enumerate(("first_source", "other")):
        wanted = np.bincount(rows["bucket"][rows["source"] == source], minlength=18)
        np.testing.assert_array_equal(heights[number], wanted)
    medians = {
        round(np.mean(line.get_xdata())): line.get_ydata()[0] for line in below.lines if line.get_linewidth() == 2
    }
    assert medians == {bucket: bucket + 0.25 for bucket in range(18) if bucket != 5}
    assert below.texts[0].get_text() == "not shown: 0 constructs beyond the whiskers"
    spread = pd.DataFrame({"source": "one", "bucket": 4, "predicted": np.arange(101.0)})
    # The 5th percentile of 0 to 100 is 5: five lie below it, and five above the 95th.
    assert bucket_panels(spread).axes[1].texts[0].get_text() == "not shown: 10 constructs beyond the whiskers"


def test_gc_before_and_after():
    def bounds(value):
        return {"value": value, "low": value - 0.1, "high": value + 0.1}

    before = {"gc_expression_pearson": 0.3, "bucket_distance_to_target": [0.2] * 17 + [None]}
    after = {"gc_expression_pearson": 0.1, "bucket_distance_to_target": [0.05] * 18}
    sample = {"settings": {"method": "sampling"}, "before": before, "after": after}
    sources = {
        "native": {"full_length": {"gc_measured": bounds(0.2), "gc_predicted": bounds(0.4)}},
        "empty": {"full_length": None},
    }
    left, right = gc_panels(sample, sources).axes
    assert lines(left)["before (GC and expression: r 0.30)"][0] == 0.2
    assert lines(left)["after (GC and expression: r 0.10)"] == [0.05] * 18
    assert [text.get_text() for text in right.get_xticklabels()] == ["native"]
    points = [line.get_ydata() for line in right.lines]
    assert [0.2] in [list(point) for point in points]
    assert [0.4] in [list(point) for point in points]
    sample["settings"]["method"] = "none"
    left = gc_panels(sample, sources).axes[0]
    assert len(left.lines) == 1
    assert left.get_title() == "training constructs, without GC correction"


def test_all_lengths_are_drawn_where_no_construct_has_110_bp(tmp_path, monkeypatch):
    results, _ = make_results(tmp_path)
    table = columns() | {"fitted": np.ones(N, dtype=bool)}
    write_table(results / "data/constructs.h5", table, sources=SOURCES)
    evaluation = evaluate(run_of(config(), results), resamples=5)["parts"]["validation"]
    assert evaluation["all_sources"]["full_length"] is None
    titles = []

    def titles_of(figure):
        titles.append([figure.get_suptitle(), *(axis.get_title() for axis in figure.axes)])
        return b""

    monkeypatch.setattr("training.evaluate.figures.png_of", titles_of)
    figures(run_of(config(), results))
    assert [found[0].endswith(", validation part, constructs of all lengths") for found in titles] == 2 * [False] + (
        8 * [True]
    )
    wanted = evaluation["tiles"]["all_lengths"]
    assert wanted["constructs"] == 5
    said = f"tiles, 5 constructs in {wanted['groups']} groups\nPearson: {with_bounds(wanted['pearson'])}"
    assert said in titles[2]
    assert "constructs of all lengths" in titles[8]


def test_a_part_without_predictions_is_refused(tmp_path):
    results, network = make_results(tmp_path)
    network.set_weights([np.full_like(weights, np.nan) for weights in network.get_weights()])
    network.save_weights(results / "runs/plain/best.weights.h5")
    evaluate(run_of(config(), results), resamples=5)
    with pytest.raises(ValueError, match="validation part has no construct for which run 'plain' has a defined"):
        figures(run_of(config(), results))


def test_files_of_a_run(tmp_path):
    from matplotlib.image import imread

    results, _ = make_results(tmp_path)
    with pytest.raises(ValueError, match=r"evaluation\.json does not exist"):
        figures(run_of(config(), results))
    evaluate(run_of(config(), results), resamples=5)
    with pytest.raises(ValueError, match="no evaluation of the part 'test', only of train, validation"):
        figures(run_of(config(), results), part="test")
    written = figures(run_of(config(), results))
    names = ["table_2.tsv", "table_2.md", *(f"{name}.png" for name in FIGURES)]
    assert [path.name for path in written] == [*names, *(f"{name}.narrow.png" for name in FIGURES)]
    history = json.loads((results / "runs/plain/history.json").read_text())
    accuracy = pd.read_csv(written[0], sep="\t")["acc"]
    np.testing.assert_allclose(accuracy, [record["accuracy"] for record in history])
    assert "The run has the weights of phase 1, epoch 2" in written[1].read_text(encoding="utf-8")
    for path in written[2:]:
        assert np.ptp(imread(path)) > 0.5
