"""Flow error on labelled clips: where the motion says a pixel comes from against where it does come from.

For driving frames spread over the clip, the source is the frame that the true flow points to; where that was not read,
the frame is passed over. The error is the Euclidean distance in px of a 256 px frame, averaged over cells whose true
flow is known, and apart around lips and eyelids.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fomm.config.motion import ANYWHERE, TransferSettings
from fomm.evaluation.baselines import BASELINES, ORACLE, THIN_PLATE, displacement
from fomm.evaluation.labelled import TrueFlow
from fomm.evaluation.measures.pictures import Picture
from fomm.evaluation.measures.tally import MODEL, Tally
from fomm.evaluation.reading import Reading, Tools, with_like_guides
from fomm.evaluation.reenact import Summary, carried, whole_portrait
from fomm.retarget.transfer import Transfer
from fomm.tasks.tracking import surface_tracker
from fomm.track.builder import TrackBuilder
from fomm.training.data.labelled_clips import FIELD_SIDE, FRAME_SIDE

_PAIR = TransferSettings(reference="0", roam=ANYWHERE)
_NAMES = {"all": "flow", "mouth": "flow_mouth", "eyes": "flow_eyes"}


def judge_flow(tools: Tools, clip: Reading, driver: Reading) -> Summary:
    """Return the flow errors of a labelled clip driven by itself (`driver is clip`) or by its twin."""
    truth, lent = clip.clip.truth, driver.clip.truth
    if truth is None or lent is None:
        return {}
    tally = Tally()
    flows = {driving: truth.flow(driving) for driving in range(0, len(clip), tools.settings.every)}
    flows = {driving: flow for driving, flow in flows.items() if flow.source < len(clip)}
    wanted = {moment for driving, flow in flows.items() for moment in (driving, flow.source)}
    pictures = _pick(clip, wanted)
    shown = pictures if driver is clip else _pick(driver, wanted)
    guided, lender = with_like_guides(tools, clip, driver)
    for driving, flow in flows.items():
        moments = (flow.source, driving)
        fields = {name: _warp(name, guided.guide, lender.guide, moments) for name in BASELINES}
        fields[ORACLE] = _warp(THIN_PLATE, truth.landmarks, lent.landmarks, moments)
        fields[MODEL] = _model(tools, pictures[flow.source], [shown[moment] for moment in moments])
        _compare(tally, fields, flow)
    return tally.summary()


def _compare(tally: Tally, fields: Mapping[str, NDArray[np.float64]], flow: TrueFlow) -> None:
    for method, field in fields.items():
        error = np.linalg.norm(field - flow.displacement, axis=-1) * FRAME_SIDE / 2  # [64, 64]
        for region, weights in flow.weights.items():
            total = float(weights.sum())
            if total:
                tally.add(_NAMES[region], method, float((error * weights).sum()) / total, total)


def _warp(
    name: str, points: NDArray[np.float64], lent: NDArray[np.float64], moments: tuple[int, int]
) -> NDArray[np.float64]:
    """Return a baseline's displacement `[64, 64, 2]` where `lent` points `[T, K, 2]` move a clip's own."""
    source, driving = moments
    return displacement(name, points[source], carried(points[source], lent[source], lent[driving]), FIELD_SIDE)


def _model(tools: Tools, source: Picture, driver: list[Picture]) -> NDArray[np.float64]:
    """Return the model's displacement `[64, 64, 2]` for a driver going from one picture to another."""
    animator = tools.pipeline._animator
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
    return {moment: frame for moment, frame in enumerate(clip.frames()) if moment in wanted}
