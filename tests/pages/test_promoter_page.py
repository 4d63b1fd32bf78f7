import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from calibrations import calibration
from click.testing import CliRunner
from closeness import EXPRESSION

import yeastpromoter
from yeastpromoter.cli.main import main
from yeastpromoter.interpret.saturation import saturation_mutagenesis
from yeastpromoter.model.entry import load_trained_network
from yeastpromoter.pages.promoter import explain, page_of
from yeastpromoter.sequence.encoding import ALPHABET, letters
from yeastpromoter.sequence.random_inserts import random_inserts
from yeastpromoter.sequence.reporter import PTPA

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
INSERT = random_inserts(1, 4)[0].tobytes().decode()
INSERT = INSERT[:30] + "CCGGGTAA" + INSERT[38:60] + "A" * 12 + INSERT[72:]


@pytest.fixture(scope="module")
def trained():
    return load_trained_network()


@pytest.fixture(scope="module")
def page(trained):
    (found,) = explain(trained, ["<one> & two"], letters([PTPA.add_adapters(INSERT)]), 90)
    return page_of(found, trained, "1.2.3")


class _Tags(HTMLParser):
    VOID = ("meta", "rect", "circle", "use", "image")

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(page):
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    addresses = [value for _, named in tags.seen for key, value in named.items() if key in ("href", "src")]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert "Promoter &lt;one&gt; &amp; two" in page
    assert len(page) < 300_000


def test_every_field_says_the_effect_of_its_substitution(page, trained):
    wanted = saturation_mutagenesis(trained, letters([PTPA.add_adapters(INSERT)]))
    tags = _Tags()
    tags.feed(page)
    cells = [named for _, named in tags.seen if named.get("class") == "cell"]
    assert len(cells) == 320
    assert sum(cell["tabindex"] == "0" for cell in cells) == 1, "one stop of the tab key"
    for cell in cells:
        place, row = int(cell["data-position"]) - 1, int(cell["data-row"])
        said = cell["aria-label"].replace("−", "-")
        if ALPHABET[row] == INSERT[place]:
            assert said == f"Position {place + 1}: {INSERT[place]} is there"
            continue
        match = re.match(
            rf"Position {place + 1}, {INSERT[place]} to {ALPHABET[row]}: effect (\S+), expression (\S+) ", said
        )
        assert float(match[1]) == pytest.approx(wanted.effects[0, place, row], abs=0.005 + EXPRESSION)
        after = wanted.reference[0] + wanted.effects[0, place, row]
        assert float(match[2]) == pytest.approx(after, abs=0.005 + EXPRESSION)


def test_the_page_says_prediction_interval_and_sites(page):
    table = yeastpromoter.load().predict([INSERT], interval=90)
    assert f"<strong>{table.expression[0]:.1f}</strong> of 0 to 17" in page
    assert f"90 % interval {table.lower[0]:.1f} to {table.upper[0]:.1f}" in page
    assert "<li>Reb1, positions 32 to 38, forward strand</li>" in page
    assert re.search(r"<li>poly\(dA:dT\), positions \d+ to \d+, forward strand</li>", page)
    assert re.search(r"higher than \d+ % of measured promoters of the kind native", page)


def test_the_best_changes_are_those_with_the_largest_effects(page, trained):
    effects = saturation_mutagenesis(trained, letters([PTPA.add_adapters(INSERT)])).effects[0]
    place, base = np.unravel_index(effects.argmax(), effects.shape)
    rows = re.findall(r"<tr><td>([ACGT]\d+[ACGT])</td><td>(\S+?)</td>", page)
    assert len(rows) == 16
    assert rows[0][0] == f"{INSERT[place]}{place + 1}{ALPHABET[base]}"
    place, base = np.unravel_index(effects.argmin(), effects.shape)
    assert rows[8][0] == f"{INSERT[place]}{place + 1}{ALPHABET[base]}"


def test_a_flag_and_no_calibration(trained):
    from dataclasses import replace

    (found,) = explain(trained, ["x"], letters([PTPA.add_adapters("A" * 80)]), 90)
    assert "Unlike the training data: GC 0.00, 80 equal bases in a row" in page_of(found, trained, "1")
    without = replace(trained, calibration=None)
    (found,) = explain(without, ["x"], letters([PTPA.add_adapters(INSERT)]), None)
    text = page_of(found, without, "1")
    assert "how sure the prediction is is not known" in text
    assert "interval of the effect" not in text
    few = replace(
        trained,
        calibration=calibration(bucket_values=trained.bucket_values, effects=None),
    )
    (found,) = explain(few, ["x"], letters([PTPA.add_adapters(INSERT)]), 90)
    assert "interval of the effect" not in page_of(found, few, "1")


def test_no_input_is_overwritten_and_a_level_without_effects_has_a_page(tmp_path):
    path = tmp_path / "in.html"
    path.write_text(f">x\n{INSERT}\n")
    result = CliRunner().invoke(main, ["explain", str(path), "-o", str(path)])
    assert result.exit_code != 0
    assert "it would be overwritten" in result.output
    assert path.read_text() == f">x\n{INSERT}\n"
    result = CliRunner().invoke(main, ["explain", str(path), "-o", str(tmp_path / "p.html"), "--interval", "99"])
    assert result.exit_code == 0, result.output
    assert "interval of the effect" not in (tmp_path / "p.html").read_text()


def test_command_writes_one_page_or_a_folder(tmp_path):
    one, two = tmp_path / "one.fa", tmp_path / "two.fa"
    one.write_text(f">first\n{INSERT}\n")
    two.write_text(f">a/b\n{INSERT}\n>c\n{INSERT[::-1]}\n")

    def run(*arguments):
        return CliRunner().invoke(main, ["explain", *map(str, arguments)])

    result = run(one, "-o", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    assert "Promoter first" in (tmp_path / "page.html").read_text()
    result = run(two, "-o", tmp_path / "pages", "--interval", "50")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["0_a_b.html", "1_c.html"]
    assert "50 % interval" in (tmp_path / "pages" / "1_c.html").read_text()
    for arguments, said in (
        ((two, "-o", tmp_path / "x.html"), "has 2 sequences, but"),
        ((one, "-o", one), "is a file: the name of a page must end in .html"),
        ((one, "-o", tmp_path / "page.txt"), "the name of a page must end in .html"),
        ((one, "-o", "-"), "pages are written to files"),
        ((one, "-o", tmp_path / "y.html", "--other-lengths", "fit"), "needs --sequence-type"),
    ):
        result = run(*arguments)
        assert result.exit_code != 0
        assert said in result.output.replace("\n", " ")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(page, tmp_path, width):
    """The page in a frame of a width, and what a script finds of it: its size, and the readout after each action."""
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    script = """
    function act() {
      var page = document.getElementById("page").contentDocument, found = {};
      found.wide = page.documentElement.scrollWidth;
      var cell = function (position, row) {
        return page.querySelector('.cell[data-position="' + position + '"][data-row="' + row + '"]');
      };
      var say = function () { return page.getElementById("readout").textContent; };
      var view = page.defaultView;
      found.size = cell(1, 0).getBoundingClientRect().width;
      cell(5, 1).dispatchEvent(new view.MouseEvent("mouseover", {bubbles: true}));
      found.pointed = say();
      cell(20, 2).dispatchEvent(new view.MouseEvent("click", {bubbles: true}));
      found.touched = say();
      var press = function (key) {
        page.activeElement.dispatchEvent(new view.KeyboardEvent("keydown", {key: key, bubbles: true}));
      };
      press("ArrowRight");
      found.right = say();
      press("ArrowDown");
      found.down = say();
      found.focus = page.activeElement.dataset.position + " " + page.activeElement.dataset.row;
      var tops = Array.prototype.map.call(page.querySelectorAll(".block"), function (block) {
        return Math.round(block.getBoundingClientRect().top);
      });
      found.rows = tops.filter(function (top, n) { return tops.indexOf(top) === n; }).length;
      document.getElementById("found").textContent = JSON.stringify(found);
    }
    """
    (tmp_path / "frame.html").write_text(
        f'<body><iframe id="page" src="page.html" style="width:{width}px;height:900px;border:0" onload="act()">'
        "</iframe>"
        f'<p id="found"></p><script>{script}</script></body>'
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += ["--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=5000"]
    done = subprocess.run(
        [*command, "--dump-dom", (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=120
    )
    found = json.loads(re.search(r'<p id="found">(.*?)</p>', done.stdout)[1])
    assert found["wide"] <= width, "nothing to scroll sideways"
    assert found["size"] >= 12
    assert found["rows"] == {1280: 1, 390: 4}[width]
    assert found["pointed"].startswith(f"Position 5{',' if INSERT[4] != 'C' else ':'}")
    assert found["touched"].startswith("Position 20")
    assert found["right"].startswith("Position 21")
    assert found["down"].startswith("Position 21")
    assert found["focus"] == "21 3"
