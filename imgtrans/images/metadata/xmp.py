"""What of a picture's XMP is another in its translation: how it lies, its size, and what its file holds besides."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from PIL import Image

from imgtrans.images.metadata.packet import RDF, Name, Packet, Property
from imgtrans.images.metadata.regions import turn_regions
from imgtrans.images.metadata.target import Target
from imgtrans.images.metadata.turn import Turn

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_XMP, _PHOTOSHOP = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/photoshop/1.0/"
_DUBLIN_CORE, _TERMS = "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/"
_PANTRY = ("http://ns.adobe.com/xap/1.0/mm/", "Pantry")  # the packets of pictures that this one was made of
_PREFIXES = {
    b"tiff": _TIFF, b"exif": _EXIF, b"xmp": _XMP, b"xap": _XMP, b"photoshop": _PHOTOSHOP,
    b"dc": _DUBLIN_CORE, b"rdf": RDF,
}  # fmt: skip
# What promises something that is not carried: thumbnails, previews, XMP beyond a segment, depth and gain maps, videos
_PROMISES = (
    (re.escape(_XMP), "Thumbnails"),
    (re.escape("http://ns.adobe.com/xmp/note/"), "HasExtendedXMP"),
    (re.escape("http://ns.adobe.com/hdr-gain-map/1.0/"), ".*"),
    (re.escape("http://ns.apple.com/HDRGainMap/1.0/"), ".*"),
    (r"http://ns\.google\.com/photos/1\.0/camera/", "(MicroVideo|MotionPhoto).*"),
    (r"http://ns\.google\.com/photos/1\.0/(container|container/item|depthmap|image|audio)/", ".*"),
    (r"http://ns\.google\.com/photos/dd/1\.0/.*", ".*"),
    (r"http://ns\.(oplus|oppo|oneplus)\.com/photos/1\.0/camera/", "(MotionPhoto|OLivePhoto|VideoLength).*"),
    (r"http://ns\.xiaomi\.com/photos/1\.0/camera/", "XMPMeta"),  # what lies behind the picture in its file
)
_ORIENTATION_AS_TEXT = re.compile(rb"""(tiff:Orientation(?:=["']|>))[2-8]""")  # how Pillow finds it, XML or not
_CREDENTIALS = "self#jumbf"  # provenance that the file itself held
_SIZES = (((_TIFF, "ImageWidth"), (_TIFF, "ImageLength")), ((_EXIF, "PixelXDimension"), (_EXIF, "PixelYDimension")))
_RESOLUTIONS = (
    ((_TIFF, "XResolution"), (_TIFF, "YResolution")),
    ((_EXIF, "FocalPlaneXResolution"), (_EXIF, "FocalPlaneYResolution")),
)
_PLACES = ((_EXIF, "SubjectArea"), (_EXIF, "SubjectLocation"))
_ITEM = (RDF, "li")
# How samples lie in the file, which another one does otherwise
_CODED = ("Compression", "PlanarConfiguration", "YCbCrSubSampling", "YCbCrPositioning", "YCbCrCoefficients")
_BLACK_IS_ZERO, _RGB, _YCBCR = "1", "2", "6"


def carried(packet: bytes, turn: Turn, had_profile: bool) -> bytes:
    """Return a packet for the upright picture.

    Its orientation is reset and sizes, places and regions are turned; what promises something that is not carried is
    taken out; a colour space becomes sRGB.

    Args:
        packet: As it was; b"" for none.
        turn: How the picture is stored.
        had_profile: Whether its colours become those of sRGB.

    Returns:
        The packet, the same bytes where nothing is another; b"" if it is no UTF-8.
    """
    try:
        packet.decode()
    except UnicodeError:  # a packet in a file is UTF-8; what is not is malformed
        return b""
    found = Packet(packet, _PREFIXES)
    for one in _of_the_picture(found):
        if _is_promise(one.name) or (one.name == (_TERMS, "provenance") and found.text(one).startswith(_CREDENTIALS)):
            found.remove(one)
    for one in found.properties:
        if one.name == (_TIFF, "Orientation"):  # all of them: some readers take the first that they meet
            found.set(one, "1")
    if turn.orientation > 1:
        _turn(found, turn)
    for names in _SIZES:
        for name, size in zip(names, turn.upright, strict=True):
            _set(found, name, str(size))
    if had_profile:
        _set(found, (_EXIF, "ColorSpace"), "1")
        _set(found, (_PHOTOSHOP, "ICCProfile"), "sRGB IEC61966-2.1")
    return _ORIENTATION_AS_TEXT.sub(rb"\g<1>1", found.result())


def xmp_for(packet: bytes, target: Target) -> bytes:
    """Return a packet, as :func:`carried` gives it, that says of the file that it goes into what is true of it."""
    if not packet:
        return packet
    found = Packet(packet, _PREFIXES)
    _set(found, (_PHOTOSHOP, "ColorMode"), "1" if target.is_gray else "3")
    _set(found, (_TIFF, "SamplesPerPixel"), str(len(target.mode)))
    for one in _named(found, (_TIFF, "PhotometricInterpretation")):
        if target.is_gray or target.format != "JPEG" or found.text(one) != _YCBCR:
            found.set(one, _BLACK_IS_ZERO if target.is_gray else _RGB)
    for one in _named(found, (_TIFF, "BitsPerSample")):
        items = [*found.within(one, _ITEM)]
        if len(items) != len(target.mode):
            found.remove(one)
        for item in items:
            found.set(item, str(target.bits))
    if target.read != target.format:
        _set(found, (_DUBLIN_CORE, "format"), Image.MIME.get(target.format, "image"))
    if (target.read, target.format) != ("JPEG", "JPEG"):
        for one in _of_the_picture(found):
            if one.name[0] == _TIFF and one.name[1] in _CODED:
                found.remove(one)
    return found.result()


def _is_promise(name: Name) -> bool:
    return any(re.fullmatch(space, name[0]) and re.fullmatch(local, name[1]) for space, local in _PROMISES)


def _of_the_picture(found: Packet) -> Iterator[Property]:
    """Yield properties but for those of the pictures that this one was made of."""
    others = [one for one in found.properties if one.name == _PANTRY]
    for one in found.properties:
        if not any(pantry.start < one.start < pantry.stop for pantry in others):
            yield one


def _named(found: Packet, name: Name) -> list[Property]:
    return [one for one in _of_the_picture(found) if one.name == name]


def _set(found: Packet, name: Name, value: str) -> None:
    for one in _named(found, name):
        found.set(one, value)


def _turn(found: Packet, turn: Turn) -> None:
    if turn.sideways:
        for across, down in _RESOLUTIONS:
            for one, other in zip(_named(found, across), _named(found, down), strict=False):
                was = found.text(one)
                found.set(one, found.text(other))
                found.set(other, was)
    for name in _PLACES:
        for one in _named(found, name):
            items = [*found.within(one, _ITEM)]
            try:
                numbers = [Decimal(found.text(item)) for item in items]
            except InvalidOperation:
                continue
            if 2 <= len(numbers) <= 4:
                point = turn.point(numbers[0], numbers[1], Decimal(turn.width - 1), Decimal(turn.height - 1))
                sides = turn.size(numbers[2], numbers[3]) if len(numbers) == 4 else numbers[2:]
                for item, number in zip(items, (*point, *sides), strict=True):
                    found.set(item, f"{max(number, Decimal(0)):f}")
    turn_regions(found, turn)
