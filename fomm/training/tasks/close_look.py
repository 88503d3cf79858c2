"""Train only the close look at mouth and eyes, on paired labelled clips."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.model.compact import CompactModel
from fomm.networks.compact.close_look import CloseLook
from fomm.training.data.labelled_clips import PairedClips, TransferBatch
from fomm.training.data.picks import random_picks
from fomm.training.data.resident import ResidentClips
from fomm.training.losses.close_look import CloseViews, close_losses, draw_close_views
from fomm.training.tasks.part import PartTask
from fomm.training.tasks.task import Draw, Outcome, Pictures


class CloseTask(PartTask):
    """The close stages of a compact configuration as a `Task`.

    Args:
        config: model and schedule; every stage must be named close.
        clips: what to learn from.
        device: where to compute.

    Raises:
        SettingsError: another stage is in the schedule, or the model does not look twice.
    """

    name = "close"
    alone = "stages named close train nothing else; give them a configuration of their own"
    momentum = 0.9
    closer = True

    def __init__(self, config: CompactConfig, clips: PairedClips | ResidentClips, device: torch.device) -> None:
        super().__init__(config, {}, device)
        self.clips = clips

    def part_of(self, model: CompactModel) -> CloseLook:
        """Return the networks that look again; see the base class."""
        if model.detector.close is None:
            raise SettingsError("A stage named close trains a model that looks closer; set model.close_look.")
        return model.detector.close

    def make_batch(self, draw: Draw) -> CloseViews:
        """Return views of random people and moments."""
        stage = self.config.training.stages[draw.phase]
        batch = self.clips.batch(random_picks(self.clips, stage, np.random.default_rng(draw.seed)))
        with self.device:
            batch = TransferBatch(**{name: value.to(self.device) for name, value in vars(batch).items()})
            return draw_close_views(batch, torch.Generator(self.device).manual_seed(draw.seed))

    def losses(self, batch: CloseViews) -> Outcome:
        """Compute the losses."""
        return Outcome(close_losses(self.part_of(self.model), batch))

    def pictures(self, batch: CloseViews) -> Pictures:
        """Return views of mouths, and of left and right eyes, as pictures."""
        shown = batch.mouths.shown
        left, right = (F.interpolate(eyes, shown.shape[2:]) for eyes in batch.eyes.shown.chunk(2))
        return Pictures(shown, left, right)
