"""Training on windows of the frame: the generator learns at the resolution it will work at, at a fraction of the cost.

Motion is computed on the whole frame. Then source, target and motion are cut to the same square window, most often
around the face. Windows lie on the grid of the coarsest features, so what the generator computes inside one equals
what it would compute there on the whole frame, but for its borders.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion

_STEP = 2  # cells of the motion field per cell of the generator's coarsest features


def choose_windows(landmarks: Tensor, field: int, cells: int) -> list[tuple[int, int]]:
    """Return (row, column) of the first cell of one window per face, by the global random generator.

    Three in four windows look for the face, the others lie anywhere.

    Args:
        landmarks: `[B, 468, 2]` in [-1, 1].
        field: side of the motion field in cells.
        cells: side of the windows in cells.
    """
    count = len(landmarks)
    centre = (landmarks.mean(1).cpu() + 1) / 2 * field + torch.randn(count, 2) * cells / 8
    anywhere = torch.rand(count, 2) * field
    centre = torch.where(torch.rand(count, 1) < 0.75, centre, anywhere)
    first = ((centre - cells / 2) / _STEP).round().long().clamp(0, (field - cells) // _STEP) * _STEP
    return [(int(y), int(x)) for x, y in first]


def cut_picture(picture: Tensor, windows: list[tuple[int, int]], field: int, cells: int) -> Tensor:
    """Cut `[B, C, H, W]` to the windows: `[B, C, h, w]` with `h = H * cells / field`."""
    scale = picture.shape[-1] // field
    side = cells * scale
    return torch.stack(
        [
            image[:, y * scale : y * scale + side, x * scale : x * scale + side]
            for image, (y, x) in zip(picture, windows, strict=True)
        ]
    )


def cut_motion(motion: Motion, windows: list[tuple[int, int]], cells: int) -> Motion:
    """Cut a motion to the windows and express its flow in window coordinates, -1 and 1 at the window's edges."""
    if motion.occlusion is None or motion.features is None:
        raise ValueError("Only motions with an occlusion map and features can be cut for the generator.")
    field = motion.features.shape[-1]
    displacement = cut_picture(motion.displacement().permute(0, 3, 1, 2), windows, field, cells)  # [B, 2, d c, d c]
    flow = displacement.permute(0, 2, 3, 1) * (field / cells)
    return Motion(
        flow + coordinate_grid(flow.shape[1], flow.shape[2], flow, corners=False),
        cut_picture(motion.occlusion, windows, field, cells),
        corners=False,
        features=cut_picture(motion.features, windows, field, cells),
        shown=None if motion.shown is None else cut_picture(motion.shown, windows, field, cells),
        mouth=None if motion.mouth is None else cut_picture(motion.mouth, windows, field, cells),
        person=None if motion.person is None else cut_picture(motion.person, windows, field, cells),
        front=None if motion.front is None else cut_picture(motion.front, windows, field, cells),
    )


def cut_keypoints(keypoints: Keypoints, windows: list[tuple[int, int]], field: int, cells: int) -> Keypoints:
    """Express keypoints of whole frames in window coordinates; Jacobians stay, as both axes scale alike."""
    first = keypoints.value.new_tensor([[x, y] for y, x in windows])[:, None]  # [B, 1, 2]
    cell = (keypoints.value + 1) / 2 * field
    return Keypoints((cell - first) / cells * 2 - 1, keypoints.jacobian)
