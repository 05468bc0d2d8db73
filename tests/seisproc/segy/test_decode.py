from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seisproc.errors import SegyError
from seisproc.segy.decode import decode, encode
from seisproc.segy.layout import FORMATS

ORDERS = ("big", "little")


def ibm_value(words: np.ndarray) -> np.ndarray:
    """IBM words by the textbook, in float64."""
    sign = np.where(words >> np.uint32(31), -1.0, 1.0)
    exponent = ((words >> np.uint32(24)) & np.uint32(127)).astype("float64")
    return sign * (words & np.uint32(0xFFFFFF)) / 2.0**24 * 16.0 ** (exponent - 64)


def test_ibm_decoding_is_the_nearest_float32_for_any_word() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype="uint32")
    with np.errstate(over="ignore"):
        expected = ibm_value(words).astype("float32")
    decoded = decode(words.astype(">u4").view("uint8"), 1, "big")
    np.testing.assert_array_equal(decoded.view("uint32"), expected.view("uint32"))


def test_ibm_encoding_gives_normalised_words_back() -> None:
    rng = np.random.default_rng(0)
    fraction = rng.integers(2**20, 2**24, 100_000, dtype="uint32")
    exponent = rng.integers(34, 97, 100_000, dtype="uint32")
    sign = rng.integers(0, 2, 100_000, dtype="uint32")
    words = (sign << 31) | (exponent << 24) | fraction
    raw = words.astype(">u4").view("uint8")
    np.testing.assert_array_equal(encode(decode(raw, 1, "big"), 1, "big"), raw)


@given(hnp.arrays("float32", 50, elements=st.floats(width=32, allow_nan=False)))
def test_ibm_encoding_is_as_near_as_ibm_can_be(values: np.ndarray) -> None:
    words = encode(values, 1, "big").view(">u4").astype("uint32")
    back = ibm_value(words)
    finite = np.isfinite(values)
    exact = values[finite].astype("float64")
    # at worst three bits of 24 are lost, half of the last kept one by rounding
    assert (np.abs(back[finite] - exact) <= np.abs(exact) * 2.0**-21).all()
    largest = (1 - 2.0**-24) * 16.0**63
    assert (np.abs(back[~finite]) == largest).all()


def test_subnormal_floats_of_every_size_are_encoded_as_ibm() -> None:
    rng = np.random.default_rng(5)
    fractions = np.unique(np.concatenate([
        rng.integers(1, 1 << 23, 20_000), 1 << np.arange(23), (1 << np.arange(1, 24)) - 1,
    ])).astype("uint32")
    values = fractions.view("float32")
    words = encode(values, 1, "big").view(">u4").astype("uint32")
    exact = fractions.astype("float64") * 2.0**-149
    assert (np.abs(ibm_value(words) - exact) <= exact * 2.0**-21).all()


@pytest.mark.parametrize("byte_order", ORDERS)
@pytest.mark.parametrize("code", [code for code in FORMATS if code not in (1, 4)])
def test_any_bytes_come_back_from_every_plain_format(code: int, byte_order: str) -> None:
    size = FORMATS[code].size
    raw = np.random.default_rng(2).integers(0, 256, (3, 11 * size), dtype="uint8")
    values = decode(raw, code, byte_order)
    assert values.dtype == FORMATS[code].dtype
    assert values.shape == (3, 11)
    np.testing.assert_array_equal(encode(values, code, byte_order), raw)


@pytest.mark.parametrize("byte_order", ORDERS)
def test_three_byte_integers_keep_their_sign(byte_order: str) -> None:
    values = np.array([[-(2**23), -1, 0, 1, 2**23 - 1]], "int32")
    raw = encode(values, 7, byte_order)
    expected = b"".join(v.to_bytes(3, byte_order, signed=True) for v in values[0].tolist())
    assert raw.tobytes() == expected
    np.testing.assert_array_equal(decode(raw, 7, byte_order), values)


def test_fixed_point_words_scale_by_their_gain() -> None:
    raw = np.frombuffer(bytes([0, 3, 0xFF, 0xFE, 0, 0, 0x7F, 0xFF]), "uint8")
    np.testing.assert_array_equal(decode(raw, 4, "big"), [-16.0, 32767.0])
    np.testing.assert_array_equal(
        decode(encode(np.float32([-65536.0, 5.0]), 4, "big"), 4, "big"), [-65536.0, 5.0]
    )


def test_values_that_do_not_fit_an_integer_format_are_refused() -> None:
    with pytest.raises(SegyError, match="-128 to 127"):
        encode(np.array([300.0], "float32"), 8, "big")
    with pytest.raises(SegyError, match="not finite"):
        encode(np.array([np.nan], "float32"), 3, "big")
