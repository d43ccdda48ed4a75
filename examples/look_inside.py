"""Looking inside a trained network: filters, feature maps, and the evidence for its decisions.

Run: python examples/look_inside.py [--dataset digits | mnist] [--data DIR] [--index N] [--epochs N]
[--seed N] [--out FOLDER]   (the pictures need pip install "cnnx[plot]")
"""

import argparse
from pathlib import Path

import numpy as np

import cnnx
from cnnx import explain, layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--dataset", choices=("digits", "mnist"), default="mnist")
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--index", type=int, default=0, help="of the test image to look at")
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", type=Path, default=Path("output"), help="folder for the pictures")
options = parser.parse_args()

cnnx.utils.set_random_seed(options.seed)
if options.dataset == "mnist":
    (x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)
else:
    (x_train, y_train), (x_test, y_test) = cnnx.datasets.digits.load_data()
white = np.float32(x_train.max())
x_train, x_test = (images[..., None] / white for images in (x_train, x_test))
side = x_train.shape[1]
model = cnnx.Sequential(
    [
        cnnx.Input((side, side, 1)),
        layers.Conv2D(8, 5, padding="same", activation="relu", name="conv_1"),
        layers.MaxPooling2D(2, name="pool_1"),
        layers.Conv2D(16, 5, padding="same", activation="relu", name="conv_2"),
        layers.MaxPooling2D(2, name="pool_2"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax", name="digits"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=options.epochs, validation_data=(x_test, y_test))
outputs = model.predict(x_test, verbose=0)

image = x_test[options.index]
decision = int(outputs[options.index].argmax())
share = 100 * float(outputs[options.index, decision])
verdict = f"predicted {decision} ({share:.0f} %), true {y_test[options.index]}"
print(f"Image {options.index}: {verdict}")
counts = cnnx.metrics.confusion_matrix(y_test, outputs.argmax(axis=1), num_classes=10)
cam = explain.grad_cam(model, image)
slopes = explain.saliency(model, image)
falls = explain.occlusion(model, image, size=side // 4 + 1, strides=side // 8)
figures = {
    "history": history.plot(),
    "confusion_matrix": explain.plot_confusion_matrix(counts),
    "filters": explain.plot_filters(model.get_layer("conv_1")),
    "feature_maps": explain.plot_feature_maps(explain.feature_maps(model, image)),
    "grad_cam": explain.plot_map(image, cam, f"Grad-CAM: {verdict}", label="share of the largest"),
    "saliency": explain.plot_map(image, slopes, f"saliency: {verdict}", label="size of the slope"),
    "occlusion": explain.plot_map(
        image, falls, f"occlusion: {verdict}", signed=True, label="fall of the probability"
    ),
}
options.out.mkdir(parents=True, exist_ok=True)
for name, figure in figures.items():
    path = options.out / f"inside_{name}.png"
    figure.savefig(path, dpi=110)
    print(path)
