"""imgtrans in a notebook: editors show the cells of this file, and Python runs it, with a folder of pictures."""

# ruff: noqa: T201

# %% A model, and what its card says
import sys
from pathlib import Path

from PIL import Image, ImageOps

import imgtrans

photos = Path(sys.argv[1] if len(sys.argv) == 2 else "examples/photos")
model = imgtrans.load("summer2winter")
print(model.card.source, "to", model.card.target, "on", model.device)

# %% One picture, before and after
first = sorted(photos.glob("*.jpg"))[0]
before = ImageOps.exif_transpose(Image.open(first))
after = model(before)
both = Image.new("RGB", (2 * after.width, after.height))
both.paste(before, (0, 0))
both.paste(after.convert("RGB"), (after.width, 0))
both.save("before-and-after.png")  # in a notebook, `both` as the last line shows it

# %% Less of it, or more, and how long it takes
gentle = imgtrans.load("summer2winter", strength=0.5)(before)
print("half of the change:", gentle.size)

# %% A whole folder, as the command does it: stop it, and run the cell again
for result in model.run(photos, "translated", limit=3):
    print(result.status, result.input.name, result.error)
