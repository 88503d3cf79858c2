"""What keeps the studio quick: it is warm before visitors come."""

from fomm.config.render import RenderSettings
from fomm.studio.serve.warm import warm_up
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.ledger import Ledger


def test_warming_up_loads_what_a_visitor_needs_and_leaves_no_trace(tiny_checkpoint, tmp_path):
    pipeline = Pipeline(str(tiny_checkpoint), RenderSettings(device="cpu"), Ledger(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    warm_up(pipeline)
    assert sorted(tmp_path.rglob("*")) == before
    assert pipeline.finder._cascade is not None
