import pytest
import torch
from tiny_training import compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.geometry.grids import coordinate_grid
from fomm.networks.compact.generator import Blend
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.losses.generator import copying_loss, difference
from fomm.training.tasks.paired import PairedTask
from fomm.training.tasks.task import Draw


@pytest.fixture
def pixel_losses(labelled_clips, clip_cache):
    """Return a function: the pixel loss for a weight of what is not shown, by how columns of the source are hidden."""
    clips = PairedClips(labelled_clips, "train", clip_cache)

    def compute(uncovered, columns, behind=False):
        stage = {"name": "generator", "steps": 1, "generator": {"uncovered": uncovered, "mouth": 0.0, "eyes": 0.0}}
        task = PairedTask(CompactConfig.from_mapping(compact_mapping(stage), where="test"), clips, torch.device("cpu"))
        task.begin(0)
        sample = task.make_batch(Draw(0, 0, 5))
        sample.clean[:, 1, :, :, :32] = 1 - sample.clean[:, 0, :, :, :32]  # wrong on the left
        sample.valid[:] = 1
        sample.flow[:] = coordinate_grid(64, 64, sample.flow, corners=False)
        if behind:  # a head comes from there, and takes it along
            start = 64 - columns.stop
            sample.flow[:, :, start : start + 32, 0] = sample.flow[:, :, columns, 0]
        else:
            sample.valid[:, :, columns] = 0
        return float(task.losses(sample).losses["pixels"].detach())

    return compute


def test_mistakes_weigh_more_where_the_source_shows_nothing(pixel_losses):
    left, right = slice(0, 32), slice(32, 64)
    assert pixel_losses(0.0, left) == pytest.approx(pixel_losses(0.0, right), rel=1e-3)
    assert pixel_losses(3.0, left) > 1.2 * pixel_losses(3.0, right)
    assert pixel_losses(3.0, left, behind=True) > 1.2 * pixel_losses(3.0, right, behind=True)


def blend_of(target, offered, copied):
    return Blend(target, target, offered, copied, offered, copied)


def test_copying_what_is_wrong_costs_and_not_copying_it_does_not():
    target = torch.zeros(1, 3, 64, 64)
    warped = target.clone()
    warped[..., 32:] = 0.8  # the right half of the copy is wrong
    everywhere = torch.ones(1, 1, 64, 64)
    everywhere[..., 26:38] = 0  # what is right at the edge is a matter of opinion
    honest = torch.cat((torch.full((1, 1, 64, 32), 0.99), torch.full((1, 1, 64, 32), 0.01)), dim=3)
    right, wrong = (copying_loss(blend_of(target, warped, seen), target, everywhere) for seen in (honest, 1 - honest))
    assert right < 0.02
    assert wrong > 1


def test_cloth_a_pixel_out_of_place_is_a_right_copy():
    target = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    warped = torch.roll(target, 1, dims=3)
    everywhere = torch.ones(1, 1, 64, 64)
    copied, made_up = (
        copying_loss(blend_of(target, warped, torch.full((1, 1, 64, 64), share)), target, everywhere)
        for share in (0.9, 0.1)
    )
    assert copied < made_up


def cheapest_colour(inside):
    """Return the grey that costs least where one picture in four shows teeth and three show the dark."""
    colours = torch.linspace(0, 1, 101).view(-1, 1, 1, 1, 1)
    seen = torch.tensor([0.8, 0.0, 0.0, 0.0]).view(1, 4, 1, 1, 1)
    shape = (101, 4, 3, 2, 2)
    costs = difference(colours.expand(shape).flatten(0, 1), seen.expand(shape).flatten(0, 1), inside, 3.0)
    return float(colours.flatten()[costs.view(shape).mean((1, 2, 3, 4)).argmin()])


def test_inside_a_mouth_the_mean_is_wanted_and_elsewhere_the_likeliest():
    everywhere = torch.ones(404, 1, 2, 2)
    assert cheapest_colour(None) == 0.0
    assert cheapest_colour(0 * everywhere) == 0.0
    assert cheapest_colour(everywhere) == pytest.approx(0.2, abs=0.01)


def test_a_stage_may_judge_the_inside_of_mouths_by_squares(labelled_clips, clip_cache, monkeypatch):
    clips = PairedClips(labelled_clips, "train", clip_cache)
    losses = []
    for weight in (0.0, 3.0):
        stage = {"name": "generator", "steps": 1, "generator": {"inside": weight}}
        mapping = compact_mapping(stage)
        mapping["model"]["mouth_map"] = True
        task = PairedTask(CompactConfig.from_mapping(mapping, where="test"), clips, torch.device("cpu"))
        task.begin(0)
        sample = task.make_batch(Draw(0, 0, 5))
        monkeypatch.setattr(
            "fomm.model.compact_motion.mouth_map",
            lambda driving, source, side: torch.ones(len(driving), 6, side, side),
        )
        losses.append(float(task.losses(sample).losses["pixels"].detach()))
    assert losses[0] > 0
    assert losses[1] != pytest.approx(losses[0], rel=0.05)
