"""Where the shipped configurations and checkpoints lie: inside an installed package, or at the top of a checkout.

`config/` and `checkpoints/` stand at the top of the repository, where people look for them; a wheel carries them as
`fomm/_config` and `fomm/_checkpoints`.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import fomm
from fomm.config.training.paper import Config, load_config
from fomm.errors import SettingsError


def config_folder() -> Path:
    """Return the folder of the shipped `*.yaml` configurations."""
    return _shipped("config")


def checkpoints_folder() -> Path:
    """Return the folder of the shipped `*.safetensors` checkpoints and their `*.json` entries."""
    return _shipped("checkpoints")


def demo_folder() -> Path:
    """Return the folder of the shipped demo portrait and driving clip."""
    return _shipped("demo")


def config_names() -> list[str]:
    """Return the names of the shipped configurations, such as `vox-256`, sorted."""
    return sorted(path.stem for path in config_folder().glob("*.yaml"))


def find_config(name_or_path: str | Path) -> Config:
    """Load a shipped configuration of the paper's family by its name, or any other by its path.

    Raises:
        SettingsError: there is no such name or file, or its content is wrong.
    """
    names = config_names()
    if str(name_or_path) in names:
        return load_config(config_folder() / f"{name_or_path}.yaml")
    if Path(name_or_path).exists():
        return load_config(name_or_path)
    names = [name for name in names if _is_papers(name)]  # the others would be refused just as well
    near = difflib.get_close_matches(str(name_or_path), names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"shipped ones: {', '.join(names)}."
    raise SettingsError(f"There is no configuration named '{name_or_path}' and no such file; {hint}")


def _is_papers(name: str) -> bool:
    try:
        load_config(config_folder() / f"{name}.yaml")
    except SettingsError:
        return False
    return True


def _shipped(name: str) -> Path:
    package = Path(fomm.__file__).parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name
