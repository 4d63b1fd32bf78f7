"""The tutorial of variant_effects/README.md, run as it is written."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from closeness import assert_expression_close
from entry_copies import BIN, ROOT, copy_entry, run

TUTORIAL = re.search(
    r"^## From a VCF file.*?(?=^## )",
    (ROOT / "variant_effects" / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)[0]
ACTIVATE = ". .venv/bin/activate\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A copy of the entry after the five commands, and what they said."""
    folder = tmp_path_factory.mktemp("tutorial")
    entry = copy_entry(folder / "entry")
    (entry / "results").mkdir()  # made by start.py predict
    blocks = re.findall(r"^```sh\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    assert blocks[0] == ACTIVATE
    script = "".join([f"PATH='{BIN}':$PATH\n", *blocks[1:]])
    result = run(shutil.which("bash"), "-e", "-c", script, cwd=entry, home=folder)
    assert result.status == 0, result.stderr
    return entry, result


def test_nothing_warns_and_every_named_file_is_there(done):
    entry, result = done
    assert "WARNING" not in result.stdout + result.stderr
    named = set(re.findall(r"`(results/[^`]+)`", TUTORIAL))
    assert len(named) == 7
    for name in named:
        assert (entry / name).exists(), name
    assert len(list((entry / "results" / "around_top").glob("*.png"))) == 5
    # Nothing is left beside them.
    assert {path.name for path in entry.iterdir()} - {path.name for path in ROOT.iterdir()} <= {"results"}


def test_what_the_tutorial_counts(done):
    entry, result = done
    assert "37 records" in " ".join(result.stderr.split())
    assert TUTORIAL.count("37 variants") == 1
    skipped = pd.read_csv(entry / "results" / "skipped.tsv", sep="\t")
    assert skipped["reason"].str.len().min() > 0


def test_ranked_table_has_the_predictions_in_order(done):
    entry, result = done
    predicted = pd.read_csv(entry / "results" / "effects.tsv", sep="\t")
    ranked = pd.read_csv(entry / "results" / "ranked.tsv", sep="\t")
    predicted.columns = [name.partition("/")[2] for name in predicted]
    assert len(ranked) == len(predicted) > 20
    assert set(ranked["strand"]) == {"+", "-"}
    assert ranked["rank"].tolist() == list(range(1, len(ranked) + 1))
    assert (np.diff(ranked["effect_alt_minus_ref"].abs()) <= 0).all()
    np.testing.assert_allclose(
        ranked["effect_alt_minus_ref"], ranked["alt_expression"] - ranked["ref_expression"], atol=1e-3
    )
    key = ["chromosome", "position", "id", "REF", "ALT", "gene", "gene_name", "strand", "distance"]
    both = ranked.merge(predicted, on=key, validate="one_to_one")
    assert len(both) == len(ranked)
    for column, other in (("effect_alt_minus_ref", "effect"), ("ref_expression", "ref"), ("alt_expression", "alt")):
        assert_expression_close(both[column], both[other])
    shown = result.stdout.split("The first 5 of")[0].splitlines()
    first = next(line for line in shown if line.split()[:1] == ["1"])
    assert ranked["id"][0] in first
    assert f"{ranked['effect_alt_minus_ref'][0]:+.2f}" in first


def test_the_site_that_the_tutorial_names_is_around_the_first_variant(done):
    entry, _ = done
    text = (entry / "results" / "top.fa").read_text().splitlines()
    assert len(text) == 10
    assert "TTACCCG, say, is a Reb1 site" in TUTORIAL
    assert "TTACCCG" in text[1][34:48]
