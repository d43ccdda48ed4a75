"""Random geometries for the sliding-window operations."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

Pair = tuple[int, int]
seeds = st.integers(0, 2**32 - 1)
channels = st.sampled_from([1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 33])


@dataclass(frozen=True)
class Axis:
    input: int
    output: int
    kernel: int
    stride: int
    before: int
    dilation: int


@dataclass(frozen=True)
class Window:
    input_size: Pair
    output_size: Pair
    kernel_size: Pair
    strides: Pair
    padding: Pair
    dilation: Pair


@st.composite
def axes(draw: st.DrawFn, dilated: bool) -> Axis:
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 3)) if dilated else 1
    extent = (kernel - 1) * dilation + 1
    mode = draw(st.sampled_from(["valid", "same", "explicit"]))
    if mode == "same":
        size = draw(st.integers(1, 9))
        output = -(-size // stride)
        before = max((output - 1) * stride + extent - size, 0) // 2
        return Axis(size, output, kernel, stride, before, dilation)
    before, after = (draw(st.integers(0, extent - 1)) if mode == "explicit" else 0 for _ in "ba")
    size = draw(st.integers(max(1, extent - before - after), extent + 7))
    output = (size + before + after - extent) // stride + 1
    return Axis(size, output, kernel, stride, before, dilation)


@st.composite
def axes_of_3(draw: st.DrawFn, stride: int) -> Axis:
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    size = draw(st.integers(max(1, 3 - before - after), 13))
    output = (size + before + after - 3) // stride + 1
    return Axis(size, output, kernel=3, stride=stride, before=before, dilation=1)


def windows(dilated: bool = False) -> st.SearchStrategy[Window]:
    """Kernel 1-5, stride 1-4 (also beyond the kernel), valid, same or uneven padding, per axis."""
    return st.builds(window_of, axes(dilated), axes(dilated))


def windows_of_3x3(stride: int) -> st.SearchStrategy[Window]:
    """Kernel 3, this stride, any padding, per axis."""
    return st.builds(window_of, axes_of_3(stride), axes_of_3(stride))


def window_of(h: Axis, w: Axis) -> Window:
    return Window(
        input_size=(h.input, w.input),
        output_size=(h.output, w.output),
        kernel_size=(h.kernel, w.kernel),
        strides=(h.stride, w.stride),
        padding=(h.before, w.before),
        dilation=(h.dilation, w.dilation),
    )
