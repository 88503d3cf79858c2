"""From the driver's keypoints to the ones that move the photo.

Relative motion (Siarohin et al. 2019, section 3.3) keeps the photo's own face shape and carries over only how the
driver moved since a reference frame: `p = s (d - d0) + p_source`, `J = J_d J_d0^-1 J_source`, with the scale
`s = sqrt(hull area of source / hull area of d0)` for faces that fill the frame differently. Where keypoints are tied to
a face, `s` is the ratio of the heads' sizes instead, and the photo's head moves in space as the driver's does
(`fomm.geometry.head`). Motion of the head and expression have strengths of their own, and expressions are made along
the photo's own face: turned as it is tilted, with lips narrower on the far half of a turned one. How far the person
roams and the head turns has limits.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from fomm.config.motion import TransferSettings
from fomm.errors import MotionError
from fomm.geometry.anatomy import Anatomy
from fomm.geometry.head import Head
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.blink import close_eyes, open_eyes
from fomm.retarget.gaps import following
from fomm.retarget.limits import held_back
from fomm.retarget.lips import Mouths, close_lips, drop_jaw
from fomm.retarget.reference import best_reference
from fomm.retarget.scale import own_face, relative_scale, safe_inverse
from fomm.track.shots import reference_in_shot, shot_with_reference
from fomm.track.track import MotionTrack


class Transfer:
    """Carries a track's motion over to one photo, in slices; what depends on the whole clip is computed once.

    Args:
        source: keypoints of the photo, `[1, K, 2]`.
        track: the driving clip, smoothed already if wanted.
        settings: how.
        anatomy: what the keypoints are tied to, for lids and lips that meet and for head and expression apart; None in
            a model whose keypoints are not tied.

    Attributes:
        reference: index of the driving frame that counts as the photo's pose.
        scale: `s` above.

    Raises:
        MotionError: keypoints of source and track do not belong together, the reference is not a frame of it, or head
            and expression are to differ although nothing tells them apart.
    """

    def __init__(
        self,
        source: Keypoints,
        track: MotionTrack,
        settings: TransferSettings | None = None,
        anatomy: Anatomy | None = None,
    ) -> None:
        self.settings = settings or TransferSettings()
        self._source = source.detach().to(torch.device("cpu")).to(torch.float32)
        self._track = track
        self._following = following(track.found, track.fps)
        self._shots: list[Transfer] = []
        if track.shots:
            self._shots = self._of_shots(source, track, anatomy)
            begun, track = shot_with_reference(track, self.settings.reference)
        else:
            begun = 0
        self._anatomy = anatomy
        if anatomy is None and self.settings.head != self.settings.expression:
            raise MotionError(
                "Head and expression can have strengths of their own only with a model whose keypoints are tied to "
                "the face, as the bundled one's are; set both alike, or choose that model."
            )
        if source.value.shape != (1, *track.value.shape[1:]) or (source.jacobian is None) != (track.jacobian is None):
            raise MotionError(
                f"The photo has keypoints {list(source.value.shape)} and the motion track "
                f"{list(track.value.shape)}; extract the track with the same model."
            )
        reference = _resolve(reference_in_shot(self.settings.reference, begun), source, track, anatomy)
        self.reference = begun + reference
        self._start = track.keypoints(reference, reference + 1)
        if anatomy is not None and self.settings.full_blinks and bool(track.found.any()):
            opened = open_eyes(self._start.value, self._source.value, track.value[track.found], anatomy.eyes)
            self._start = replace(self._start, value=opened)
        self._heads: tuple[Head, Head] | None = None
        if anatomy is not None:
            self._heads = Head.of(self._source.value, anatomy), Head.of(self._start.value, anatomy)
            self._own_face = own_face(self._source.value, self._start.value, anatomy)
        self.scale = 1.0
        if self.settings.adapt_scale and self.settings.mode == "relative":
            self.scale = relative_scale(self._source.value, self._start.value, self._heads)

    def __len__(self) -> int:
        return len(self._track)

    @property
    def fps(self) -> Fraction:
        """Frames per second of the motion."""
        return self._track.fps

    def driving(self, start: int = 0, stop: int | None = None) -> Keypoints:
        """Return the keypoints that move the photo in frames `start` to `stop` (not included).

        Returns:
            `[B, K, 2]` and `[B, K, 2, 2]`, float32 on the CPU; the same for a frame whatever slice it is in. Where
            the driver's face is not known for long they are the photo's own.
        """
        frames = range(len(self))[start:stop]
        moved = self._carried(frames.start, frames.stop)
        if self._following is None:
            return moved
        weight = self._following[frames.start : frames.stop, None, None]  # [B, 1, 1]
        value = torch.lerp(self._source.value.expand_as(moved.value), moved.value, weight)
        if moved.jacobian is None or self._source.jacobian is None:
            return Keypoints(value)
        own = self._source.jacobian.expand_as(moved.jacobian)
        return Keypoints(value, torch.lerp(own, moved.jacobian, weight[..., None]))

    def _carried(self, start: int, stop: int) -> Keypoints:
        """Return what frames `start` to `stop` become, each shot's told from its own reference."""
        if not self._shots:
            return self.carry(self._track.keypoints(start, stop))
        parts, begun = [], 0
        for shot in self._shots:
            first, last = max(start, begun), min(stop, begun + len(shot))
            if first < last:
                parts.append(shot.carry(shot._track.keypoints(first - begun, last - begun)))
            begun += len(shot)
        return Keypoints.cat(parts) if parts else self.carry(self._track.keypoints(start, stop))

    def _of_shots(self, source: Keypoints, track: MotionTrack, anatomy: Anatomy | None) -> list[Transfer]:
        made, begun = [], 0
        for shot in track.by_shot():
            settings = replace(self.settings, reference=reference_in_shot(self.settings.reference, begun, len(shot)))
            made.append(Transfer(source, shot, settings, anatomy))
            begun += len(shot)
        return made

    def carry(self, driving: Keypoints) -> Keypoints:
        """Return the keypoints that move the photo for ones `[B, K, 2]` of the same driver, of the track or live."""
        return self._relative(driving) if self.settings.mode == "relative" else self._absolute(driving)

    def _relative(self, driving: Keypoints) -> Keypoints:
        settings, anatomy = self.settings, self._anatomy
        turned = None
        if driving.jacobian is not None and self._start.jacobian is not None:
            turned = driving.jacobian @ safe_inverse(self._start.jacobian)  # [B, K, 2, 2]
        head, expression = self._steps(driving.value, turned)  # [B, K, 2] each
        kept = torch.ones_like(head[..., :1])  # [B, K, 1]
        if anatomy is not None:
            head, kept = held_back(self._source.value, head, anatomy, settings.roam, settings.turn)
        steps = head + expression
        value = self._source.value + steps
        if anatomy is not None and settings.full_blinks and settings.expression > 0:
            strength = settings.strength * settings.expression
            value = close_eyes(value, driving.value, self._start.value, self._source.value, anatomy.eyes, strength)
        if anatomy is not None and settings.lips_meet and settings.expression > 0:
            mouths = Mouths(self._source.value, self._start.value, driving.value)
            value = close_lips(value, mouths, anatomy.size(mouths.start), anatomy.lips)
            factor = self.scale * settings.strength * settings.expression
            value = drop_jaw(value, mouths, anatomy.size(mouths.source), anatomy.lips, anatomy.jaw, factor)
        if turned is None or self._source.jacobian is None:
            return Keypoints(value)
        followed = settings.strength * settings.head * kept[..., None]
        turned = torch.lerp(torch.eye(2).expand_as(turned), turned, followed)
        return Keypoints(value, turned @ self._source.jacobian)

    def _steps(self, driving: Tensor, turned: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return how far head and body, and expression alone, take the photo's keypoints, `[B, K, 2]` each.

        Both are as strong as the settings say.

        Args:
            driving: the driver's keypoints, `[B, K, 2]`.
            turned: what their surroundings did since the reference, `[B, K, 2, 2]`, where it is known.
        """
        settings, start = self.settings, self._start.value
        factor = self.scale * settings.strength
        if self._anatomy is None or self._heads is None:
            head = factor * settings.head * (driving - start)
            return head, torch.zeros_like(head)
        face, (own, theirs) = self._anatomy.face, self._heads
        motion = theirs.motion(driving)  # [B, 4, 2]
        head, expression = self.scale * (driving - start), torch.zeros_like(driving)
        head[:, :face] = own.moved(motion, self.scale) - own.value[:, :face]
        if turned is not None:
            beside = own.beside(theirs, self.scale)[..., None, :]  # [1, K - F, 1, 2]
            head[:, face:] += ((turned[:, face:] - torch.eye(2)) * beside).sum(-1)
        left = driving[:, :face] - theirs.moved(motion)  # [B, F, 2]
        expression[:, :face] = (left[..., None, :] * self._own_face).sum(-1)
        return settings.strength * settings.head * head, factor * settings.expression * expression

    def _absolute(self, driving: Keypoints) -> Keypoints:
        strength = self.settings.strength
        value = torch.lerp(self._source.value.expand_as(driving.value), driving.value, strength)
        if driving.jacobian is None or self._source.jacobian is None:
            return Keypoints(value)
        start = self._source.jacobian.expand_as(driving.jacobian)
        return Keypoints(value, torch.lerp(start, driving.jacobian, strength))


def _resolve(reference: str, source: Keypoints, track: MotionTrack, anatomy: Anatomy | None) -> int:
    """Turn the setting into a frame index."""
    if reference == "best":
        return best_reference(source, track, anatomy)
    if reference == "first":
        return int(track.found.nonzero()[0]) if bool(track.found.any()) else 0
    if reference == "stored":
        return track.reference
    if int(reference) >= len(track):
        raise MotionError(f"Reference frame {reference} does not exist: the motion track has {len(track)} frames.")
    return int(reference)
