"""Gives an image of a README fewer colours, as is enough for it: ``smaller_png.py FILE``."""

import sys
from pathlib import Path

from PIL import Image  # type: ignore[import-not-found]  # it is in the apps' environments

if __name__ == "__main__":
    file = Path(sys.argv[1])
    with Image.open(file) as image:
        colours = image.convert("RGB")
    palette = colours.quantize(256)
    # Dithered: else a film's shades of a colour become patches of one.
    colours.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(file, optimize=True)
