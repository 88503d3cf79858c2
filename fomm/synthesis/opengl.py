"""The renderer: textured triangles into a frame, and numbers carried by triangles into fields, without a screen.

Runs on any OpenGL 3.3 that EGL can open, such as Mesa's llvmpipe on the processor, with one thread: clips are drawn by
several processes, and the same threads give the same pixels.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fomm.errors import SettingsError

_SAMPLES = 4
_VERTEX = """#version 330
in vec3 place; in vec2 spot; in vec3 light; out vec2 at; out vec3 lit;
void main() { gl_Position = vec4(place, 1); at = spot; lit = light; }"""
_PICTURE = """#version 330
in vec2 at; in vec3 lit; out vec4 colour; uniform sampler2D picture; uniform float least;
void main() { vec4 c = texture(picture, at); if (c.a < least) discard; colour = vec4(c.rgb * lit, c.a); }"""
_FIELD_VERTEX = """#version 330
in vec3 place; in vec2 spot; in vec4 value; out vec2 at; out vec4 carried; out float depth;
void main() { gl_Position = vec4(place, 1); at = spot; carried = value; depth = place.z; }"""
_FIELD = """#version 330
in vec2 at; in vec4 carried; in float depth; layout(location=0) out vec4 field; layout(location=1) out vec4 seen;
uniform sampler2D picture;
void main() { if (texture(picture, at).a < 0.5) discard; field = carried; seen = vec4(depth, carried.w, 0, 1); }"""


def open_context() -> Any:
    """Return an OpenGL context without a window.

    Raises:
        SettingsError: moderngl is not installed, or this machine has no OpenGL through EGL.
    """
    os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        moderngl: Any = import_module("moderngl")  # an extra: only who draws clips needs it
    except ImportError as error:
        raise SettingsError("Drawing clips needs moderngl; install it with: pip install 'fomm[synthesis]'.") from error
    try:
        return moderngl.create_context(standalone=True, backend="egl", require=330)
    except Exception as error:  # glcontext raises bare exceptions
        raise SettingsError(
            f"OpenGL 3.3 cannot be opened through EGL ({error}); on Debian: apt install libegl1 libgl1-mesa-dri."
        ) from error


class Surface:
    """Triangles that are drawn again and again with other vertices.

    Args:
        context: from `open_context`.
        program: what draws them.
        triangles: `[T, 3]`.
        count: number of vertices.
        layout: floats of each attribute, such as "3f 2f 3f".
        names: the attributes.
    """

    def __init__(
        self,
        context: Any,
        program: Any,
        triangles: NDArray[np.integer],
        count: int,
        layout: str,
        names: tuple[str, ...],
    ) -> None:
        self._floats = sum(int(part[0]) for part in layout.split())
        self._buffer = context.buffer(reserve=max(count, 1) * self._floats * 4, dynamic=True)
        self._order = context.buffer(np.ascontiguousarray(triangles, np.int32).tobytes())
        self._array = context.vertex_array(program, [(self._buffer, layout, *names)], self._order)

    def draw(self, *columns: NDArray[np.floating]) -> None:
        """Draw with these attributes, each `[V, n]`."""
        self._buffer.write(np.ascontiguousarray(np.hstack(columns), np.float32).tobytes())
        self._array.render()

    def release(self) -> None:
        """Give the memory back."""
        for item in (self._array, self._buffer, self._order):
            item.release()


class Screen:
    """Draws pictures `[S, S, 3]` and fields.

    Depth runs from 0 (nearest) to 1. Row 0 is the top.

    Args:
        side: side of the picture in pixels.
        field_side: side of the fields.
        beside: another screen to share textures with; a context of its own when None.
    """

    def __init__(self, side: int, field_side: int, beside: Screen | None = None) -> None:
        self._context: Any = beside._context if beside else open_context()
        context = self._context
        self.side, self.field_side = side, field_side
        size, small = (side, side), (field_side, field_side)
        self._picture = context.program(_VERTEX, _PICTURE)
        self._field = context.program(_FIELD_VERTEX, _FIELD)
        self._drawn = context.framebuffer(
            [context.renderbuffer(size, 4, samples=_SAMPLES)], context.depth_renderbuffer(size, samples=_SAMPLES)
        )
        self._resolved = context.framebuffer([context.renderbuffer(size, 4)])
        self._fields = context.framebuffer(
            [context.texture(small, 4, dtype="f4"), context.texture(small, 4, dtype="f4")],
            context.depth_renderbuffer(small),
        )

    def texture(self, picture: NDArray[np.uint8], smooth: bool = True) -> Any:
        """Return a texture of a picture `[H, W, 4]`, its edge continued outward."""
        height, width = picture.shape[:2]
        texture = self._context.texture((width, height), 4, np.ascontiguousarray(picture).tobytes())
        texture.repeat_x = texture.repeat_y = False
        if smooth:
            texture.build_mipmaps()
            texture.filter = (self._context.LINEAR_MIPMAP_LINEAR, self._context.LINEAR)
        return texture

    def surface(self, triangles: NDArray[np.integer], count: int) -> Surface:
        """Return triangles to be drawn with place `[V, 3]`, spot in the texture `[V, 2]` and light `[V, 3]`."""
        return Surface(self._context, self._picture, triangles, count, "3f 2f 3f", ("place", "spot", "light"))

    def field_surface(self, triangles: NDArray[np.integer], count: int) -> Surface:
        """Return triangles to be drawn with place `[V, 3]`, spot `[V, 2]` and four numbers `[V, 4]`."""
        return Surface(self._context, self._field, triangles, count, "3f 2f 4f", ("place", "spot", "value"))

    def begin_picture(self) -> None:
        """Start an empty picture."""
        self._drawn.use()
        self._drawn.clear(0, 0, 0, 1, depth=1.0)

    def use(
        self, texture: Any, *, depth: bool = True, facing: bool = False, blend: str = "", least: float = -1.0
    ) -> None:
        """Choose how the next surfaces are drawn.

        Args:
            texture: what they show.
            depth: whether what is nearer hides what is farther.
            facing: whether to leave out triangles that turn away.
            blend: "" to replace what is there, "over" to mix by the texture's alpha, "hole" to draw only through
                holes, which are whatever was drawn last with an alpha of 0.
            least: pixels whose alpha is below it are left out.
        """
        context = self._context
        flags = (context.DEPTH_TEST if depth else 0) | (context.CULL_FACE if facing else 0)
        context.enable_only(flags | (context.BLEND if blend else 0))
        if blend == "over":
            context.blend_func = context.SRC_ALPHA, context.ONE_MINUS_SRC_ALPHA
        elif blend == "hole":
            context.blend_func = context.ONE_MINUS_DST_ALPHA, context.DST_ALPHA, context.ZERO, context.ONE
        self._picture["least"] = least
        texture.use(0)

    def end_picture(self) -> NDArray[np.uint8]:
        """Return the picture `[S, S, 3]`."""
        self._context.copy_framebuffer(self._resolved, self._drawn)
        return np.frombuffer(self._resolved.read(components=3), np.uint8).reshape(self.side, self.side, 3)

    def begin_field(self, texture: Any) -> None:
        """Start an empty field; where the texture is transparent, surfaces have holes."""
        self._fields.use()
        self._fields.clear(0, 0, 0, 0, depth=1.0)
        self._context.enable_only(self._context.DEPTH_TEST)
        texture.use(0)

    def only_facing(self) -> None:
        """Leave out triangles of the next field surfaces that turn away."""
        self._context.enable(self._context.CULL_FACE)

    def end_field(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the carried numbers `[F, F, 4]`, and depth `[F, F]` (1 where nothing is)."""
        side = self.field_side
        field, seen = (
            np.frombuffer(self._fields.read(components=4, attachment=place, dtype="f4"), np.float32) for place in (0, 1)
        )
        seen = seen.reshape(side, side, 4)
        return field.reshape(side, side, 4), np.where(seen[..., 3] > 0, seen[..., 0] / 2 + 0.5, 1)
