"""Draws one person: background, back of the head, eyeballs, mouth, and the portrait's own skin and hair in front."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from fomm.synthesis.head.eyes import Eyeball, fan_triangles
from fomm.synthesis.head.mesh import vertex_normals
from fomm.synthesis.head.mouth import Inside, cavity_light, pose_inside, shade, tints
from fomm.synthesis.head.pose import Pose
from fomm.synthesis.head.rig import Rig
from fomm.synthesis.head.topology import EYES, INNER_LIPS, LANDMARKS
from fomm.synthesis.opengl import Screen
from fomm.synthesis.scene import Camera, Light

Array = NDArray[np.float64]
# Depth ranges: whatever is in an earlier one is in front.
_SKIN, _INSIDE, _BACK = (0.0, 0.4), (0.4, 0.6), (0.6, 0.9)
_SOFT = 0.025  # blur of the back of the head, in face widths: its colours are borrowed
_DEEP = 4.0  # depth that a range spans, in face widths


class Painter:
    """A portrait on the graphics side, ready to be drawn in any pose.

    Args:
        screen: where to draw.
        rig: the posable portrait.
        picture: skin, hair and clothes with the matte, RGBA `[H, W, 4]`.
        background: RGB `[H, W, 3]` of the same size.
        eyeballs: right eye first.
        inside: teeth and tongue.
        teeth_brightness: how white the teeth are.
    """

    def __init__(
        self,
        screen: Screen,
        rig: Rig,
        picture: NDArray[np.uint8],
        background: NDArray[np.uint8],
        eyeballs: tuple[Eyeball, Eyeball],
        inside: tuple[Inside, Inside],
        teeth_brightness: float,
    ) -> None:
        self.rig = rig
        self._screen, self._eyeballs, self._inside = screen, eyeballs, inside
        self._tints = tints(teeth_brightness)
        self._size = np.array([picture.shape[1], picture.shape[0]])
        mesh = rig.mesh
        self._uv = mesh.spots / self._size
        self.picture = screen.texture(picture)
        soft = gaussian_filter(picture[..., :3], (_SOFT * mesh.face_width, _SOFT * mesh.face_width, 0))
        self._opaque = screen.texture(np.dstack([soft, np.full(soft.shape[:2], 255, np.uint8)]))
        self._background = screen.texture(np.dstack([background, np.full(background.shape[:2], 255, np.uint8)]))
        self._clear = screen.texture(np.array([[[255, 255, 255, 0]]], np.uint8), smooth=False)
        self._whites = [screen.texture(ball.white) for ball in eyeballs]
        self._irises = [screen.texture(ball.iris) for ball in eyeballs]
        self._mouths = [screen.texture(part.part.texture) for part in inside]
        count = len(mesh.vertices)
        self._skin, self._back = screen.surface(mesh.triangles, count), screen.surface(mesh.back, count)
        self._fans = [screen.surface(fan_triangles(len(ball.fan) - 1), len(ball.fan)) for ball in eyeballs]
        self._discs = [screen.surface(fan_triangles(len(ball.disc) - 1), len(ball.disc)) for ball in eyeballs]
        self._parts = [screen.surface(part.part.triangles, len(part.vertices)) for part in inside]
        self._wall = screen.surface(np.array([[0, 1, 2], [2, 1, 3]]), 4)
        plugs = [np.array(INNER_LIPS), *(np.array(eye.contour) for eye in EYES)]
        self._field_skin = screen.field_surface(mesh.triangles, count)
        self._field_back = screen.field_surface(mesh.back, count)
        holes = np.concatenate([loop[_polygon(len(loop))] for loop in plugs])
        self._holes = screen.surface(holes, LANDMARKS)
        self._field_plugs = screen.field_surface(holes, LANDMARKS)
        self._normals = vertex_normals(mesh, mesh.vertices)

    def draw(self, pose: Pose, camera: Camera, light: Light) -> tuple[NDArray[np.uint8], Array]:
        """Return the frame `[S, S, 3]` and where the vertices are in it.

        The second is `[V, 3]`: x and y in [-1, 1], y down, and depth, larger is nearer.
        """
        screen, rig, width = self._screen, self.rig, self.rig.mesh.face_width
        shape = rig.shape(pose)
        seen = self._seen(rig.turn(shape, rig.mesh.head, pose), camera)
        screen.begin_picture()
        self._draw_background(camera, light)
        shading = self._shading(seen, camera, light)
        screen.use(self._opaque)
        self._back.draw(_range(seen, _BACK), self._uv, shading * rig.mesh.shadow[:, None])
        lips = shape[list(INNER_LIPS)]
        screen.use(self._clear, depth=False)
        place = _range(seen[:LANDMARKS], _INSIDE)
        self._holes.draw(place, np.zeros((LANDMARKS, 2)), np.tile(cavity_light() * light.gain, (LANDMARKS, 1)))
        for part, surface, texture, tint in zip(self._inside, self._parts, self._mouths, self._tints, strict=True):
            vertices = pose_inside(part, pose.expression)
            screen.use(texture, blend="hole", least=0.3)
            lit = shade(part, vertices, lips, width, tint) * light.gain
            surface.draw(_range(self._posed(vertices, pose, camera), _INSIDE), part.part.uv, lit)
        for ball, white, iris, fan_surface, disc_surface, eye in zip(
            self._eyeballs, self._whites, self._irises, self._fans, self._discs, EYES, strict=True
        ):
            lit = np.full((1, 3), light.gain) * shading[list(eye.contour)].mean(0) / max(light.gain, 1e-3)
            screen.use(white, depth=False, blend="hole")
            place = _range(self._posed(ball.fan, pose, camera), _INSIDE)
            fan_surface.draw(place, ball.fan_uv, np.broadcast_to(lit, (len(place), 3)))
            screen.use(iris, depth=False, blend="over")
            place = _range(self._posed(ball.look(pose.gaze), pose, camera), _INSIDE)
            disc_surface.draw(place, ball.disc_uv, np.broadcast_to(lit, (len(place), 3)))
        screen.use(self.picture, facing=True, blend="over", least=0.02)
        self._skin.draw(_range(seen, _SKIN), self._uv, shading)
        return screen.end_picture(), seen

    def irises(self, pose: Pose, camera: Camera) -> Array:
        """Return the face mesh's points of both irises, on from its 468th, as `draw` returns vertices, `[10, 3]`.

        They are where the irises are, also behind shut lids.
        """
        points = np.concatenate([ball.iris_points(pose.gaze) for ball in self._eyeballs])
        return self._posed(points, pose, camera)

    def trace(self, seen: Array, carried: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw what the vertices carry where they are seen.

        Args:
            seen: where they are, from `draw`, `[V, 3]`.
            carried: three numbers each, `[V, 3]`.

        Returns:
            `[F, F, 4]`: the three numbers, and 1 on skin, hair and clothes, 2 on eyes and mouth, 0 elsewhere; and the
            depth `[F, F]` as `depth_of` gives it, 1 where nobody is.
        """
        place = np.c_[seen[:, :2], 2 * depth_of(seen[:, 2]) - 1]
        value = np.c_[carried, np.ones(len(carried))]
        self._screen.begin_field(self.picture)
        self._field_back.draw(place, self._uv, value)
        self._screen.only_facing()
        self._field_skin.draw(place, self._uv, value)
        value[:, 3] = 2
        self._field_plugs.draw(place[:LANDMARKS], self._uv[:LANDMARKS], value[:LANDMARKS])
        return self._screen.end_field()

    def release(self) -> None:
        """Give all textures and buffers back."""
        textures = [self.picture, self._opaque, self._background, self._clear]
        surfaces: list[Any] = [self._skin, self._back, self._holes, self._wall]
        surfaces += [self._field_skin, self._field_back, self._field_plugs]
        for item in [*textures, *self._whites, *self._irises, *self._mouths, *surfaces]:
            item.release()
        for item in [*self._fans, *self._discs, *self._parts]:
            item.release()

    def _posed(self, points: Array, pose: Pose, camera: Camera) -> Array:
        return self._seen(self.rig.turn(points, 1.0, pose), camera)

    def _seen(self, points: Array, camera: Camera) -> Array:
        depth = (points[:, 2] - self.rig.pivot[2]) / self.rig.mesh.face_width
        return np.column_stack([camera.to_frame(points[:, :2]), depth])

    def _draw_background(self, camera: Camera, light: Light) -> None:
        corners = np.array([[-1.0, -1.0], [2.0, -1.0], [-1.0, 2.0], [2.0, 2.0]])
        place = np.c_[camera.to_frame(corners * self._size), np.full(4, 0.99)]
        self._screen.use(self._background, depth=False)
        self._wall.draw(place, corners, np.full((4, 3), light.gain))

    def _shading(self, seen: Array, camera: Camera, light: Light) -> Array:
        """Return light on every vertex: how much brighter it is than in the portrait, `[V, 3]`."""
        space = seen * [camera.size / 2, camera.size / 2, self.rig.mesh.face_width]
        normals = vertex_normals(self.rig.mesh, space)
        before = 1 + light.strength * np.maximum(self._normals @ light.direction, 0)
        after = 1 + light.strength * np.maximum(normals @ light.direction, 0)
        lamp = 1 + 0.6 * light.strength * (after / before.mean() - 1)
        ratio = np.clip(after / before * lamp, 0.55, 1.6) * light.gain
        return np.repeat(ratio[:, None], 3, axis=1)


def depth_of(z: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the depth in [0, 1], 0 nearest, of `z` in face widths before the pivot."""
    return np.asarray(np.clip(0.5 - z / _DEEP, 0, 1))


def _range(seen: Array, span: tuple[float, float]) -> Array:
    """Return clip coordinates `[V, 3]` with the depth squeezed into one range."""
    near, far = span
    depth = near + (far - near) * depth_of(seen[:, 2])
    return np.column_stack([seen[:, :2], 2 * depth - 1])


def _polygon(count: int) -> NDArray[np.int64]:
    """Return triangles that fill a polygon zigzag from its first corner to the opposite one."""
    triangles, low, high = [], 0, count - 1
    while high - low > 1:
        triangles.append([low, low + 1, high])
        if high - low > 2:
            triangles.append([low + 1, high - 1, high])
        low, high = low + 1, high - 1
    return np.array(triangles)
