"""What a report says in words: the settings of a run, and its pictures."""

from imgtrans.training.data.dataset import ImageDataset
from imgtrans.training.data.folders import Folders
from imgtrans.training.options import TrainOptions
from imgtrans.training.report.page import Table


def settings_table(options: TrainOptions) -> Table:
    """Return all settings of a run, and which of them differ from the defaults."""
    usual = TrainOptions().to_dict()
    rows = [
        (name.replace("_", "-"), str(value), "" if value == usual[name] else f"instead of {usual[name]}")
        for name, value in options.to_dict().items()
        if value != ""
    ]
    return Table("Settings", rows)


def data_table(folders: Folders, dataset: ImageDataset) -> Table:
    """Return which pictures a run learns from, and how many there are."""
    rows = [
        ("A", str(folders.A), f"{len(dataset.files_A):,} pictures"),
        ("B", str(folders.B), f"{len(dataset.files_B):,} pictures"),
    ]
    if folders.test_A and folders.test_B:
        rows += [("not trained on", str(folders.test_A), ""), ("", str(folders.test_B), "")]
    else:
        rows.append(("not trained on", "none", "the pictures shown are trained on"))
    return Table("Data", rows)
