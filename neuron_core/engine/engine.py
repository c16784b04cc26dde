"""The engine: one loaded model and a lock. It knows nothing of files, processes or pages."""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_core.cni.attribution import attribute_batch
from neuron_core.cni.methods import OF_LETTERS, targets_of
from neuron_core.cni.passes import MOST_QUESTIONS, Passes, PassShape, choose
from neuron_core.cni.scores import AttributionScores
from neuron_core.control.evaluation import RowChunk, option_probabilities, option_probabilities_all, plan_chunks
from neuron_core.control.findings import Generation, NeuronContexts, NeuronTokens, Steering, Text
from neuron_core.control.generation import Writer, open_prompt, steering_edits
from neuron_core.control.interventions import Intervention
from neuron_core.control.neuron import ContextSearch, neuron_tokens, write_norms
from neuron_core.control.results import SideEffect, SideEffects
from neuron_core.control.side_effects import SIDE_ROWS, TEXTS_PER_PASS, letter_mass, perplexities
from neuron_core.errors import RunError
from neuron_core.models.chat import chat_template_of
from neuron_core.models.device import free_memory
from neuron_core.models.fitting import until_it_fits
from neuron_core.models.letters import encode, tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import Stage, load_model, vocabulary_logits
from neuron_core.models.prompts import SharedPrompts
from neuron_core.models.rows import PromptBatch, check_length, run_prompt
from neuron_core.models.spec import ModelSpec
from neuron_core.models.weights import refuse_not_finite
from neuron_core.qatt.proxies import ProxyQuestion
from neuron_core.runs.config import AttributionConfig, EvaluationConfig
from neuron_core.runs.setting import ModelFacts, PromptReport

Scores = list[AttributionScores]


class Engine:
    """Holds one model and answers for it. Threads may share it.

    Every public method takes the lock from setting hooks to removing them. A generator takes it for one question
    at a time.
    """

    def __init__(self, spec: ModelSpec | None = None, *, on_stage: Stage | None = None) -> None:
        self._lock = threading.RLock()
        self._loaded: LoadedModel | None = load_model(spec or ModelSpec(), on_stage)

    @classmethod
    def of(cls, loaded: LoadedModel) -> "Engine":
        """An engine around a model that is already loaded."""
        engine = cls.__new__(cls)
        engine._lock = threading.RLock()
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
        loaded = self.loaded
        return ModelFacts(
            title=loaded.spec.title,
            fingerprint=loaded.fingerprint,
            architecture=loaded.architecture.name,
            dtype=str(loaded.dtype).removeprefix("torch."),
            device=str(loaded.device),
            n_layers=loaded.n_layers,
            n_neurons=loaded.n_neurons,
            post_norm=loaded.architecture.post_norm,
            chat=chat_template_of(loaded.tokenizer, day),
            notes=loaded.notes,
        )

    def inspect(self, prompt: str) -> PromptReport:
        """Token ids, letter tokens and option probabilities of one prompt under the unmodified model."""
        with self._lock, torch.no_grad():
            loaded = self.loaded
            tokenized = tokenize_prompt(loaded.tokenizer, prompt)
            state = run_prompt(loaded, tokenized)
            mass = torch.softmax(vocabulary_logits(loaded, state.final_hidden), dim=-1)[0]
            a, b, c, d = torch.softmax(state.letter_logits, dim=-1).tolist()
            if not math.isfinite(a):
                refuse_not_finite(loaded, "the prompt")
            decode = loaded.tokenizer.decode
            la, lb, lc, ld = (decode([i]) for i in tokenized.letter_ids)
            return PromptReport(
                token_ids=tokenized.token_ids,
                tokens=tuple(decode([i]) for i in tokenized.token_ids),
                letter_ids=tokenized.letter_ids,
                letter_tokens=(la, lb, lc, ld),
                probabilities=(a, b, c, d),
                mass=float(mass[list(tokenized.letter_ids)].sum()),
            )

    def passes(
        self,
        questions: Sequence[ProxyQuestion],
        attribution: AttributionConfig,
        evaluation: EvaluationConfig | None,
        *,
        n_tokens: int = 0,
        share: float = 1.0,
    ) -> Passes:
        """How many rows go through the model together for these questions: as the configs say, otherwise as many as
        fit into the free memory.

        n_tokens: length of a prompt that may be longer than theirs, in tokens. share: the part of the free memory that
        this engine may take, up to 1.
        """
        with self._lock:
            loaded = self.loaded
            longest = max((question.prompt for question in questions), key=len, default="")
            targets = targets_of(attribution.methods)
            shape = PassShape(
                n_layers=loaded.n_layers,
                n_neurons=loaded.n_neurons,
                hidden_size=loaded.hidden_size,
                n_heads=loaded.model.config.num_attention_heads,
                n_vocabulary=loaded.model.config.vocab_size if set(targets) - set(OF_LETTERS) else 0,
                n_tokens=max(n_tokens, len(encode(loaded.tokenizer, longest))),
                itemsize=loaded.dtype.itemsize,
                own_attention=loaded.architecture.attention == "own",
                batch=loaded.architecture.rows == "batch",
                device=loaded.device.type,
            )
            # Two more rows a layer: at full value and at zero.
            passes = choose(shape, attribution.steps + 2, int(share * free_memory(loaded.device)))
        layers, rows = attribution.layers_per_pass, evaluation.rows_per_pass if evaluation else None
        return replace(passes, layers=layers or passes.layers, rows=rows or passes.rows)

    def attribute(
        self,
        questions: Sequence[ProxyQuestion],
        config: AttributionConfig,
        *,
        skip: Collection[int] = (),
        passes: Passes | None = None,
        on_smaller: Callable[[Passes], None] = lambda _: None,
        examples: Iterable[int] | None = None,
    ) -> Iterator[tuple[int, AttributionScores]]:
        """Yields (number, scores) of each question that is not in `skip`.

        Common prefixes are taken over all questions, including skipped ones, so that a resumed run computes the
        same numbers. examples: places of the examples to compute, taken one by one; None computes all, in order. If
        memory runs out, the question is done again in smaller passes, and so are all later ones; `on_smaller` is
        called with the new sizes.
        """
        prompts = self._prepare(questions)
        current = passes or self.passes(questions, config, None)

        def scores_of(passes: Passes, batch: PromptBatch, numbers: Sequence[int]) -> Scores:
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

        def together() -> int:
            return current.questions

        for members, batch in self._batches(prompts, skip, together, examples):

            def attempt(passes: Passes, batch: PromptBatch = batch, members: list[int] = members) -> Scores:
                left = iter(members)
                parts = batch.parts(passes.questions)
                return [s for part in parts for s in scores_of(passes, part, [*islice(left, len(part.states))])]

            with self._lock:
                scores, current = until_it_fits(attempt, current, Passes.smaller_attribution, on_smaller)
            yield from ((number, one) for number, one in zip(members, scores, strict=True) if number not in skip)

    def evaluate(
        self,
        questions: Sequence[ProxyQuestion],
        plan: Sequence[Intervention],
        config: EvaluationConfig,
        *,
        skip: Collection[int] = (),
        passes: Passes | None = None,
        on_smaller: Callable[[Passes], None] = lambda _: None,
        means: NDArray[np.float32] | None = None,
        examples: Iterable[int] | None = None,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Option probabilities (1 + interventions, 4) of each question not in `skip`, by number.

        means: as `mean_neurons` gives them, for interventions that silence to the mean. Out of memory and `examples`:
        as in `attribute`.
        """
        prompts = self._prepare(questions)
        current = passes or self.passes(questions, AttributionConfig(), config)
        chunks: dict[int, list[RowChunk]] = {}

        def together() -> int:
            # Several only while all of their rows fit into one pass: more would only delay a stop.
            return max(1, current.rows // (1 + len(plan)))

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

        units: Iterator[tuple[list[int], Callable[[Passes], list[NDArray[np.float32]]]]]
        if config.position == "all":
            wanted = range(len(prompts.examples)) if examples is None else examples
            numbers = (number for example in wanted for number in prompts.examples[example])
            units = (([number], partial(at_all, number)) for number in numbers if number not in skip)
        else:
            batches = self._batches(prompts, skip, together, examples)
            units = ((members, partial(at_last, batch, members)) for members, batch in batches)
        for members, attempt in units:
            with self._lock:
                found, current = until_it_fits(attempt, current, Passes.smaller_evaluation, on_smaller)
            yield from ((number, values) for number, values in zip(members, found, strict=True) if number not in skip)

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

        def attempt(passes: Passes) -> tuple[list[float | None], NDArray[np.float64]]:
            mass: list[float | None] = [None] * (1 + len(plan))
            if position == "last":
                chunks = plan_chunks(self.loaded, plan, max(2, min(passes.rows, SIDE_ROWS) // MOST_QUESTIONS), means)
                batches = (batch for example in range(len(prompts.examples)) for batch in prompts.run(example))
                found = [letter_mass(self.loaded, batch, chunks) for batch in batches]
                mass = np.concatenate(found).mean(axis=0).tolist()
            return mass, perplexities(self.loaded, text, plan, min(passes.rows, TEXTS_PER_PASS), means)

        with self._lock:
            (mass, values), _ = until_it_fits(attempt, passes, Passes.smaller_evaluation, lambda _: None)
        rows = [
            SideEffect(one.source, one.k, one.ratio, one.direction, mass[1 + i], float(values[1 + i]))
            for i, one in enumerate(plan)
        ]
        return SideEffects(len(questions), mass[0], float(values[0]), tuple(rows))

    def baseline(
        self, questions: Sequence[ProxyQuestion], *, examples: Iterable[int] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yields the softmax over the four letters of each question under the unmodified model, shape (4,).

        examples: as in `attribute`.
        """
        prompts = self._prepare(questions)
        for example in range(len(prompts.examples)) if examples is None else examples:
            with self._lock:
                states = [state for batch in prompts.run(example) for state in batch.states]
                values = [torch.softmax(state.letter_logits, dim=-1).cpu().numpy() for state in states]
                if not all(np.isfinite(each).all() for each in values):
                    refuse_not_finite(self.loaded, "a question")
            yield from values

    def neuron_tokens(self, layer: int, index: int) -> NeuronTokens:
        """The tokens that a neuron's write vector promotes and suppresses most, see `control.neuron`."""
        with self._lock:
            return neuron_tokens(self.loaded, layer, index)

    def mean_neurons(self, questions: Sequence[ProxyQuestion]) -> NDArray[np.float32]:
        """Mean value of every neuron at the last token of these prompts, (L, I)."""
        prompts = self._prepare(questions)
        total = np.zeros((self.loaded.n_layers, self.loaded.n_neurons))
        for example in range(len(prompts.examples)):
            with self._lock:
                states = [state for batch in prompts.run(example) for state in batch.states]
                total += sum(state.neurons.double().cpu().numpy() for state in states)
        return (total / len(questions)).astype(np.float32)

    def write_norms(self) -> NDArray[np.float32]:
        """Length of every neuron's write vector, (L, I)."""
        with self._lock:
            return write_norms(self.loaded)

    def neuron_contexts(self, texts: Iterable[Text], layer: int, index: int) -> Iterator[NeuronContexts]:
        """Finds the places in the texts where the value of a neuron is highest and lowest. Yields the result so far
        after each text.
        """
        with self._lock:
            search = ContextSearch(self.loaded, layer, index)
        for text in texts:
            with self._lock:
                search.read(self.loaded, text)
            yield search.found()

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
            prompts = [tokenize_prompt(self.loaded.tokenizer, question.prompt) for question in questions]
            for question, prompt in zip(questions, prompts, strict=True):
                # Before the first pass rather than when its turn comes.
                check_length(self.loaded, prompt, f"question {question.id}")
            return SharedPrompts(self.loaded, prompts, [question.example_id for question in questions])

    def _batches(
        self,
        prompts: SharedPrompts,
        skip: Collection[int],
        size: Callable[[], int],
        examples: Iterable[int] | None = None,
    ) -> Iterator[tuple[list[int], PromptBatch]]:
        """Runs the unmodified model on the prompts of several examples at a time, and yields their numbers with the
        result. Examples that are wholly in `skip` are left out. examples: as in `attribute`.
        """
        for example in range(len(prompts.examples)) if examples is None else examples:
            numbers = prompts.examples[example]
            if all(number in skip for number in numbers):
                continue
            with self._lock:
                whole, _ = until_it_fits(prompts.run, example, lambda _: None, lambda _: None)
            left = iter(numbers)
            for batch in (part for each in whole for part in each.parts(size())):
                members = [*islice(left, len(batch.states))]
                if any(number not in skip for number in members):
                    yield members, batch
