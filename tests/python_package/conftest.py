"""The package of this source tree against the library and the program of a build (NTPGEO_LIBRARY, NTPGEO_PROGRAM), or, from
a copy of this folder alone, the package that is installed.
"""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python"))

import ntpgeo  # noqa: E402
from ntpgeo import _program as program  # noqa: E402


@pytest.fixture
def data():
    """Three contexts over five words."""
    return ntpgeo.Dataset.from_csr([0, 2, 3, 5], [1, 4, 0, 2, 3], [0.25, 0.75, 1, 0.5, 0.5], vocab_size=5)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory):
    """A data set's file that the program made: 80 contexts over 30 words."""
    path = tmp_path_factory.mktemp("data") / "synthetic.safetensors"
    run_program("data", "synth", "--vocab", 30, "--contexts", 80, "--supports", 20, "-o", path)
    return path


def run_program(*words):
    done = subprocess.run([program.find(), *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def same(records, others):
    """Whether two tables of records hold the same, but for what the clock says."""
    assert list(records) == list(others)
    for key, column in records.items():
        if not key.endswith("_s"):
            np.testing.assert_array_equal(np.array(column), np.array(others[key]), key)
