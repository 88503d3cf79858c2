r"""The message of the watermark: payload, keyed tag, convolutional code and its soft-decision decoder.

A message is the 64-bit payload `p` followed by a 32-bit tag `HMAC-SHA256(key, p)[:4]`. It is protected by the rate-1/4
convolutional code of constraint length K = 9 with the generators 765, 671, 513, 473 (octal), free distance 24: code bit
`j` of step `t` is the parity

    c[t, j] = sum_k g[j, k] b[t - k]  (mod 2),   k = 0 .. 8,

and eight zero bits flush the register, so 96 message bits become (96 + 8) * 4 = 416 code bits. With code bits sent as
signs s = 1 - 2c and received as r = a s + white Gaussian noise, the likelihood of a codeword grows with the correlation
<r, s>. The decoder is the list Viterbi algorithm: it keeps the best `LISTED` paths into every state and so returns the
most likely messages in order. The first whose tag is right is taken; this reads about 1 dB deeper into the noise than
the most likely message alone.

Nothing in the decoder looks at the tag, so for material that was not marked with the key a tag matches by chance only:
with probability 2^-32 for each message in the list.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
from numpy.typing import NDArray

PAYLOAD_BYTES = 8
TAG_BYTES = 4
CONSTRAINT = 9
GENERATORS = (0o765, 0o671, 0o513, 0o473)
MEMORY = CONSTRAINT - 1
MESSAGE_BITS = 8 * (PAYLOAD_BYTES + TAG_BYTES)
LISTED = 32
CODE_BITS = (MESSAGE_BITS + MEMORY) * len(GENERATORS)


def tag(key: bytes, payload: bytes) -> bytes:
    """Return the 4-byte keyed tag that proves a decoded payload was written with `key`."""
    return hmac.new(key, payload, hashlib.sha256).digest()[:TAG_BYTES]


def encode_message(key: bytes, payload: bytes) -> NDArray[np.int8]:
    """Return the signs `[416]` (+1 for a 0 bit, -1 for a 1 bit) of payload and tag after coding."""
    return encode(np.unpackbits(np.frombuffer(payload + tag(key, payload), np.uint8)))


def decode_message(key: bytes, soft: NDArray[np.float32]) -> bytes | None:
    """Return the payload of the likeliest message with a valid tag for the soft values `[416]`, or None."""
    for bits in decode(soft, LISTED):
        message = np.packbits(bits).tobytes()
        payload, received = message[:PAYLOAD_BYTES], message[PAYLOAD_BYTES:]
        if hmac.compare_digest(received, tag(key, payload)):
            return payload
    return None


def encode(bits: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the signs `[(n + 8) * 4]` that code the bits `[n]`, any number of them."""
    taps = np.array([[int(digit) for digit in f"{generator:0{CONSTRAINT}b}"] for generator in GENERATORS])
    coded = np.stack([np.convolve(bits.astype(np.int64), row) & 1 for row in taps], axis=1)  # [n + 8, 4]
    return (1 - 2 * coded).astype(np.int8).ravel()


def decode(soft: NDArray[np.float32], count: int) -> NDArray[np.uint8]:
    """Return the bits `[count, n]` of the codewords that correlate best with the soft values `[(n + 8) * 4]`, in order.

    There must be at least `count` messages of n bits.
    """
    previous, expected = _trellis()
    steps = soft.reshape(-1, len(GENERATORS))
    gains = np.einsum("tj,sj->ts", steps, expected).reshape(len(steps), -1, 2, 1)  # [steps, 256, 2 entries, 1]
    metric = np.full((len(previous), count), -np.inf, gains.dtype)  # [256, count]: the best paths into each state
    metric[0, 0] = 0.0
    choices = np.empty((len(steps), len(previous), count), np.int64)
    for step, gain in enumerate(gains):
        paths = (metric[previous] + gain).reshape(len(previous), -1)  # [256, 2 * count]
        choices[step] = np.argpartition(paths, -count, axis=1)[:, -count:]
        metric = np.take_along_axis(paths, choices[step], axis=1)
    rank = np.argsort(-metric[0], kind="stable")  # [count]: paths that end in the flushed register, best first
    state = np.zeros_like(rank)
    bits = np.empty((count, len(steps)), np.uint8)
    for step in range(len(steps) - 1, -1, -1):
        bits[:, step] = state >> (MEMORY - 1)
        entry, rank = np.divmod(choices[step, state, rank], count)
        state = previous[state, entry]
    return bits[:, :-MEMORY]


def _trellis() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return, for each state and each of its two entries, the previous state `[256, 2]` and the signs `[512, 4]`.

    A state holds the last 8 bits, newest in the top bit; with the bit that falls out at the bottom it is the 9-bit
    register whose parities under the generators were sent.
    """
    states = np.arange(1 << MEMORY)
    registers = (states[:, None] << 1) | np.arange(2)  # [256, 2]
    parity = np.bitwise_count(registers[..., None] & np.array(GENERATORS)) & 1  # [256, 2, 4]
    signs = (1.0 - 2.0 * parity).astype(np.float32)
    return registers & (len(states) - 1), signs.reshape(-1, len(GENERATORS))
