import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from yeastpromoter.cli.main import main
from yeastpromoter.plots.variants import distance_figure, substitution_figure
from yeastpromoter.variants.summaries import by_distance, by_substitution, is_transition, read_effects, substitutions


def effects(**columns):
    count = len(columns["effect"])
    defaults = {
        "chromosome": ["I"] * count,
        "position": range(1, count + 1),
        "id": ["NA"] * count,
        "REF": ["A"] * count,
        "ALT": ["C"] * count,
        "gene": [f"g{number}" for number in range(count)],
        "gene_name": ["NA"] * count,
        "strand": ["+"] * count,
        "distance": [-1] * count,
    } | {name: np.linspace(0, 1, count) for name in ("ref", "alt", "spread")}
    return pd.DataFrame(defaults | columns)


def group(name):
    return "preds" if name in ("effect", "ref", "alt", "spread") else "metadata"


def write_tsv(path, table):
    table.rename(columns=lambda name: f"{group(name)}/{name}").to_csv(path, sep="\t", index=False)
    return path


def test_bins_of_the_distance():
    table = by_distance(
        effects(
            distance=[-1, -25, -26, -26, -50, -500, 0, 7],
            effect=[1.0, -2.0, 3.0, -1.0, 0.5, 4.0, 9.0, 9.0],
            gene=["a", "b", "a", "b", "a", "a", "a", "a"],
        )
    )
    assert table[["from", "to"]].to_numpy().tolist() == [[-500, -476], [-50, -26], [-25, -1]]
    assert table["rows"].tolist() == [1, 3, 2]
    assert table["genes"].tolist() == [1, 2, 2]
    np.testing.assert_allclose(table["mean_size"], [4, 1.5, 1.5])
    np.testing.assert_allclose(table["median_size"], [4, 1, 1.5])
    np.testing.assert_allclose(table["mean_effect"], [4, 2.5 / 3, -0.5])
    assert table[["mean_size_low", "mean_effect_high"]].isna().all(axis=None)  # two genes say nothing of others
    assert len(by_distance(effects(distance=[0], effect=[1.0]))) == 0


def test_intervals_cover_the_mean_and_respect_genes():
    rng = np.random.default_rng(1)
    table = effects(effect=rng.normal(0.3, 1, 500), distance=np.full(500, -3))
    row = by_distance(table).iloc[0]
    half_width = 1.96 / np.sqrt(500)
    np.testing.assert_allclose(row["mean_effect_high"] - row["mean_effect"], half_width, rtol=0.15)
    np.testing.assert_allclose(row["mean_effect"] - row["mean_effect_low"], half_width, rtol=0.15)
    # Every row four times, as if a gene had four: no more is known than before.
    repeated = by_distance(pd.concat([table] * 4, ignore_index=True)).iloc[0]
    np.testing.assert_allclose(repeated["mean_effect_high"], row["mean_effect_high"])
    # As four genes of their own it seems to be.
    naive = pd.concat([table.assign(gene=table["gene"] + str(copy)) for copy in range(4)], ignore_index=True)
    assert by_distance(naive).iloc[0]["mean_effect_high"] < row["mean_effect"] + 0.7 * half_width


def test_kinds_of_substitutions():
    table = effects(
        REF=["A", "G", "A", "AT", "c", "A"],
        ALT=["G", "A", "C", "A", "t", "C"],
        strand=["+", "-", "-", "+", "+", "+"],
        effect=[1.0, -3.0, 5.0, 99.0, 2.0, -1.0],
    )
    single = table.drop(3)
    assert substitutions(single).tolist() == ["AG", "CT", "TG", "CT", "AC"]
    assert is_transition(substitutions(single)).tolist() == [True, True, False, True, False]
    found = by_substitution(table).set_index("kind")
    assert list(found.index)[:3] == ["transitions", "transversions", "transitions - transversions"]
    assert list(found.index)[3:] == ["A>C", "A>G", "C>T", "T>G"]
    assert found["rows"].tolist() == [3, 2, 5, 1, 1, 2, 1]
    assert found["genes"].tolist() == [3, 2, 5, 1, 1, 2, 1]
    np.testing.assert_allclose(found["mean_size"], [2, 3, -1, 1, 1, 2.5, 5])
    np.testing.assert_allclose(found["mean_effect"], [0, 2, -2, -1, 1, -0.5, 5])
    np.testing.assert_allclose(found["median_size"], [2, 3, np.nan, 1, 1, 2.5, 5])
    assert found["mean_size_low"].isna().all()
    many = by_substitution(pd.concat([table.assign(gene=table["gene"] + str(n)) for n in range(12)])).set_index("kind")
    # Transitions have 36 genes, transversions 24: too few for themselves, and for the difference.
    assert many["genes"].tolist()[:3] == [36, 24, 60]
    assert many["mean_size_low"].notna().tolist() == [True] + [False] * 6
    many = by_substitution(pd.concat([table.assign(gene=table["gene"] + str(n)) for n in range(20)])).set_index("kind")
    low, high = many.loc["transitions - transversions", ["mean_size_low", "mean_size_high"]]
    assert low < -1 < high
    only = by_substitution(table[is_transition((table["REF"] + table["ALT"]).to_numpy())])
    assert list(only["kind"]) == ["transitions", "A>G", "C>T"]
    assert len(by_substitution(table.iloc[3:4])) == 0


def test_what_kipoi_wrote_is_read_from_tsv_and_hdf5(tmp_path):
    table = effects(effect=[1.5, np.nan], gene=["NA", "."], distance=[-3, np.nan])
    path = write_tsv(tmp_path / "e.tsv", table)
    with h5py.File(tmp_path / "e.h5", "w") as file:
        for name, column in table.items():
            name = f"{group(name)}/{name}"
            values = column.to_numpy()
            file[name] = values.astype(h5py.string_dtype()) if values.dtype == object else values
    for found in (read_effects(path), read_effects(tmp_path / "e.h5")):
        assert set(found) == set(table)
        pd.testing.assert_frame_equal(found[list(table)], table, check_dtype=False)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda text: text[:-1], "ends within a line, line 4: it is cut off"),
        (lambda text: text + text, "line 5 is the header again: were tables joined"),
        (lambda text: text.replace("\t-7\t", "\t"), "line 3 has 12 columns, but the header has 13"),
        (lambda text: text.replace("\t-7\t", "\t-7.5\t"), "line 3 has -7.5 as distance, but must have a whole number"),
        (lambda text: text.replace("\t-7\t", "\tfar\t"), "line 3 has 'far' in column metadata/distance"),
        (lambda text: text.replace("I\t2\tNA\tA\tC", "I\t2\tNA\tA\t"), "line 3 has '' as ALT, but must have bases"),
        (lambda text: text.replace("I\t2\tNA\tA", "I\t2\tNA\t1.5"), "line 3 has '1.5' as REF, but must have bases"),
        (lambda text: text.replace("I\t2\t", "\t2\t"), "line 3 has '' as chromosome, but must have a name"),
        (lambda text: text.replace("\tg1\t", "\t\t"), "line 3 has '' as gene, but must have a name"),
        (lambda text: text.replace("\t+\t-7\t", "\t.\t-7\t"), "line 3 has '.' as strand, but must have [+] or -"),
        (
            lambda text: text.replace("I\t2\t", "I\t0\t"),
            "line 3 has 0.0 as position, but must have a whole number, from",
        ),
        (lambda text: text.replace("I\t2\t", "I\t\t"), "line 3 has '' in column metadata/position"),
        (lambda text: text.replace("1.25", "inf"), "line 3 has 'inf' in column preds/effect"),
    ],
)
def test_tables_that_are_not_whole(tmp_path, change, match):
    path = write_tsv(tmp_path / "e.tsv", effects(effect=[1.5, 1.25, 3.0], distance=[-5, -7, -9]))
    text = path.read_text()
    path.write_text(change(text))
    assert path.read_text() != text
    with pytest.raises(ValueError, match=match):
        read_effects(path)


@pytest.mark.parametrize(
    ("name", "values", "match"),
    [
        ("preds/effect", [1.0, np.inf], "row 1 of preds/effect is not a finite number"),
        ("metadata/position", [1.0, np.nan], "row 1 of metadata/position is not a finite number"),
        ("preds/ref", [1.0], "preds/ref has shape .1,., but metadata/chromosome .2,."),
        ("metadata/id", [1.0, 2.0], "e.h5: "),
        ("metadata/strand", ["+", "?"], "row 1 has '[?]' as strand"),
        ("preds/spread", None, "has no dataset preds/spread, but a file that"),
    ],
)
def test_hdf5_files_that_are_not_whole(tmp_path, name, values, match):
    table = effects(effect=[1.5, 2.0])
    with h5py.File(tmp_path / "e.h5", "w") as file:
        for column in table:
            found = values if f"{group(column)}/{column}" == name else table[column].tolist()
            if found is not None:
                file[f"{group(column)}/{column}"] = found
    with pytest.raises(ValueError, match=match):
        read_effects(tmp_path / "e.h5")


def test_a_table_without_variants(tmp_path):
    path = write_tsv(tmp_path / "e.tsv", effects(effect=[]))
    assert read_effects(path).empty
    done = invoke(path, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "there are no variants, so no figures of them" in done.output
    assert not (tmp_path / "out").exists()


def invoke(*arguments):
    return CliRunner().invoke(main, ["variant-figures", *map(str, arguments)])


def test_command(tmp_path):
    rng = np.random.default_rng(2)
    count = 3_000
    pairs = [a + b for a in "ACGT" for b in "ACGT" if a != b]
    chosen = rng.choice(pairs, count)
    table = effects(
        effect=rng.normal(size=count),
        distance=rng.integers(-500, 3, count),
        REF=[pair[0] for pair in chosen],
        ALT=[pair[1] for pair in chosen],
        strand=rng.choice(["+", "-"], count),
    )
    table.loc[:4, "ALT"] = "ACGT"
    table.loc[5, "effect"] = np.nan
    done = invoke(write_tsv(tmp_path / "e.tsv", table), "-o", tmp_path / "out", "--resamples", 100)
    assert done.exit_code == 0, done.output
    assert "1 of 3,000 rows have no defined effect and are left out." in done.output
    assert "5 rows of insertions, deletions and longer alleles are of no kind." in done.output
    assert "rows that reach into the coding sequence are in no bin" in done.output
    names = [f"effect_by_{what}.{kind}" for what in ("distance", "substitution") for kind in ("png", "tsv")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert len(pd.read_csv(tmp_path / "out" / names[1], sep="\t")) == 20
    kinds = pd.read_csv(tmp_path / "out" / names[3], sep="\t")
    assert kinds["rows"][:3].tolist() == [kinds["rows"][0], 2_994 - kinds["rows"][0], 2_994]
    for name in names[::2]:
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_command_without_annotation(tmp_path):
    table = effects(effect=[1.0, 2.0], gene=[".", "."], distance=[np.nan, np.nan], position=[7, 8])
    done = invoke(write_tsv(tmp_path / "e.tsv", table), "-o", tmp_path, "--resamples", 100)
    assert done.exit_code == 0, done.output
    assert "There are no distances (no annotation), so no figure of them." in done.output
    found = pd.read_csv(tmp_path / "effect_by_substitution.tsv", sep="\t")
    assert found["mean_size"].tolist() == [1.5, 1.5]
    assert np.isnan(found["mean_size_low"]).all()
    # Without genes, positions are resampled: a row for each of its strands says no more.
    count = 40
    table = effects(effect=np.linspace(-1, 1, count), gene=["."] * count, distance=[np.nan] * count)
    both = pd.concat([table.assign(strand=strand) for strand in "+-"], ignore_index=True)
    found = [by_substitution(rows).set_index("kind").loc["transversions"] for rows in (table, both)]
    assert [row["genes"] for row in found] == [40, 40]
    assert found[0]["mean_size_high"] == pytest.approx(found[1]["mean_size_high"])


def texts_of(figure):
    legends = [text.get_text() for axis in figure.axes if axis.get_legend() for text in axis.get_legend().get_texts()]
    return " | ".join([*legends, *(part() for axis in figure.axes for part in (axis.get_title, axis.get_xlabel))])


def test_figures_say_what_they_are_over_and_show_all(tmp_path):
    few = effects(effect=[0.1, -0.2, 0.3, 7.5, 0.1, 0.2, 0.3], gene=list("aaaabbb"), distance=[-5] * 6 + [0])
    above = (figure := distance_figure(few, by_distance(few))).axes[0]
    assert "6 rows of 2 genes: one for each allele and gene" in above.get_title()
    assert "not shown: 1 rows that reach into the coding sequence" in above.get_title()
    assert "mean (no 95 % interval: fewer than 30 genes)" in texts_of(figure)
    figure = substitution_figure(few, by_substitution(few))
    left, right = figure.axes
    assert left.get_xlim()[1] >= 7.5, "the largest effect is shown"
    assert "transversions: 7 rows of 2 genes\nmean 1.243" in texts_of(figure)
    assert "(no 95 % interval: fewer than 30 genes)" in right.get_xlabel()
    many = effects(effect=np.linspace(-1, 1, 60), distance=[-5] * 60)
    figure = substitution_figure(many, by_substitution(many))
    assert "60 rows of 60 genes\nmean 0.508 (0.4" in texts_of(figure)
    assert "means, with 95 % interval over genes" in texts_of(figure)
    alone = many.assign(gene=".")
    assert "60 rows of 60 positions" in texts_of(substitution_figure(alone, by_substitution(alone)))


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_in_other_formats_are_the_same_each_time(tmp_path, suffix, start):
    table = write_tsv(tmp_path / "e.tsv", effects(effect=[1.0, 2.0], gene=[".", "."], distance=[np.nan, np.nan]))
    written = []
    for folder in ("one", "two"):
        assert invoke(table, "-o", tmp_path / folder, "--figure-format", suffix, "--resamples", 100).exit_code == 0
        written.append((tmp_path / folder / f"effect_by_substitution.{suffix}").read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


def test_the_predictions_are_not_overwritten(tmp_path):
    path = write_tsv(tmp_path / "effect_by_substitution.tsv", effects(effect=[1.0]))
    before = path.read_bytes()
    done = invoke(path, "-o", tmp_path)
    assert done.exit_code == 1
    assert "is among the files that are written" in done.output
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n1\t2\n", "has no column chromosome, "),
        ("", "the file is empty"),
        ("metadata/position\npreds/effect\n", "has no column metadata/chromosome, "),
    ],
)
def test_command_on_other_files(tmp_path, text, message):
    (tmp_path / "e.tsv").write_text(text)
    done = invoke(tmp_path / "e.tsv", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert message in done.output
    assert not (tmp_path / "out").exists()
    assert "there is no such file" in invoke(tmp_path / "nowhere.tsv").output


def test_help_says_what_an_effect_is():
    text = invoke("--help").output
    assert "Effect is alt − ref in buckets" in " ".join(text.split())
    assert "yeastpromoter variants my.vcf.gz --genome genome.fa" in text
