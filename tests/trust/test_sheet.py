"""Contact sheets: marked as a whole and in every picture, readable in a file, and told apart from outputs."""

from __future__ import annotations

import copy
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image

from fomm.cli.main import commands
from fomm.errors import OutputError, TrustError
from fomm.media.photo.image import read_image
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.already_marked import search_photo
from fomm.trust.marks.kinds import RESULT_SHEET, TRAINING_SHEET, kind_of, new_output_id
from fomm.trust.marks.verify import verify
from fomm.trust.release.sheet import MarkedSheet, SheetMarker


def pictures(rows: int, columns: int, side: int) -> np.ndarray:
    """Return faces beside each other, uint8 [rows, columns, side, side, 3]."""
    face = np.asarray(Image.fromarray(skimage.data.astronaut()[:256, 96:352]).resize((side, side)))
    return np.stack([[np.roll(face, 5 * (row + 2 * column), 1) for column in range(columns)] for row in range(rows)])


@pytest.fixture
def marker(ledger: Ledger) -> SheetMarker:
    return SheetMarker(TRAINING_SHEET, "a run", ledger.keys)


@pytest.mark.parametrize(("rows", "columns", "side"), [(6, 5, 256), (2, 5, 64), (1, 1, 48)])
def test_a_sheet_says_what_it_is(
    marker: SheetMarker, ledger: Ledger, tmp_path: Path, rows: int, columns: int, side: int
) -> None:
    sheet = marker.mark(pictures(rows, columns, side))
    sheet.write(tmp_path / "sheet.png")
    assert min(read_image(tmp_path / "sheet.png").shape[:2]) >= 512
    report = verify(tmp_path / "sheet.png", ledger)
    assert (report.verdict, report.manifest.state, report.watermark.state) == ("intact", "trusted", "found")
    assert report.kind is TRAINING_SHEET
    assert report.watermark.id == report.manifest.output_id == sheet.id
    assert "contact sheet of a training run made with fomm" in report.registry.detail
    assert list(tmp_path.glob(".*")) == []


def test_a_picture_cut_out_of_a_sheet_still_carries_the_mark(
    marker: SheetMarker, ledger: Ledger, tmp_path: Path
) -> None:
    sheet = marker.mark(pictures(6, 5, 256)).pixels
    for row, column in ((0, 3), (4, 3), (2, 2)):
        Image.fromarray(sheet[256 * row : 256 * row + 256, 256 * column : 256 * column + 256]).save(
            tmp_path / "cut.jpg", quality=85
        )
        report = verify(tmp_path / "cut.jpg", ledger)
        assert (report.verdict, report.kind) == ("marked", TRAINING_SHEET)


def test_the_label_is_seen_and_large_enough(marker: SheetMarker) -> None:
    plain = np.full((2, 5, 64, 64, 3), 128, np.uint8)
    changed = np.abs(marker.mark(plain).pixels.astype(int) - 128).max(2) > 60
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows[-1] - rows[0] + 1 >= 0.05 * 512
    assert columns[-1] - columns[0] > 80


def test_the_command_says_it_in_words(marker: SheetMarker, home: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FOMM_HOME", str(home))
    marker.mark(pictures(2, 5, 64)).write(tmp_path / "sheet.jpg")
    result = CliRunner().invoke(commands, ["verify", str(tmp_path / "sheet.jpg")], standalone_mode=False)
    assert result.return_value == 0
    assert "It is a contact sheet of a training run made with fomm." in result.output
    result = CliRunner().invoke(commands, ["verify", "--json", str(tmp_path / "sheet.jpg")])
    assert '"kind": "training-sheet"' in result.output


def test_a_changed_sheet_is_altered(marker: SheetMarker, ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    marker.mark(pictures(2, 5, 64)).write(path)
    data = path.read_bytes()
    words = b"tEXtComment\0drawn by hand"
    chunk = struct.pack(">I", len(words) - 4) + words + struct.pack(">I", zlib.crc32(words))
    path.write_bytes(data[:-12] + chunk + data[-12:])
    assert verify(path, ledger).verdict == "altered"
    broken = bytearray(data)
    broken[-200] ^= 1  # its pictures do not decode any more, and so they say nothing
    path.write_bytes(broken)
    assert verify(path, ledger).verdict == "unclear"


def test_a_sheet_is_no_photo_to_animate(marker: SheetMarker, ledger: Ledger) -> None:
    cut = np.ascontiguousarray(marker.mark(pictures(6, 5, 256)).pixels[:256, 768:1024])
    with pytest.raises(TrustError, match="not a photo"):
        search_photo(b"", cut, "cut.png", ledger.keys)().settle()


def test_marked_sheets_cannot_be_made_up(marker: SheetMarker) -> None:
    sheet = marker.mark(pictures(1, 2, 64))
    with pytest.raises(TrustError, match="SheetMarker"):
        MarkedSheet(object(), sheet.pixels.copy(), TRAINING_SHEET, "a run", "weak", None)  # type: ignore[arg-type]
    with pytest.raises(TrustError, match="cannot be copied"):
        copy.copy(sheet)
    with pytest.raises(ValueError, match="read-only"):
        sheet.pixels[:] = 0
    with pytest.raises(OutputError, match="rows, columns"):
        marker.mark(np.zeros((64, 64, 3), np.uint8))


def test_sheets_of_a_run_share_an_id_and_outputs_never_have_one() -> None:
    assert TRAINING_SHEET.id_of("a") != TRAINING_SHEET.id_of("b")
    assert kind_of(TRAINING_SHEET.id_of("a")) is TRAINING_SHEET
    assert kind_of(RESULT_SHEET.id_of("a")) is RESULT_SHEET
    assert kind_of(new_output_id()) is None


def test_an_output_id_that_falls_on_a_reserved_one_is_drawn_again(monkeypatch) -> None:
    drawn = iter([TRAINING_SHEET.id_of("x"), "0123456789abcdef"])
    monkeypatch.setattr("fomm.trust.marks.kinds.secrets.token_hex", lambda count: next(drawn))
    assert new_output_id() == "0123456789abcdef"
