"""What a file says of its colours where Pillow does not say it: code points, and the profile of a JPEG 2000."""

from pathlib import Path

from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.images.cicp import CodePoints
from imgtrans.images.kinds import avif, heif, jpeg2000, png


def describe(image: Image.Image, path: Path) -> None:
    """Give a picture the ICC profile of the colours that its file describes otherwise.

    Args:
        image: The picture as Pillow opened it; its ``info`` gets the profile.
        path: Its file.

    Raises:
        ImageError: If its colours cannot be brought to sRGB.
        OSError: If the file cannot be read.
    """
    points = _code_points(image, path)
    if points is None:
        if image.format == "JPEG2000" and (profile := jpeg2000.profile(path)):
            image.info.setdefault("icc_profile", profile)
        return
    if points.problem:
        raise ImageError(f"{path} is {points.problem}.")
    if profile := points.profile:
        image.info["icc_profile"] = profile
    elif image.format == "PNG":  # it is sRGB, whatever its profile says
        image.info.pop("icc_profile", None)


def _code_points(image: Image.Image, path: Path) -> CodePoints | None:
    if image.format == heif.NAME:
        points = image.info.get("nclx_profile") if not image.info.get("icc_profile") else None
        return CodePoints(points["color_primaries"], points["transfer_characteristics"]) if points else None
    if image.format == "AVIF":
        return avif.code_points(path)
    return png.code_points(path) if image.format == "PNG" else None
