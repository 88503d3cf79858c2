"""Every address of the studio that can hand out a generated picture, and what each picture carries.

The lists are complete: an endpoint or a route that is in neither fails here. The events of the page call the same
methods of `Studio`, whose test `tests/trust/test_every_entry.py` has.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

import fomm
from fomm.studio.app import Serving, launch
from fomm.trust.marks.evidence import FOUND
from fomm.trust.marks.manifest_reader import TRUSTED
from fomm.trust.marks.verify import verify

EMITTING = {"/animate", "/preview", "/edit"}
SILENT = {"/faces", "/consents", "/grant", "/track", "/edit_motion", "/verify", "/stop"}
LIVE = "/live/frame"  # frames of a live session: label and mark in every one; `test_live_streams.py` reads them
OTHERS = {"/health"}


def test_the_list_of_endpoints_is_complete(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == EMITTING | SILENT


def test_the_list_of_routes_is_complete():
    """What the studio serves beside Gradio's own routes, as its source says."""
    folder = Path(fomm.__file__).parent / "studio"
    source = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    routes = re.findall(r"\bRoute\(([^,]+),", source)
    assert sorted(routes) == [*(f'"{route}"' for route in OTHERS), "PATH"]
    assert len(re.findall(r"\bgr\.(?:api|mount_gradio_app)\(|\.add_(?:api_)?route\(|\bMount\(", source)) == 0
    live = (folder / "live" / "route.py").read_text()
    assert f'PATH = "{LIVE}"' in live


@pytest.fixture
def editing_client(editor, tmp_path):
    """A client of a studio whose model can edit, and the one place for uploads of a process given back."""
    place = os.environ["GRADIO_TEMP_DIR"]
    page, address = launch(editor, Serving(port=0))
    yield Client(address, verbose=False, download_files=str(tmp_path / "downloads"))
    page.close(verbose=False)
    os.environ["GRADIO_TEMP_DIR"] = place


def read(studio, path, folder):
    """Return what a file that was handed out carries, after its name is lost."""
    kept = folder / f"kept{Path(path).suffix}"
    shutil.copy(path, kept)
    report = verify(kept, studio.pipeline.ledger)
    return report.verdict, report.manifest.state, report.watermark.state


@pytest.mark.parametrize("endpoint", ["/animate", "/preview"])
def test_what_an_endpoint_hands_out_is_marked(endpoint, client, studio, portrait_photo, talk, tmp_path):
    made = client.predict(handle_file(portrait_photo), handle_file(talk), {}, api_name=endpoint)
    assert read(studio, made if isinstance(made, str) else made[0], tmp_path) == ("intact", TRUSTED, FOUND)


def test_an_edited_still_is_marked(editing_client, editor, portrait_photo, tmp_path):
    settings = {"edit": {"yaw": 5.0}}
    made, _ = editing_client.predict(handle_file(portrait_photo), settings, api_name="/edit")
    assert read(editor, made, tmp_path) == ("intact", TRUSTED, FOUND)
