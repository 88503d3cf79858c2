"""The bar on the terminal: one over both passes, which names the pass at work."""

import io
import re

from rich.console import Console

from fomm.cli.display import progress_bars


def shown(passes, reports):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=110, color_system=None)
    with progress_bars(passes, console) as progress:
        for report in reports:
            progress(*report)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.strip()]
    return lines[-1 if passes else -2 :]


def test_both_passes_share_one_bar_that_ends_full():
    reports = [(stage, done, 40) for stage in ("track", "render") for done in range(0, 41, 8)]
    (halfway,) = shown(("track", "render"), reports[:6])
    assert "Reading the motion" in halfway
    assert "40/40" in halfway
    assert "100%" not in halfway
    assert " left" in halfway
    (end,) = shown(("track", "render"), reports)
    assert "Animating" in end
    assert "100%" in end


def test_an_unknown_length_shows_no_share():
    (line,) = shown(("track", "render"), [("track", 8, None), ("track", 16, None)])
    assert "16/?" in line
    assert "%" not in line
    assert "left" not in line


def test_jobs_whose_stages_are_not_foretold_have_a_bar_each():
    lines = shown((), [("measure", 1, 2), ("measure", 2, 2), ("compare", 1, 3)])
    assert "Measuring clips" in lines[0]
    assert "100%" in lines[0]
    assert "Filming" in lines[1]
