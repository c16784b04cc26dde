"""The engine: one loaded model and a lock. It knows nothing of files, processes or pages."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.cni.attribution import attribute_batch
from neuron_core.cni.methods import targets_of
from neuron_core.cni.passes import Passes
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.evaluation import RowChunk, option_probabilities, option_probabilities_all, plan_chunks
from neuron_core.control.findings import Generation, NeuronContexts, NeuronTokens, Steering, Text
from neuron_core.control.generation import Writer, open_prompt, steering_edits
from neuron_core.control.interventions import Intervention
from neuron_core.control.neuron import ContextSearch, neuron_tokens, read_text, write_norms
from neuron_core.control.results import SideEffects
from neuron_core.engine.batches import batches_of, prepare, unmodified_states
from neuron_core.engine.inspection import facts_of, report_on
from neuron_core.engine.model_lock import ModelLock
from neuron_core.engine.passes import FittingPasses, passes_for
from neuron_core.engine.side_effects import measure_side_effects
from neuron_core.engine.stage_part import WHOLE_STAGE, StagePart
from neuron_core.errors import RunError
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import Stage, load_model
from neuron_core.models.prompt_state import PromptBatch, PromptState
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.spec import ModelSpec
from neuron_core.models.weights import refuse_not_finite
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts, PromptReport

Result = TypeVar("Result")
Pass = tuple[list[int], Callable[[Passes], list[Result]]]
"numbers of the questions that are computed together, and the function that computes them"


class Engine:
    """Holds one model and computes with it. Threads may share it.

    Every public method has the lock from setting hooks to removing them. A generator takes it anew for each pass.
    """

    def __init__(self, spec: ModelSpec | None = None, *, on_stage: Stage | None = None) -> None:
        self._loaded: LoadedModel | None = load_model(spec or ModelSpec(), on_stage)
        self._lock = ModelLock(self.loaded)

    @classmethod
    def of(cls, loaded: LoadedModel) -> "Engine":
        """An engine around a model that is already loaded."""
        engine = cls.__new__(cls)
        engine._lock = ModelLock(loaded)
        engine._loaded = loaded
        return engine

    @property
    def loaded(self) -> LoadedModel:
        """The model; RunError after `close`."""
        if self._loaded is None:
            raise RunError("the engine is closed", accepted="a new Engine")
        return self._loaded

    def close(self) -> None:
        """Releases the model."""
        with self._lock:
            self._loaded = None
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def facts(self, day: date | None = None) -> ModelFacts:
        """What captions and checks need to know about the model. day: the date that its chat template writes; today
        if not given.
        """
        return facts_of(self.loaded, day)

    def inspect(self, prompt: str) -> PromptReport:
        """Token ids, letter tokens and option probabilities of one prompt under the unmodified model."""
        with self._lock:
            return report_on(self.loaded, prompt)

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
        *,
        n_tokens: int = 0,
        share: float = 1.0,
    ) -> Passes:
        """The chunk plan for these questions: how many rows go through the model together. The configs decide, or
        else the free memory.

        n_tokens: length in tokens of a prompt that may be longer than theirs. share: the part of the free memory that
        this engine may use, above 0 and up to 1.
        """
        with self._lock:
            chosen = passes_for(self.loaded, questions, attribution, n_tokens, share)
        layers, rows = attribution.layers_per_pass, evaluation.rows_per_pass if evaluation else None
        return replace(chosen, layers=layers or chosen.layers, rows=rows or chosen.rows)

    def attribute(
        self, questions: Sequence[ProxyQuestion], config: AttributionConfig, part: StagePart = WHOLE_STAGE
    ) -> Iterator[tuple[int, AttributionScores]]:
        """Yields (number, scores) of each question of this part of the stage, in order.

        If memory runs out, a question is computed again in smaller passes, and so are all later ones. ModelError when
        memory does not suffice for the smallest pass.
        """
        prompts = self._prepare(questions)
        passes = part.passes or self.passes(questions, config, None)
        fitting = FittingPasses(passes, Passes.smaller_attribution, part.on_smaller)

        def scores_of(batch: PromptBatch, numbers: Sequence[int], passes: Passes) -> list[AttributionScores]:
            return attribute_batch(
                self.loaded,
                batch,
                [questions[number].id for number in numbers],
                [questions[number].target for number in numbers],
                targets=targets_of(config.methods),
                steps=config.steps,
                rule=config.rule,
                layers_per_pass=passes.layers,
            )

        def together(batch: PromptBatch, members: list[int], passes: Passes) -> list[AttributionScores]:
            left = iter(members)
            parts = batch.parts(passes.questions)
            return [one for each in parts for one in scores_of(each, [*islice(left, len(each.states))], passes)]

        batches = batches_of(self._lock, prompts, part, lambda: fitting.now.questions)
        units: Iterator[Pass[AttributionScores]] = (
            (members, partial(together, batch, members)) for members, batch in batches
        )
        yield from self._computed(units, fitting, part.skip)

    def evaluate(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        config: EvaluationConfig,
        part: StagePart = WHOLE_STAGE,
        *,
        means: NDArray[np.float32] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yields (number, option probabilities) of each question of this part of the stage. The probabilities are those
        of the unmodified model and of each intervention, (1 + interventions, 4).

        means: as `mean_neurons` gives them, (L, I), for interventions that silence to the mean. Out of memory: as in
        `attribute`.
        """
        prompts = self._prepare(questions)
        passes = part.passes or self.passes(questions, AttributionConfig(), config)
        fitting = FittingPasses(passes, Passes.smaller_evaluation, part.on_smaller)
        chunks: dict[int, list[RowChunk]] = {}

        def at_last(batch: PromptBatch, members: list[int], passes: Passes) -> list[NDArray[np.float32]]:
            rows = max(2, passes.rows // len(batch.states))
            if rows not in chunks:
                chunks[rows] = plan_chunks(self.loaded, plan, rows, means)
            return option_probabilities(self.loaded, batch, chunks[rows], [questions[number].id for number in members])

        def at_all(number: int, passes: Passes) -> list[NDArray[np.float32]]:
            tokens, name, positions = prompts.tokens(number), questions[number].id, passes.positions
            return [
                option_probabilities_all(self.loaded, tokens, plan, name, positions_per_pass=positions, means=means)
            ]

        units: Iterator[Pass[NDArray[np.float32]]]
        if config.position == "all":
            numbers = (number for example in prompts.chosen(part.examples) for number in prompts.examples[example])
            units = (([number], partial(at_all, number)) for number in numbers if number not in part.skip)
        else:
            # Several questions share a pass only while all of their rows fit into it. More would only delay a stop.
            batches = batches_of(self._lock, prompts, part, lambda: max(1, fitting.now.rows // (1 + len(plan))))
            units = ((members, partial(at_last, batch, members)) for members, batch in batches)
        yield from self._computed(units, fitting, part.skip)

    def side_effects(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        text: str,
        *,
        position: str,
        passes: Passes,
        means: NDArray[np.float32] | None = None,
    ) -> SideEffects:
        """Letter mass on these questions and perplexity of `text`, unmodified and under each intervention."""
        prompts = self._prepare(questions)
        with self._lock:
            return measure_side_effects(self.loaded, prompts, plan, text, position=position, passes=passes, means=means)

    def baseline(
        self, questions: Sequence[ProxyQuestion], *, examples: Iterable[int] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yields the softmax over the four letters of each question under the unmodified model, shape (4,).

        examples: as of StagePart.
        """

        def letters(states: list[PromptState]) -> list[NDArray[np.float32]]:
            values = [torch.softmax(state.letter_logits, dim=-1).cpu().numpy() for state in states]
            if not all(np.isfinite(each).all() for each in values):
                refuse_not_finite(self.loaded, "a question")
            return values

        for values in unmodified_states(self._lock, self._prepare(questions), letters, examples):
            yield from values

    def neuron_tokens(self, layer: int, index: int) -> NeuronTokens:
        """The tokens that a neuron's write vector promotes and suppresses most, see `control.neuron`."""
        with self._lock:
            return neuron_tokens(self.loaded, layer, index)

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]:
        """Mean value of every neuron at the last token of these prompts, (L, I)."""

        def summed(states: list[PromptState]) -> NDArray[np.float64]:
            total: NDArray[np.float64] = sum(state.neurons.double().cpu().numpy() for state in states)  # type: ignore[assignment]
            return total

        total = np.zeros((self.loaded.n_layers, self.loaded.n_neurons))
        for each in unmodified_states(self._lock, self._prepare(questions), summed):
            total += each
        return (total / len(questions)).astype(np.float32)

    def neuron_values(
        self, questions: Sequence[ProxyQuestion], neurons: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        """Value of some neurons, as (layer, index), at the last token of each prompt, (number of questions, n)."""
        layers, indices = map(list, zip(*neurons, strict=True))

        def values(states: list[PromptState]) -> NDArray[np.float32]:
            return np.stack([state.neurons[layers, indices].float().cpu().numpy() for state in states])

        return np.concatenate(list(unmodified_states(self._lock, self._prepare(questions), values)))

    def write_norms(self) -> NDArray[np.float32]:
        """Length of every neuron's write vector, (L, I)."""
        with self._lock:
            return write_norms(self.loaded)

    def neuron_contexts(self, texts: Iterable[Text], layer: int, index: int) -> Iterator[NeuronContexts]:
        """Finds the places in the texts where the value of a neuron is highest and lowest. Yields the result so far
        after each text.
        """
        for (found,) in self.contexts_of_neurons(texts, [(layer, index)]):
            yield found

    def contexts_of_neurons(
        self, texts: Iterable[Text], neurons: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[NeuronContexts, ...]]:
        """The same for several neurons, as (layer, index), in one pass over the texts; one result for each."""
        with self._lock:
            searches = [ContextSearch(self.loaded, layer, index) for layer, index in neurons]
        for text in texts:
            with self._lock:
                read_text(self.loaded, searches, text)
            yield tuple(search.found() for search in searches)

    def generate(
        self, prompt: str, steering: Steering, *, n_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[Generation]:
        """Continues the prompt with the plain and with the steered model. Yields both texts after each new token,
        and at last both in full.
        """
        with self._lock:
            opening = open_prompt(self.loaded, prompt, n_tokens)
            edits = steering_edits(self.loaded, steering)
            plain, steered = (Writer(opening, each, temperature, seed) for each in ({}, edits))
        for _ in range(n_tokens):
            with self._lock:
                both = Generation(plain.step(self.loaded), steered.step(self.loaded))
            yield both
            if both.plain.ended and both.steered.ended:
                return

    def _prepare(self, questions: Sequence[ProxyQuestion]) -> SharedPrompts:
        with self._lock:
            return prepare(self.loaded, questions)

    def _computed(
        self, units: Iterator[Pass[Result]], fitting: FittingPasses, skip: Collection[int]
    ) -> Iterator[tuple[int, Result]]:
        """Computes pass after pass, and yields the number and the result of each question that is not in `skip`."""
        for members, attempt in units:
            with self._lock:
                found = fitting.run(attempt)
            yield from ((number, one) for number, one in zip(members, found, strict=True) if number not in skip)
