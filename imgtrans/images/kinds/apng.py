"""The frames of an APNG as they are seen: laid over one another as its specification says."""

from PIL import Image, PngImagePlugin

_OVER = PngImagePlugin.Blend.OP_OVER
_SOURCE = PngImagePlugin.Blend.OP_SOURCE
_BACKGROUND = PngImagePlugin.Disposal.OP_BACKGROUND
_PREVIOUS = PngImagePlugin.Disposal.OP_PREVIOUS


class Canvas:
    """What the frames of an APNG are drawn on, one after the other.

    Pillow draws what lies over another by its own rule, under which opaque pixels become half transparent.

    Args:
        image: The file, at its first frame, which is not loaded yet.
    """

    def __init__(self, image: PngImagePlugin.PngImageFile) -> None:
        self._image = image
        self._canvas = Image.new("RGBA", image.size)

    def load(self) -> Image.Image:
        """Load the file's current frame and return the picture that is seen then.

        Frames have to be loaded in their order. The image that is shown where animations are unknown is no frame.
        """
        image = self._image
        image.blend_op = _SOURCE  # Pillow then puts the frame's own pixels in their place
        image.load()
        box = image.info.get("bbox")
        if box is None:
            return image
        frame, before = image.crop(box).convert("RGBA"), self._canvas
        seen = before.copy()
        if image.info.get("blend") == _OVER:
            seen.alpha_composite(frame, box[:2])
        else:
            seen.paste(frame, box[:2])
        disposal = image.info.get("disposal")
        self._canvas = before if disposal == _PREVIOUS else seen
        if disposal == _BACKGROUND:
            self._canvas = seen.copy()
            self._canvas.paste((0, 0, 0, 0), box)
        return seen
