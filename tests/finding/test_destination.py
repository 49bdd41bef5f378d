from pathlib import Path

import pytest

from imgtrans.errors import FilesError, UsageError
from imgtrans.finding.destination import choose_destination, ignores_case
from tests.pictures import save


def outputs(inputs: list[Path], output: Path | None, relative: str) -> Path:
    destination = choose_destination(inputs, output, "a2b")
    return destination.folder / destination.place(inputs[0], Path(relative))


def test_a_folders_outputs_go_beside_it_under_the_models_name(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert outputs([tmp_path / "photos"], None, "x/y.jpg") == tmp_path / "photos-a2b" / "x" / "y.jpg"


def test_a_dot_is_a_folder_with_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    assert outputs([Path()], None, "y.jpg") == tmp_path / "photos-a2b" / "y.jpg"


def test_a_single_picture_goes_beside_itself_with_the_models_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    assert outputs([path], None, "a.jpg") == tmp_path / "a-a2b.jpg"


def test_a_single_picture_can_be_given_its_outputs_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    assert outputs([path], tmp_path / "winter.jpg", "a.jpg") == tmp_path / "winter.jpg"


def test_a_suffix_is_added_to_every_name_and_stands_for_the_models(tmp_path: Path) -> None:
    path = save(tmp_path / "photos" / "a.jpg")
    for inputs, output, relative, expected in (
        ([path], None, "a.jpg", "photos/a_w.jpg"),
        ([path.parent], None, "x/a.b.jpg", "photos-a2b/x/a.b_w.jpg"),
        ([path.parent], tmp_path / "out", "a.jpg", "out/a_w.jpg"),
        ([path.parent, path.parent], tmp_path / "out", "a.jpg", "out/photos/a_w.jpg"),
    ):
        destination = choose_destination(inputs, output, "a2b", suffix="_w")
        assert destination.folder / destination.place(inputs[0], Path(relative)) == tmp_path / expected


@pytest.mark.parametrize("suffix", ["/b", "..//", "/", "b/c", "\0"])
def test_a_suffix_is_a_piece_of_a_name(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--suffix is"):
        choose_destination([tmp_path], None, "a2b", suffix=suffix)


def test_the_name_of_the_one_output_says_its_format_and_nothing_may_say_another(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    assert choose_destination([path], tmp_path / "b.png", "a2b").format == "PNG"
    assert choose_destination([path], tmp_path / "b.tif", "a2b", format="TIFF").format == "TIFF"
    for options in ({"format": "JPEG"}, {"suffix": "-w"}):
        with pytest.raises(UsageError, match=r"b\.png is"):
            choose_destination([path], tmp_path / "b.png", "a2b", **options)


def test_an_output_without_a_pictures_suffix_is_a_folder(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    assert outputs([path], tmp_path / "out", "a.jpg") == tmp_path / "out" / "a.jpg"


def test_several_pictures_of_one_folder_go_beside_themselves(tmp_path: Path) -> None:
    paths = [save(tmp_path / "a.jpg"), save(tmp_path / "b.jpg")]
    destination = choose_destination(paths, None, "a2b")
    assert destination.singles
    for path in paths:
        assert destination.folder / destination.place(path, Path(path.name)) == tmp_path / f"{path.stem}-a2b.jpg"


def test_inputs_from_several_folders_need_an_output_folder(tmp_path: Path) -> None:
    one, two = save(tmp_path / "a.jpg"), save(tmp_path / "x" / "b.jpg")
    for inputs in ([one, two], [one, two.parent], [two.parent, tmp_path]):
        with pytest.raises(UsageError, match="several folders"):
            choose_destination(inputs, None, "a2b")


def test_an_output_of_a_suffix_that_cannot_be_written_is_no_folder(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match=r"nothing can be written as '\.xyz'"):
        choose_destination([path], tmp_path / "out.xyz", "a2b")
    (tmp_path / "out.xyz").mkdir()
    assert outputs([path], tmp_path / "out.xyz", "a.jpg") == tmp_path / "out.xyz" / "a.jpg"


def test_several_folders_stay_apart_in_the_output_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    assert outputs(folders, tmp_path / "out", "a.jpg") == tmp_path / "out" / "one" / "a.jpg"


def test_outputs_may_not_fall_on_their_inputs(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    for inputs, output in (([path], path), ([path], tmp_path), ([path, path.parent / "x"], tmp_path)):
        with pytest.raises(FilesError, match="input itself"):
            choose_destination(inputs, output, "a2b")
    assert outputs([path], tmp_path / "b.jpg", "a.jpg") == tmp_path / "b.jpg"
    destination = choose_destination([path], tmp_path, "a2b", suffix="-w")
    assert destination.place(path, Path("a.jpg")) == Path("a-w.jpg")


def test_an_output_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(FilesError, match="not a folder"):
        choose_destination([tmp_path / "photos"], tmp_path / "file", "a2b")


def test_the_file_systems_view_of_case_is_found_out_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    assert ignores_case(tmp_path / "not" / "there") == (tmp_path / "A").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_name_for_gray_is_refused_where_colours_are_written(tmp_path: Path) -> None:
    picture = save(tmp_path / "a.png")
    for suffix in (".pgm", ".pbm", ".pfm"):
        with pytest.raises(UsageError, match="has colours, for which such a file has no room"):
            choose_destination([picture], tmp_path / f"out{suffix}", "model")
    with pytest.raises(UsageError, match="has colours"):
        choose_destination([picture], tmp_path / "out.pbm", "model", keep_gray=True)
    assert choose_destination([picture], tmp_path / "out.pgm", "model", keep_gray=True).format == "PPM"
    assert choose_destination([picture], tmp_path / "out.ppm", "model").format == "PPM"
