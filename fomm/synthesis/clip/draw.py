"""Renders a planned pair: two people, one performance, frames and truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fomm.synthesis.clip.backdrop import draw_backdrop
from fomm.synthesis.clip.blend import blend_skin, mixed_shape
from fomm.synthesis.clip.camera_work import Framing, camera_path, cameras, lights
from fomm.synthesis.clip.curves import Curve
from fomm.synthesis.clip.develop import Development
from fomm.synthesis.clip.occluders import Occluder, draw_occluder
from fomm.synthesis.clip.shapes import Canvas
from fomm.synthesis.clip.trajectory import perform
from fomm.synthesis.clip.truth import DRAWN_SIDE, FRAME_SIDE, clip_truth
from fomm.synthesis.head.eyes import build_eyeball
from fomm.synthesis.head.matte import picture_with_matte
from fomm.synthesis.head.mesh import build_head, soft_landmarks
from fomm.synthesis.head.mouth import build_inside
from fomm.synthesis.head.painter import Painter
from fomm.synthesis.head.pose import Pose
from fomm.synthesis.head.rig import build_rig
from fomm.synthesis.head.topology import EYES, LANDMARKS
from fomm.synthesis.head.units import place_units, read_mouth, read_units
from fomm.synthesis.opengl import Screen
from fomm.synthesis.plan import Cast, PairPlan
from fomm.synthesis.portraits import PortraitFolder
from fomm.trust.consent.portraits import PortraitLeave

_CHEEKS = (50, 280)
_BLEND_SIDE = 640


@dataclass(frozen=True)
class Clip:
    """One finished clip.

    Attributes:
        frames: uint8 `[T, 256, 256, 3]`.
        truth: what is stored beside it.
        quality: H.264 rate factor to compress it with.
    """

    frames: NDArray[np.uint8]
    truth: dict[str, NDArray[np.generic]]
    quality: int


@dataclass(frozen=True)
class _Person:
    painter: Painter
    face: NDArray[np.float64]
    picture: tuple[int, int]
    skin: NDArray[np.float64]


class Studio:
    """Everything that stays the same from pair to pair in one process.

    Args:
        portraits: folder of portraits.
        units: archive of expression units.
        mouth: archive of teeth and tongue.
        leave: what reads the portraits' pictures, see `PortraitFolder`; clips are stored under one only.

    Raises:
        MediaError: one of them is missing or damaged.
        SettingsError: nothing can be drawn on this machine.
    """

    def __init__(self, portraits: Path, units: Path, mouth: Path, leave: PortraitLeave | None = None) -> None:
        self.folder = PortraitFolder(portraits, leave)
        self.units = read_units(units)
        self._mouth = read_mouth(mouth)
        self._screen = Screen(FRAME_SIDE, DRAWN_SIDE)
        self._easel = Screen(_BLEND_SIDE, 8, beside=self._screen)

    def render(self, plan: PairPlan, frames: int) -> tuple[Clip, Clip]:
        """Render both clips of a pair: the same poses and camera, all else each its own."""
        shared, first, second = plan.generator().spawn(3)
        poses = perform(shared, frames, self.units.names)
        path = camera_path(shared, frames)
        return (
            self._render_one(first, plan.people[0], poses, path),
            self._render_one(second, plan.people[1], poses, path),
        )

    def _render_one(self, rng: Generator, cast: Cast, poses: tuple[Pose, ...], path: Curve) -> Clip:
        person = self._person(rng, cast)
        painter = person.painter
        views = cameras(path, Framing.draw(rng), person.face, person.picture)
        light = lights(rng, len(poses))
        occluder = draw_occluder(rng, len(poses), person.skin)
        film = Development.draw(rng)
        frames, seen, irises, covers = [], [], [], []
        for number, (pose, view, lamp) in enumerate(zip(poses, views, light, strict=True)):
            frame, places = painter.draw(pose, view, lamp)
            frame, cover = _put_before(frame, occluder, number, places[:LANDMARKS, :2])
            frames.append(film.apply(frame, number))
            seen.append(places)
            irises.append(painter.irises(pose, view))
            covers.append(cover)
        truth = clip_truth(rng, painter, seen, irises, views, np.stack(covers), poses)
        painter.release()
        return Clip(np.stack(frames), truth, film.quality)

    def _person(self, rng: Generator, cast: Cast) -> _Person:
        """Make a person up from the portraits of its cast."""
        portrait = self.folder.load(cast.portrait)
        backdrop = draw_backdrop(rng, portrait, self.folder.load(cast.place))
        shape = None
        picture = picture_with_matte(portrait)
        if cast.partner is not None:
            partner = self.folder.load(cast.partner)
            share, keep = rng.uniform(0.25, 0.8), rng.uniform(0, 0.25)
            skin = blend_skin(self._easel, self.units.triangles, portrait, partner, share, keep)
            changed = (skin != portrait.image).any(-1)
            picture[changed, :3] = skin[changed]
            shape = mixed_shape(rng, portrait, partner)
        place = place_units(self.units, portrait.landmarks[:LANDMARKS])
        mesh = build_head(portrait, self.units.triangles)
        rig = build_rig(mesh, self.units, place, rng.uniform(5, 14), shape)
        eyes = (build_eyeball(portrait, EYES[0], shape), build_eyeball(portrait, EYES[1], shape))
        inside = build_inside(rig, self._mouth)
        cheeks = portrait.landmarks[list(_CHEEKS), :2].astype(int)
        skin_colour = np.mean([portrait.image[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1)) for x, y in cheeks], 0) / 255
        teeth = rng.uniform(0.75, 1.0) * (0.55 + 0.45 * min(1.0, float(skin_colour.max()) / 0.7))
        face = soft_landmarks(portrait)[:, :2]
        return _Person(
            Painter(self._screen, rig, picture, (backdrop * 255 + 0.5).astype(np.uint8), eyes, inside, teeth),
            np.concatenate([face.min(0), face.max(0)]),
            (portrait.alpha.shape[0], portrait.alpha.shape[1]),
            skin_colour,
        )


def _put_before(
    frame: NDArray[np.uint8], occluder: Occluder | None, number: int, landmarks: NDArray[np.floating]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the frame with the occluder over it, and how much of every pixel it covers, `[S, S]`."""
    side = frame.shape[0]
    if occluder is None:
        return frame, np.zeros((side, side), np.float32)
    canvas = Canvas(side)
    occluder.draw(canvas, number, (landmarks + 1) * side / 2)
    mixed = frame + canvas.cover[..., None] * (255 * np.clip(canvas.colour, 0, 1) - frame)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8), canvas.cover
