"""Which landmarks of the 468-point MediaPipe face mesh make up outline, lips and lids.

"Left" and "right" are the person's own; in a portrait the person's right eye is on the left.
"""

from __future__ import annotations

from dataclasses import dataclass

LANDMARKS = 468
FACE_OUTLINE = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
UPPER_LIP_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
INNER_LIPS = UPPER_LIP_INNER + LOWER_LIP_INNER[-2:0:-1]
LEFT_EDGE, RIGHT_EDGE = 234, 454  # widest points of the face, left and right in the picture
NOSE_TIP, CHIN, FOREHEAD = 1, 152, 10
MOUTH_CORNERS = (78, 308)
# Points that expressions hardly move.
RIGID = (
    33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 98, 327, 61, 291, 10, 152, 234, 454, 151, 9, 8, 50, 280, 172, 397,
)  # fmt: skip


@dataclass(frozen=True)
class Eye:
    """One eye: its lids from the outer corner inward, and its iris.

    Attributes:
        upper: margin of the upper lid without the corners, `[7]`.
        lower: margin of the lower lid, point by point below `upper`.
        fold: skin just above the upper margin.
        socket: skin between fold and brow.
        bag: skin just below the lower margin.
        corners: outer and inner.
        iris: centre and four points of its edge among the 478 refined landmarks.
        side: "Right" or "Left", as the units' names end.
    """

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    fold: tuple[int, ...]
    socket: tuple[int, ...]
    bag: tuple[int, ...]
    corners: tuple[int, int]
    iris: tuple[int, ...]
    side: str

    @property
    def blink(self) -> str:
        """Return the name of the unit that closes it."""
        return f"eyeBlink{self.side}"

    @property
    def wide(self) -> str:
        """Return the name of the unit that opens it wide."""
        return f"eyeWide{self.side}"

    @property
    def squint(self) -> str:
        """Return the name of the unit that narrows it."""
        return f"eyeSquint{self.side}"

    @property
    def contour(self) -> tuple[int, ...]:
        """Return the margin all round: outer corner, upper lid, inner corner, lower lid."""
        return (self.corners[0], *self.upper, self.corners[1], *self.lower[::-1])


EYES = (
    Eye(
        upper=(246, 161, 160, 159, 158, 157, 173),
        lower=(7, 163, 144, 145, 153, 154, 155),
        fold=(247, 30, 29, 27, 28, 56, 190),
        socket=(113, 225, 224, 223, 222, 221, 189),
        bag=(25, 110, 24, 23, 22, 26, 112),
        corners=(33, 133),
        iris=(468, 469, 470, 471, 472),
        side="Right",
    ),
    Eye(
        upper=(466, 388, 387, 386, 385, 384, 398),
        lower=(249, 390, 373, 374, 380, 381, 382),
        fold=(467, 260, 259, 257, 258, 286, 414),
        socket=(342, 445, 444, 443, 442, 441, 413),
        bag=(255, 339, 254, 253, 252, 256, 341),
        corners=(263, 362),
        iris=(473, 474, 475, 476, 477),
        side="Left",
    ),
)
