"""Contexts in a token stream, and snapshots of a network as a run."""

import numpy as np
import pytest

import ntpgeo
from ntpgeo import networks


@pytest.fixture
def stream():
    tokens = np.random.default_rng(5).integers(0, 4, 400)
    return tokens, ntpgeo.Dataset.from_ngrams(tokens[:300], 4, context=2)


def test_contexts_are_found_where_they_end(stream):
    tokens, data = stream
    words = {tuple(row): j for j, row in enumerate(data.context_tokens)}
    found = networks.contexts(data, tokens, [150, 151, 400])
    for i in range(len(tokens)):
        begin = 0 if i < 150 else 150 if i < 151 else 151
        expected = words.get(tuple(tokens[i - 1:i + 1]), -1) if i - 1 >= begin else -1
        assert found[i] == expected, i
    assert (networks.contexts(data, tokens[:1]) == -1).all()
    with pytest.raises(ValueError, match="does not know its contexts' tokens"):
        networks.contexts(ntpgeo.Dataset.from_csr([0, 1], [0], [1]), tokens)


def test_a_snapshot_is_the_record_of_averaged_states_and_a_folded_bias(tmp_path, stream):
    tokens, data = stream
    random = np.random.default_rng(6)
    at = ntpgeo.contexts(data, tokens)
    head, hidden, bias = random.normal(size=(4, 3)), random.normal(size=(400, 3)), random.normal(size=4)
    run = ntpgeo.snapshot(tmp_path / "run", head, hidden, data, 10, at=at, bias=bias)
    run = ntpgeo.snapshot(tmp_path / "run", head * 2, hidden, data, 20, at=at)
    states = np.array([hidden[at == j].mean(axis=0) for j in range(data.contexts)])
    expected = [ntpgeo.analyze(data, np.column_stack((head, bias)), np.column_stack((states, np.ones(data.contexts)))),
                ntpgeo.analyze(data, head * 2, states)]
    assert list(run.records["step"]) == [10, 20] and run.command == "analyze"
    for key in ("excess_loss", "dominance", "alignment_proxy", "words_norm"):
        np.testing.assert_allclose(run.records[key], [record[key] for record in expected], rtol=1e-12)
    with pytest.raises(ValueError, match="has a record of step 20 already"):
        ntpgeo.snapshot(tmp_path / "run", head, hidden, data, 20, at=at)


def test_a_snapshot_keeps_its_matrices_where_that_is_asked(tmp_path, stream):
    tokens, data = stream
    random = np.random.default_rng(7)
    head, hidden = random.normal(size=(4, 3)).astype(np.float32), random.normal(size=(data.contexts, 3))
    for step, keep in ((1, "all"), (2, None), (3, 2), (4, 2)):
        run = ntpgeo.snapshot(tmp_path / "run", head, hidden * step, data, step, keep=keep)
    assert [file.name for file in run.snapshots] == [f"snapshot-{step:012d}.safetensors" for step in (3, 4)]
    newest = run.tensors(run.snapshots[-1].name)
    assert (newest["W"] == head).all() and (newest["H"] == hidden * 4).all()
    assert [file.name for file in ntpgeo.snapshot(tmp_path / "run", head, hidden, data, 5, keep="last").snapshots] == [
        "snapshot-000000000005.safetensors"]
    for wrong in (0, True, "first", 1.5):
        with pytest.raises(ValueError, match="keep: is .*; it must be 'all', 'last', a number >= 1, or None"):
            ntpgeo.snapshot(tmp_path / "run", head, hidden, data, 9, keep=wrong)


def test_refuses_what_does_not_fit_by_name(tmp_path, stream):
    tokens, data = stream
    head, hidden, at = np.ones((4, 3)), np.ones((400, 3)), ntpgeo.contexts(data, tokens)
    for changed, message in ((dict(head=np.ones((3, 3))), r"head: has shape \[3, 3\]; it must be \[4, d\]"),
                             (dict(hidden=np.ones((400, 2))), r"hidden: has shape \[400, 2\]; it must be \[400, 3\]"),
                             (dict(at=np.full(400, -1)), "at: 16 of 16 contexts have no state, context 0"),
                             (dict(at=np.full(400, 99)), "at: must be whole numbers"),
                             (dict(bias=[1]), r"bias: has shape \[1\]; it must be \[4\]")):
        with pytest.raises(ValueError, match=message):
            ntpgeo.snapshot(tmp_path / "run", **dict(head=head, hidden=hidden, at=at) | changed, data=data, step=1)
    assert not (tmp_path / "run").exists()
