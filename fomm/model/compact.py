"""The compact model: settings and the three networks behind the common `AnimationModel` interface.

Made for real time on two CPU cores at 256 px and for sharp output; see `compact_motion` and `compact_generator` for
what differs from the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import REGIONS, TIED_LANDMARKS, mirror_order
from fomm.geometry.motion import Motion
from fomm.geometry.mouth_shape import LANDMARKS as MOUTH_LANDMARKS
from fomm.model.compact_motion import MotionMaker
from fomm.model.interface import AnimationModel, EncodedSource, GeneratedFrames, TimedLayer
from fomm.networks.compact.dense_motion import CompactDenseMotion
from fomm.networks.compact.detector import CompactKeypointDetector, to_blocks
from fomm.networks.compact.generator import CompactGenerator
from fomm.networks.compact.matte import CompactMatte
from fomm.parts.sequence import StageSequence
from fomm.parts.stage import Source
from fomm.source.background import inpainted_background

_TIMED_BATCH = 4  # frames that share the small operations of this model


class CompactModel(AnimationModel):
    """Keypoint detector, dense motion and blending generator of the compact family."""

    detector: CompactKeypointDetector

    def __init__(self, settings: CompactSettings) -> None:
        super().__init__(settings)
        k = settings.num_keypoints
        self.settings = settings
        self._mirror: tuple[int, ...] = ()
        if settings.hidden_fill and not settings.hidden_margin:
            raise SettingsError("model.hidden_fill: what is hidden is not told; set hidden_margin above 0.")
        if settings.matte_width and not settings.hidden_fill:
            raise SettingsError("model.matte_width: a matte serves to fill what is hidden; set hidden_fill.")
        if settings.mouth_map and settings.tied_keypoints <= max(map(TIED_LANDMARKS.index, MOUTH_LANDMARKS)):
            raise SettingsError("model.mouth_map: too few tied_keypoints to tell mouth, nose and eyes.")
        if settings.teeth and not settings.mouth_map:
            raise SettingsError("model.teeth: without a mouth there are none; set mouth_map.")
        if settings.lashes and settings.tied_keypoints <= max(REGIONS["irises"]):
            raise SettingsError("model.lashes: too few tied_keypoints to tell lids and irises.")
        if settings.close_look and settings.tied_keypoints <= max(REGIONS["irises"]):
            raise SettingsError("model.close_look: too few tied_keypoints to tell mouth, lids and irises.")
        if settings.mirrored_look:
            try:
                self._mirror = mirror_order(settings.tied_keypoints, settings.free_keypoints)
            except ValueError as error:
                raise SettingsError(f"model.mirrored_look: {error}") from error
        self.detector = CompactKeypointDetector(
            k,
            settings.detector_width,
            settings.max_width,
            settings.levels,
            settings.motion_side,
            settings.temperature,
            settings.detector_detail,
            settings.close_look,
        )
        self.dense_motion = CompactDenseMotion(settings)
        self.matte = (
            CompactMatte(3 * settings.matte_detail**2, settings.matte_width, settings.max_width, settings.levels)
            if settings.matte_width
            else None
        )
        self.generator = CompactGenerator(
            settings.generator_width,
            settings.generator_blocks,
            settings.motion_width,
            settings.hidden_fill,
            settings.mouth_map,
            settings.copying,
        )

    def _all_stages(self) -> StageSequence:
        config = self.config
        return StageSequence.of(config) if isinstance(config, CompactSettings) else StageSequence()

    def detect(self, image: Tensor) -> Keypoints:
        """Return keypoints of images `[B, 3, H, W]` in [0, 1].

        With `mirrored_look`, two looks whose mistakes differ are averaged; while training one is enough. With
        `close_look`, mouth and eyes are found again from near, unless the detector itself learns.
        """
        if self.training or not self._mirror:
            found: Keypoints = self.detector(image)
        else:
            found = Keypoints.mean(self._look_twice(image))
        return self._closer(image, found)

    def look(self, image: Tensor) -> tuple[Keypoints, Tensor | None]:
        """Return what `detect` does, and how far apart the looks at image and mirror image find the tied keypoints.

        Their mean distance is about 0.005 where a face is seen well and more than 0.05 where there is none: the two
        looks are mistaken in different ways. Of heatmaps' peaks a good frame and a bad one have the same.
        """
        if self.training or not self._mirror:
            return self.detect(image), None
        looks = self._look_twice(image)
        tied = self.settings.tied_keypoints
        one, other = (look.value[:, :tied].float() for look in looks)
        return self._closer(image, Keypoints.mean(looks)), (one - other).norm(dim=-1).mean(1)

    def _closer(self, image: Tensor, found: Keypoints) -> Keypoints:
        if self.detector.training:
            return found
        return self.detector.look_closer(image, found, twice=bool(self._mirror) and not self.training)

    def _look_twice(self, image: Tensor) -> list[Keypoints]:
        """Return a look at images and one at the same mirrored."""
        looks: Keypoints = self.detector(torch.cat((image, image.flip(-1))))
        return [looks[: len(image)], looks[len(image) :].mirrored(self._mirror)]

    def find_person(self, image: Tensor) -> Tensor | None:
        """Return the matte of images `[B, 3, H, W]`, `[B, 1, S, S]` in [0, 1], if the model has one.

        With `mirrored_look`, it is the mean of two looks, as in `detect`.
        """
        if self.matte is None:
            return None
        blocks = to_blocks(image, self.settings.motion_side, self.settings.matte_detail)
        if not self._mirror or self.training:
            return self.matte.find(blocks)
        mirrored = to_blocks(image.flip(-1), self.settings.motion_side, self.settings.matte_detail)
        found, again = self.matte.find(torch.cat((blocks, mirrored))).chunk(2)
        return (found + again.flip(-1)) / 2

    def move(
        self,
        source: Tensor,
        driving: Keypoints,
        source_keypoints: Keypoints,
        network: CompactDenseMotion | None = None,
    ) -> Motion:
        """Return the dense motion for a source image `[B, 3, H, W]`, without generating a frame.

        Args:
            source: the photo, in [0, 1].
            driving: keypoints of the frame to make.
            source_keypoints: keypoints of the photo.
            network: tells the motion in place of the model's own.
        """
        blocks = to_blocks(source, self.settings.motion_side)
        known = Source(source, self.find_person(source))
        return self._motion(network or self.dense_motion, known, blocks, driving, source_keypoints)

    def _motion(
        self, network: CompactDenseMotion, known: Source, blocks: Tensor, driving: Keypoints, source: Keypoints
    ) -> Motion:
        maker = MotionMaker(self.settings, self.stages, learning=network.training)
        return maker.motion(network, known, blocks, driving, source)

    def background(self, source: Tensor) -> Tensor | None:
        """Return the background of sources `[B, 3, H, W]` in [0, 1], of the same shape, if the model has a matte."""
        matte = self.find_person(source)
        return None if matte is None else inpainted_background(source, matte)

    def encode(self, source: Tensor) -> EncodedSource:
        """Encode the source `[B, 3, H, W]` in [0, 1]: its pixel blocks, the generator's features, and what is known."""
        blocks = to_blocks(source, self.settings.motion_side)
        known = self.stages.prepare(Source(source, self.find_person(source)), learning=self.training)
        return EncodedSource(source, (blocks, *self.generator.encode(source)), known)

    def animate(self, encoded: EncodedSource, driving: Keypoints, source: Keypoints) -> GeneratedFrames:
        """Generate one frame per row of `driving`; `encoded` and `source` have one row or as many."""
        batch = len(driving)
        if len(encoded.image) != batch:
            encoded = encoded.expand(batch)
        if len(source) != batch:
            source = source.expand(batch)
        blocks, half, quarter, eighth = encoded.features
        known = encoded.known or Source(encoded.image)
        motion = self._motion(self.dense_motion, known, blocks, driving, source)
        blend = self.generator.decode(encoded.image, (half, quarter, eighth), motion, known.background, known.tone)
        return GeneratedFrames(blend.image, motion, blend.visible, blend.warped, blend.behind, blend.resting)

    def timed_layers(self) -> list[TimedLayer]:
        """Return the widest layer of the decoder at each of two resolutions, and one of the detector's hourglass."""
        side, motion_side = self.settings.image_size, self.settings.motion_side
        generator, hourglass = self.generator, self.detector.hourglass
        return [
            TimedLayer.of(generator.decode_half, (side // 2, side // 2), 2.0, _TIMED_BATCH),
            TimedLayer.of(generator.decode_quarter, (side // 4, side // 4), 2.0, _TIMED_BATCH),
            TimedLayer.of(hourglass.merge[-1], (motion_side, motion_side), 3.0, _TIMED_BATCH),
        ]
