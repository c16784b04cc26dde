"""Options of several commands are declared once, as fields of a group."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from neuron_core import cli
from neuron_core.commands.common import model_spec
from neuron_core.commands.groups import OptionGroup, with_groups
from neuron_core.commands.options import AttributionOptions, EvaluationOptions, ModelOptions
from neuron_core.errors import ModelError
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig

MOST_PARAMETERS = 9


@dataclass(frozen=True)
class Size(OptionGroup):
    n_rows: Annotated[int, typer.Option(min=1, help="Rows.")] = 3
    wide: Annotated[bool, typer.Option("--wide", help="Twice as wide.")] = False


@with_groups
def draw(name: str, size: Size, seed: Annotated[int, typer.Option()] = 0) -> None:
    typer.echo(f"{name} {size} {seed}")


def run(*arguments: str):
    app = typer.Typer()
    app.command()(draw)
    return CliRunner().invoke(app, arguments)


def test_each_field_of_a_group_is_an_option_and_the_command_gets_the_group():
    assert run("map", "--n-rows", "5", "--wide", "--seed", "2").output == "map Size(n_rows=5, wide=True) 2\n"
    assert run("map").output == "map Size(n_rows=3, wide=False) 0\n"


def test_a_field_s_limits_and_help_are_its_option_s():
    assert run("map", "--n-rows", "0").exit_code == 2
    assert "Twice as wide." in run("--help").output


def test_a_field_without_an_option_is_a_mistake_of_the_program():
    @dataclass(frozen=True)
    class Bare(OptionGroup):
        n: int = 1

    def command(bare: Bare) -> None:
        pass

    command.__annotations__ = {"bare": Bare}
    with pytest.raises(TypeError, match="the field n of a group of options"):
        with_groups(command)


def test_the_groups_usual_values_are_those_of_a_run():
    assert AttributionOptions().config() == AttributionConfig()
    assert EvaluationOptions(k="10,50").config() == EvaluationConfig(ks=(10, 50))
    assert ModelOptions().spec().source == "embedded"


@pytest.mark.parametrize("name", [one.callback.__name__ for one in cli.app.registered_commands])
def test_no_command_has_ten_parameters(name):
    command = next(one.callback for one in cli.app.registered_commands if one.callback.__name__ == name)
    written = inspect.unwrap(command)
    assert len(inspect.signature(written, follow_wrapped=False).parameters) <= MOST_PARAMETERS


@pytest.mark.parametrize("source", ["embedded", "embedded-plain", "a.gguf", "a_folder"])
def test_a_revision_of_what_is_no_hub_model_is_refused_by_name(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_folder").mkdir()
    for made in (lambda: ModelOptions(source=source, revision="v9").spec(), lambda: model_spec(source, "v9")):
        with pytest.raises(ModelError, match="'v9' has no effect") as refused:
            made()
        assert source in str(refused.value)
        assert "a hub id, or no revision" in str(refused.value)
    assert ModelOptions(source=source).spec().revision is None
    assert ModelOptions(source="some/model", revision="v9").spec().revision == "v9"
    # The config of an older run may hold both, and is read as it is.
    assert ModelSpec(source, "v9").revision == "v9"
