"""Pictures made ready for networks of cnnx.applications, and the names of classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application_networks import pictures
from cnnx import applications
from cnnx.applications import imagenet_utils

pytestmark = pytest.mark.one_isa


def test_preprocessing() -> None:
    x = pictures(2, 4, 3)
    given = x.copy()
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = {
        "tf": x / 127.5 - 1,
        "torch": (x / 255 - mean) / deviation,
        "caffe": x[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    }
    for mode, expected in wanted.items():
        found = imagenet_utils.preprocess_input(x, mode=mode)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        first = imagenet_utils.preprocess_input(x.transpose(0, 3, 1, 2), "channels_first", mode)
        np.testing.assert_array_equal(first, found.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(x, given)
    np.testing.assert_array_equal(
        applications.resnet.preprocess_input(x), imagenet_utils.preprocess_input(x)
    )
    np.testing.assert_array_equal(applications.efficientnet.preprocess_input(x), x)
    with pytest.raises(ValueError, match="x must be pictures of 3 channels"):
        imagenet_utils.preprocess_input(x[..., :2])


def test_names_of_the_likeliest_classes(tmp_path: Path) -> None:
    decode = imagenet_utils.decode_predictions
    shares = np.float32([[0.1, 0.7, 0.2], [0.4, 0.4, 0.2]])
    names = ["cat", "dog", "owl"]
    wanted = [[("1", "dog", 0.7), ("2", "owl", 0.2)], [("0", "cat", 0.4), ("1", "dog", 0.4)]]

    def rounded(found: Any) -> Any:
        return [[(a, b, round(share, 5)) for a, b, share in row] for row in found]

    assert rounded(decode(shares, 2, names)) == wanted
    lines, index = tmp_path / "names.txt", tmp_path / "index.json"
    lines.write_text("cat\ndog\nowl\n")
    index.write_text(json.dumps({str(n): [f"n{n}", name] for n, name in enumerate(names)}))
    assert rounded(decode(shares, 2, lines)) == wanted
    assert decode(shares, 1, index)[0][0][:2] == ("n1", "dog")
    assert len(decode(shares, class_index=names)[0]) == 3
    with pytest.raises(ValueError, match=r"class_index must say what the classes are called"):
        decode(shares)
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        decode(shares, 2, names[:2])
    index.write_text('{"0": ["a"]}')
    with pytest.raises(ValueError, match=r"index\.json: decode_predictions: it holds no names"):
        decode(shares, 2, index)
