"""Train only the network that finds the person, on a folder of portraits with mattes."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from fomm.config.training.stages import CompactConfig
from fomm.errors import SettingsError
from fomm.model.compact import CompactModel
from fomm.networks.compact.detector import to_blocks
from fomm.networks.compact.matte import CompactMatte
from fomm.training.data.portrait_views import MatteViews, PortraitPictures, draw_views
from fomm.training.losses.matte import matte_loss
from fomm.training.tasks.part import PartTask
from fomm.training.tasks.task import Draw, Outcome, Pictures


class MatteTask(PartTask):
    """The matte stages of a compact configuration as a `Task`.

    Args:
        config: model and schedule; every stage must be named matte.
        portraits: what to learn from.
        device: where to compute.

    Raises:
        SettingsError: another stage is in the schedule, or the model has no matte.
    """

    name = "matte"
    alone = "portraits train the matte alone; other stages train on clips"

    def __init__(self, config: CompactConfig, portraits: PortraitPictures, device: torch.device) -> None:
        super().__init__(config, {"data": "portraits"}, device)
        self.portraits = portraits

    def part_of(self, model: CompactModel) -> CompactMatte:
        """Return the matte's network; see the base class."""
        if model.matte is None:
            raise SettingsError("A stage named matte trains a model that has one; set model.matte_width.")
        return model.matte

    def make_batch(self, draw: Draw) -> MatteViews:
        """Return random views of random portraits."""
        stage = self.config.training.stages[draw.phase]
        views = draw_views(self.portraits, stage.batch_size, stage.side, torch.Generator().manual_seed(draw.seed))
        return MatteViews(views.pictures.to(self.device), views.person.to(self.device))

    def losses(self, batch: MatteViews) -> Outcome:
        """Compute the loss."""
        matte = self.part_of(self.model)
        return Outcome({"matte": matte_loss(matte, self.model.settings, batch.pictures, batch.person)})

    def pictures(self, batch: MatteViews) -> Pictures:
        """Return the batch, its mattes, and what is found, as pictures."""
        settings, size = self.model.settings, batch.pictures.shape[2:]
        blocks = to_blocks(batch.pictures, settings.motion_side, settings.matte_detail)
        found = self.part_of(self.model).find(blocks)
        person, mattes = (planes.expand(-1, 3, -1, -1) for planes in (batch.person, F.interpolate(found, size=size)))
        return Pictures(batch.pictures, person, mattes)
