import numpy as np
import pytest

from edgefuse.errors import RuntimeLoadError
from edgefuse.runtime import TensorInfo, check_arrays, one_line

INFO = TensorInfo("x", (1, -1), "float32")


def test_dynamic_axis_accepts_every_size() -> None:
    check_arrays("input", [INFO, INFO], [np.zeros((1, 1), np.float32), np.zeros((1, 9), np.float32)])


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((1, 9)), "expected float32, got float64"),
        (np.zeros((1, 9), ">f4"), "expected float32, got >f4"),
        (np.zeros((2, 9), np.float32), r"expected shape \(1, -1\), got \(2, 9\)"),
        (np.zeros(9, np.float32), r"expected shape \(1, -1\), got \(9,\)"),
        (np.zeros((1, 9), np.float32)[:, ::2], "the array is not contiguous; pass numpy.ascontiguousarray of it"),
        (np.frombuffer(bytes(41), np.float32, 10, 1).reshape(1, 10), "the array is not contiguous"),
    ],
)
def test_array_that_native_code_would_misread_is_refused(array: np.ndarray, reason: str) -> None:
    with pytest.raises(RuntimeLoadError, match=f"^cannot bind input x: {reason}"):
        check_arrays("input", [INFO], [array])


def test_read_only_array_may_be_read_but_not_written() -> None:
    array = np.zeros((1, 9), np.float32)
    array.flags.writeable = False
    check_arrays("input", [INFO], [array])
    with pytest.raises(RuntimeLoadError, match=r"^cannot bind output x: the array is read-only"):
        check_arrays("output", [INFO], [array])


def test_vendor_text_becomes_one_line() -> None:
    assert one_line(ValueError("first\n  second\n\n")) == "first second"


def test_error_without_text_is_told_by_its_class() -> None:
    assert one_line(MemoryError()) == "MemoryError"
