"""Tiny paper models with random weights, small enough for a busy core."""

import torch


def randomise(module, seed=0):
    """Give every weight and every running statistic a value that matters."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point() or name.endswith("down.weight"):
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(0.5 + noise.abs())
        elif tensor.dim() > 1:
            tensor.copy_(1.3 * noise / tensor[0].numel() ** 0.5)
        else:
            tensor.copy_(0.2 * noise + ("norm" in name and name.endswith("weight")))
    return module.eval()


def tiny_mapping(**detector):
    return {
        "common_params": {"num_kp": 3},
        "kp_detector_params": {"block_expansion": 4, "max_features": 12, "num_blocks": 2, **detector},
        "generator_params": {
            "block_expansion": 4,
            "max_features": 12,
            "num_bottleneck_blocks": 2,
            "dense_motion_params": {"block_expansion": 4, "max_features": 12, "num_blocks": 2},
        },
        "discriminator_params": {"block_expansion": 4, "max_features": 12, "num_blocks": 3, "use_kp": True, "sn": True},
    }
