"""Networks of open sizes as files, copies, texts and pictures."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cnnx
from cnnx import explain, layers
from cnnx.models import clone_model, load_model, model_from_json
from open_networks import CASES, OPEN, SIZES, assert_same, classifier, images, segmenter, twin

pytestmark = pytest.mark.one_isa


@pytest.mark.parametrize(("build", "sizes"), CASES)
def test_files_and_copies(
    build: Callable[..., cnnx.Model], sizes: list[tuple[int, ...]], tmp_path: Path
) -> None:
    model = build()
    model.save(tmp_path / "model.safetensors")
    cloned = clone_model(model)
    from_text = model_from_json(model.to_json())
    for other in (cloned, from_text):
        other.set_weights(model.get_weights())
    loaded = load_model(tmp_path / "model.safetensors")
    for other in (
        loaded,
        cloned,
        from_text,
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert other.input_shape == model.input_shape
        assert other.output_shape == model.output_shape
        for size in sizes:
            x = images(2, *size)
            assert_same([other.predict_on_batch(x)], [model.predict_on_batch(x)])


def test_tables_and_drawings() -> None:
    model = segmenter()
    found: list[str] = []
    model.summary(print_fn=found.append)
    assert "(None, None, None, 4)" in found[0]
    assert "(None, None, None, 4)" in model._repr_html_()
    drawing = cnnx.utils.plot_model(model, to_file=None, show_shapes=True)
    assert "? x ? x 3" in str(drawing)


def test_explanations_at_the_size_of_the_image() -> None:
    model = classifier()
    fixed = twin(classifier, model, (12, 9, 3))
    image = images(12, 9, 3)
    for function in (explain.saliency, explain.grad_cam, explain.occlusion):
        assert_same([function(model, image)], [function(fixed, image)])
    maps, wanted = explain.feature_maps(model, image), explain.feature_maps(fixed, image)
    assert_same(maps.values(), wanted.values())
    found = explain.receptive_field(model, (12, 9, 3))
    assert list(found.values()) == list(explain.receptive_field(fixed).values())
    with pytest.raises(ValueError, match=r"receptive_field: .* give one such as \(64, 64, 3\)"):
        explain.receptive_field(model)
    with pytest.raises(ValueError, match=r"expects one image of shape \(None, None, 3\)"):
        explain.saliency(model, image[..., 0])


def test_weights_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 2),
    )
    model = cnnx.Sequential(
        [cnnx.Input(OPEN), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    cnnx.torch.load_weights(model, theirs.state_dict())
    for size in SIZES:
        x = images(2, *size, 3)
        wanted = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).detach().numpy()
        np.testing.assert_allclose(model.predict(x, verbose=0), wanted, atol=1e-6)
    rows = cnnx.Sequential([cnnx.Input(OPEN), layers.Conv2D(4, 3), layers.Flatten()])
    assert len(cnnx.torch.state_dict(rows)) == 2


def test_a_program_has_one_size(tmp_path: Path) -> None:
    model = classifier()
    with pytest.raises(ValueError, match=r"got input_shape=None; give one such as \(64, 64, 3\)"):
        model.export_program(tmp_path / "program")
    with pytest.raises(ValueError, match=r"got input_shape=\(12, 9, 4\)"):
        model.export_program(tmp_path / "program", input_shape=(12, 9, 4))
    with pytest.raises(ValueError, match="does not fit the 2x9 input"):
        model.export_program(tmp_path / "program", input_shape=(2, 9, 3))
    model.export_program(tmp_path / "program", 2, (12, 9, 3))
    twin(classifier, model, (12, 9, 3)).export_program(tmp_path / "fixed", 2)
    nested = cnnx.Sequential([cnnx.Input((12, 9, 3)), model])
    nested.export_program(tmp_path / "nested", 2)
    wanted = (tmp_path / "fixed").read_bytes()
    assert (tmp_path / "program").read_bytes() == (tmp_path / "nested").read_bytes() == wanted
