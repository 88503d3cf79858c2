import pytest

from fomm.config.training.paper import load_config
from fomm.errors import SettingsError
from fomm.weights.locations import config_folder

PAPER = ["vox", "vox-adv", "taichi", "taichi-adv", "fashion", "nemo", "mgif", "bair"]


def load(name):
    return load_config(config_folder() / f"{name}-256.yaml")


@pytest.mark.parametrize("name", PAPER)
def test_shipped_configuration_loads_with_the_papers_architecture(name):
    model = load(name).model_params
    assert model.common_params.num_kp == 10
    assert model.kp_detector_params.scale_factor == 0.25
    assert model.kp_detector_params.single_jacobian_map == (name == "mgif")
    assert model.discriminator_params.use_kp == name.endswith("-adv")


def test_training_recipes_are_the_papers():
    recipe = {name: load(name).train_params for name in PAPER}
    assert {name: (t.num_epochs, t.num_repeats, t.batch_size) for name, t in recipe.items()} == {
        "vox": (100, 75, 40),
        "vox-adv": (150, 75, 36),
        "taichi": (100, 150, 30),
        "taichi-adv": (150, 150, 27),
        "fashion": (100, 50, 27),
        "nemo": (100, 8, 36),
        "mgif": (100, 25, 36),
        "bair": (20, 1, 36),
    }
    assert {name for name, t in recipe.items() if t.loss_weights.generator_gan == 0} == {"vox", "taichi"}
    assert recipe["taichi-adv"].lr_kp_detector == 0
    assert recipe["vox"].loss_weights.perceptual == (10.0,) * 5


def write(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_params: {generator_params: {block_expansoin: 8}}", r"'block_expansoin'.*'block_expansion'"),
        ("model_parms: {}", r"'model_parms'.*mine\.yaml.*did you mean 'model_params'"),
        ("train_params: {batch_size: many}", r"batch_size must be a whole number"),
        ("model_params: {kp_detector_params: {scale_factor: 0.3}}", r"scale_factor must be 1 divided by"),
        ("model_params: {common_params: {num_kp: 0}}", r"num_kp must be at least 1"),
        ("family: compact", r"'compact' family"),
        ("- a\n- b", r"must be a mapping"),
        ("a: [", r"not valid YAML"),
        ("!!python/object/apply:os.system ['echo']", r"not valid YAML"),
        ("", r"is empty"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        load_config(write(tmp_path, text))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


def test_settings_survive_a_round_trip(tmp_path):
    config = load("mgif")
    assert type(config).from_mapping(config.to_mapping()) == config
