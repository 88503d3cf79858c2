"""A head is a solid: how it lies in one picture, and how its motion looks on another head.

How far a point of a turning head goes in the picture depends on where it is in space: the tip of a nose seen from the
front goes far, seen from the side hardly. So the steps of one face's keypoints do not fit a face that looks elsewhere
or is built otherwise; the motion in space does. Seen from afar, under weak perspective, the mean face laid over a
picture's keypoints tells how deep each one lies (a fit as in Tomasi and Kanade, "Shape and motion from image streams
under orthography", 1992). Whatever the head does afterwards is one map of places in space, `(x, y, z, 1)`, to the
picture, fitted to points that no muscle moves (bridge and wings of the nose, corners of the eyes, outline of the
forehead). What is left of other keypoints' motion is expression. The same map, about its own neck, moves another head.

Hair and body are no solids. How their surroundings moved is what a keypoint's Jacobian tells, so that is how the
driver's motion is read where the other person has their hair or their shoulders.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fomm.geometry.anatomy import Anatomy

_NECK = (0.0, -0.5, -1.2)
"""Where heads turn, on `MEAN_FACE`. Of 452 training clips driven by their twins this errs least; .4 either way hardly
changes that."""


@dataclass(frozen=True, eq=False)
class Head:
    """How the heads of B pictures lie.

    Attributes:
        value: all keypoints, `[B, K, 2]` in [-1, 1], of which the first F are the face's.
        pivot: where the head turns, `[B, 1, 2]`.
        space: where the face's keypoints are from there, `[B, F, 3]`: x to the right, y down, z towards the viewer, in
            the same units.
        axes: rotation from `MEAN_FACE` to the picture, `[B, 3, 3]`: a place on it, turned as the head is.
        size: what a face size of `MEAN_FACE` measures in the picture, `[B, 1, 1]`. Unlike the keypoints' spread it
            does not shrink as the face turns away.
        anatomy: what the keypoints are tied to.
    """

    value: Tensor
    pivot: Tensor
    space: Tensor
    axes: Tensor
    size: Tensor
    anatomy: Anatomy

    @classmethod
    def of(cls, value: Tensor, anatomy: Anatomy) -> Head:
        """Lay the mean face over keypoints `[B, K, 2]`."""
        shape = value.new_tensor(anatomy.shape)
        shape = shape - shape.mean(0)  # [F, 3] for the face's F keypoints
        face = value[:, : anatomy.face]
        centre = face.mean(1, keepdim=True)  # [B, 1, 2]
        seen = (torch.linalg.pinv(shape) @ (face - centre)).mT  # [B, 2, 3]
        left, sizes, right = torch.linalg.svd(seen, full_matrices=False)
        rows = left @ right  # [B, 2, 3], the nearest two rows of a rotation
        axes = torch.cat((rows, torch.linalg.cross(rows[:, :1], rows[:, 1:])), dim=1)  # [B, 3, 3]
        size = sizes.mean(1)[:, None, None]
        neck = size * (axes @ value.new_tensor(_NECK))[:, None]  # [B, 1, 3]
        pivot = centre + neck[..., :2]
        depth = size * (axes[:, 2:] @ shape.T).mT - neck[..., 2:]  # [B, F, 1]
        return cls(value, pivot, torch.cat((face - pivot, depth), dim=-1), axes, size, anatomy)

    def motion(self, driving: Tensor) -> Tensor:
        """Return what took the one head here to where driving keypoints `[B, K, 2]` show it, `[B, 4, 2]`.

        The first three rows map places in space to the picture, the last is how far the pivot went.
        """
        steady = list(self.anatomy.steady)
        homogeneous = torch.cat((self.space, torch.ones_like(self.space[..., :1])), dim=-1)[:, steady]  # [1, S, 4]
        there = driving[:, steady] - self.pivot  # [B, S, 2]
        found: Tensor = torch.linalg.lstsq(homogeneous.expand(len(driving), -1, -1), there).solution
        return found

    def moved(self, motion: Tensor, scale: float = 1.0) -> Tensor:
        """Return where the face's keypoints are after a head's motion without any expression, `[B, F, 2]`.

        Args:
            motion: as `motion` returns it, of this head or of another one.
            scale: how much larger this head is than the one whose motion it is.
        """
        return self.pivot + self.space @ motion[:, :3] + scale * motion[:, 3:]

    def beside(self, other: Head, scale: float) -> Tensor:
        """Return how much further from the pivot keypoints off the face are than another person's, `[B, K - F, 2]`.

        Args:
            other: the other person.
            scale: how much larger this head is.
        """
        face = self.anatomy.face
        return (self.value[:, face:] - self.pivot) - scale * (other.value[:, face:] - other.pivot)


def without_head(start: Tensor, driving: Tensor, anatomy: Anatomy) -> Tensor:
    """Return the driving frames' keypoints with the head held as at the start: expression alone, `[B, K, 2]`.

    Args:
        start: keypoints of the reference frame, `[1, K, 2]`; those off the face stay there.
        driving: keypoints of the driving frames, `[B, K, 2]`.
        anatomy: what the keypoints are tied to.
    """
    head = Head.of(start, anatomy)
    alone = start.repeat(len(driving), 1, 1)
    alone[:, : anatomy.face] += driving[:, : anatomy.face] - head.moved(head.motion(driving))
    return alone
