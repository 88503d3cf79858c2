import pytest
import torch

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion
from fomm.training.augment.window import choose_windows, cut_keypoints, cut_motion, cut_picture


def test_windows_lie_on_the_grid_and_mostly_on_the_face():
    torch.manual_seed(0)
    landmarks = torch.full((200, 468, 2), 0.5)  # the face fills cells around 48 of 64
    windows = torch.tensor(choose_windows(landmarks, 64, 16))
    assert (windows % 2 == 0).all()
    assert windows.min() >= 0
    assert windows.max() <= 48
    holds_face = ((windows <= 48) & (windows + 16 > 48)).all(1)
    assert holds_face.float().mean() > 0.6


@pytest.mark.parametrize("detail", [1, 2])
def test_a_cut_warp_equals_the_warp_cut(detail):
    torch.manual_seed(1)
    picture = torch.rand(1, 3, 64, 64)
    still = coordinate_grid(16 * detail, 16 * detail, picture, corners=False).expand(1, -1, -1, -1)
    motion = Motion(still + torch.tensor([0.1, -0.05]), torch.ones(1, 1, 16, 16), features=torch.zeros(1, 2, 16, 16))
    window = [(4, 6)]
    small = cut_motion(motion, window, 8)

    def sample(image, flow):
        grid = flow.permute(0, 3, 1, 2)
        grid = torch.nn.functional.interpolate(grid, size=image.shape[2:], mode="bilinear").permute(0, 2, 3, 1)
        return torch.nn.functional.grid_sample(image, grid, align_corners=False)

    whole = cut_picture(sample(picture, motion.flow), window, 16, 8)
    inside = sample(cut_picture(picture, window, 16, 8), small.flow)
    assert torch.allclose(whole[:, :, 8:-8, 8:-8], inside[:, :, 8:-8, 8:-8], atol=1e-4)


def test_keypoints_keep_their_place_in_the_picture():
    corner = Keypoints(torch.tensor([[[-0.5, 0.0]]]))  # a quarter from the left, half-way down
    cut = cut_keypoints(corner, [(8, 0)], field=16, cells=8)
    assert torch.allclose(cut.value, torch.tensor([[[0.0, -1.0]]]))
