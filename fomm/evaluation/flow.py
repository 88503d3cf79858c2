"""Flow error on labelled clips: where the motion says a pixel comes from against where it does come from.

For driving frames spread over the clip, the source is the frame that the true flow points to. The error is the
Euclidean distance in px of a 256 px frame, averaged over cells whose true flow is known, and apart around lips and
eyelids.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fomm.evaluation.baselines import BASELINES, displacement
from fomm.evaluation.labelled import ClipTruth, TrueFlow
from fomm.evaluation.pictures import Picture
from fomm.evaluation.reading import Reading, Tools
from fomm.evaluation.reenact import Summary, carried, whole_portrait
from fomm.evaluation.tally import MODEL, Tally
from fomm.motion.track_builder import TrackBuilder
from fomm.motion.transfer import ANYWHERE, Transfer, TransferSettings
from fomm.scenes.tracking import surface_tracker
from fomm.training.clips import FIELD_SIDE, FRAME_SIDE

_PAIR = TransferSettings(reference="0", roam=ANYWHERE)
_NAMES = {"all": "flow", "mouth": "flow_mouth", "eyes": "flow_eyes"}


def judge_flow(tools: Tools, clip: Reading, driver: Reading) -> Summary:
    """Return the flow errors of a labelled clip driven by itself (`driver is clip`) or by its twin."""
    truth, lender = clip.clip.truth, driver.clip.truth
    if truth is None or lender is None:
        return {}
    tally = Tally()
    driving_moments = range(0, len(clip), tools.settings.every)
    wanted = {moment for driving in driving_moments for moment in (driving, int(truth.source[driving]))}
    pictures = _pick(clip, wanted)
    lent = pictures if driver is clip else _pick(driver, wanted)
    for driving in driving_moments:
        flow = truth.flow(driving)
        moments = (flow.source, driving)
        fields = {name: _baseline(name, truth, lender, moments) for name in BASELINES}
        fields[MODEL] = _model(tools, pictures[flow.source], [lent[moment] for moment in moments])
        _compare(tally, fields, flow)
    return tally.summary()


def _compare(tally: Tally, fields: Mapping[str, NDArray[np.float64]], flow: TrueFlow) -> None:
    for method, field in fields.items():
        error = np.linalg.norm(field - flow.displacement, axis=-1) * FRAME_SIDE / 2  # [64, 64]
        for region, weights in flow.weights.items():
            total = float(weights.sum())
            if total:
                tally.add(_NAMES[region], method, float((error * weights).sum()) / total, total)


def _baseline(name: str, truth: ClipTruth, lender: ClipTruth, moments: tuple[int, int]) -> NDArray[np.float64]:
    source, driving = moments
    target = carried(truth.landmarks[source], lender.landmarks[source], lender.landmarks[driving])
    return displacement(name, truth.landmarks[source], target, FIELD_SIDE)


def _model(tools: Tools, source: Picture, driver: list[Picture]) -> NDArray[np.float64]:
    """Return the model's displacement `[64, 64, 2]` for a driver going from one picture to another."""
    animator = tools.pipeline.animator
    portrait = whole_portrait(tools, source)
    builder = TrackBuilder(Fraction(25), tools.pipeline.detector)
    builder.append(surface_tracker(animator).follow(driver, animator.detect(driver)))
    transfer = Transfer(portrait.keypoints, builder.build(), _PAIR, tools.pipeline.anatomy)
    made = next(animator.frames(portrait, transfer.driving(1, 2)))
    planes = made.motion.displacement().detach().float().cpu().permute(0, 3, 1, 2)  # [1, 2, h, w]
    cells = F.interpolate(planes, size=(FIELD_SIDE, FIELD_SIDE), mode="bilinear", align_corners=False)
    field: torch.Tensor = cells[0].permute(1, 2, 0)
    return field.double().numpy()


def _pick(clip: Reading, wanted: set[int]) -> dict[int, Picture]:
    """Read a labelled clip once more and keep the frames that are wanted; such clips are a second or two long."""
    return {moment: frame for moment, frame in enumerate(clip.clip.frames(max(wanted) + 1)) if moment in wanted}
