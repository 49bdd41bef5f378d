"""The baseline: the loop that people write around a generator (read, forward, write, one picture at a time)."""

import argparse
from pathlib import Path

import torch
from PIL import Image
from torchvision.transforms.functional import normalize, to_pil_image, to_tensor

from imgtrans.zoo.loading import find_model, load_network


def main(model: str, source: Path, target: Path, longest: int) -> None:
    """Translate a folder; ``longest`` > 0 shrinks pictures to that side first and enlarges the results again."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = load_network(find_model(model)).to(device)
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        image = Image.open(path).convert("RGB")
        size = image.size
        if longest and max(image.size) > longest:
            image.thumbnail((longest, longest), Image.Resampling.BICUBIC)
        image = image.crop((0, 0, image.width // 4 * 4, image.height // 4 * 4))
        with torch.inference_mode():
            x = normalize(to_tensor(image), [0.5] * 3, [0.5] * 3)[None].to(device)
            y = (network(x)[0] * 0.5 + 0.5).clamp(0, 1).cpu()
        to_pil_image(y).resize(size, Image.Resampling.BICUBIC).save(target / path.name, quality=95)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model's name, or the path of a checkpoint")
    parser.add_argument("source", type=Path, help="a folder of pictures")
    parser.add_argument("target", type=Path, help="a folder that is not there yet")
    parser.add_argument("longest", type=int, nargs="?", default=0, help="side that larger pictures are shrunk to first")
    main(**vars(parser.parse_args()))
