import torch

from fomm.config.training.compact import CompactSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.model.compact import CompactModel


def test_a_detailed_flow_can_tear_a_cell_in_two():
    """An eyelid is lower than a cell: its upper half may stay where the lower half moves."""
    sizes = {"image_size": 64, "motion_side": 16, "max_width": 8, "levels": 2, "detector_width": 4, "motion_width": 4}
    model = CompactModel(CompactSettings(tied_keypoints=2, free_keypoints=1, flow_detail=2, **sizes)).eval()
    with torch.no_grad():
        # Corrections of a cell by axis, row and column; the lower row moves down by far more than the limit.
        model.dense_motion.residual.bias.copy_(torch.tensor([0.0, 0, 0, 0, 0, 0, 9, 9]))
    still = Keypoints(torch.zeros(1, 3, 2))
    displacement = model.move(torch.rand(1, 3, 64, 64), still, still).displacement()  # [1, 32, 32, 2]
    limit = model.settings.flow_residual
    assert displacement[:, 0::2].abs().max() < 1e-5
    torch.testing.assert_close(displacement[:, 1::2, :, 1], torch.full((1, 16, 32), limit), atol=1e-4, rtol=0)
    assert displacement[..., 0].abs().max() < 1e-5


def test_an_edge_is_steeper_once_training_is_over():
    """Hair before a wall that is half of each is drawn out over the pixels of a soft edge."""
    torch.manual_seed(3)
    sizes = {"image_size": 64, "motion_side": 16, "max_width": 8, "levels": 2, "detector_width": 4, "motion_width": 4}
    model = CompactModel(CompactSettings(tied_keypoints=2, free_keypoints=1, edge=3.0, hidden_margin=0.06, **sizes))
    source = Keypoints(torch.tensor([[[-0.2, 0.0], [0.2, 0.0], [0.0, 0.3]]]))
    driving = Keypoints(source.value + torch.tensor([0.2, 0.0]))
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        learning = model.train().move(picture, driving, source).front
        finished = model.eval().move(picture, driving, source).front
    unsure = [float(((front > 0.1) & (front < 0.9)).float().mean()) for front in (learning, finished)]
    assert 0 < unsure[1] < 0.75 * unsure[0]


def test_flow_on_a_coarser_grid_is_the_mean_of_its_cells():
    fine = coordinate_grid(8, 8, torch.zeros(()), corners=False)[None].clone()
    fine[:, 2, 4] += torch.tensor([0.4, -0.8])
    coarse = Motion(fine).flow_on(4) - coordinate_grid(4, 4, fine, corners=False)
    expected = torch.zeros(1, 4, 4, 2)
    expected[:, 1, 2] = torch.tensor([0.1, -0.2])
    torch.testing.assert_close(coarse, expected, atol=1e-6, rtol=0)
