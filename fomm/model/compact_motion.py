"""From what the dense motion network tells to the motion of a frame: one flow, or the person as a layer, and stages."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.config.training.compact import CompactSettings
from fomm.geometry.grids import coordinate_grid
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS
from fomm.geometry.motion import Motion, PersonLayer
from fomm.networks.compact.dense_motion import CompactDenseMotion, ToldMotion
from fomm.networks.compact.local_motions import before_background, layered
from fomm.parts.mouth import mouth_map
from fomm.parts.person import carried_person, silhouette
from fomm.parts.sequence import StageSequence
from fomm.parts.stage import Frame, Moment, Source
from fomm.parts.visibility import Person, VisibilityStage, face_area, shown_in_layers, shown_in_source

_MOUTH_DETAIL = 2  # cells of the mouth map per cell of the field along either side: half the resolution
_PAINTED_DETAIL = 4  # likewise of painted layers: a tooth is a few pixels wide
_CRISP = 2.0  # how many times as steep an edge is as in training, where it has to be soft to be learnt


@dataclass(frozen=True)
class _Field:
    """A displacement `[B, 2, S D, S D]`, its mean in cells `[B, 2, S, S]`, and the rest as in `Motion`."""

    displacement: Tensor
    mean: Tensor
    front: Tensor | None
    shown: Tensor | None
    layer: PersonLayer | None = None


@dataclass(frozen=True)
class MotionMaker:
    """Makes motions by what a network tells and by rule.

    Attributes:
        settings: of the model.
        stages: its rules.
        learning: whether networks learn from the motion, so that edges are soft and some stages rest.
    """

    settings: CompactSettings
    stages: StageSequence
    learning: bool

    def motion(
        self, network: CompactDenseMotion, known: Source, blocks: Tensor, driving: Keypoints, source: Keypoints
    ) -> Motion:
        """Return the motion from driving pixels to source coordinates; its flow has D times the field's side.

        Args:
            network: which tells the motion.
            known: of the photo; without `Source.fine`, person and background share one flow.
            blocks: the photo as `to_blocks` gives it, `[B, 12, S, S]`.
            driving: keypoints of the frame to make, `[B, K, 2]`.
            source: keypoints of the photo, likewise.
        """
        side, matte = self.settings.motion_side, known.matte
        told: ToldMotion = network(blocks, driving, source, matte)
        if known.fine is None or matte is None:
            field = self._in_one(told, source, matte)
        else:
            field = self._in_layers(told, source, matte, known.fine)
        person = None
        if matte is not None:
            place = field.mean.permute(0, 2, 3, 1) + coordinate_grid(side, side, field.mean, corners=False)
            person = F.grid_sample(matte, place, padding_mode="border", align_corners=False)
        moment = Moment(driving, source, known.picture, _PAINTED_DETAIL * side)
        frame = self.stages.apply(Frame(moment, field.displacement), learning=self.learning)
        displacement, layer = frame.displacement, field.layer
        if layer is not None:
            layer = layer.moved(displacement)
            displacement = layer.flow_of_both()
        moving = displacement.permute(0, 2, 3, 1)
        return Motion(
            moving + coordinate_grid(moving.shape[1], moving.shape[2], moving, corners=False),
            told.occlusion if field.shown is None else told.occlusion * field.shown,
            corners=False,
            features=told.features,
            shown=field.shown,
            mouth=mouth_map(driving, source, _MOUTH_DETAIL * side) if self.settings.mouth_map else None,
            drawn=frame.painted,
            own=frame.own,
            person=person,
            front=field.front,
            layer=layer,
        )

    def _in_one(self, told: ToldMotion, source: Keypoints, matte: Tensor | None) -> _Field:
        """Return one field for the person and what is behind them."""
        edge = self.settings.edge if self.learning else _CRISP * self.settings.edge
        detail, margin = self.settings.flow_detail, self.settings.hidden_margin
        displacement, front = layered(told.motions, told.logits, edge, detail)  # [B, 2, S D, S D]
        displacement = displacement + told.correction
        mean = F.avg_pool2d(displacement, detail).detach()  # [B, 2, S, S]
        shown = None
        if VisibilityStage.name in self.stages:
            person = None
            if matte is not None:
                person = self._person(source, matte, None if front is None else F.avg_pool2d(front, detail))
            shown = shown_in_source(mean, margin, self.settings.hidden_rim, person)
        elif margin:
            shown = torch.ones_like(mean[:, :1])
        return _Field(displacement, mean, front, shown)

    def _in_layers(self, told: ToldMotion, source: Keypoints, matte: Tensor, fine: Tensor) -> _Field:
        """Return the field of the person, who is a layer before a background that rests."""
        side, detail = self.settings.motion_side, self.settings.flow_detail
        moved, before = before_background(told.motions, told.logits, detail)
        displacement = carried_person(moved, before, fine) + told.correction  # [B, 2, S D, S D]
        layer = PersonLayer(displacement, silhouette(displacement, fine))
        mean, alpha = layer.told_of_cells(side)
        if VisibilityStage.name in self.stages:
            person = self._person(source, matte)
            shown, wall = shown_in_layers(mean, self.settings.hidden_margin, self.settings.hidden_rim, person)
        else:
            shown = wall = torch.ones_like(alpha)
        front = F.adaptive_avg_pool2d(layer.alpha, side * detail)
        return _Field(displacement, mean, front, torch.lerp(wall, shown, alpha), layer.told(shown, wall))

    def _person(self, source: Keypoints, matte: Tensor, front: Tensor | None = None) -> Person:
        tied = self.settings.tied_keypoints > max(REGIONS["irises"])
        return Person(matte, face_area(source, self.settings.motion_side) if tied else None, front)
