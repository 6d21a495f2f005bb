"""Cells beside a typist, on real servers with real kernels."""

from __future__ import annotations

import pytest

from jupyter_fastgen.evaluate.speed.starting import measure


@pytest.mark.usefixtures("default_model")
def test_cells_run_on_both_servers_and_are_timed():
    found = measure(cells=10, seed=1)
    assert found.cells == 10
    for start, end in (
        (found.start_without, found.end_without),
        (found.start_beside, found.end_beside),
    ):
        assert start.count == end.count == 10
        assert start.p50 is not None
        assert end.p50 is not None
        assert 0 < start.p50 < end.p50
    assert found.later is not None
