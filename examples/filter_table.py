"""The fixed filters of image processing, each with its weights and what it makes of a picture.

Run: python examples/filter_table.py [PICTURE] [--out FILE]
(needs pip install "cnnx[images,plot]")

Without a picture of yours a boat on a river is drawn.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from cnnx import filters

TABLE = {
    "identity": "Original",
    "box": "Box blur",
    "gaussian": "Gaussian blur",
    "first_order": "First order",
    "prewitt_horizontal": "Prewitt horizontal",
    "prewitt_vertical": "Prewitt vertical",
    "sobel_horizontal": "Sobel horizontal",
    "sobel_vertical": "Sobel vertical",
    "laplacian4": "Laplacian 4",
    "laplacian5": "Laplacian 4 sharpening",
    "laplacian8": "Laplacian 8",
    "laplacian9": "Laplacian 8 sharpening",
    "laplacian4_diagonal": "Laplacian 4 diagonal",
    "roberts_diagonal": "Roberts diagonal",
    "laplacian_of_gaussian": "Laplacian of Gaussian",
    "difference_of_gaussians": "Difference of Gaussians",
}
# Dark results are drawn so many times brighter.
BRIGHTER = {
    "first_order": 6,
    "laplacian4": 3,
    "laplacian4_diagonal": 2,
    "roberts_diagonal": 6,
    "laplacian_of_gaussian": 10,
    "difference_of_gaussians": 10,
}
# Too many weights to write down.
LARGE = {
    "laplacian_of_gaussian": "9 x 9, sigma 1.4",
    "difference_of_gaussians": "9 x 9, sigma 1 and 1.6",
}


def boat_on_a_river(width=336, height=224):
    """Draw a picture with edges of all directions, smooth slopes and fine texture."""
    rows, columns = np.mgrid[:height, :width] / height
    sky = np.stack([150 + 80 * rows, 190 + 40 * rows, 245 - 30 * rows], axis=-1)
    waves = 12 * np.sin(60 * rows**2 + 3 * np.sin(12 * columns))
    water = np.stack([50 + waves, 95 + waves, 120 + waves], axis=-1)
    image = Image.fromarray(np.where(rows[..., None] < 0.6, sky, water).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((250, 20, 290, 60), fill=(255, 240, 170))
    draw.polygon([(0, 134), (60, 70), (130, 134)], fill=(80, 120, 70))
    draw.polygon([(70, 134), (160, 90), (240, 134)], fill=(60, 100, 60))
    draw.rectangle((255, 80, 336, 134), fill=(180, 160, 130))
    for left in range(262, 330, 18):
        draw.rectangle((left, 90, left + 8, 104), fill=(70, 60, 60))
        draw.rectangle((left, 112, left + 8, 126), fill=(70, 60, 60))
    draw.polygon([(90, 160), (230, 160), (205, 185), (110, 185)], fill=(130, 60, 40))
    draw.line([(160, 160), (160, 60)], fill=(60, 40, 30), width=4)
    draw.polygon([(165, 65), (165, 150), (220, 150)], fill=(245, 240, 225))
    draw.polygon([(155, 75), (155, 150), (115, 150)], fill=(235, 225, 205))
    return np.asarray(image)


def written(kernel):
    """Write a kernel as the books do, with one denominator before whole numbers."""
    shares = [Fraction(float(weight)).limit_denominator(1000) for weight in kernel.flat]
    whole = np.lcm.reduce([share.denominator for share in shares])
    rows = np.rint(kernel * whole).astype(int)
    factor = "" if whole == 1 else f"1/{whole} x "
    lines = [" ".join(f"{weight:2}" for weight in row) for row in rows]
    indents = [factor if row == len(lines) // 2 else " " * len(factor) for row in range(len(lines))]
    return "\n".join(indent + line for indent, line in zip(indents, lines, strict=True))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("picture", nargs="?", help="a picture file (default: a drawing)")
parser.add_argument("--out", type=Path, default="output/filter_table.png", help="picture to write")
options = parser.parse_args()
image = options.picture or boat_on_a_river()

kernels = {name: filters.get(name) for name in TABLE}
results = {
    name: filters.apply(image, kernel * BRIGHTER.get(name, 1)) for name, kernel in kernels.items()
}
height, width = results["identity"].shape[:2]
figure = Figure(figsize=(12, 4 * (3 * height / width + 1)), layout="constrained")
for axes, (name, title) in zip(figure.subplots(4, 4).flat, TABLE.items(), strict=True):
    axes.imshow(results[name], cmap="gray", vmin=0, vmax=255)
    brighter = f", x {BRIGHTER[name]}" if name in BRIGHTER else ""
    axes.set_title(title + brighter)
    axes.set_xlabel(LARGE.get(name) or written(kernels[name]), family="monospace")
    axes.set_xticks([])
    axes.set_yticks([])
    black = np.mean(results[name] == 0)
    print(f"{title:24} mean {results[name].mean():6.1f}   {black:4.0%} black".replace("%", " %"))
options.out.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(options.out, dpi=110)
print(f"The table: {options.out}")
