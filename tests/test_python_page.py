"""The page on Python: all of its examples run, one after the other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_example_of_the_page_runs(tmp_path, monkeypatch):
    for name in ("model_files", "variant_effects"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    rows = [(f"chrI:{start}", start, "ACGT" * 20) for start in (0, 80)]
    (tmp_path / "inserts.csv").write_text("name,seq\n" + "".join(f"{name},{text}\n" for name, _, text in rows))
    (tmp_path / "genome.fa").write_text(">chrI\n" + "".join(text for *_, text in rows) + "\n")
    (tmp_path / "tiles.bed").write_text("".join(f"chrI\t{start}\t{start + 80}\t{name}\n" for name, start, _ in rows))
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 10
    names = {}
    for example in examples:
        *_, last = example.strip().splitlines()
        is_value = not re.match(r"\w+ = |import |from ", last)
        exec(example + (f"\nresult = {last}" if is_value else ""), names)
        if "predictor.predict([" in example and "array([" in last:
            shown = eval(last.partition("# array(")[2].rstrip(")"))
            assert abs(names["result"] - shown).max() < 2e-3
    assert len(names["result"]) > 5
    assert {"position", "effect_alt_minus_ref", "spread"} <= set(names["result"].columns)
