import itertools
import json
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_tracks import make_track
from safetensors import safe_open
from safetensors.torch import save_file

from fomm.errors import MotionError, OutputError
from fomm.track.track import MotionTrack


def same(left, right):
    jacobians = (left.jacobian is None) == (right.jacobian is None) and (
        left.jacobian is None or torch.equal(left.jacobian, right.jacobian)
    )
    plain = all(
        getattr(left, name) == getattr(right, name) for name in ("fps", "reference", "detector", "audio", "size")
    )
    return torch.equal(left.value, right.value) and torch.equal(left.found, right.found) and jacobians and plain


@pytest.mark.parametrize("jacobian", [True, False])
def test_a_saved_track_comes_back_the_same(tmp_path, jacobian):
    found = torch.arange(12) % 5 != 0
    fps = Fraction(30000, 1001)
    track = make_track(
        jacobian=jacobian, fps=fps, found=found, reference=3, audio="sound of Zoë.wav", size=(1920, 1080)
    )
    track.save(tmp_path / "talk.motion")
    assert same(MotionTrack.load(tmp_path / "talk.motion", detector="detector-a"), track)
    assert [path.name for path in tmp_path.iterdir()] == ["talk.motion"]


def rewrite(path, *, drop=(), tensors=None, **header):
    """Change parts of a saved track, as damage or another program would."""
    with safe_open(str(path), framework="pt") as file:
        every = {name: file.get_tensor(name) for name in file.keys()} | (tensors or {})  # noqa: SIM118
        meta = {**file.metadata(), **header}
    for name in drop:
        every.pop(name, None)
        meta.pop(name, None)
    save_file(every, str(path), meta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "2"}, "newer than 1; update fomm"),
        ({"schema": "one"}, "schema version 'one'"),
        ({"drop": ["format"]}, "not a motion track"),
        ({"drop": ["value"]}, "value is missing"),
        ({"drop": ["found"]}, "found is missing"),
        ({"drop": ["fps"]}, "fps is missing"),
        ({"fps": "25/0"}, "does not parse"),
        ({"fps": "fast"}, "does not parse"),
        ({"fps": "-25/1"}, "above 0"),
        ({"reference": "12"}, "reference frame 12"),
        ({"reference": "x"}, "does not parse"),
        ({"size": "640"}, "does not parse"),
        ({"detector": "detector-b"}, "by keypoint detector detector-b"),
        ({"tensors": {"value": torch.full((12, 5, 2), torch.nan)}}, "not finite"),
        ({"tensors": {"jacobian": torch.full((12, 5, 2, 2), torch.inf)}}, "not finite"),
        ({"tensors": {"value": torch.zeros(12, 5, 3)}}, r"\[T, K, 2\]"),
        ({"tensors": {"value": torch.zeros(0, 5, 2)}}, r"\[T, K, 2\]"),
        ({"tensors": {"value": torch.zeros(12, 5, 2, dtype=torch.float64)}}, "float32"),
        ({"tensors": {"jacobian": torch.zeros(11, 5, 2, 2)}}, "Jacobians"),
        ({"tensors": {"found": torch.ones(11, dtype=torch.bool)}}, "found flags"),
        ({"tensors": {"found": torch.ones(12)}}, "found flags"),
    ],
)
def test_a_damaged_or_foreign_track_is_refused_by_name(tmp_path, track, change, message):
    path = tmp_path / "talk.motion"
    track.save(path)
    rewrite(path, **change)
    with pytest.raises(MotionError, match=message) as caught:
        MotionTrack.load(path, detector="detector-a")
    assert "talk.motion" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x80\x04junk", json.dumps({"value": 1}).encode(), b"\xff" * 64])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "talk.motion"
    path.write_bytes(content)
    with pytest.raises(MotionError, match="cannot be read as a motion track"):
        MotionTrack.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MotionError, match=r"gone\.motion"):
        MotionTrack.load(tmp_path / "gone.motion")


def test_a_cut_off_file_is_refused(tmp_path, track):
    path = tmp_path / "talk.motion"
    track.save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(MotionError, match="cannot be read"):
        MotionTrack.load(path)


def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, track, monkeypatch):
    path = tmp_path / "talk.motion"
    track.save(path)
    before = path.read_bytes()

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OutputError, match="No space left"):
        make_track(seed=1).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_saving_into_a_missing_folder_names_the_path(tmp_path, track):
    with pytest.raises(OutputError, match="nowhere"):
        track.save(tmp_path / "nowhere" / "talk.motion")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 11), unique=True, max_size=4), st.integers(0, 11))
def test_parts_joined_again_are_the_whole(cuts, reference):
    whole = make_track(reference=reference, found=torch.arange(12) % 3 != 0)
    edges = [0, *sorted(cuts), 12]
    parts = [whole.slice(start, stop) for start, stop in itertools.pairwise(edges)]
    assert same(replace(MotionTrack.concat(parts), reference=reference), whole)


def test_a_part_keeps_the_reference_it_holds_and_else_starts_at_its_first_frame():
    whole = make_track(reference=5)
    assert whole.slice(4, 8).reference == 1
    assert whole.slice(8).reference == 0
    with pytest.raises(MotionError, match="12 frames"):
        whole.slice(12)


@pytest.mark.parametrize(
    ("other", "message"),
    [({"detector": "b"}, "detector"), ({"fps": Fraction(24)}, "fps"), ({"keypoints": 4}, "keypoints"),
     ({"jacobian": False}, "keypoints")],
)  # fmt: skip
def test_tracks_that_do_not_belong_together_are_not_joined(track, other, message):
    with pytest.raises(MotionError, match=message):
        MotionTrack.concat([track, make_track(**other)])
    with pytest.raises(MotionError, match="at least one"):
        MotionTrack.concat([])


def test_a_gap_is_crossed_in_a_straight_line_and_the_ends_hold():
    found = torch.tensor([0, 1, 0, 0, 0, 1, 1, 0], dtype=torch.bool)
    track = make_track(8, found=found, reference=1)
    bridged = track.bridged()
    for before, after in ((track.value, bridged.value), (track.jacobian, bridged.jacobian)):
        assert torch.equal(after[found], before[found])
        assert torch.equal(after[0], before[1])
        assert torch.equal(after[7], before[6])
        for step in (1, 2, 3):
            expected = before[1] + (before[5] - before[1]) * step / 4
            assert torch.allclose(after[1 + step], expected, atol=1e-6)
    assert torch.equal(bridged.found, found)
    assert same(bridged.bridged(), bridged)


def test_nothing_to_bridge_from_names_the_way_out():
    with pytest.raises(MotionError, match="--driving-box"):
        make_track(found=torch.zeros(12, dtype=torch.bool)).bridged()


def test_a_clip_whose_name_is_no_text_gives_a_track_that_can_be_saved(tmp_path):
    track = replace(make_track(3), audio="caf\udce9.mp4")  # how Python holds a name that is not UTF-8
    track.save(tmp_path / "t.safetensors")
    assert MotionTrack.load(tmp_path / "t.safetensors").audio == "caf?.mp4"
