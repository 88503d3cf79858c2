"""Dense motion of the compact model.

What differs from the paper's network, and why:

- It starts from a prior, a softmax over squared distances to the keypoints, and the network corrects its
  logits. One warp by that prior replaces the paper's K + 1 warps of the source as evidence.
- The correction of the combined flow may be finer than the field (`flow_detail`): an eyelid is lower than a cell.
- Beside the keypoints' own motions there are carried ones, see `fomm.networks.compact.local_motions`, and a person's
  silhouette can be an edge (`edge`) instead of a soft mean of what they and the wall do.

All grids are edge grids (see `fomm.geometry.grids`), so a field means the same at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fomm.geometry.grids import coordinate_grid
from fomm.geometry.heatmaps import gaussian_heatmap
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.motion import Motion, PersonLayer
from fomm.networks.compact.blocks import CompactHourglass
from fomm.networks.compact.local_motions import CarriedMotions, before_background, blend_motions, layered, local_motions
from fomm.networks.paper.blocks import convolve_together
from fomm.parts.irises import turn_irises
from fomm.parts.layers import Drawn
from fomm.parts.lids import follow_lower_lids, shut_lids
from fomm.parts.lips import follow_lips
from fomm.parts.mouth import mouth_map
from fomm.parts.person import carried_person, silhouette
from fomm.parts.visibility import Person, face_area, shown_in_layers, shown_in_source

_MOUTH_DETAIL = 2  # cells of the drawn mouth per cell of the field along either side: half the resolution
_DRAWN_DETAIL = 4  # likewise: a tooth is a few pixels wide
_CRISP = 2.0  # how many times as steep an edge is as in training, where it has to be soft to be learnt


@dataclass(frozen=True)
class _Field:
    """A displacement `[B, 2, S D, S D]`, its mean in cells `[B, 2, S, S]`, and the rest as in `Motion`."""

    displacement: Tensor
    mean: Tensor
    front: Tensor | None
    shown: Tensor | None
    layer: PersonLayer | None = None


class CompactDenseMotion(nn.Module):
    """Combine the keypoints' local motions into one flow field with an occlusion map.

    Args:
        num_keypoints: K.
        width: channels at the field's resolution.
        max_width: most channels at any resolution.
        levels: halvings inside the hourglass.
        side: side of the field.
        variance: variance of the heatmaps that tell the network where keypoints are and were.
        residual: largest correction the network may add to the combined flow, in [-1, 1] units.
        carried: how many carried motions, see `CarriedMotions`.
        hidden_margin: see `shown_in_source`; 0 leaves it to the network alone to tell what the source hides.
        hidden_rim: likewise.
        detail: D, corrections of the flow per cell along either side.
        edge: how steep the edge is between what moves and the background, see `layered`; 0 blends them as it
            blends all motions.
        irises: whether tied keypoints lie on the irises, see `turn_irises`; lids are moved then, too
            (`fomm.parts.lids`). mouth: whether to draw the inside of the mouth, see `mouth_map`. teeth: whether to draw
            teeth and tongue, and to hold a smile's, once training is over, see `Drawn`. lashes: whether to draw eyes
            that shut or look elsewhere, likewise. matte: whether it is told where the person is in the source.
    """

    def __init__(
        self,
        num_keypoints: int,
        width: int,
        max_width: int,
        levels: int,
        side: int,
        variance: float,
        residual: float,
        carried: int,
        hidden_margin: float,
        hidden_rim: int,
        detail: int,
        edge: float,
        irises: bool,
        mouth: bool,
        teeth: bool,
        lashes: bool,
        matte: bool,
    ) -> None:
        super().__init__()
        self.irises, self.mouth, self.matte = irises, mouth, matte
        self.teeth, self.lashes = teeth, lashes
        self.side, self.variance, self.residual_limit = side, variance, residual
        self.hidden_margin, self.hidden_rim, self.detail, self.edge = hidden_margin, hidden_rim, detail, edge
        self.hourglass = CompactHourglass(num_keypoints + 2 + 12 + matte, width, max_width, levels)
        self.carried = CarriedMotions(num_keypoints, carried) if carried else None
        self.mask = nn.Conv2d(width, num_keypoints + 1 + carried, 3, padding=1)
        self.occlusion = nn.Conv2d(width, 1, 3, padding=1)
        self.residual = nn.Conv2d(width, 2 * detail**2, 3, padding=1)
        self.log_reach = nn.Parameter(torch.full((num_keypoints,), -2.0))
        self.background = nn.Parameter(torch.tensor(-4.0))
        for head in (self.mask, self.residual):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.occlusion.bias, 2.0)  # type: ignore[arg-type]

    def forward(
        self,
        blocks: Tensor,
        driving: Keypoints,
        source: Keypoints,
        picture: Tensor,
        matte: Tensor | None = None,
        fine: Tensor | None = None,
    ) -> Motion:
        """Return the motion from driving pixels to source coordinates; its flow has D times the field's side.

        Args:
            blocks: the source as `to_blocks` gives it, `[B, 12, S, S]`.
            driving: keypoints of the frame to make.
            source: keypoints of the source.
            picture: the source, `[B, 3, H, W]` in [0, 1], for what is drawn.
            matte: where the person is in it, `[B, 1, S, S]` in [0, 1], if it is told.
            fine: likewise, at the picture's own resolution, to be carried as one layer; None while training.

        Raises:
            ValueError: there is no matte where one is needed, or one that is not wanted.
        """
        if (matte is not None) != self.matte:
            raise ValueError("A model with a matte has to be told where the person is, and no other model may be.")
        side = self.side
        motions = local_motions(driving, source)  # [B, K + 1, 6]
        if self.carried is not None:
            motions = torch.cat((motions, self.carried(driving, source)), dim=1)  # [B, K + 1 + M, 6]
        prior = self._prior_logits(driving.value)  # [B, K + 1 + M, S, S]
        coarse = blend_motions(motions, prior)  # [B, S, S, 2]
        known = blocks.float() if matte is None else torch.cat((blocks.float(), matte), dim=1)
        moved = F.grid_sample(known, coarse, padding_mode="border", align_corners=False)
        heatmaps = gaussian_heatmap(driving.value, side, side, variance=self.variance, corners=False)
        heatmaps = heatmaps - gaussian_heatmap(source.value, side, side, variance=self.variance, corners=False)
        shift = coarse - coordinate_grid(side, side, coarse, corners=False)
        evidence = torch.cat((heatmaps, shift.permute(0, 3, 1, 2), moved), dim=1)  # [B, K + 14 or 15, S, S]
        features = self.hourglass(evidence)  # [B, C, S, S]
        mask, occlusion, residual = convolve_together(features, (self.mask, self.occlusion, self.residual))
        correction = F.pixel_shuffle(torch.tanh(residual.float()) * self.residual_limit, self.detail)
        logits = prior + mask.float()
        if fine is None or matte is None:
            field = self._in_one(motions, logits, correction, source, matte)
        else:
            field = self._in_layers(motions, logits, correction, source, matte, fine)
        occlusion = torch.sigmoid(occlusion.float())  # [B, 1, S, S]
        if field.shown is not None:
            occlusion = occlusion * field.shown
        person = None
        if matte is not None:
            place = field.mean.permute(0, 2, 3, 1) + coordinate_grid(side, side, field.mean, corners=False)
            person = F.grid_sample(matte, place, padding_mode="border", align_corners=False)
        drawn = self._with_face(field.displacement, driving, source, picture)
        displacement, layer = drawn.displacement, field.layer
        if layer is not None:
            layer = layer.moved(displacement)
            displacement = layer.flow_of_both()
        moving = displacement.permute(0, 2, 3, 1)
        return Motion(
            moving + coordinate_grid(moving.shape[1], moving.shape[2], moving, corners=False),
            occlusion,
            corners=False,
            features=features,
            shown=field.shown,
            mouth=mouth_map(driving, source, _MOUTH_DETAIL * side) if self.mouth else None,
            drawn=drawn.drawing,
            own=drawn.own,
            person=person,
            front=field.front,
            layer=layer,
        )

    def _with_face(self, displacement: Tensor, driving: Keypoints, source: Keypoints, picture: Tensor) -> Drawn:
        """Return a displacement `[B, 2, S D, S D]` in which lids, irises and lips go as told, and what is drawn."""
        if self.irises:
            displacement = follow_lower_lids(shut_lids(displacement, driving, source), driving, source)
            displacement = turn_irises(displacement, driving, source)
            displacement = follow_lips(displacement, driving, source)
        drawn = Drawn(displacement)
        if not self.training:
            if self.lashes:
                drawn = drawn.eyes(driving, source, picture, _DRAWN_DETAIL * self.side)
            if self.teeth:
                drawn = drawn.mouth(driving, source, picture, _DRAWN_DETAIL * self.side)
        return drawn

    def _in_one(
        self, motions: Tensor, logits: Tensor, correction: Tensor, source: Keypoints, matte: Tensor | None
    ) -> _Field:
        """Return one field for the person and what is behind them."""
        edge = self.edge if self.training else _CRISP * self.edge
        displacement, front = layered(motions, logits, edge, self.detail)  # [B, 2, S D, S D]
        displacement = displacement + correction
        mean = F.avg_pool2d(displacement, self.detail).detach()  # [B, 2, S, S]
        shown = None
        if self.hidden_margin:
            shown = shown_in_source(mean, self.hidden_margin, self.hidden_rim, self._known(source, matte, front))
        return _Field(displacement, mean, front, shown)

    def _in_layers(
        self, motions: Tensor, logits: Tensor, correction: Tensor, source: Keypoints, matte: Tensor, fine: Tensor
    ) -> _Field:
        """Return the field of the person, who is a layer before a background that rests."""
        moved, before = before_background(motions, logits, self.detail)
        displacement = carried_person(moved, before, fine) + correction  # [B, 2, S D, S D]
        layer = PersonLayer(displacement, silhouette(displacement, fine))
        mean, alpha = layer.told_of_cells(self.side)
        shown, wall = shown_in_layers(mean, self.hidden_margin, self.hidden_rim, self._person(source, matte))
        front = F.adaptive_avg_pool2d(layer.alpha, self.side * self.detail)
        return _Field(displacement, mean, front, torch.lerp(wall, shown, alpha), layer.told(shown, wall))

    def _known(self, source: Keypoints, matte: Tensor | None, front: Tensor | None) -> Person | None:
        """Return where the person is, and was, on the field's grid."""
        if matte is None:
            return None
        return self._person(source, matte, None if front is None else F.avg_pool2d(front, self.detail))

    def _person(self, source: Keypoints, matte: Tensor, front: Tensor | None = None) -> Person:
        return Person(matte, face_area(source, self.side) if self.irises else None, front)

    def _prior_logits(self, value: Tensor) -> Tensor:
        """Return log-weights of background, keypoints (by distance) and carried motions: `[B, K + 1 + M, S, S]`."""
        grid = coordinate_grid(self.side, self.side, value, corners=False)
        precision = 0.5 * torch.exp(-2.0 * self.log_reach)[:, None]  # [K, 1]
        along_x = (grid[0, :, 0] - value[..., 0:1]).square() * precision  # [B, K, S]
        along_y = (grid[:, 0, 1] - value[..., 1:2]).square() * precision  # [B, K, S]
        keypoints = -(along_y.unsqueeze(-1) + along_x.unsqueeze(-2))  # [B, K, S, S]
        background = self.background.expand(len(value), 1, self.side, self.side)
        logits = torch.cat((background, keypoints), dim=1)
        if self.carried is None:
            return logits
        anywhere = self.carried.logit[:, None, None].expand(len(value), -1, self.side, self.side)
        return torch.cat((logits, anywhere), dim=1)
