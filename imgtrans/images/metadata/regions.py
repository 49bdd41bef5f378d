"""Regions that XMP marks in a picture, mostly faces, turned with it."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from imgtrans.images.metadata.packet import Packet, Property
from imgtrans.images.metadata.turn import Turn

# The Metadata Working Group's and ACDSee's: the middle, and the sides
_AREAS = ("http://ns.adobe.com/xmp/sType/Area#", "http://ns.acdsee.com/sType/Area#")
_DIMENSIONS = ("http://ns.adobe.com/xap/1.0/sType/Dimensions#", "http://ns.acdsee.com/sType/Dimensions#")
_APPLIED = "AppliedToDimensions"  # the size of the whole picture that they were marked in
_MICROSOFT = ("http://ns.microsoft.com/photo/1.2/t/Region#", "Rectangle")  # a corner, and the sides
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"  # a corner and sides, or a middle, or corners
_ONE = Decimal(1)


def turn_regions(found: Packet, turn: Turn) -> None:
    """Turn the regions of a packet, in place; those that are no numbers are left alone."""
    together: dict[int, dict[str, Property]] = defaultdict(dict)
    for one in found.properties:
        if one.holder and (one.name[0] in (*_AREAS, _IPTC) or _is_applied_size(one)):
            together[one.holder.start][one.name[1]] = one
    for start, values in together.items():
        unit = _unit(found, together, start)
        try:
            _turn_one(found, values, turn, unit == "pixel")
        except (InvalidOperation, ValueError):
            continue
    for one in found.properties:
        if one.name == _MICROSOFT:
            try:
                x, y, width, height = (Decimal(part) for part in found.text(one).split(","))
            except (InvalidOperation, ValueError):
                continue
            corner, sides = _rectangle((x, y, width, height), turn, _ONE, _ONE)
            found.set(one, ", ".join(f"{number:f}" for number in (*corner, *sides)))


def _is_applied_size(one: Property) -> bool:
    """Whether it is of the size of the picture that regions were marked in; other sizes are not those of pixels."""
    holder = one.holder
    while one.name[0] in _DIMENSIONS and holder:
        if holder.name[1] == _APPLIED:
            return True
        holder = holder.holder
    return False


def _unit(found: Packet, together: Mapping[int, dict[str, Property]], start: int) -> str:
    """Return the unit that a region is told in; that of a polygon's corner stands with the polygon."""
    holder = next(iter(together[start].values())).holder
    while holder:
        values = together.get(holder.start, {})
        for name in ("unit", "rbUnit"):
            if name in values:
                return found.text(values[name])
        holder = holder.holder
    return ""


def _turn_one(found: Packet, values: dict[str, Property], turn: Turn, in_pixels: bool) -> None:
    """Turn what stands together: an area, the size of a picture, or one of IPTC's."""
    right, bottom = (Decimal(turn.width), Decimal(turn.height)) if in_pixels else (_ONE, _ONE)
    x, y = next((pair for pair in (("x", "y"), ("rbX", "rbY")) if {*pair} <= values.keys()), ("", ""))
    width, height = next((pair for pair in (("w", "h"), ("rbW", "rbH")) if {*pair} <= values.keys()), ("", ""))
    point = _numbers(found, values, x, y) if x else ()
    sides = _numbers(found, values, width, height) if width else ()
    if x == "rbX" and sides:
        corner, turned = _rectangle((*point, *sides), turn, right, bottom)
        _set(found, values, (x, y, width, height), (*corner, *turned))
        return
    if point:
        _set(found, values, (x, y), turn.point(point[0], point[1], right, bottom))
    if sides and turn.sideways:
        _set(found, values, (width, height), turn.size(sides[0], sides[1]))
    if "rbRx" in values and turn.sideways and not in_pixels:  # a circle's radius, as a share of the width
        (radius,) = _numbers(found, values, "rbRx")
        _set(found, values, ("rbRx",), (round(radius * turn.width / turn.height, 9),))


def _rectangle(
    values: tuple[Decimal, ...], turn: Turn, right: Decimal, bottom: Decimal
) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    """Return the upper left corner and the sides of a rectangle that is turned."""
    x, y, width, height = values
    corners = (turn.point(x, y, right, bottom), turn.point(x + width, y + height, right, bottom))
    return (min(corners)[0], min(corner[1] for corner in corners)), turn.size(width, height)


def _numbers(found: Packet, values: dict[str, Property], *names: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(found.text(values[name])) for name in names)


def _set(found: Packet, values: dict[str, Property], names: tuple[str, ...], numbers: tuple[Decimal, ...]) -> None:
    for name, number in zip(names, numbers, strict=True):
        found.set(values[name], f"{number:f}")
