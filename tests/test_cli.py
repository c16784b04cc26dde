"""Every command as a user types it, in this process, on a tiny checkpoint."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from neuron_core import cli, terminal
from neuron_core.commands import run as run_commands
from neuron_core.control.interventions import RATIOS
from neuron_core.engine.engine import Engine
from neuron_core.models import shapes
from neuron_core.qatt.config import PromptConfig
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.demo import demo_config
from neuron_core.runs.run_folder import RunFolder, RunStatus
from neuron_core.runs.store import Store
from neuron_core.tasks.load import bundled_tasks
from tests.builders import classification_rows, one_thread, tiny_checkpoint, write_jsonl

__all__ = ["one_thread"]

pytestmark = pytest.mark.usefixtures("one_thread")
PROJECT = Path(__file__).parents[1]
SMALL = ("--examples", "4", "--steps", "4", "--z", "12", "--k", "6")
COMMANDS = (
    "preview",
    "baseline",
    "attribute",
    "evaluate",
    "resume",
    "demo",
    "experiment",
    "estimate",
    "bench",
    "models",
    "validate",
    "save-neurons",
    "try-neurons",
)
CELL = {"k", "ratio", "direction", "position", "acc", "com", "rac", "rcc", "rac_interval", "rcc_interval"}
REASONS = [
    "row 4, column text: is empty ('')",
    "row 8, column label: is missing ('')",
    "row 49, column text: is a duplicate of row 1 ('The soup was warm and the bread was fresh, number 0.')",
]


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one JSON object on standard output; anything beside it, NaN and Infinity are errors."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.fixture
def command(capfd):
    """`command(*words)`: what the command line makes of them."""

    def run(*words):
        capfd.readouterr()
        code = cli.main([str(word) for word in words])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C as on a terminal: a shell's job in the background is started deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """The folder of runs, and a working folder of the test's own."""
    monkeypatch.setenv("NEURONLLM_RUNS", str(tmp_path / "runs"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.getbasetemp() / "checkpoints", "llama")


@pytest.fixture
def weather():
    """48 sentences, in the working folder."""
    return write_jsonl(Path("weather.jsonl"), classification_rows(48))


@pytest.fixture
def spoiled():
    """49 rows, three of which can't be used."""
    rows = classification_rows(48)
    rows[3]["text"] = ""
    del rows[7]["label"]
    return write_jsonl(Path("spoiled.jsonl"), [*rows, rows[0]])


@pytest.fixture(scope="session")
def attributed_once(tmp_path_factory, llama):
    folder = tmp_path_factory.mktemp("attributed")
    task = write_jsonl(folder / "weather.jsonl", classification_rows(48))
    words = ("attribute", "--task", task, "--model", llama, *SMALL, "--out", folder / "run")
    assert cli.main([str(word) for word in words]) == 0
    return folder / "run"


@pytest.fixture
def attributed(attributed_once, weather):
    """A run that has its neurons and no evaluation; its path is `run`, its task the weather here."""
    run = RunFolder(shutil.copytree(attributed_once, Path("run")))
    run.set_evaluation(replace(run.config(), task=str(weather.resolve())))
    return run


@pytest.fixture
def no_engine(monkeypatch):
    """From `no_engine()` on, a model that is loaded fails the test."""
    return lambda: monkeypatch.setattr(Engine, "__init__", lambda *_, **__: pytest.fail("a model was loaded"))


def stop_at(monkeypatch, method, number):
    """Ctrl-C while a question is computed; gives the function that undoes it."""
    plain = getattr(Engine, method)

    def interrupted(*args, **kwargs):
        for place, value in plain(*args, **kwargs):
            if place == number:
                signal.raise_signal(signal.SIGINT)
            yield place, value

    monkeypatch.setattr(Engine, method, interrupted)
    return lambda: monkeypatch.setattr(Engine, method, plain)


def written(run):
    return run._scores.places()


def test_without_a_command_the_help_is_shown(command):
    outcome = command()
    assert outcome.code == 2
    for name in COMMANDS:
        assert f" {name} " in outcome.out
    assert "worker" not in outcome.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(command, name):
    outcome = command(name, "--help")
    assert outcome.code == 0
    assert "--json" in outcome.out
    assert outcome.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("preview", "--frobnicate"),
        ("preview", "--n", "0"),
        ("preview", "--n", "two"),
        ("preview", "--seed", "-1"),
        ("baseline", "--examples", "1"),
        ("attribute", "--z", "0"),
        ("evaluate",),
        ("evaluate", "--run", "some", "--k", "10,many"),
        ("evaluate", "--run", "some", "--k", ""),
        ("bench", "--shape", "llama-2-7b", "--model", "gpt2"),
        ("estimate", "--questions", "1" + "0" * 400),
        ("estimate", "--tokens", "1" + "0" * 400),
        ("estimate", "--actors", "1" + "0" * 400),
    ],
)
def test_wrong_usage_ends_with_2_and_nothing_on_standard_output(command, words):
    outcome = command(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: python -m neuron_core" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("preview --task nothing", "no task and no file is called 'nothing'. Accepted: one of sentiment,"),
        ("preview --task nothing.jsonl", "no task and no file is called 'nothing.jsonl'"),
        ("preview --task weather.jsonl --n 48", "48 examples of different text; 49 are asked for"),
        ("baseline --task nothing --model LLAMA", "no task and no file is called 'nothing'"),
        ("baseline --task weather.jsonl --model LLAMA --examples 43", "at most 42 evaluation examples"),
        ("baseline --task weather.jsonl --model weather.jsonl --examples 8", "the model can't be loaded"),
        ("baseline --task weather.jsonl --model nobody/nothing --examples 8", "Where: nobody/nothing"),
        ("baseline --model LLAMA --dtype int4", "unknown dtype 'int4'. Accepted: float32,"),
        (
            "attribute --task weather.jsonl --model LLAMA --dtype tf32 --device cpu --examples 4",
            "tf32 has no effect on cpu. Where: dtype. Accepted: float32; tf32 on an NVIDIA GPU of compute",
        ),
        (
            "attribute --task weather.jsonl --model LLAMA --dtype tf32 --load-in-4bit --examples 4",
            "--load-in-4bit can't be combined with tf32. Where: dtype. Accepted: float32,",
        ),
        ("attribute --task weather.jsonl --model LLAMA --examples 48", "49 are asked for"),
        ("attribute --task weather.jsonl --model LLAMA --rule left", "unknown rule 'left'. Accepted: right, midpoint"),
        ("attribute --task weather.jsonl --model LLAMA --z 49", "z is 49 in a model of 192 neurons"),
        ("attribute --task weather.jsonl --model LLAMA --out weather.jsonl", "the output folder is a file"),
        ("attribute --task weather.jsonl --model LLAMA --out weather.jsonl/x", "Accepted: a"),
        ("attribute --task weather.jsonl --model LLAMA --steps 1000000000", "Accepted: 1 to 4,096"),
        (
            "attribute --task weather.jsonl --model LLAMA --examples 1000000000",
            "examples is 1000000000. Accepted: 1 to",
        ),
        ("estimate --steps 1000000000", "Accepted: 1 to 4,096"),
        ("evaluate --run run --random-seeds 1000000000", "random_seeds is 1000000000. Accepted: 0 to 1,000"),
        ("evaluate --run run --k 1000000000", "a budget is 1000000000. Accepted: 1 to 100,000,000"),
        ("experiment table1 --steps 1000000000", "Accepted: 1 to 4,096"),
        ("experiment table1 --out weather.jsonl", "weather.jsonl is a file"),
        ("save-neurons --run run --out .", "--out can't be written: a folder has this name"),
        ("save-neurons --run run --out no/such/set.json", "its folder does not exist"),
        ("validate weather.jsonl --good no/such/good.jsonl", "--good can't be written: its folder does not exist"),
        ("validate weather.jsonl --rejected .", "--rejected can't be written: a folder has this name"),
        ("bench --figure no/such/figure.html", "--figure can't be written: its folder does not exist"),
        ("attribute --task weather.jsonl --model LLAMA --out .", "the output folder is not empty"),
        ("evaluate --run nothing", "no run is called 'nothing'. Where: "),
        ("evaluate --run run --k 0", "budgets [0]. Accepted: different whole numbers from 1"),
        ("evaluate --run run --k 5,5", "budgets [5, 5]"),
        ("evaluate --run run --k 5 --examples 44", "at most 43 evaluation examples"),
        ("resume --run nothing", "no run is called 'nothing'"),
        ("bench --shape huge", "unknown shape 'huge'. Accepted: smollm2-360m, llama-2-7b, llama-2-13b"),
    ],
)
def test_what_a_user_can_act_on_ends_with_1_and_one_line(command, llama, weather, request, words, said):
    if "--run run" in words:
        request.getfixturevalue("attributed")
    outcome = command(*words.replace("LLAMA", str(llama)).split())
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err


@pytest.mark.parametrize("words", [("models",), ("models", "--json")])
def test_a_standard_output_that_is_full_is_one_line_of_error(words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "neuron_core", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=PROJECT,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Where: standard output." in done.stderr


def test_ctrl_c_while_the_commands_are_imported_ends_with_130_and_no_traceback(tmp_path):
    # A module of the command line's imports that is interrupted there.
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    done = subprocess.run(
        [sys.executable, "-m", "neuron_core", "models"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


def test_what_the_system_refuses_is_said_without_its_number(command, monkeypatch):
    refuse = PermissionError(13, "Permission denied", "/some/file")
    monkeypatch.setattr("neuron_core.models.listing.listing", lambda: (_ for _ in ()).throw(refuse))
    outcome = command("models")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: the system refuses: Permission denied. Where: /some/file.\n"


def test_a_task_is_looked_at_before_a_model_is_loaded(command, weather, no_engine):
    no_engine()
    assert command("baseline", "--task", weather, "--examples", 43).code == 1
    assert command("attribute", "--task", weather, "--examples", 48).code == 1
    assert command("attribute", "--task", weather, "--rule", "left").code == 1


def test_a_preview_shows_the_three_questions_of_each_example(command, no_engine):
    no_engine()
    result = command("preview", "--task", "sentiment", "--n", 2, "--json").json
    assert (result["task"], result["kind"], result["template_version"]) == ("sentiment", "classification", 1)
    assert (result["n_rejected"], result["rejected"]) == (0, [])
    first, second = result["questions"][:3], result["questions"][3:]
    for three in (first, second):
        assert len({question["correct"] for question in three}) == 3
        assert len({question["id"].partition("#")[0] for question in three}) == 1
        assert all(question["prompt"].endswith("\nAnswer:") for question in three)
    assert command("preview").out == command("preview", "--task", "sentiment", "--n", 2).out
    for question in result["questions"]:
        assert f"--- {question['id']}  correct: {question['correct']}\n{question['prompt']}" in command("preview").out


@pytest.mark.parametrize("task", bundled_tasks())
def test_every_bundled_task_has_a_preview(command, task):
    assert len(command("preview", "--task", task, "--n", 1, "--json").json["questions"]) == 3


def test_a_preview_has_the_wording_that_is_asked_for(command, weather, no_engine):
    no_engine()
    words = ("--role", "", "--answer-rule", "Say A, B, C or D.", "--stem", "How is {text}", "--demonstration", "none")
    (first, *_) = command("preview", "--task", weather, "--n", 1, *words, "--json").json["questions"]
    lines = first["prompt"].splitlines()
    assert lines[:2] == ["Say A, B, C or D.", ""]
    assert lines[2].startswith("Question: How is ")
    assert len(lines) == 8
    outcome = command("attribute", "--task", weather, "--stem", "{sentence}")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: the stem has an unknown field {sentence}. Where: task weather. Accepted: {text}.\n"


def test_a_preview_in_a_chat_template_reads_the_tokenizer_and_no_weights(command, llama, weather, no_engine):
    no_engine()
    shutil.copytree(llama, "talker", ignore=shutil.ignore_patterns("*.safetensors"))
    words = ("preview", "--task", weather, "--n", 1, "--template", "chat", "--model")
    outcome = command(*words, llama)
    assert (outcome.code, outcome.out) == (1, "")
    assert "the model's tokenizer has no chat template" in outcome.err
    path = Path("talker/tokenizer_config.json")
    template = "<|user|>{{ messages[0]['content'] }}\n<|answer|>"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))
    for question in command(*words, "talker", "--json").json["questions"]:
        assert question["prompt"].startswith("<|user|>You are an expert")
        assert question["prompt"].endswith("\nAnswer:\n<|answer|>")


def test_a_run_of_the_command_line_keeps_its_wording(command, llama, weather):
    words = ("--role", "You hear moods.", "--demonstration-letter", "C", "--rule", "midpoint")
    attribute = ("attribute", "--task", weather, "--model", llama, "--examples", 1, "--steps", 2, *words)
    assert command(*attribute, "--out", "run").code == 0
    run = RunFolder(Path("run"))
    assert run.config().prompt == PromptConfig(role="You hear moods.", letter="C")
    assert run.config().attribution.rule == "midpoint"
    assert command("evaluate", "--run", "run", "--k", 4, "--examples", 6, "--random-seeds", 0).code == 0
    setting = run.setting()
    for question in (*setting.attribution, *setting.evaluation):
        assert question.prompt.startswith("You hear moods.\nRead the question")
        assert "\nAnswer: C\n\n" in question.prompt


def test_a_preview_of_a_file_gives_its_rejected_rows(command, spoiled):
    result = command("preview", "--task", spoiled, "--n", 1, "--json").json
    assert (result["n_examples"], result["n_rejected"], result["rejected"]) == (46, 3, REASONS)
    shown = command("preview", "--task", spoiled, "--n", 1).out.splitlines()
    assert shown[0] == "spoiled (classification): 46 examples, 3 rows rejected"
    assert shown[1:4] == [f"  {reason}" for reason in REASONS]


def test_a_terminal_without_a_character_is_no_reason_to_fail(weather, monkeypatch):
    write_jsonl(weather, [{**row, "text": f"好: {row['text']}"} for row in classification_rows(12)])
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, encoding="latin-1"))
    assert cli.main(["preview", "--task", str(weather)]) == 0
    sys.stdout.flush()
    assert rb"Text: \u597d: " in stream.getvalue()


def test_a_baseline_has_the_keys_that_others_rely_on(command, llama, weather):
    result = command("baseline", "--task", weather, "--model", llama, "--examples", 8, "--json").json
    assert (result["n_examples"], result["n_questions"]) == (8, 24)
    assert result["acc"] * 24 == pytest.approx(round(result["acc"] * 24))
    assert 0 <= result["com"] <= 1
    assert list(result["letters"]) == ["A", "B", "C", "D"]
    assert sum(result["letters"].values()) == pytest.approx(1)
    assert result["model"]["title"] == "llama"
    text = command("baseline", "--task", weather, "--model", llama, "--examples", 8).out
    assert text.startswith("llama on weather: 24 questions, 8 examples\n")
    assert f"accuracy {result['acc']:.1%} [" in text


def test_a_baseline_asks_what_an_evaluation_asks(command, llama, weather):
    alone = command("baseline", "--task", weather, "--model", llama, "--examples", 8, "--seed", 3, "--json").json
    attribute = ("attribute", "--task", weather, "--model", llama, "--steps", 2, "--seed", 3, "--out", "run")
    assert command(*attribute).code == 0
    beside = command("evaluate", "--run", "run", "--k", 4, "--examples", 8, "--random-seeds", 0, "--json").json
    assert beside["baseline"] == {name: alone[name] for name in beside["baseline"]}


@pytest.mark.parametrize("name", ["baseline", "attribute"])
def test_rejected_rows_are_said_on_standard_error_and_counted_in_json(command, llama, spoiled, name):
    words = (name, "--task", spoiled, "--model", llama, "--examples", 3, "--json")
    outcome = command(*words)
    assert (outcome.json["n_rejected"], outcome.json["rejected"]) == (3, REASONS)
    assert outcome.err.splitlines() == [
        f"3 of 49 rows of {spoiled.resolve()} are not used:",
        *[f"  {reason}" for reason in REASONS],
    ]


def test_an_attribution_is_a_run_folder_and_one_json_object(command, llama, weather):
    words = ("attribute", "--task", weather, "--model", llama, *SMALL, "--out", "some/folder", "--json")
    result = command(*words).json
    run = Store().open(Path("some/folder"))
    assert (result["run"], result["path"]) == ("folder", str(Path("some/folder").resolve()))
    assert run.status().state == "done"
    assert (result["n_questions"], result["z"], result["k"], result["preset"]) == (12, 12, 6, "own")
    cut = run.ranking().cut(6)
    for role, neurons, scores in (("good", cut.good, cut.good_scores), ("bad", cut.bad, cut.bad_scores)):
        assert [[one["layer"], one["index"]] for one in result[role]] == neurons.tolist()
        assert [one["score"] for one in result[role]] == pytest.approx(scores.tolist())
        assert [one["id"] for one in result[role]] == [f"{one['layer']}.{one['index']}" for one in result[role]]
    assert result["guard"] < 1e-4
    assert result["completeness_gap"]["mean"] <= result["completeness_gap"]["largest"]
    assert set(result["seconds"]) == {"loading", "attribution"}


def test_without_out_a_run_lies_in_the_folder_of_runs_and_goes_by_its_id(command, llama, weather, runs):
    outcome = command("attribute", "--task", weather, "--model", llama, *SMALL)
    (run,) = Store().runs()
    assert outcome.code == 0
    assert outcome.out.startswith(f"run {run.id}  ({runs / run.id})\n")
    words = ("--k", "4", "--examples", 6, "--random-seeds", 1, "--json")
    by_id = command("evaluate", "--run", run.id, *words).json
    assert by_id["run"] == run.id
    assert command("evaluate", "--run", runs / run.id, *words).json == by_id


def test_a_run_finds_its_model_and_its_task_from_any_folder(command, llama, weather, tmp_path, monkeypatch):
    Path("model").symlink_to(llama, target_is_directory=True)
    assert command("attribute", "--task", "weather.jsonl", "--model", "model", *SMALL, "--out", "run").code == 0
    here = Path.cwd()
    monkeypatch.chdir(tmp_path)
    outcome = command("evaluate", "--run", here / "run", "--k", 4, "--examples", 6, "--random-seeds", 0, "--json")
    assert outcome.json["n_questions"] == 18


@pytest.mark.parametrize("existed", [False, True])
def test_a_run_in_which_nothing_was_computed_leaves_no_folder_behind(command, llama, weather, runs, existed):
    if existed:
        Path("run").mkdir()
    words = ("attribute", "--task", weather, "--model", llama, "--examples", 2, "--steps", 2)
    assert command(*words, "--z", 49, "--out", "run").code == 1
    assert Path("run").exists() == existed
    assert command(*words, "--z", 12, "--out", "run").code == 0
    assert command(*words, "--z", 49).code == 1
    assert list(runs.iterdir()) == []


def test_a_run_that_fails_midway_is_kept_and_named(command, llama, weather, monkeypatch):
    from neuron_core.errors import AttributionError

    plain = Engine.attribute

    def failing(*args, **kwargs):
        for number, scores in plain(*args, **kwargs):
            if number == 3:
                raise AttributionError("row 3 is odd")
            yield number, scores

    monkeypatch.setattr(Engine, "attribute", failing)
    outcome = command("attribute", "--task", weather, "--model", llama, *SMALL)
    (run,) = Store().runs()
    assert (outcome.code, outcome.err) == (1, f"Error: row 3 is odd. Run {run.id}: what was finished is kept.\n")
    assert run.status().state == "failed"
    monkeypatch.setattr(Engine, "attribute", plain)
    assert command("resume", "--run", run.id, "--json").json["n_questions"] == 12


def test_an_evaluation_has_the_keys_that_others_rely_on(command, attributed):
    words = ("evaluate", "--run", "run", "--k", "4,6", "--examples", 8, "--random-seeds", 2, "--json")
    result = command(*words).json
    assert (result["n_questions"], result["n_examples"]) == (24, 8)
    assert result["baseline"].keys() >= {"acc", "com", "letters", "n_examples", "n_questions"}
    cells = [(k, ratio, d) for k in (4, 6) for ratio in RATIOS for d in ("enhancer", "degrader")]
    for name in ("grid", "random"):
        assert [(row["k"], row["ratio"], row["direction"]) for row in result[name]] == cells
        assert all(row.keys() >= CELL for row in result[name])
    assert result["random"][0].keys() >= result["grid"][0].keys()
    assert {row["position"] for row in result["grid"]} == {"last"}
    for direction in ("enhancer", "degrader"):
        best = result["best"][direction]
        assert [(one["k"], one["direction"]) for one in best] == [(4, direction), (6, direction)]
        for one in best:
            rows = [row for row in result["grid"] if (row["k"], row["direction"]) == (one["k"], direction)]
            assert one["rac"] == next(row["rac"] for row in rows if row["ratio"] == one["ratio"])
            assert {"heldout_rac", "heldout_rcc", "heldout_ratios", "heldout_rac_interval"} <= one.keys()
    assert len(result["random_best"]) == 4


def test_the_same_evaluation_again_needs_neither_model_nor_task_file(command, attributed, weather, no_engine):
    words = ("evaluate", "--run", "run", "--k", "4,6", "--examples", 8, "--random-seeds", 1, "--json")
    first = command(*words)
    no_engine()
    weather.unlink()
    assert command(*words).json == first.json


def test_another_evaluation_keeps_the_attribution_and_drops_the_evaluation_before(command, attributed):
    words = ("evaluate", "--run", "run", "--random-seeds", 1, "--json")
    before = written(attributed)
    assert len(before) == 12
    first = command(*words, "--k", "4,6", "--examples", 8).json
    second = command(*words, "--k", "5", "--examples", 6).json
    assert written(attributed) == before
    assert {row["k"] for row in first["grid"]} == {4, 6}
    assert {row["k"] for row in second["grid"]} == {5}
    assert second["n_questions"] == 18
    assert attributed.evaluated() == set(range(18))
    assert attributed.config().evaluation == EvaluationConfig(examples=6, ks=(5,), random_seeds=1)


@pytest.mark.parametrize("change", ["too many", "changed file", "no file", "wrong budget"])
def test_an_evaluation_that_can_not_be_made_leaves_the_one_before(command, attributed, weather, change):
    kept = ("evaluate", "--run", "run", "--k", "4", "--examples", 6, "--random-seeds", 0, "--json")
    first = command(*kept)
    wanted = {"too many": ("--examples", 44), "wrong budget": ("--k", "4,-1")}.get(change, ("--examples", 7))
    if change == "changed file":
        write_jsonl(weather, [{**row, "text": f"Well. {row['text']}"} for row in classification_rows(48)])
    elif change == "no file":
        weather.unlink()
    outcome = command("evaluate", "--run", "run", *wanted)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert command(*kept).json == first.json


def test_a_run_that_another_process_works_on_is_left_alone(command, attributed):
    with attributed.held():
        for words in (("evaluate", "--run", "run", "--k", "4", "--examples", 6), ("resume", "--run", "run")):
            attributed.write_status(replace(attributed.status(), state="running"))
            outcome = command(*words)
            assert outcome.code == 1
            assert "another process works on this run" in outcome.err
    assert attributed.config().evaluation is None


@pytest.mark.parametrize("where", [(), ("--out", "my run")])
def test_ctrl_c_in_an_attribution_ends_with_130_and_its_own_words_resume_it(
    command, llama, weather, attributed, monkeypatch, where
):
    undo = stop_at(monkeypatch, "attribute", 5)
    outcome = command("attribute", "--task", weather, "--model", llama, *SMALL, *where, "--json")
    run = Store().open("my run") if where else Store().runs()[0]
    assert (outcome.code, outcome.out) == (130, "")
    assert len(run.scored()) == 5
    assert run.status().state == "interrupted"
    name = f"'{Path('my run').resolve()}'" if where else run.id
    assert outcome.err == (f"Stopped. What was finished is kept: python -m neuron_core resume --run {name} goes on.\n")
    before = written(run)
    undo()
    result = command("resume", "--run", name.strip("'"), "--json").json
    assert before.items() <= written(run).items()
    assert run.status().state == "done"
    whole = command("resume", "--run", "run", "--json").json
    assert (result["good"], result["bad"]) == (whole["good"], whole["bad"])


def test_ctrl_c_in_an_evaluation_is_resumed_by_the_same_command(command, attributed, monkeypatch):
    words = ("evaluate", "--run", "run", "--k", "4", "--examples", 6, "--random-seeds", 1, "--json")
    undo = stop_at(monkeypatch, "evaluate", 7)
    outcome = command(*words)
    assert (outcome.code, outcome.out) == (130, "")
    assert attributed.status().state == "interrupted"
    assert attributed.evaluation() is None
    due = attributed.pending()
    assert due.evaluated() == set(range(7))
    kept = due._evaluation.places()
    undo()
    result = command(*words).json
    assert result["n_questions"] == 18
    assert kept.items() <= attributed._evaluation.places().items()
    assert command("resume", "--run", "run", "--json").json == result


def test_ctrl_c_before_the_first_question_leaves_a_run_that_can_be_begun(command, llama, weather, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "__init__", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        outcome = command("attribute", "--task", weather, "--model", llama, *SMALL, "--out", "run")
    assert outcome.code == 130
    assert "resume --run" in outcome.err
    assert command("resume", "--run", "run", "--json").json["n_questions"] == 12


def test_ctrl_c_in_a_baseline_ends_with_130(command, llama, weather, monkeypatch):
    monkeypatch.setattr(Engine, "baseline", lambda *_: signal.raise_signal(signal.SIGINT))
    outcome = command("baseline", "--task", weather, "--model", llama, "--examples", 8)
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")


def test_a_cancelled_run_is_resumed_to_its_evaluation(command, attributed):
    config = replace(attributed.config(), evaluation=EvaluationConfig(examples=6, ks=(4,), random_seeds=0))
    attributed.set_evaluation(config)
    attributed.write_status(replace(attributed.status(), state="cancelled"))
    result = command("resume", "--run", "run", "--json").json
    assert (result["n_questions"], result["random"]) == (18, [])
    assert attributed.status().state == "done"


def test_a_finished_run_is_resumed_without_a_model(command, attributed, no_engine):
    no_engine()
    assert command("resume", "--run", "run", "--json").json["k"] == 6
    assert command("resume", "--run", "run").out.startswith("run run  (")


@pytest.fixture
def short_demo(monkeypatch):
    """A demo of two attribution and four evaluation examples."""

    def config(spec):
        evaluation = EvaluationConfig(examples=4, ks=(4,), ratios=(0.0, 0.5, 1.0), random_seeds=1)
        return replace(demo_config(spec), attribution=AttributionConfig(examples=2), evaluation=evaluation)

    monkeypatch.setattr(run_commands, "short_demo_config", config)


def test_a_demo_prints_question_baseline_neurons_interventions_and_time(command, llama, short_demo):
    outcome = command("demo", "--model", llama)
    parts = ("--- preview", "--- baseline", "--- neurons", "--- interventions", "finished in ")
    places = [outcome.out.index(part) for part in parts]
    assert places == sorted(places)
    assert "\nAnswer:   (correct: " in outcome.out
    assert outcome.out.splitlines()[-1].endswith(" s")
    assert outcome.code == 0


def test_a_demo_in_json_is_an_evaluation_and_more(command, llama, short_demo):
    result = command("demo", "--model", llama, "--out", "run", "--json").json
    assert result["n_questions"] == 12
    assert len(result["grid"]) == len(result["random"]) == 6
    assert {"acc", "com"} <= result["baseline"].keys()
    assert set(result["best"]) == {"enhancer", "degrader"}
    assert result["preview"]["prompt"].endswith("Answer:")
    assert result["attribution"]["n_questions"] == 6
    assert result["total_s"] > sum(result["seconds"].values())
    again = command("resume", "--run", "run", "--json").json
    assert again == {name: result[name] for name in again}


def test_a_quick_bench_of_a_random_shape_has_the_keys_that_others_rely_on(command, monkeypatch):
    monkeypatch.setattr(shapes, "SHAPES", {"tiny": (32, 48, 3, 4)})
    outcome = command("bench", "--quick", "--shape", "tiny", "--json")
    result = outcome.json
    assert {"fast_s", "reference_s", "ratio", "max_rel_diff", "reference_layers"} <= result["attribution"].keys()
    assert {"grid_s", "baseline_s", "ratio_to_baseline"} <= result["evaluation"].keys()
    assert {"model", "T", "threads"} <= result.keys()
    assert (result["model"], result["layers"]) == ("tiny shape, random weights", 3)
    assert outcome.err == ""


def test_progress_goes_to_a_terminal_and_the_result_alone_to_standard_output(command, llama, weather, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "errors", Console(file=screen, force_terminal=True, width=100))
    outcome = command("attribute", "--task", weather, "--model", llama, *SMALL, "--out", "run", "--json")
    assert outcome.json["n_questions"] == 12
    assert "loading" in screen.getvalue()
    assert "12/12" in screen.getvalue()
    command("evaluate", "--run", "run", "--k", "4", "--examples", 6, "--random-seeds", 0)
    assert "18/18" in screen.getvalue()
    command("baseline", "--task", weather, "--model", llama, "--examples", 8)
    assert "24/24" in screen.getvalue()


def test_loading_is_seen_while_it_lasts_and_a_resumed_stage_starts_where_it_was():
    progress = terminal.progress_bars()
    show = terminal.stage_bars(progress)
    show(RunStatus(stage="loading"))
    show(RunStatus(stage="loading", message="loading weights"))
    (loading,) = progress.tasks
    assert (loading.description, loading.total, loading.visible) == ("loading weights", None, True)
    show(RunStatus(stage="attribution", done=5, total=12))
    show(RunStatus(stage="attribution", done=6, total=12))
    _, attribution = progress.tasks
    assert not loading.visible
    assert (attribution.description, attribution.completed, attribution.total) == ("attribution", 6, 12)


def test_a_number_that_json_has_not_is_an_error_and_not_a_result():
    with pytest.raises(ValueError, match="JSON compliant"):
        terminal.emit({"acc": float("nan")}, True, str)


def test_the_module_as_a_process_puts_one_json_object_on_standard_output(llama, spoiled, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["baseline", "--task", str(spoiled), "--model", str(llama), "--examples", "8", "--json"]
    done = subprocess.run([sys.executable, "-m", "neuron_core", *words], capture_output=True, text=True, check=False)
    outcome = Outcome(done.returncode, done.stdout, done.stderr)
    assert (outcome.json["n_questions"], outcome.json["n_rejected"]) == (24, 3)
    assert "3 of 49 rows" in outcome.err
    wrong = [sys.executable, "-m", "neuron_core", "preview", "--task", "nothing"]
    assert subprocess.run(wrong, capture_output=True, check=False).returncode == 1


def test_neurons_are_saved_to_a_file_and_tried_on_a_task_from_it(command, attributed, weather, llama):
    """The grid of the file is the grid of the run that it came from."""
    small = ("--k", "4", "--examples", "6", "--random-seeds", "1", "--json")
    own = json.loads(command("evaluate", "--run", attributed.path, *small).out)
    saved = command("save-neurons", "--run", attributed.path, "--out", "mood.json", "--json")
    counts = own["n_ranked"]["ace"]
    assert json.loads(saved.out) == {"file": "mood.json", **{role: min(6, n) for role, n in counts.items()}}
    words = ("try-neurons", "mood.json", "--task", weather, "--model", llama)
    tried = json.loads(command(*words, *small).out)
    assert [row["source"] for row in tried["grid"]] == ["mood"] * len(own["grid"])
    # Its own run draws four attribution examples and this one five: other questions, the same neurons.
    assert [(row["k"], row["n_good"], row["n_bad"]) for row in tried["grid"]] == [
        (row["k"], row["n_good"], row["n_bad"]) for row in own["grid"]
    ]


def test_neurons_are_tried_in_another_wording(command, attributed, weather, llama):
    assert command("save-neurons", "--run", attributed.path, "--out", "mood.json").code == 0
    words = ("try-neurons", "mood.json", "--task", weather, "--model", llama, "--k", "4", "--examples", "6")
    assert command(*words, "--random-seeds", "0", "--answer-rule", "Say the letter.", "--out", "other").code == 0
    run = RunFolder(Path("other"))
    assert run.config().prompt == PromptConfig(rule="Say the letter.")
    assert all("\nSay the letter.\n\n" in question.prompt for question in run.setting().evaluation)


def test_a_method_that_the_run_has_not_is_named_when_its_neurons_are_saved(command, attributed):
    outcome = command("save-neurons", "--run", attributed.path, "--out", "mood.json", "--method", "kn")
    assert outcome.code == 1
    assert "Accepted: a finished attribution by ace" in outcome.err


def test_methods_position_and_sample_are_options(command, weather, llama):
    words = ("attribute", "--task", weather, "--model", llama, *SMALL, "--methods", "kn,ace", "--out", "many")
    assert command(*words).code == 0
    said = command("evaluate", "--run", "many", "--k", "4", "--examples", "4", "--position", "all", "--json")
    result = json.loads(said.out)
    assert {row["source"] for row in result["grid"]} == {"kn", "ace"}
    assert {row["position"] for row in result["grid"]} == {"all"}
    assert RunFolder(Path("many")).ranking() is not None
    assert "kn" in command("evaluate", "--run", "many", "--k", "4", "--examples", "4", "--position", "all").out
