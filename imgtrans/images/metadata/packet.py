"""An XMP packet as bytes in which properties are found, changed and taken out, and all else stays as it is.

XML libraries would write the whole packet anew: other prefixes, other quotes, no padding.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MARKUP = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    rb"|</\s*(?P<ended>[^\s>]+)\s*>"
    rb"""|<(?P<begun>[^\s<>/!?="']+)(?P<attributes>(?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(?P<empty>/?)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rb"""\s+([^\s=<>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.DOTALL)

# Namespace and the name within it
Name = tuple[str, str]


@dataclass(eq=False)
class Property:
    """A property: an attribute, or an element with what is in it.

    Attributes:
        name: Namespace and local name.
        start: Where it begins; an attribute begins with the space before it.
        stop: Where it ends.
        value: Where its value begins and ends; None for an element without any.
        holder: The element that it stands in, None for the outermost.
        is_element: Whether it is one.
    """

    name: Name
    start: int
    stop: int
    value: tuple[int, int] | None
    holder: "Property | None"
    is_element: bool


@dataclass
class _Open:
    tag: bytes
    element: Property
    namespaces: Mapping[bytes, str]
    inside: list[Property] = field(default_factory=list)


class Packet:
    """A packet that is read, and then changed piece by piece.

    Args:
        content: UTF-8. Elements that are not closed are not seen, whatever else is malformed is passed over.
        prefixes: Namespaces of prefixes that a malformed packet may use without saying what they stand for.
    """

    def __init__(self, content: bytes, prefixes: Mapping[bytes, str]) -> None:
        self._content = content
        self._edits: list[tuple[int, int, bytes]] = []
        self.properties = sorted(_read(content, prefixes), key=lambda found: found.start)

    def text(self, found: Property) -> str:
        """Return a property's value without space around it."""
        return self._content[slice(*found.value)].decode().strip() if found.value else ""

    def within(self, outer: Property, name: Name) -> Iterator[Property]:
        """Yield the properties of a name that are part of another one."""
        for found in self.properties:
            if found.name == name and outer.start <= found.start and found.stop <= outer.stop and found is not outer:
                yield found

    def set(self, found: Property, value: str) -> None:
        """Give a property another value, if it has one and it is not the same."""
        if found.value and self.text(found) != value:
            self._edits.append((*found.value, value.encode()))

    def remove(self, found: Property) -> None:
        """Take a property out."""
        self._edits.append((found.start, found.stop, b""))

    def result(self) -> bytes:
        """Return the packet with all changes; what lies in something that was taken out goes with it."""
        parts, at = [], 0
        for start, stop, value in sorted(self._edits, key=lambda edit: (edit[0], -edit[1])):
            if start >= at:
                parts += [self._content[at:start], value]
                at = stop
        return b"".join([*parts, self._content[at:]])


def _read(content: bytes, prefixes: Mapping[bytes, str]) -> Iterator[Property]:
    """Yield all properties, and elements that are none."""
    opened: list[_Open] = []
    for markup in _MARKUP.finditer(content):
        if markup["begun"]:
            namespaces = opened[-1].namespaces if opened else prefixes
            attributes = [*_ATTRIBUTE.finditer(content, *markup.span("attributes"))]
            own = {
                name.removeprefix(b"xmlns").removeprefix(b":"): (one[2] or one[3] or b"").decode()
                for one in attributes
                if (name := one[1]) == b"xmlns" or name.startswith(b"xmlns:")
            }
            namespaces = {**namespaces, **own} if own else namespaces
            holder = opened[-1].element if opened else None
            name = _expanded(markup["begun"], namespaces)
            element = Property(name, markup.start(), markup.end(), None, holder, is_element=True)
            inside = [
                Property(_expanded(one[1], namespaces), *one.span(), _value(one), element, is_element=False)
                for one in attributes
            ]
            if markup["empty"]:
                yield from (element, *inside)
            else:
                opened.append(_Open(markup["begun"], element, namespaces, inside))
        elif markup["ended"]:
            depth = next((at for at in reversed(range(len(opened))) if opened[at].tag == markup["ended"]), None)
            if depth is not None:
                for unclosed in opened[depth + 1 :]:
                    yield from unclosed.inside
                ended = opened[depth]
                ended.element.value, ended.element.stop = (ended.element.stop, markup.start()), markup.end()
                yield from (ended.element, *ended.inside)
                del opened[depth:]
    for unclosed in opened:
        yield from unclosed.inside


def _value(attribute: re.Match[bytes]) -> tuple[int, int]:
    return attribute.span(2 if attribute[2] is not None else 3)


def _expanded(name: bytes, namespaces: Mapping[bytes, str]) -> Name:
    prefix, _, local = name.rpartition(b":")
    return namespaces.get(prefix, ""), local.decode()
