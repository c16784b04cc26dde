"""A run in the model's chat template, from a checkpoint on disk to the results."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tokenizers import processors
from transformers import AutoTokenizer

from neuron_core.control.generation import open_prompt
from neuron_core.engine.engine import Engine
from neuron_core.engine.execute import execute
from neuron_core.errors import ModelError, RunError
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.spec import ModelSpec
from neuron_core.qatt.config import PromptConfig
from neuron_core.runs.config import AttributionConfig, EvaluationConfig, RunConfig
from neuron_core.runs.questions import make_setting
from neuron_core.runs.store import Store
from tests.run_helpers import rewrite

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@pytest.fixture(scope="module")
def chat_checkpoint(checkpoint, tmp_path_factory):
    """The tiny llama with a chat template on its tokenizer."""
    folder = shutil.copytree(checkpoint("llama"), tmp_path_factory.mktemp("chat") / "llama-chat")
    tokenizer = AutoTokenizer.from_pretrained(folder, bos_token="<|end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def config(chat_checkpoint, task_file):
    return RunConfig(
        task=str(task_file),
        model=ModelSpec(str(chat_checkpoint), device="cpu"),
        prompt=PromptConfig(role="You hear moods.", template="chat"),
        attribution=AttributionConfig(steps=4, examples=2, z=12, k=4),
        evaluation=EvaluationConfig(examples=4, ks=(4,), ratios=(0.5,), random_seeds=1),
    )


@pytest.fixture(scope="module")
def engine(chat_checkpoint, one_thread):
    return Engine(ModelSpec(str(chat_checkpoint), device="cpu"))


@pytest.fixture(scope="module")
def run(config, engine, tmp_path_factory):
    folder = Store(tmp_path_factory.mktemp("runs")).create(config)
    execute(folder, lambda _: engine)
    return folder


def test_every_prompt_of_the_run_stands_in_the_model_s_own_template(run):
    setting = run.setting()
    questions = (*setting.attribution, *setting.evaluation)
    assert len(questions) == 18
    for question in questions:
        assert question.prompt.startswith("<|end|><|user|>\nYou hear moods.\nRead the question")
        assert question.prompt.endswith("\nAnswer:\n<|assistant|>\n")


def test_the_model_gets_the_tokens_of_its_template_and_letters_without_a_space(run, engine):
    question, tokenizer = run.setting().attribution[0], engine.loaded.tokenizer
    message = question.prompt.removeprefix("<|end|><|user|>\n").removesuffix("\n<|assistant|>\n")
    turns = [{"role": "user", "content": message}]
    own = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=False)
    found = tokenize_prompt(tokenizer, question.prompt)
    assert list(found.token_ids) == own
    report = engine.inspect(question.prompt)
    assert report.letter_tokens == ("A", "B", "C", "D")
    assert report.token_ids == found.token_ids


def test_the_run_passes_its_guard_and_is_finished(run):
    assert run.status().state == "done"
    assert len(run.scored()) == 6
    assert max(run.scores(number).guard for number in range(6)) < 1e-4
    assert run.evaluation() is not None


def test_a_resumed_chat_run_asks_the_same(run, config, engine):
    before = run.setting()
    assert make_setting(config, before.model) == before == make_setting(config, engine.facts())
    execute(run, lambda _: engine)
    assert run.setting() == before


def test_another_wording_gives_other_scores_for_the_same_examples(run, config, engine, tmp_path):
    plain = Store(tmp_path).create(replace(config, prompt=PromptConfig(), evaluation=None))
    execute(plain, lambda _: engine)
    one, other = run.setting().attribution, plain.setting().attribution
    assert [question.options for question in one] == [question.options for question in other]
    assert not (run.scores(0).baseline == plain.scores(0).baseline).all()


def test_a_chat_run_of_a_model_without_a_template_fails_and_says_so(config, checkpoint, tiny_model, tmp_path):
    folder = Store(tmp_path).create(replace(config, model=ModelSpec(str(checkpoint("llama")), device="cpu")))
    with pytest.raises(ModelError, match="tokenizer has no chat template"):
        execute(folder, lambda _: Engine.of(tiny_model("llama")))
    assert folder.status().state == "failed"


DATED = "{{ bos_token }}It is {{ strftime_now('%Y-%m-%d') }}.\n" + TEMPLATE.removeprefix("{{ bos_token }}")


@pytest.fixture
def dated(chat_checkpoint, config, tmp_path):
    """A run of a model whose template writes the date, begun on 31 December 2024, and its engine."""
    folder = shutil.copytree(chat_checkpoint, tmp_path / "dated")
    (folder / "chat_template.jinja").write_text(DATED)
    engine = Engine(ModelSpec(str(folder), device="cpu"))
    run = Store(tmp_path / "runs").create(replace(config, model=ModelSpec(str(folder), device="cpu"), evaluation=None))
    run.write_status(replace(run.status(), created=datetime(2024, 12, 31, 23, 59, tzinfo=UTC).timestamp()))
    execute(run, lambda _: engine)
    return run, engine, folder


def evaluated(run, config, engine):
    run.set_evaluation(replace(run.config(), evaluation=config.evaluation))
    execute(run, lambda _: engine)


def test_a_run_keeps_the_date_of_the_day_on_which_it_began(dated, config):
    run, engine, _ = dated
    assert run.setting().model.chat.date == "2024-12-31"
    before = run.setting().attribution
    assert all("It is 2024-12-31.\n" in question.prompt for question in before)
    assert "2024-12-31" not in engine.facts().chat.before
    # Evaluated on another day, wherever its status says that it began.
    run.write_status(replace(run.status(), created=0.0))
    evaluated(run, config, engine)
    assert run.setting().attribution == before
    assert all("It is 2024-12-31.\n" in question.prompt for question in run.setting().evaluation)


def test_a_run_that_kept_no_date_goes_on_with_the_text_that_it_kept(dated, config):
    run, engine, _ = dated
    path = run.path / "setting.json"
    rewrite(path, lambda text: text.replace(',"date":"2024-12-31"', ""))
    assert run.setting().model.chat.date is None
    evaluated(run, config, engine)
    assert all("It is 2024-12-31.\n" in question.prompt for question in run.setting().evaluation)


def test_what_changed_since_a_run_began_is_said_as_it_is(dated, config, task_file, tmp_path):
    run, engine, folder = dated
    (folder / "chat_template.jinja").write_text(DATED.replace("It is", "Today is"))
    with pytest.raises(RunError, match="the model's chat template is not the one that this run began with"):
        evaluated(run, config, Engine(ModelSpec(str(folder), device="cpu")))
    path = run.path / "setting.json"
    whole = path.read_text()
    rewrite(path, lambda text: text.replace("Read the question", "Read a question"))
    with pytest.raises(RunError, match="this version of the program makes other questions"):
        execute(run, lambda _: engine)
    path.write_text(whole)
    own = tmp_path / "task.jsonl"
    shutil.copy(task_file, own)
    other = Store(tmp_path / "others").create(replace(run.config(), task=str(own)))
    execute(other, lambda _: engine)
    own.write_text(own.read_text().replace("The ", "This "))
    with pytest.raises(RunError, match="the task file changed since this run began"):
        execute(other, lambda _: engine)


def test_a_chat_prompt_is_continued_from_the_tokens_that_the_questions_had(run, chat_checkpoint):
    # As Llama 3, Gemma and Mistral have it: the tokenizer puts the first token before every text.
    engine = Engine(ModelSpec(str(chat_checkpoint), device="cpu"))
    tokenizer, prompt = engine.loaded.tokenizer, run.setting().attribution[0].prompt
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|end|> $A", special_tokens=[("<|end|>", 0)]
    )
    assert tokenizer(prompt)["input_ids"][:2] == [0, 0]
    for text in (prompt, "\n" + prompt):
        opening = open_prompt(engine.loaded, text, 1)
        assert opening.token_ids == tokenize_prompt(tokenizer, text).token_ids
        assert opening.token_ids.count(0) == 1
