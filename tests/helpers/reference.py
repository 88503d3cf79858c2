"""The paper's networks once more, written from its equations as straight-line functions of a state dict, in float64.

Nothing here imports fomm. Convolution is PyTorch's; everything else is spelled out, so that a shared misunderstanding
of a grid, an order of channels or a normalisation cannot hide. Slow on purpose.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F


def conv(state, name, x, padding):
    return F.conv2d(x, state[f"{name}.weight"].double(), state[f"{name}.bias"].double(), padding=padding)


def batch_norm(state, name, x):
    mean, var, weight, bias = (
        state[f"{name}.{part}"].double()[None, :, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias


def relu(x):
    return torch.where(x > 0, x, torch.zeros_like(x))


def same_block(state, name, x, padding=1):
    return relu(batch_norm(state, f"{name}.norm", conv(state, f"{name}.conv", x, padding)))


def down_block(state, name, x):
    y = same_block(state, name, x)
    return (y[..., ::2, ::2] + y[..., 1::2, ::2] + y[..., ::2, 1::2] + y[..., 1::2, 1::2]) / 4


def up_block(state, name, x):
    return same_block(state, name, x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def residual_block(state, name, x):
    y = conv(state, f"{name}.conv1", relu(batch_norm(state, f"{name}.norm1", x)), 1)
    y = conv(state, f"{name}.conv2", relu(batch_norm(state, f"{name}.norm2", y)), 1)
    return x + y


def hourglass(state, name, x, depth):
    scales = [x]
    for i in range(depth):
        scales.append(down_block(state, f"{name}.encoder.down_blocks.{i}", scales[-1]))
    y = scales[depth]
    for i in range(depth):
        y = torch.cat([up_block(state, f"{name}.decoder.up_blocks.{i}", y), scales[depth - 1 - i]], 1)
    return y


def blur_and_subsample(image, scale):
    """Blur every pixel with the Gaussian of the anti-alias downsampling, then keep every n-th."""
    sigma = (1 / scale - 1) / 2
    size = 2 * round(4 * sigma) + 1
    half = size // 2
    kernel = np.array(
        [[math.exp(-((i - half) ** 2 + (j - half) ** 2) / (2 * sigma**2)) for j in range(size)] for i in range(size)]
    )
    kernel /= kernel.sum()
    padded = np.pad(image.double().numpy(), ((0, 0), (0, 0), (half, half), (half, half)))
    height, width = image.shape[2:]
    blurred = sum(kernel[i, j] * padded[:, :, i : i + height, j : j + width] for i in range(size) for j in range(size))
    step = round(1 / scale)
    return torch.from_numpy(blurred[:, :, ::step, ::step].copy())


def corner_grid(height, width):
    grid = np.empty((height, width, 2))
    for i in range(height):
        for j in range(width):
            grid[i, j] = 2 * j / (width - 1) - 1, 2 * i / (height - 1) - 1
    return grid


def sample(image, flow):
    """Bilinear lookup of one image [C, H, W] at flow [h, w, 2], -1 and 1 being the outer edges, zero outside."""
    _, height, width = image.shape
    x = ((flow[..., 0] + 1) * width - 1) / 2
    y = ((flow[..., 1] + 1) * height - 1) / 2
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    result = np.zeros((len(image), *flow.shape[:2]))
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = left + dx, top + dy
            weight = (1 - abs(x - column)) * (1 - abs(y - row))
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            picked = image[:, row.clip(0, height - 1), column.clip(0, width - 1)]
            result += np.where(inside, weight, 0) * picked
    return result


def detect(state, image, *, scale, depth, temperature, num_kp):
    """Return positions [B, K, 2] and Jacobians [B, K, 2, 2] as numpy arrays."""
    features = hourglass(state, "predictor", blur_and_subsample(image, scale), depth)
    logits = conv(state, "kp", features, 0).numpy() / temperature
    maps = conv(state, "jacobian", features, 0).numpy()
    batch, _, height, width = logits.shape
    grid = corner_grid(height, width)
    value, jacobian = np.empty((batch, num_kp, 2)), np.empty((batch, num_kp, 2, 2))
    shared = maps.shape[1] == 4
    for b in range(batch):
        for k in range(num_kp):
            weight = np.exp(logits[b, k] - logits[b, k].max())
            weight /= weight.sum()
            value[b, k] = (weight[..., None] * grid).sum((0, 1))
            first = 0 if shared else 4 * k
            jacobian[b, k] = (weight * maps[b, first : first + 4]).sum((1, 2)).reshape(2, 2)
    return value, jacobian


def dense_motion(state, image, driving, source, *, scale, depth, variance):
    """Return flow [B, h, w, 2] and occlusion [B, 1, h, w]; keypoints are (value, jacobian) pairs."""
    small = blur_and_subsample(image, scale).numpy()
    batch, _, height, width = small.shape
    num_kp = driving[0].shape[1]
    grid = corner_grid(height, width)
    motions = np.empty((batch, num_kp + 1, height, width, 2))
    stacked = np.empty((batch, num_kp + 1, 4, height, width))
    for b in range(batch):
        motions[b, 0] = grid
        stacked[b, 0, 0] = 0
        for k in range(num_kp):
            here, there = driving[0][b, k], source[0][b, k]
            local = source[1][b, k] @ np.linalg.inv(driving[1][b, k])
            motions[b, k + 1] = there + (grid - here) @ local.T
            bump = [np.exp(-((grid - z) ** 2).sum(-1) / (2 * variance)) for z in (here, there)]
            stacked[b, k + 1, 0] = bump[0] - bump[1]
        for slot in range(num_kp + 1):
            stacked[b, slot, 1:] = sample(small[b], motions[b, slot])
    features = hourglass(state, "hourglass", torch.from_numpy(stacked).flatten(1, 2), depth)
    logits = conv(state, "mask", features, 3).numpy()
    share = np.exp(logits - logits.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    occlusion = 1 / (1 + np.exp(-conv(state, "occlusion", features, 3).numpy()))
    return (share[..., None] * motions).sum(1), occlusion


def generate(state, image, flow, occlusion, *, down_blocks, residual_blocks):
    """Return the frame [B, 3, H, W]; flow and occlusion have the resolution of the warped features."""
    x = same_block(state, "first", image.double(), padding=3)
    for i in range(down_blocks):
        x = down_block(state, f"down_blocks.{i}", x)
    x = torch.from_numpy(np.stack([sample(x[b].numpy(), flow[b]) for b in range(len(x))]) * occlusion)
    for i in range(residual_blocks):
        x = residual_block(state, f"bottleneck.r{i}", x)
    for i in range(down_blocks):
        x = up_block(state, f"up_blocks.{i}", x)
    return 1 / (1 + torch.exp(-conv(state, "final", x, 3)))
