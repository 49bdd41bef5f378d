"""Settings from a file reach the commands, the environment and the command line win over them, mistakes are told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans import config
from imgtrans.config import Config, load_config
from imgtrans.errors import UsageError
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]
COMMANDS = {
    "run": {"model": str, "batch_size": int, "output": Path | None, "overwrite": bool, "size": str},
    "watch": {"model": str, "settle": float},
    "train": {"epochs": int | None, "data": Path},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a folder of pictures in it."""
    save(tmp_path / "photos" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(text: str) -> Path:
    """Write a configuration file into the working folder."""
    Path("imgtrans.toml").write_text(text, encoding="utf-8")
    return Path("imgtrans.toml")


def planned(cli: Cli, *arguments: object) -> str:
    """Return the line that says what ``run`` would do."""
    ended = cli("run", "photos", "--dry-run", *arguments)
    assert ended.code == 0, ended.err
    return ended.err


# Through the program


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch
):
    assert "own size" in planned(cli, "--model", "tiny")
    here('model = "tiny"\n[run]\nsize = "100"\n')
    assert "at up to 100 pixels" in planned(cli)
    monkeypatch.setenv("IMGTRANS_RUN_SIZE", "200")
    assert "at up to 200 pixels" in planned(cli)
    assert "at up to 300 pixels" in planned(cli, "--size", "300")


def test_the_environment_works_without_any_file(cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_RUN_MODEL", "tiny")
    monkeypatch.setenv("IMGTRANS_RUN_OUTPUT", "elsewhere")
    monkeypatch.setenv("IMGTRANS_RUN_BATCH_SIZE", "2")
    assert "with tiny" in planned(cli)
    assert "into elsewhere" in planned(cli)
    monkeypatch.setenv("IMGTRANS_RUN_BATCH_SIZE", "two")
    assert cli("run", "photos", "--dry-run").code == 2


def test_the_model_at_the_top_is_every_commands_and_a_commands_own_wins(cli: Cli, tiny: Model):
    here('model = "nobody"\n[run]\nmodel = "tiny"\n')
    assert "with tiny" in planned(cli)
    here('[run]\nmodel = "tiny"\n[watch]\nsettle = 1\n')
    assert "with tiny" in planned(cli)
    here('model = "nobody"\n')
    assert "'nobody'" in cli("run", "photos", "--dry-run").err
    assert "'nobody'" in cli("watch", "photos").err


def test_a_whole_number_is_a_size(cli: Cli, tiny: Model):
    here('model = "tiny"\n[run]\nsize = 100\n')
    assert "at up to 100 pixels" in planned(cli)


def test_dashes_and_underscores_are_the_same(cli: Cli, tiny: Model):
    for key in ("batch-size", "batch_size"):
        here(f'model = "tiny"\n[run]\n{key} = -1\n')
        assert "imgtrans.toml: 'batch-size' in [run] is -1" in cli("run", "photos", "--dry-run").err


def test_a_switch_can_be_set(cli: Cli, tiny: Model):
    here('model = "tiny"\n[run]\njson = true\n')
    ended = cli("run", "photos", "--dry-run")
    assert json.loads(ended.out.splitlines()[0])["status"] == "todo"


def test_the_users_own_file_is_read_where_none_lies_in_the_working_folder(cli: Cli, tiny: Model, home: Path):
    own = home / "config" / "imgtrans" / "imgtrans.toml"
    own.parent.mkdir()
    own.write_text('model = "tiny"\n[run]\nsize = 50\noverwrite = true\n')
    assert "at up to 50 pixels" in planned(cli)
    here('model = "tiny"\n')  # and is not mixed with one that does
    assert "own size" in planned(cli)


def test_a_file_can_be_named_and_is_then_the_only_one(cli: Cli, tiny: Model, monkeypatch: pytest.MonkeyPatch):
    here('model = "nobody"\n')
    Path("other.toml").write_text('model = "tiny"\n[run]\noverwrite = true\n')
    ended = cli("--config", "other.toml", "run", "photos", "--dry-run")
    assert (ended.code, "with tiny" in ended.err) == (0, True)
    monkeypatch.setenv("IMGTRANS_CONFIG", "other.toml")
    assert "with tiny" in planned(cli)


def test_a_named_file_that_is_not_there_is_a_usage_error(cli: Cli):
    ended = cli("--config", "gone.toml", "models", "list")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: there is no configuration file gone.toml\n"


MISTAKES = {
    "an unknown key": ("[run]\nbatchsize = 3\n", "unknown key 'batchsize' in [run]", "did you mean 'batch-size'?"),
    "an unknown table": ("[rum]\nsize = 3\n", "unknown key 'rum'", "did you mean 'run'?"),
    "a key of another command": ("[run]\nsettle = 3\n", "unknown key 'settle' in [run]", ""),
    "an unknown key at the top": ("modle = 'tiny'\n", "unknown key 'modle'", "did you mean 'model'?"),
    "nothing like a key": (
        "zzz = 1\n",
        "unknown key 'zzz'",
        "known are: backends, catalogues, executors, model, run, train, watch",
    ),
    "an argument": ("[run]\ninputs = ['photos']\n", "unknown key 'inputs' in [run]", ""),
    "help": ("[run]\nhelp = true\n", "unknown key 'help' in [run]", ""),
    "a command that is no table": ("run = 3\n", "'run' must be a table, as [run] on a line of its own", ""),
    "no TOML": ("[run\n", "cannot be read: ", ""),
    "a text for a number": ("[run]\nbatch-size = '3'\n", "'batch-size' in [run] must be a whole number, not '3'", ""),
    "a fraction for a number": ("[run]\nbatch-size = 3.5\n", "must be a whole number, not 3.5", ""),
    "a switch for a number": ("[run]\nbatch-size = true\n", "must be a whole number, not True", ""),
    "a text for a switch": ("[run]\njson = 'yes'\n", "'json' in [run] must be true or false, not 'yes'", ""),
    "a number for a switch": ("[run]\njson = 1\n", "must be true or false, not 1", ""),
    "a list for a text": ("[run]\noutput = ['a']\n", "'output' in [run] must be a text, not ['a']", ""),
    "a switch for a text": ("[run]\nsize = true\n", "'size' in [run] must be a text, not True", ""),
    "a list for a model": ("model = ['a', 'b']\n", "'model' must be a text, not ['a', 'b']", ""),
    "an option at the top": ("size = 512\n", "unknown key 'size'", "put it below [run] or [watch]"),
    "nothing": ("[run]\noutput = ''\n", "'output' in [run] is empty", "leave it out"),
    "a text for catalogues": (
        "catalogues = 'mine.toml'\n",
        "'catalogues' cannot be set by a file in the working folder",
        "--config",
    ),
    "pulling unasked": ("[run]\nyes = true\n", "'yes' cannot be set by a file in the working folder", "command line"),
    "a report": ("[run]\nreport = 'x'\n", "'report' cannot be set by a file in the working folder", ""),
    "overwriting": ("[run]\noverwrite = true\n", "'overwrite' cannot be set by a file in the working folder", ""),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_the_file_is_told_in_one_sentence(cli: Cli, kind: str):
    text, sentence, hint = MISTAKES[kind]
    here(text)
    ended = cli("run", "photos", "--dry-run")
    assert (ended.code, ended.out) == (2, "")
    first, *rest = ended.err.splitlines()
    assert first.startswith("error: imgtrans.toml")
    assert sentence in first
    assert len(rest) <= 1
    assert hint in "".join(rest)
    assert not Path("photos-tiny").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[train]\nepohcs = 3\n", "unknown key 'epohcs' in [train] (did you mean 'epochs'?)"),
        ("[train]\nepochs = 'all'\n", "'epochs' in [train] must be a whole number, not 'all'"),
        ("[watch]\nsettle = '2'\n", "'settle' in [watch] must be a number, not '2'"),
    ],
)
def test_a_mistake_in_another_commands_table_is_told_and_stops_nothing(cli: Cli, tiny: Model, text: str, sentence: str):
    here(text + '[run]\nmodel = "tiny"\n')
    for command in (["models", "list"], ["run", "photos", "--dry-run"]):
        ended = cli(*command)
        assert ended.code == 0
        assert ended.err.splitlines()[0] == f"warning: imgtrans.toml: {sentence}"
    command = text[1:].partition("]")[0]
    assert cli(command, "photos" if command == "watch" else "--data=photos").code == 2


def test_a_byte_order_mark_is_no_mistake(cli: Cli, tiny: Model):
    Path("imgtrans.toml").write_text('model = "tiny"\n', encoding="utf-8-sig")
    assert "with tiny" in planned(cli)


def test_bytes_that_are_no_text_are_told(cli: Cli):
    Path("imgtrans.toml").write_bytes(b"model = '\xff'")
    ended = cli("models", "list")
    assert ended.code == 2
    assert "imgtrans.toml cannot be read" in ended.err


def test_every_option_of_every_command_can_be_set_with_its_own_type(cli: Cli, tiny: Model):
    """The types that the options are annotated with are all known to the configuration."""
    here(
        'model = "tiny"\n[run]\nsize = "native"\ndevice = "cpu"\nprecision = "float32"\nbatch_size = 1\nforce = true\n'
        'output = "out"\ndry-run = true\nquiet = false\nverbose = true\njson = false\n[watch]\nsettle = 0.5\n'
        '[train]\ndata = "x"\nname = "n"\nruns = "r"\nresume = false\nngf = 8\nscale_jitter = 1\nlearning_rate = 2e-4\n'
    )
    assert "into out" in cli("run", "photos").err


# Alone


def test_commands_without_settings_have_no_defaults():
    path = here("")
    assert load_config(path, COMMANDS, trusted=True) == Config({"run": {}, "watch": {}, "train": {}}, path=path)


def test_the_model_goes_only_to_commands_that_take_one():
    settings = load_config(here("model = 'a'"), COMMANDS, trusted=False).defaults
    assert settings == {"run": {"model": "a"}, "watch": {"model": "a"}, "train": {}}


def test_the_order_of_the_file_does_not_matter():
    """A dotted key can come before ``model``."""
    settings = load_config(here("run.model = 'own'\nmodel = 'a'\n"), COMMANDS, trusted=False).defaults
    assert settings["run"] == {"model": "own"}


def test_a_file_that_the_user_chose_may_set_what_one_in_the_working_folder_may_not():
    path = here("[run]\noverwrite = true\n")
    assert load_config(path, COMMANDS, trusted=True).defaults["run"] == {"overwrite": True}
    with pytest.raises(UsageError, match="cannot be set by a file in the working folder"):
        load_config(path, COMMANDS, trusted=False)


@pytest.mark.parametrize("value", ["'mine.toml'", "[3]", "{a = 'b'}"])
def test_catalogues_are_a_list_of_texts(value: str):
    with pytest.raises(UsageError, match="'catalogues' must be a list of paths and URLs, not "):
        load_config(here(f"catalogues = {value}"), COMMANDS, trusted=True)


def test_catalogues_are_urls_and_paths_from_the_files_folder(home: Path, tmp_path: Path):
    own = tmp_path / "own" / "imgtrans.toml"
    own.parent.mkdir()
    own.write_text("catalogues = ['https://example.org/a.toml', 'b.toml', '~/c.toml', '/d.toml']")
    assert load_config(own, COMMANDS, trusted=True).catalogues == (
        "https://example.org/a.toml",
        str(tmp_path / "own" / "b.toml"),
        str(home / "c.toml"),
        "/d.toml",
    )


def test_the_working_folders_file_is_found_before_the_users(home: Path):
    assert config.find_config() is None
    own = home / "config" / "imgtrans" / "imgtrans.toml"
    own.parent.mkdir()
    own.touch()
    assert config.find_config() == own
    here("")
    assert config.find_config() == Path("imgtrans.toml")


def test_a_tilde_in_a_path_is_the_home_folder_and_in_a_text_it_is_not(home: Path):
    text = "[run]\noutput = '~/out'\nsize = '~'\n[train]\ndata = '~/d'\n"
    settings = load_config(here(text), COMMANDS, trusted=True).defaults
    assert settings["run"] == {"output": str(home / "out"), "size": "~"}
    assert settings["train"] == {"data": str(home / "d")}


def test_a_tilde_in_the_path_of_a_model_is_the_home_folder(cli: Cli, tiny: Model, home: Path):
    (home / "net.safetensors").write_bytes(tiny.weights.read_bytes())
    here("model = '~/net.safetensors'\n")
    assert "with net" in planned(cli)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run", "-h"], ["models", "list", "--help"]])
@pytest.mark.parametrize("text", ["[run\n", "[run]\nbatchsize = 3\n"])
def test_a_mistake_in_the_file_does_not_stand_before_the_help(cli: Cli, arguments: list[str], text: str):
    here(text)
    ended = cli(*arguments)
    assert ended.code == 0
    assert "Usage: imgtrans" in ended.out
    if arguments != ["--help"]:
        assert ended.err.startswith("warning: imgtrans.toml")
        assert len(ended.err.splitlines()) == 1


# Several inboxes


def test_each_inbox_has_a_table_in_that_of_watch(folder: Path):
    path = here('[watch]\nsettle = 3\n[watch.scans]\ninbox = "~/scans"\nmodel = "tiny"\n[watch.cam]\ninbox = "cam"\n')
    loaded = load_config(path, COMMANDS, trusted=True)
    assert loaded.defaults["watch"] == {"settle": 3}
    assert loaded.inboxes == {
        "scans": {"inbox": str(Path.home() / "scans"), "model": "tiny"},
        "cam": {"inbox": "cam"},
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[watch.scans]\nmodel = "tiny"\n', "[watch.scans] names no inbox"),
        ('[watch.scans]\ninbox = "a"\nsetle = 3\n', "unknown key 'setle' in [watch.scans]"),
        ('[watch.scans]\ninbox = true\nmodle = "x"\n', "'inbox' in [watch.scans]"),
        ('[watch.scans.deeper]\ninbox = "a"\n', "unknown key 'deeper' in [watch.scans]"),
        ('[run.scans]\nmodel = "a"\n', "unknown key 'scans' in [run]"),
    ],
)
def test_a_mistake_in_an_inboxes_table_names_it(text: str, told: str):
    with pytest.raises(UsageError) as error:
        load_config(here(text), COMMANDS, trusted=True)
    assert told in error.value.message


@pytest.mark.parametrize("key", ["on-done", "delete", "archive", "failed", "mirror-deletes"])
def test_a_file_in_the_working_folder_runs_no_command_and_takes_no_picture_away(key: str):
    options = {"watch": {"on_done": str, "delete": bool, "archive": Path, "failed": Path, "mirror_deletes": bool}}
    value = "true" if key in ("delete", "mirror-deletes") else '"x"'
    for table in ("[watch]\n", '[watch.scans]\ninbox = "a"\n'):
        with pytest.raises(UsageError, match="cannot be set by a file in the working folder"):
            load_config(here(f"{table}{key} = {value}\n"), options, trusted=False)
        load_config(here(f"{table}{key} = {value}\n"), options, trusted=True)


def test_a_path_of_digits_is_a_path(folder: Path):
    assert load_config(here("[run]\noutput = 2026\n"), COMMANDS, trusted=True).defaults["run"] == {"output": "2026"}
