"""The examples run as they stand, in less time where that shortens them, and what they show is so."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import ntpgeo

examples = pathlib.Path(__file__).parents[2] / "examples"


def run(script, *words, cwd):
    environment = os.environ | {"PYTHONPATH": str(pathlib.Path(ntpgeo.__file__).parents[1]), "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, script, *words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_distil(tmp_path):
    pytest.importorskip("torch")
    rows = [line.split() for line in run(examples / "distil.py", cwd=tmp_path).splitlines()]
    table = {int(row[0]): [float(number) for number in row[1:]] for row in rows if len(row) == 5 and row[0].isdecimal()}
    first, last = table[0], table[max(table)]
    assert last[0] < 0.01 * first[0] and last[1] < 0.05 * first[1]
    # Without a tail the loss keeps falling while the student forgets the words that are not among the k.
    assert last[2] < table[100][2] and last[3] > table[100][3] and last[3] > 3 * last[1]


def test_transformer(tmp_path):
    pytest.importorskip("torch")
    run(examples / "transformer.py", "--stories", "500", "--steps", "60", "-o", "here", cwd=tmp_path)
    records = ntpgeo.Run.open(tmp_path / "here/network").records
    assert records["step"][0] == 0 and records["step"][-1] == 60
    assert records["excess_loss"][-1] < 0.1 * records["excess_loss"][0]
    assert records["dominance"][-1] > 1.5 * records["dominance"][0]
    assert records["alignment_limit"][0] < 0.1 and records["alignment_limit"][-1] > 0.4
    report = (tmp_path / "here/report.html").read_text()
    assert "<svg" in report and "<bdi>network</bdi>" in report and "<bdi>limit</bdi>" in report


def test_geometry(tmp_path):
    """The notebook's cells in one plain Python: a kernel of Jupyter's would take longer to install than all else here."""
    pytest.importorskip("matplotlib")
    cells = json.loads((examples / "geometry.ipynb").read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    lines = "\n".join("".join(cell["source"]) for cell in code)
    assert len([line for line in lines.splitlines() if line]) <= 20
    check = """
drawn = [panel.lines[0].get_ydata() for panel in figure.axes]
assert len(drawn) == 2 and all(line[-1] > 2 * line[0] for line in drawn)
assert run.records["alignment_limit"][-1] > 0.7 and limit.reached
"""
    (tmp_path / "cells.py").write_text(lines + check)
    run(tmp_path / "cells.py", cwd=tmp_path)
