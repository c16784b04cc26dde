"""The engine's lock: threads that change the model are never seen by threads that only look."""

import re
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from neuron_core.cni.neurons import NeuronRanking
from neuron_core.engine.engine import Engine
from neuron_core.engine.stage_part import StagePart
from neuron_core.errors import LetterError, ModelError, RunError
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.plan import plan_of
from neuron_core.runs.questions import make_setting
from tests.builders import PROMPT, n_hooks
from tests.run_helpers import tiny_config

BASELINES = 200
LOOKERS = 2


@pytest.fixture
def fresh_engine(checkpoint):
    """A model of its own: without the lock it does not come back whole."""
    return Engine.of(load_model(ModelSpec(str(checkpoint("llama")), device="cpu")))


@pytest.fixture
def questions(fresh_engine, task_file, checkpoint):
    return make_setting(tiny_config(task_file, checkpoint("llama")), fresh_engine.facts()).evaluation


@pytest.fixture
def quick_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def some_plan(engine):
    facts = engine.facts()
    shape = (facts.n_layers, facts.n_neurons)
    neurons = np.stack(np.unravel_index(np.arange(0, facts.n_total, 7), shape), axis=1)
    scores = np.linspace(1.0, -1.0, len(neurons), dtype=np.float32)
    ranking = NeuronRanking(neurons.astype(np.int32), scores, 0, facts.n_layers, facts.n_neurons, z=10)
    return plan_of(EvaluationConfig(examples=2, ks=(4, 10), random_seeds=0), {"ace": ranking})


def contaminated_baselines(engine, questions):
    """How many of 200 baselines differ in a bit from the quiet ones, while another thread changes neurons."""
    quiet = [next(engine.baseline([question])) for question in questions]
    plan, over, changes, bad, taken = some_plan(engine), threading.Event(), [0], [0], [0]
    count = threading.Lock()

    def change():
        while not over.is_set():
            try:
                for _ in engine.attribute(questions[:2], AttributionConfig(steps=4)):
                    changes[0] += 1
                for _ in engine.evaluate(questions[:2], plan, EvaluationConfig(examples=2)):
                    changes[0] += 1
            except Exception:
                # Only without the lock: the other threads' passes meet hooks made for these.
                changes[0] += 1

    def look():
        while True:
            with count:
                if taken[0] == BASELINES:
                    return
                number, taken[0] = taken[0] % len(questions), taken[0] + 1
            try:
                (found,) = engine.baseline(questions[number : number + 1])
                same = np.array_equal(found, quiet[number])
            except Exception:
                same = False
            with count:
                bad[0] += not same

    changer = threading.Thread(target=change)
    lookers = [threading.Thread(target=look) for _ in range(LOOKERS)]
    for thread in (changer, *lookers):
        thread.start()
    for thread in lookers:
        thread.join()
    over.set()
    changer.join()
    assert taken[0] == BASELINES
    assert changes[0] > 0
    return bad[0]


def test_no_baseline_of_200_is_contaminated_by_a_thread_that_changes_neurons(fresh_engine, questions, quick_switches):
    assert contaminated_baselines(fresh_engine, questions) == 0
    assert n_hooks(fresh_engine.loaded) == 0


def test_without_the_lock_baselines_are_contaminated(fresh_engine, questions, quick_switches):
    fresh_engine._lock = nullcontext()
    assert contaminated_baselines(fresh_engine, questions) > 0


def test_a_half_read_attribution_does_not_keep_others_out(fresh_engine, questions):
    units = fresh_engine.attribute(questions[:2], AttributionConfig(steps=4))
    next(units)
    found = []
    looker = threading.Thread(target=lambda: found.append(fresh_engine.inspect(PROMPT)))
    looker.start()
    looker.join(30)
    assert len(found) == 1


def test_inspection_shows_tokens_letters_and_probabilities(fresh_engine):
    report = fresh_engine.inspect(PROMPT)
    assert "".join(report.tokens) == PROMPT
    assert len(report.token_ids) == len(report.tokens)
    assert report.letter_tokens == (" A", " B", " C", " D")
    assert sum(report.probabilities) == pytest.approx(1)
    assert 0 < report.mass < 1
    assert fresh_engine.inspect(PROMPT) == report


def test_a_prompt_whose_letters_are_no_tokens_is_refused_and_the_engine_goes_on(fresh_engine, monkeypatch):
    loaded = fresh_engine.loaded
    whole = loaded.tokenizer
    loaded.tokenizer = lambda text, **_: {"input_ids": [len(text)]}
    loaded.tokenizer.convert_ids_to_tokens = str
    with pytest.raises(LetterError):
        fresh_engine.inspect(PROMPT)
    loaded.tokenizer = whole
    assert fresh_engine.inspect(PROMPT).letter_tokens[0] == " A"


@pytest.mark.parametrize("stage", ["attribute", "evaluate"])
def test_a_prompt_too_long_for_the_model_is_named_before_any_other_has_its_turn(fresh_engine, questions, stage):
    long = replace(questions[-1], prompt="word " * 600 + questions[-1].prompt)
    given = {
        "attribute": lambda: fresh_engine.attribute([*questions[:-1], long], AttributionConfig()),
        "evaluate": lambda: fresh_engine.evaluate([*questions[:-1], long], [], EvaluationConfig()),
    }
    with pytest.raises(ModelError, match=f"the prompt has .* tokens.* question {re.escape(long.id)}"):
        next(given[stage]())


def test_a_closed_engine_says_so(fresh_engine, questions):
    fresh_engine.close()
    with pytest.raises(RunError, match="closed"):
        fresh_engine.inspect(PROMPT)
    with pytest.raises(RunError, match="closed"):
        next(fresh_engine.attribute(questions, AttributionConfig()))


def test_a_resumed_stage_gives_the_same_numbers_for_the_questions_that_were_left(fresh_engine, questions):
    config = AttributionConfig(steps=4, layers_per_pass=3)
    whole = dict(fresh_engine.attribute(questions[:4], config))
    rest = dict(fresh_engine.attribute(questions[:4], config, StagePart(skip={0, 2})))
    assert list(rest) == [1, 3]
    assert all(np.array_equal(rest[n].ig, whole[n].ig) for n in rest)
