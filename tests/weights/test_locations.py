import pytest

from fomm.errors import SettingsError
from fomm.weights.locations import checkpoints_folder, config_folder, config_names, find_config


def test_shipped_folders_exist_wherever_fomm_runs():
    assert (config_folder() / "vox-256.yaml").is_file()
    assert (checkpoints_folder() / "README.md").is_file()


def test_installed_layout_comes_first(tmp_path, monkeypatch):
    (tmp_path / "fomm" / "_config").mkdir(parents=True)
    monkeypatch.setattr("fomm.weights.locations.fomm.__file__", str(tmp_path / "fomm" / "__init__.py"))
    assert config_folder() == tmp_path / "fomm" / "_config"
    assert checkpoints_folder() == tmp_path / "checkpoints"


def test_configuration_is_found_by_name_and_by_path(tmp_path):
    copy = tmp_path / "mine.yaml"
    copy.write_text((config_folder() / "mgif-256.yaml").read_text())
    assert "mgif-256" in config_names()
    assert find_config(copy) == find_config("mgif-256")


def test_unknown_configuration_suggests_the_nearest():
    with pytest.raises(SettingsError, match=r"'vox-265'.*did you mean 'vox-256'"):
        find_config("vox-265")
