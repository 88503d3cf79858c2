"""Views of portraits with known mattes: what the network that finds the person learns from.

Clips show few walls, and always the person's own or a plain one. Here each view shows a person before the wall behind
somebody else, bent and lit differently from it, so that neither a shape nor a colour gives the answer away. Close
photos cut off hair and shoulders: some views begin below the crown, and some leave their photo and repeat its edges, as
windows do in `fomm.source.canvas`. All coordinates run from -1 to 1 between the outer edges of a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fomm.errors import MediaError
from fomm.face.crop import CropWindow
from fomm.face.locate import FaceFinder
from fomm.geometry.grids import coordinate_grid
from fomm.media.photo.image import read_image
from fomm.training.augment.hats import hats
from fomm.training.augment.rng import TorchRng

MATTE = "_alpha.png"
_WALL = "_background.jpg"
_HELD_OUT = "5"  # as in `fomm synthesize`
_STORED_PX = 448

_AS_IT_IS = 0.4  # share of views with the person's own wall
_PLAIN = 0.2  # of the others: before a flat colour or a gradient
_ZOOM, _TURN, _SHIFT = 0.4, 0.2, (0.3, 0.25)  # largest: logarithm, radians, parts of half the face's window
_BEND = 0.05  # largest bend of a person, in parts of half the window
_WALL_ZOOM, _WALL_SHIFT = 0.5, 0.3
_LIGHT = 0.35  # largest relative change of brightness, contrast and gamma
_BLURRED, _NOISE = 0.3, 0.04
_GREY = 0.08
_HATS, _KNITTED = 0.25, 0.3  # share of views with a hat; of these, share that is as patterned as walls
_BLACK, _BLACKEST = 0.4, 0.05  # share of hats that are dark, as caps often are; least light of them
_CLOSE, _CROWN = 0.2, (0.4, 1.0)  # share of views that begin between brows and crown, in parts of half the window
_LEFT = (0.25, 0.1, 0.1)  # shares that leave their photo above, on the left and on the right
_BEYOND = (0.35, 0.2, 0.2)  # the largest parts of a view beyond it


@dataclass(frozen=True)
class PortraitPictures:
    """Portraits in memory.

    Attributes:
        people: pictures with their mattes as a fourth channel, uint8 `[N, 4, R, R]`.
        walls: what is behind them with nobody in front, uint8 `[M, 3, R, R]`; M may be 0.
        windows: centre x, y and half the side of the windows that show their faces, `[N, 3]`.
    """

    people: Tensor
    walls: Tensor
    windows: Tensor

    @classmethod
    def read(cls, folder: Path, limit: int | None = None) -> PortraitPictures:
        """Read `NAME.jpg` with `NAME_alpha.png` and, where it is there, `NAME_background.jpg`.

        Portraits whose number ends in 5 are held out.

        Raises:
            MediaError: none shows a face, or a file is damaged or of another size than its picture.
        """
        names = sorted(path.name.removesuffix(MATTE) for path in folder.glob(f"*{MATTE}"))
        finder, people, walls, windows = FaceFinder(), [], [], []
        for name in [name for name in names if not name.endswith(_HELD_OUT)][:limit]:
            picture = read_image(folder / f"{name}.jpg")
            matte = read_image(folder / f"{name}{MATTE}")[..., :1]
            if picture.shape[:2] != matte.shape[:2]:
                raise MediaError(f"{folder / name}{MATTE} is not of the picture's size; make the matte anew.")
            faces = finder.find(picture)
            if not faces:
                continue
            window = CropWindow.around(max(faces, key=lambda face: face.size))
            height, width = picture.shape[:2]
            square = CropWindow((width - max(width, height)) / 2, (height - max(width, height)) / 2, max(width, height))
            middle = (window.x + window.side / 2 - square.x, window.y + window.side / 2 - square.y)
            windows.append([2 * place / square.side - 1 for place in middle] + [window.side / square.side])
            both = (picture, np.repeat(matte, 3, axis=2))
            shown, person = (_planes(square.crop(image, _STORED_PX)) for image in both)
            people.append(torch.cat((shown, person[:1])))
            if (folder / f"{name}{_WALL}").is_file():
                walls.append(_planes(square.crop(read_image(folder / f"{name}{_WALL}"), _STORED_PX)))
        if not people:
            raise MediaError(f"{folder} holds no portrait with a face and a matte, NAME.jpg with NAME{MATTE}.")
        none = torch.zeros(0, 3, _STORED_PX, _STORED_PX, dtype=torch.uint8)
        return cls(torch.stack(people), torch.stack(walls) if walls else none, torch.tensor(windows))


@dataclass(frozen=True)
class MatteViews:
    """A batch: `pictures` `[B, 3, S, S]` and where the `person` is, `[B, 1, S, S]`, both in [0, 1]."""

    pictures: Tensor
    person: Tensor


def draw_views(portraits: PortraitPictures, count: int, side: int, generator: torch.Generator) -> MatteViews:
    """Return `count` random views of `side` pixels; `generator` alone decides the randomness."""
    rng = TorchRng(generator)
    chosen = rng.numbers(len(portraits.people), count)
    window = portraits.windows[chosen]
    centre = window[:, :2] + rng.around(count, 2) * torch.tensor(_SHIFT) * window[:, 2:]
    size = window[:, 2] * torch.exp(rng.around(count) * _ZOOM)
    begins = window[:, 1] - window[:, 2] * rng.between(*_CROWN, count)
    centre[:, 1] = torch.where(rng.chance(_CLOSE, count), begins + size, centre[:, 1])
    bend = F.interpolate(rng.around(count, 2, 5, 5) * _BEND, size=(side, side), mode="bicubic", align_corners=True)
    where = _view(centre, size, side, rng, bend)
    person, matte = _look(portraits.people[chosen], where, "border").split_with_sizes((3, 1), 1)
    hat = hats((where - window[:, None, None, :2]) / window[:, None, None, 2:], matte, rng)
    worn = hat.worn * rng.chance(_HATS, count, 1, 1, 1)
    cloth = _walls(portraits, count, side, rng, plain=1 - _KNITTED)
    dyed = torch.where(rng.chance(_BLACK, count, 1, 1, 1), rng.between(_BLACKEST, 0.5, count, 1, 1, 1), 1.0)
    person, matte = torch.lerp(person, cloth * dyed * hat.light, worn), torch.maximum(matte, worn)
    walls = _walls(portraits, count, side, rng, plain=_PLAIN)
    before_another = torch.lerp(_lit(walls, rng), _lit(person, rng), matte)
    pictures = torch.where(rng.chance(_AS_IT_IS, count, 1, 1, 1), _lit(person, rng), before_another)
    blurred = _blur(pictures, 2)
    pictures = torch.where(rng.chance(_BLURRED, count, 1, 1, 1), blurred, pictures)
    noise = torch.randn(pictures.shape, generator=generator) * rng.some(count, 1, 1, 1) * _NOISE
    views = _cut_off(torch.cat(((pictures + noise).clamp(0, 1), matte), 1), rng)
    return MatteViews(views[:, :3], views[:, 3:])


def _walls(portraits: PortraitPictures, count: int, side: int, rng: TorchRng, plain: float) -> Tensor:
    """Return walls with nobody before them, or a flat colour or a gradient, `[B, 3, S, S]` in [0, 1].

    `plain` is the share of the latter.
    """
    corners = rng.some(count, 3, 2, 2)
    flat = rng.chance(0.5, count, 1, 1, 1)
    corners = torch.where(flat, corners.mean((2, 3), keepdim=True), corners)
    smooth = F.interpolate(corners, size=(side, side), mode="bilinear", align_corners=False)
    if not len(portraits.walls):
        return smooth
    chosen = rng.numbers(len(portraits.walls), count)
    size = torch.exp(rng.around(count) * _WALL_ZOOM) / 2
    view = _view(rng.around(count, 2) * _WALL_SHIFT, size, side, rng)
    walls = _look(portraits.walls[chosen], view, "reflection")
    walls = torch.where(rng.chance(_BLURRED, count, 1, 1, 1), _blur(walls, 8), walls)
    return torch.where(rng.chance(plain, count, 1, 1, 1), smooth, walls)


def _cut_off(views: Tensor, rng: TorchRng) -> Tensor:
    """Return views `[B, C, S, S]`, some of which repeat a row near their upper end, or a column near their sides."""
    count, side = len(views), views.shape[2]
    places = torch.arange(side)
    cut = rng.some(count, 3) < torch.tensor(_LEFT)
    beyond = (rng.some(count, 3) * torch.tensor(_BEYOND) * side).long() * cut
    above, left, right = beyond[..., None].unbind(1)  # [B, 1]
    rows = places.maximum(above)
    columns = places.maximum(left).minimum(side - 1 - right)
    views = views.gather(2, rows[:, None, :, None].expand_as(views))
    return views.gather(3, columns[:, None, None].expand_as(views))


def _view(centre: Tensor, size: Tensor, side: int, rng: TorchRng, bend: Tensor | None = None) -> Tensor:
    """Return where the pixels of turned, mirrored windows come from, `[B, S, S, 2]`.

    Args:
        centre: of the windows, `[B, 2]`.
        size: half their sides, `[B]`.
        side: S.
        rng: turns and mirrors them.
        bend: shifts in parts of half the side, `[B, 2, S, S]`.
    """
    angle = rng.around(len(size)) * _TURN
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    mirror = torch.where(rng.chance(0.5, len(size)), -1.0, 1.0)
    linear = torch.stack((torch.stack((cos * mirror, -sin), -1), torch.stack((sin * mirror, cos), -1)), -2)
    grid = coordinate_grid(side, side, linear, corners=False)
    where = torch.einsum("bij,hwj->bhwi", linear, grid) + centre[:, None, None]
    return where if bend is None else where + bend.permute(0, 2, 3, 1) * size[:, None, None, None]


def _look(stored: Tensor, where: Tensor, padding: str) -> Tensor:
    return F.grid_sample(stored.float() / 255, where, padding_mode=padding, align_corners=False)


def _lit(pictures: Tensor, rng: TorchRng) -> Tensor:
    """Return pictures `[B, 3, S, S]` in another light, some of them grey."""
    count = len(pictures)
    gain = 1 + rng.around(count, 3, 1, 1) * _LIGHT / 2 + rng.around(count, 1, 1, 1) * _LIGHT
    lit = pictures.clamp(1e-4, 1) ** torch.exp(rng.around(count, 1, 1, 1) * _LIGHT)
    mean = lit.mean((1, 2, 3), keepdim=True)
    lit = ((lit - mean) * (1 + rng.around(count, 1, 1, 1) * _LIGHT) + mean) * gain
    grey = rng.chance(_GREY, count, 1, 1, 1)
    return torch.where(grey, lit.mean(1, keepdim=True), lit).clamp(0, 1)


def _blur(pictures: Tensor, times: int) -> Tensor:
    """Return pictures that have gone through so many times fewer pixels."""
    return F.interpolate(F.avg_pool2d(pictures, times), size=pictures.shape[2:], mode="bilinear", align_corners=False)


def _planes(image: np.typing.NDArray[np.uint8]) -> Tensor:
    """Return uint8 `[H, W, 3]` as `[3, H, W]`."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1)
