import re
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtrans.images.metadata.target import Target
from imgtrans.images.metadata.turn import Turn
from imgtrans.images.metadata.xmp import carried, xmp_for

UPRIGHT, SIDEWAYS = Turn(1, 64, 48), Turn(6, 64, 48)
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "rdf": RDF,
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "OpCamera": "http://ns.oplus.com/photos/1.0/camera/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "my": "https://example.org/my/",
}


def packet(attributes: str = "", content: str = "", spaces: dict[str, str] = SPACES) -> bytes:
    declared = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in spaces.items())
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f'<rdf:RDF {declared}><rdf:Description rdf:about="" {attributes}>{content}</rdf:Description></rdf:RDF>'
        f'</x:xmpmeta>{" " * 40}\n<?xpacket end="w"?>'
    ).encode()


def target(mode: str = "RGB", bits: int = 8, read: str = "JPEG", format: str = "JPEG") -> Target:
    return Target(read, format, mode, bits, (64, 48))


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
)


@given(
    st.lists(st.tuples(st.sampled_from(["name", "title", "Orientation"]), st.booleans(), WORDS), max_size=6), st.data()
)
def test_what_means_nothing_to_a_translation_is_the_same_to_the_byte(
    properties: list[tuple[str, bool, str]], data: st.DataObject
) -> None:
    attributes = dict.fromkeys(name for name, is_attribute, _ in properties if is_attribute)
    text = " ".join(f'my:{name}="{data.draw(WORDS)}"' for name in attributes)
    inside = "".join(
        f"<my:{name}><rdf:Bag><rdf:li>{words}</rdf:li><!-- <a> --></rdf:Bag></my:{name}>"
        for name, is_attribute, words in properties
        if not is_attribute
    )
    before = packet(text, inside)
    ET.fromstring(before)
    for turn in (UPRIGHT, SIDEWAYS):
        assert carried(before, turn, had_profile=True) == before
    assert xmp_for(before, target("L", 16, "TIFF", "PNG")) == before


@given(st.sampled_from(["tiff", "t", "adobe-tiff"]), st.booleans(), WORDS)
def test_only_the_value_changes_whatever_the_prefix_and_the_form(prefix: str, as_attribute: bool, words: str) -> None:
    spaces = SPACES | {prefix: SPACES["tiff"]}
    before, after = (
        packet(f'my:name="{words}" {prefix}:Orientation="{n}"', "", spaces)
        if as_attribute
        else packet(f'my:name="{words}"', f"<{prefix}:Orientation>{n}</{prefix}:Orientation>", spaces)
        for n in (6, 1)
    )
    assert carried(before, UPRIGHT, had_profile=False) == after


@pytest.mark.parametrize(
    "attribute",
    [
        'xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"',
        'hdrgm:Version="1.0"',
        'HDRGainMap:HDRGainMapVersion="65536"',
        'GCamera:MicroVideo="1"',
        'GCamera:MicroVideoOffset="2107172"',
        'GCamera:MotionPhoto="1"',
        'GCamera:MotionPhotoPresentationTimestampUs="5"',
        'OpCamera:MotionPhotoOwner="oplus"',
        'OpCamera:VideoLength="123"',
        'GDepth:Format="RangeInverse"',
        'GImage:Mime="image/jpeg"',
        'dcterms:provenance="self#jumbf=c2pa/contents"',
    ],
)
def test_a_promise_of_what_is_not_carried_is_taken_out(attribute: str) -> None:
    name, value = re.fullmatch('(.*)="(.*)"', attribute).groups()
    rest = 'GCamera:BurstID="b" my:name="x"'
    assert carried(packet(f"{rest} {attribute}"), UPRIGHT, had_profile=False) == packet(rest)
    as_element = packet(rest, f"<{name}>{value}</{name}><my:title>t</my:title>")
    assert carried(as_element, UPRIGHT, had_profile=False) == packet(rest, "<my:title>t</my:title>")


def test_the_items_of_a_container_are_taken_out() -> None:
    directory = (
        "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Mime='image/jpeg' "
        "Item:Semantic='GainMap' Item:Length='66171'/></rdf:li></rdf:Seq></Container:Directory>"
    )
    assert carried(packet("", f"{directory}<my:a/>"), UPRIGHT, had_profile=False) == packet("", "<my:a/>")


def test_provenance_elsewhere_stays() -> None:
    before = packet('dcterms:provenance="https://example.org/manifest"')
    assert carried(before, UPRIGHT, had_profile=False) == before


def test_sizes_become_those_of_the_upright_picture() -> None:
    form = 'tiff:ImageWidth="{}" tiff:ImageLength="{}" exif:PixelXDimension="{}" exif:PixelYDimension="{}"'
    assert carried(packet(form.format(64, 48, 64, 48)), SIDEWAYS, False) == packet(form.format(48, 64, 48, 64))
    assert carried(packet(form.format(1, 2, 3, 4)), UPRIGHT, False) == packet(form.format(64, 48, 64, 48))


def test_resolutions_are_swapped_where_sides_are() -> None:
    form = 'tiff:XResolution="{}" tiff:YResolution="{}" exif:FocalPlaneXResolution="{}" exif:FocalPlaneYResolution="{}"'
    before = packet(form.format("72/1", "144/1", "5/1", "6/1"))
    assert carried(before, SIDEWAYS, False) == packet(form.format("144/1", "72/1", "6/1", "5/1"))
    assert carried(before, Turn(3, 64, 48), False) == before


def regions(dimensions: tuple[int, int], area: tuple[str, ...], as_elements: bool = False) -> bytes:
    width, height = dimensions
    values = dict(zip(("x", "y", "w", "h"), area, strict=True)) | {"unit": "normalized"}
    if as_elements:
        inside = "".join(f"<stArea:{name}>{value}</stArea:{name}>" for name, value in values.items())
        area_text = f'<mwg-rs:Area rdf:parseType="Resource">{inside}</mwg-rs:Area>'
    else:
        area_text = "<mwg-rs:Area " + " ".join(f'stArea:{name}="{value}"' for name, value in values.items()) + "/>"
    return packet(
        "",
        f'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" '
        'stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="Ann">'
        f"{area_text}</rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>",
    )


@pytest.mark.parametrize("as_elements", [True, False])
@pytest.mark.parametrize(
    ("orientation", "area"),
    [
        (1, ("0.25", "0.4", "0.1", "0.2")),
        (2, ("0.75", "0.4", "0.1", "0.2")),
        (3, ("0.75", "0.6", "0.1", "0.2")),
        (4, ("0.25", "0.6", "0.1", "0.2")),
        (5, ("0.4", "0.25", "0.2", "0.1")),
        (6, ("0.6", "0.25", "0.2", "0.1")),
        (7, ("0.6", "0.75", "0.2", "0.1")),
        (8, ("0.4", "0.75", "0.2", "0.1")),
    ],
)
def test_faces_are_turned_with_the_picture(orientation: int, area: tuple[str, ...], as_elements: bool) -> None:
    before = regions((640, 480), ("0.25", "0.4", "0.1", "0.2"), as_elements)
    size = (480, 640) if orientation >= 5 else (640, 480)
    expected = regions(size, area, as_elements)
    found = carried(before, Turn(orientation, 64, 48), False)
    numbers = re.compile(rb'(?<=["/>])(0\.\d+)(?=["<])')  # 0.60 says what 0.6 does
    assert numbers.sub(lambda n: str(Decimal(n[1].decode()).normalize()).encode(), found) == expected


def test_microsofts_faces_are_turned() -> None:
    before = packet("", '<rdf:li MPReg:Rectangle="0.1, 0.2, 0.3, 0.4" MPReg:PersonDisplayName="Ann"/>')
    after = packet("", '<rdf:li MPReg:Rectangle="0.4, 0.1, 0.4, 0.3" MPReg:PersonDisplayName="Ann"/>')
    assert carried(before, SIDEWAYS, False) == after


def test_regions_of_iptc_are_turned() -> None:
    form = '<Iptc4xmpExt:RegionBoundary Iptc4xmpExt:rbUnit="{}" Iptc4xmpExt:rbX="{}" Iptc4xmpExt:rbY="{}" {}/>'
    sides = 'Iptc4xmpExt:rbW="{}" Iptc4xmpExt:rbH="{}"'
    before = packet("", form.format("relative", "0.1", "0.2", sides.format("0.3", "0.4")))
    assert carried(before, SIDEWAYS, False) == packet(
        "", form.format("relative", "0.4", "0.1", sides.format("0.4", "0.3"))
    )
    before = packet("", form.format("pixel", "10", "20", sides.format("4", "8")))
    assert carried(before, SIDEWAYS, False) == packet("", form.format("pixel", "20", "10", sides.format("8", "4")))
    circle = 'Iptc4xmpExt:rbRx="{}"'
    before = packet("", form.format("relative", "0.5", "0.25", circle.format("0.3")))
    found = carried(before, SIDEWAYS, False)
    assert b'rbX="0.75" Iptc4xmpExt:rbY="0.5" Iptc4xmpExt:rbRx="0.4' in found
    corner = '<rdf:li Iptc4xmpExt:rbX="{}" Iptc4xmpExt:rbY="{}"/>'
    polygon = (
        '<Iptc4xmpExt:RegionBoundary Iptc4xmpExt:rbUnit="pixel"><Iptc4xmpExt:rbVertices>{}'
        "</Iptc4xmpExt:rbVertices></Iptc4xmpExt:RegionBoundary>"
    )
    before = packet("", polygon.format(corner.format(10, 20)))
    assert carried(before, SIDEWAYS, False) == packet("", polygon.format(corner.format(28, 10)))


def test_the_subjects_area_is_turned() -> None:
    form = f"<exif:SubjectArea><rdf:Seq>{'<rdf:li>{}</rdf:li>' * 4}</rdf:Seq></exif:SubjectArea>"
    assert carried(packet("", form.format(10, 20, 6, 4)), SIDEWAYS, False) == packet("", form.format(27, 10, 4, 6))


def test_regions_that_are_no_numbers_are_left_alone() -> None:
    before = regions((640, 480), ("left", "0.4", "0.1", "0.2"))
    assert b'stArea:x="left" stArea:y="0.4"' in carried(before, SIDEWAYS, False)
    odd = packet("", '<rdf:li MPReg:Rectangle="0.1, 0.2"/>')
    assert carried(odd, SIDEWAYS, False) == odd


def test_the_samples_are_those_of_the_file_that_is_written() -> None:
    form = 'photoshop:ColorMode="{}" tiff:SamplesPerPixel="{}" tiff:PhotometricInterpretation="{}"'
    assert xmp_for(packet(form.format(4, 4, 5)), target()) == packet(form.format(3, 3, 2))
    assert xmp_for(packet(form.format(3, 3, 2)), target("L")) == packet(form.format(1, 1, 1))
    assert xmp_for(packet(form.format(3, 3, 6)), target()) == packet(form.format(3, 3, 6))
    bits = "<tiff:BitsPerSample><rdf:Seq>{}</rdf:Seq></tiff:BitsPerSample>"
    sixteen, eight = ("<rdf:li>16</rdf:li>" * 3, "<rdf:li>8</rdf:li>" * 3)
    assert xmp_for(packet("", bits.format(sixteen)), target()) == packet("", bits.format(eight))
    assert xmp_for(packet("", bits.format(sixteen)), target("L")) == packet("")


def test_what_is_said_of_the_old_file_goes_with_it() -> None:
    before = packet('dc:format="image/tiff" tiff:Compression="5" my:name="x"')
    assert xmp_for(before, target(read="TIFF", format="JPEG")) == packet('dc:format="image/jpeg" my:name="x"')
    jpeg = packet('dc:format="image/jpeg" tiff:Compression="6"')
    assert xmp_for(jpeg, target()) == jpeg


def test_the_pictures_that_it_was_made_of_stay_as_they_were() -> None:
    other = "<rdf:Description tiff:ImageWidth='9' hdrgm:Version='1.0'/>"
    pantry = f"<xmpMM:Pantry><rdf:Bag><rdf:li>{other}</rdf:li></rdf:Bag></xmpMM:Pantry>"
    before = packet('tiff:ImageWidth="64"', pantry)
    assert carried(before, UPRIGHT, False) == before


@given(
    st.binary(max_size=200) | st.text(st.sampled_from("<>/!-=\"' a:tiffOrientation[]?"), max_size=80).map(str.encode)
)
def test_what_is_no_xml_gives_something_or_nothing(content: bytes) -> None:
    carried(content, SIDEWAYS, had_profile=True)
