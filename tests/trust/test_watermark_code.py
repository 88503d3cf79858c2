import itertools

import numpy as np
import pytest

from fomm.trust.watermark import code

KEY = b"a key that nobody else knows...."


def every_message(length):
    return np.array(list(itertools.product((0, 1), repeat=length)), np.uint8)


def test_message_becomes_416_signs():
    signs = code.encode_message(KEY, b"12345678")
    assert signs.shape == (code.CODE_BITS,) == (416,)
    assert set(np.unique(signs)) == {-1, 1}


def test_single_one_sends_the_generators():
    signs = code.encode(np.array([1], np.uint8)).reshape(9, 4)
    for column, generator in zip(signs.T, (0o765, 0o671, 0o513, 0o473), strict=True):
        assert "".join("1" if sign < 0 else "0" for sign in column) == f"{generator:09b}"


def test_free_distance_is_24():
    words = np.stack([code.encode(bits) for bits in every_message(8)[1:]])
    assert (words < 0).sum(axis=1).min() == 24


def test_decoder_ranks_messages_as_brute_force_does():
    generator = np.random.default_rng(3)
    messages = every_message(7)
    words = np.stack([code.encode(bits) for bits in messages]).astype(np.float32)
    for _ in range(5):
        soft = words[generator.integers(len(words))] + generator.normal(0, 2.5, words.shape[1]).astype(np.float32)
        likeliest = messages[np.argsort(-(words @ soft))[:6]]
        np.testing.assert_array_equal(code.decode(soft, 6), likeliest)


@pytest.mark.parametrize("flips", [0, 11, 40])
def test_flipped_code_bits_are_corrected(flips):
    generator = np.random.default_rng(flips)
    soft = code.encode_message(KEY, b"\x00id\xff1234").astype(np.float32)
    soft[generator.choice(len(soft), flips, replace=False)] *= -1
    assert code.decode_message(KEY, soft) == b"\x00id\xff1234"


def test_noise_alone_is_not_a_message():
    generator = np.random.default_rng(0)
    assert all(code.decode_message(KEY, generator.normal(size=416).astype(np.float32)) is None for _ in range(20))


def test_another_key_does_not_accept_a_perfect_message():
    soft = code.encode_message(KEY, b"12345678").astype(np.float32)
    assert code.decode_message(b"some other key of thirty-two byt", soft) is None
