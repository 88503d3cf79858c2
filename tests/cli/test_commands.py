"""The commands as a newcomer meets them: help, mistakes in options, and each command doing its job."""

import re
import subprocess
import sys
import warnings

import av
import pytest

from fomm import __version__
from fomm.cli.main import commands
from fomm.cli.options import build_settings
from fomm.config.animate import AnimateSettings
from fomm.errors import CheckpointError, FommWarning, SettingsError
from fomm.media.limits import MediaWarning
from fomm.tasks.demo import demo_files
from fomm.track.track import MotionTrack
from fomm.training.loop.progress import Progress
from fomm.training.loop.run import TrainResult


def test_help_lists_every_command_and_is_quick():
    code = (
        "import sys; sys.argv = ['fomm', '--help']\n"
        "from fomm.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"  # PyTorch takes seconds to import
    for name in commands.list_commands(None):
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["animate", "--help"], ["edit", "--help"], ["train", "--help"], ["animate", "--no-such-option"]],
)
def test_help_and_usage_errors_wait_for_no_pytorch(arguments):
    code = (
        f"import sys; sys.argv = ['fomm', *{arguments!r}]\n"
        "from fomm.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "False"  # seconds, and 335 MB


@pytest.mark.parametrize("name", commands.list_commands(None))
def test_every_command_explains_itself(fomm, name):
    outcome = fomm(name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: fomm {name}")
    assert outcome.err == ""


def test_help_shows_settings_stage_by_stage(fomm):
    text = fomm("animate", "--help").out
    own, stages = text.split("\n\nWhich faces to use", 1)
    assert "--output" in own
    assert "--model" in own
    assert "--zoom" not in own
    assert "[0.5<=x<=1.5]" in stages
    assert "fomm consent grant photo.jpg" in stages  # the step a newcomer misses
    assert "--quality" not in fomm("track", "--help").out  # a motion track has no picture


def test_version_names_the_release_and_the_bundled_model(fomm):
    told = fomm("--version")
    assert told.code == 0
    release, model = re.fullmatch(r"fomm (\S+), model (\S+)\n", told.out).groups()
    assert release == __version__
    assert f"name: {model}\n" in fomm("checkpoint", "info", model).out  # what animates without --model


def test_no_command_shows_the_usage(fomm):
    nothing = fomm()
    assert nothing.code == 2
    assert nothing.err.startswith("Usage: fomm")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["animte"], ["No such command 'animte'", "fomm --help"]),
        (["animate", "a.jpg"], ["Missing argument 'DRIVING'", "fomm animate --help"]),
        (["animate", "a.jpg", "b.mp4"], ["Missing option", "--output", "fomm animate --help"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--zom", "1"], ["--zom", "--zoom"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--zoom", "9"], ["--zoom", "0.5<=x<=1.5"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--zoom", "nan"], ["--zoom", "finite"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--mode", "both"], ["--mode", "relative", "absolute"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--source-face", "nose"], ["--source-face", "largest"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--driving-box", "1,2"], ["--driving-box", "4 whole numbers"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--source-box", "1,2,0,5"], ["--source-box", "at least 1"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--max-side", "huge"], ["--max-side", "number", "original"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--max-side", "3"], ["--max-side", "256<=x", "original"]),
        (["animate", "a.jpg", "b.mp4", "-o", "c.mp4", "--use", "bilboard"], ["--use", "private"]),
        (["consent", "grant"], ["PHOTO", "--file", "fomm consent grant --help"]),
        (["consent", "grant", __file__], ["--subject Ada", "--until 2027-01-31", "--statement"]),
        (["consent", "grant", __file__, "--subject", "Ada"], ["--until 2027-01-31", "--statement"]),
        (
            ["consent", "grant", __file__, "--subject", "Ada", "--until", "soon", "--statement", "Yes."],
            ["--until", "2027-01-31"],
        ),
        (["train", "no-such-config", ".", "-o", "run"], ["no-such-config", "compact-256"]),
    ],
)
def test_wrong_options_are_answered_in_one_line(fomm, arguments, words):
    fomm(*arguments).refused(2, *words)


@pytest.mark.parametrize("original", ["original", 0])
def test_a_word_stands_for_a_number_wherever_settings_come_from(tmp_path, original):
    file = tmp_path / "mine.yaml"
    file.write_text(f"refine: {{max_side: {original}}}\n")
    for settings in (
        build_settings(AnimateSettings, {}, file),
        build_settings(AnimateSettings, {"max_side": original}, None),
        AnimateSettings.from_mapping({"refine": {"max_side": original}}),
    ):
        assert settings.refine.max_side == 0
        assert AnimateSettings.from_mapping(settings.to_mapping()) == settings
    assert build_settings(AnimateSettings, {"max_side": 1080}, file).refine.max_side == 1080
    file.write_text("refine: {max_side: hole}\n")
    with pytest.raises(SettingsError, match=r"max_side must be a whole number, not 'hole'"):
        build_settings(AnimateSettings, {}, file)


def test_settings_file_gives_way_to_options(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("max_seconds: 2\nface: {zoom: 1.2, interval: 4}\nsmooth: {enabled: false}\n")
    settings = build_settings(AnimateSettings, {"zoom": 0.9, "label_text": "made up", "crop_only": True}, file)
    assert settings.face.zoom == 0.9
    assert settings.face.interval == 4
    assert settings.max_seconds == 2.0
    assert settings.smooth.enabled is False
    assert settings.label.text == "made up"
    assert settings.refine.crop_only
    assert build_settings(AnimateSettings, {"zoom": None}, None) == AnimateSettings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("face: {zom: 1}", ["zom", "did you mean 'zoom'"]),
        ("speed: 2", ["speed", "known keys"]),
        ("smooth: true", ["smooth", "mapping"]),
        ("- 1\n- 2", ["keys and values"]),
        ("a: [", ["not valid YAML"]),
        ("face: {zoom: 7}", ["zoom", "at most 1.5"]),
        ("\xff", ["not valid YAML"]),
        ("[" * 600, ["not valid YAML"]),
    ],
)
def test_wrong_settings_files_are_named(tmp_path, text, words):
    file = tmp_path / "mine.yaml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        build_settings(AnimateSettings, {"smooth": False}, file)
    for word in ("mine.yaml", *words):
        assert word in str(caught.value)


def test_from_consent_to_clip(fomm, animate, tiny_checkpoint, portrait_photo, talk, tmp_path, monkeypatch, listing):
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    output, track = tmp_path / "out.mp4", tmp_path / "talk.safetensors"
    animate(portrait_photo, talk, output).refused(3, "astronaut.png", "fomm consent grant")

    terms = ["--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes, do."]
    granted = fomm("consent", "grant", portrait_photo, *terms)
    assert (granted.code, granted.err) == (0, "")
    assert "astronaut.png" in granted.out

    made = fomm("track", talk, "-o", track, "--model", tiny_checkpoint, "--max-seconds", "0.3")
    assert (made.code, made.err) == (0, "")
    assert "9 frames at 29.970 fps, the face seen in 9" in made.out
    fomm("track", talk, "-o", track, "--model", tiny_checkpoint).refused(7, "talk.safetensors exists", "--force")

    made = animate(portrait_photo, track, output)
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith(f"{output}: 9 frames. Marked with the label 'AI generated")
    assert len(made.out.splitlines()) == 1
    with av.open(str(output)) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == 9
    assert [name for name in listing() if not name.startswith("home")] == ["out.mp4", "talk.safetensors"]


def test_demo_needs_nothing_but_a_place(fomm, tiny_checkpoint, motion_file, tmp_path, monkeypatch):
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("fomm.weights.loading.resolve_checkpoint", lambda name: tiny_checkpoint)
    short = tmp_path / "short.safetensors"
    MotionTrack.load(motion_file).slice(0, 4).save(short)
    portrait, _ = demo_files()
    monkeypatch.setattr("fomm.tasks.demo.demo_files", lambda: (portrait, short))
    made = fomm("demo", "-o", tmp_path / "demo.mp4")
    assert (made.code, made.err) == (0, "")
    assert "demo.mp4: 4 frames" in made.out


def test_checkpoint_commands(fomm, tiny_checkpoint, tmp_path, listing):
    info = fomm("checkpoint", "info", tiny_checkpoint)
    assert info.code == 0
    assert "family: compact" in info.out
    assert "licence: CC0-1.0" in info.out
    assert "whole" in fomm("checkpoint", "verify", tiny_checkpoint).out
    taken = tmp_path / "taken.safetensors"
    taken.write_bytes(b"mine")
    fomm("checkpoint", "convert", tmp_path / "x.pth.tar", taken).refused(7, "taken.safetensors exists", "--force")
    fomm("checkpoint", "convert", tmp_path / "x.pth.tar", tmp_path / "new.safetensors").refused(5, "x.pth.tar")
    assert taken.read_bytes() == b"mine"
    assert listing() == ["taken.safetensors"]


def test_consent_exports_whole_or_not_at_all(fomm, tmp_path, listing):
    exported = fomm("consent", "export", "-o", tmp_path / "ledger.jsonl")
    assert exported.code == 0
    fomm("consent", "export", "-o", tmp_path / "ledger.jsonl").refused(7, "ledger.jsonl exists")
    fomm("consent", "export", "-o", tmp_path / "gone" / "ledger.jsonl").refused(7, "does not exist")
    assert listing() == ["ledger.jsonl"]
    assert (tmp_path / "ledger.jsonl").read_text() == fomm("consent", "export").out


def test_training_names_configurations_and_shows_progress(fomm, tmp_path, monkeypatch):
    calls = []

    def run(config, data, folder, *, on_progress, **options):
        calls.append((config, data, folder, options))
        on_progress(Progress("motion-64", 1, 3, 50, 200, {"flow": 0.25}, 0.5, 75.0, 0))
        return TrainResult(folder / "averaged.safetensors", 50, finished=False)

    monkeypatch.setattr("fomm.training.loop.run.train", run)
    outcome = fomm("train", "compact-256", tmp_path, "-o", tmp_path / "run", "--steps", "50", "--device", "cpu")
    assert outcome.code == 0
    assert "run the same command to go on" in outcome.out
    assert "motion-64 (1 of 3)  step 50/200  0.50 s/step  1 min left  flow 0.2500" in outcome.err
    ((config, data, folder, options),) = calls
    assert config.name == "compact-256.yaml"
    assert config.is_file()
    assert (data, folder) == (tmp_path, tmp_path / "run")
    assert options == {
        "device": "cpu",
        "resume": "auto",
        "cache": None,
        "steps": 50,
        "limit": None,
        "tensorboard": False,
    }


def test_our_warnings_are_one_line_each_and_those_of_libraries_none(fomm, tmp_path, monkeypatch):
    def info(model):
        warnings.warn("the clip is short", MediaWarning, stacklevel=1)
        warnings.warn("the picture is small", FommWarning, stacklevel=1)
        warnings.warn("tensor internals", UserWarning, stacklevel=1)
        raise CheckpointError("after all.")

    monkeypatch.setattr("fomm.weights.loading.checkpoint_info", info)
    outcome = fomm("checkpoint", "info", "x")
    assert outcome.err.splitlines() == [
        "fomm: note: the clip is short",
        "fomm: note: the picture is small",
        "fomm: after all.",
    ]
    assert outcome.code == 5


def test_the_module_runs_as_the_command_does_and_calls_itself_by_its_own_name():
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "fomm", *arguments], capture_output=True, text=True, check=False)

    assert run("verify", "--help").stdout.startswith("Usage: python -m fomm verify ")
    wrong = run("verify", "--nonsense")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("fomm: No such option '--nonsense'")
    assert wrong.stderr.endswith("See: python -m fomm verify --help\n")
