"""What a rule is: a stage with a name, which may look at a photo once and then changes what is known of every frame.

Networks tell a coarse flow. Stages make of it what keypoints tell better, in closed form: where lids and lips go, and
as painted layers what no flow can bring because the source does not show it. A sequence of them
(`fomm.parts.sequence`) is chosen by the settings that a checkpoint holds; each can be left out, and so be measured.

A painted layer is `[B, 4, H, W]` in [0, 1]: the share of a pixel that it covers, and its colour there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.mouth_shape import Opening, marks_of
from fomm.source.mouth import SourceMouth


@dataclass(frozen=True)
class Source:
    """What is known of a photo before anything moves, computed once; each tensor has B rows.

    Attributes:
        picture: `[B, 3, H, W]`, RGB in [0, 1].
        matte: where the person is, `[B, 1, S, S]` in [0, 1], as the network found it, or None.
        person: likewise, with what hangs beside them; what the background must not be copied from.
        background: what is behind the person, made up, `[B, 3, H, W]` in [0, 1].
        places: from where in the photo its texture comes, `[B, h, w, 2]` in [-1, 1].
        fine: the matte at the picture's own resolution, `[B, 1, H, W]` in [0, 1].
        tone: see `fomm.source.tone.tone_of`, `[B, 7]`.
    """

    picture: Tensor
    matte: Tensor | None = None
    person: Tensor | None = None
    background: Tensor | None = None
    places: Tensor | None = None
    fine: Tensor | None = None
    tone: Tensor | None = None

    def expand(self, batch: int) -> Source:
        """Repeat a single photo (`B == 1`) to `batch` rows without copying."""
        tensors = {name: value for name, value in vars(self).items() if value is not None}
        return Source(**{name: value.expand(batch, *value.shape[1:]) for name, value in tensors.items()})


@dataclass(frozen=True)
class Moment:
    """A frame to make and the photo it is made from; what several stages ask of both is worked out once.

    Attributes:
        driving: keypoints of the frame, `[B, K, 2]`.
        source: keypoints of the photo, `[B, K, 2]`.
        picture: the photo, `[B, 3, H, W]` in [0, 1].
        side: rows and columns of painted layers.
    """

    driving: Keypoints
    source: Keypoints
    picture: Tensor
    side: int

    @cached_property
    def opening(self) -> Opening:
        """The opening of the mouth in the frame."""
        return Opening.of(marks_of(self.driving), self.side)

    @cached_property
    def mouth(self) -> SourceMouth:
        """The photo's mouth."""
        return SourceMouth.of(self.source, self.picture)


@dataclass(frozen=True)
class Frame:
    """A batch of frames as far as it is told.

    Attributes:
        moment: what is to be made of what.
        displacement: backward, `[B, 2, h, w]` in [-1, 1] units.
        painted: all painted layers as one, or None.
        own: where the source's own pixels are to be copied, whatever the network thinks of it, and what of its own open
            mouth it hides, `[B, 2, side, side]` in [0, 1], or None.
    """

    moment: Moment
    displacement: Tensor
    painted: Tensor | None = None
    own: Tensor | None = None

    def moved(self, displacement: Tensor) -> Frame:
        """Return the same with another displacement."""
        return replace(self, displacement=displacement)

    def under(self, layer: Tensor | None) -> Frame:
        """Return the same with a painted layer before all others."""
        return replace(self, painted=over(layer, self.painted))

    def told(self, shown: Tensor, hidden: Tensor) -> Frame:
        """Return the same with what else the source shows and hides, `[B, 1, side, side]` each."""
        more = torch.cat((shown, hidden), dim=1)
        return replace(self, own=more if self.own is None else torch.maximum(self.own, more))


class Stage:
    """A rule.

    Attributes:
        name: the key of `--without`, and of its row in the ablation table.
        when: `always`, or `inference` for what would keep the networks from learning it.
    """

    name: ClassVar[str]
    when: ClassVar[Literal["always", "inference"]] = "always"

    def prepare(self, source: Source) -> Source:
        """Return what is known of a photo once this stage has looked at it."""
        return source

    def apply(self, frame: Frame) -> Frame:
        """Return a batch of frames as this stage has it."""
        return frame


def over(front: Tensor | None, back: Tensor | None) -> Tensor | None:
    """Return two painted layers as one, the first before the second; None is a layer of nothing."""
    if front is None or back is None:
        return back if front is None else front
    share, rest = front[:, :1], (1 - front[:, :1]) * back[:, :1]
    cover = share + rest  # [B, 1, H, W]
    colour = (share * front[:, 1:] + rest * back[:, 1:]) / cover.clamp_min(1e-6)
    return torch.cat((cover, colour), dim=1)
