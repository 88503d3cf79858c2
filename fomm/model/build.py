"""The model families by name: which settings describe one, and how its model is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fomm.config.settings import Settings
from fomm.config.training.compact import CompactSettings
from fomm.config.training.paper import ModelConfig
from fomm.errors import SettingsError
from fomm.model.compact import CompactModel
from fomm.model.interface import AnimationModel
from fomm.model.paper import build_paper_model

_SETTINGS: dict[str, type[Settings]] = {"paper": ModelConfig, "compact": CompactSettings}


def build_model(config: Settings) -> AnimationModel:
    """Build the model that `config` describes, with freshly initialised weights.

    Raises:
        SettingsError: `config` describes no family.
    """
    if isinstance(config, ModelConfig):
        return build_paper_model(config)
    if isinstance(config, CompactSettings):
        return CompactModel(config)
    raise SettingsError(f"{type(config).__name__} does not describe a model.")


def family_of(config: Settings) -> str:
    """Return the name of the family that `config` describes, `paper` or `compact`.

    Raises:
        SettingsError: `config` describes no family.
    """
    for name, kind in _SETTINGS.items():
        if isinstance(config, kind):
            return name
    raise SettingsError(f"{type(config).__name__} does not describe a model.")


def model_settings(family: str, mapping: Mapping[str, Any]) -> Settings:
    """Return the typed settings of a family's model from plain values, as a checkpoint or YAML file holds them.

    Raises:
        SettingsError: the family, or a key in the mapping, is unknown.
    """
    if family not in _SETTINGS:
        raise SettingsError(f"Unknown model family '{family}'; known: {', '.join(_SETTINGS)}.")
    return _SETTINGS[family].from_mapping(mapping, f"the settings of the {family} model")
