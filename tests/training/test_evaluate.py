import pytest
import torch
from tiny_training import LENGTH, compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.errors import MediaError
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.model.compact import CompactModel
from fomm.model.interface import EncodedSource, GeneratedFrames
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.evaluate import evaluate_heldout, heldout_picks


class Oracle(torch.nn.Module):
    """Knows that people slide: finds the slide from the pictures' shift and warps by it."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.config = None
        self.moments = 0

    def detect(self, image):
        # Frames come as source, driving, source, driving; the test asks for driving frame 3 only.
        slide = torch.tensor([0.0, 3 * 6 / 128]).repeat(len(image) // 2)
        value = torch.stack((slide, torch.zeros_like(slide)), -1)[:, None]
        return Keypoints(value, torch.eye(2).expand(len(image), 1, 2, 2))

    def encode(self, source):
        return EncodedSource(source, ())

    def animate(self, encoded, driving, source):
        grid = coordinate_grid(64, 64, encoded.image, corners=False)
        flow = grid + self.scale * (source.value - driving.value)[:, None]
        fine = torch.nn.functional.interpolate(flow.permute(0, 3, 1, 2), size=(256, 256), mode="bilinear")
        grid = fine.permute(0, 2, 3, 1)
        image = torch.nn.functional.grid_sample(encoded.image, grid, padding_mode="border", align_corners=False)
        return GeneratedFrames(image, Motion(flow), torch.ones(1))


@pytest.fixture
def clips(labelled_clips, clip_cache):
    return PairedClips(labelled_clips, "test", clip_cache)


def test_only_held_out_people_count_and_samples_spread(clips):
    assert clips.names == ["1a", "1b"]  # portraits 5 and 8
    assert heldout_picks(clips, None) == [(0, frame) for frame in range(LENGTH)]
    assert heldout_picks(clips, 2) == [(0, 0), (0, LENGTH - 1)]


def test_people_trained_on_are_refused(labelled_clips, clip_cache):
    with pytest.raises(MediaError, match="held-out"):
        heldout_picks(PairedClips(labelled_clips, "train", clip_cache), None)


def test_knowing_the_motion_scores_zero_and_ignoring_it_one(clips, monkeypatch):
    monkeypatch.setattr("fomm.training.evaluate.heldout_picks", lambda clips, samples: [(0, LENGTH - 1)])
    known, ignored = (evaluate_heldout(Oracle(scale), clips) for scale in (1.0, 0.0))
    for way in ("self", "cross"):
        for region in ("all", "mouth", "eyes"):
            assert known[way]["flow_px"][region]["ratio"] < 0.01
            assert ignored[way]["flow_px"][region]["ratio"] == pytest.approx(1)
            assert ignored[way]["flow_px"][region]["model"] == pytest.approx(18, rel=0.02)
        assert known[way]["frame_l1"]["mouth"]["ratio"] < 0.5
        assert ignored[way]["frame_l1"]["all"]["ratio"] == pytest.approx(1, rel=0.05)


def test_a_real_model_can_be_measured(clips):
    config = CompactConfig.from_mapping(compact_mapping({"steps": 1}))
    torch.manual_seed(0)
    result = evaluate_heldout(CompactModel(config.model), clips, samples=2)
    assert result["samples"] == 2
    assert result["clips"] == 1
    assert result["self"]["frame_l1"]["all"]["model"] > 0
