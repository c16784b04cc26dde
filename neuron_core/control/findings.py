"""What the model itself is asked about one neuron or one prompt, as frozen values that survive JSON. No torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenLogit:
    """A token of the vocabulary beside a number that ranks it."""

    token_id: int
    token: str
    value: float


@dataclass(frozen=True)
class NeuronTokens:
    """The ends of the vocabulary under a neuron's write vector."""

    promoted: tuple[TokenLogit, ...]
    "logits, highest first: what a positive value of the neuron speaks for"
    suppressed: tuple[TokenLogit, ...]
    "logits, lowest first: what it speaks against"
    write_norm: float
    "Euclidean length of the write vector"
    layer_norm: float
    "mean length of the layer's write vectors"


@dataclass(frozen=True)
class NeuronEffect:
    """The four option probabilities of a run's questions with one neuron silenced and with it doubled."""

    source: str
    "which questions of the run: evaluation, or attribution where it has no evaluation"
    question_ids: tuple[str, ...]
    examples: tuple[str, ...]
    "example of each question"
    targets: tuple[int, ...]
    "place of the correct letter of each question"
    unmodified: tuple[tuple[float, ...], ...]
    "softmax over the four letters of each question"
    silenced: tuple[tuple[float, ...], ...]
    doubled: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Text:
    """A text to read, and the example that it belongs to."""

    example_id: str
    text: str


@dataclass(frozen=True)
class Context:
    """One token position and the neuron's value there."""

    example_id: str
    position: int
    "place of the token in the text, from 0"
    before: str
    token: str
    after: str
    value: float


@dataclass(frozen=True)
class NeuronContexts:
    """Where in texts a neuron's value is highest and lowest."""

    highest: tuple[Context, ...]
    "highest value first"
    lowest: tuple[Context, ...]
    "lowest value first; no position is in both"
    n_texts: int
    n_positions: int
    "different ones: a beginning that texts share counts once"
    mean: float
    "of the value over all positions"
    share_positive: float
    "share of positions with a value above 0"


@dataclass(frozen=True)
class Steering:
    """The neurons, as (layer, index), that are changed while a model writes."""

    excited: tuple[tuple[int, int], ...]
    "their value is doubled"
    silenced: tuple[tuple[int, int], ...]
    "their value is zero"


@dataclass(frozen=True)
class Written:
    """Text that a model wrote after a prompt."""

    token_ids: tuple[int, ...]
    text: str
    next_tokens: tuple[TokenLogit, ...]
    "most probable tokens right after the prompt; the value is the probability"
    ended: bool
    "whether the model itself ended the text"


@dataclass(frozen=True)
class Generation:
    """The same prompt continued by the unmodified and by the steered model."""

    plain: Written
    steered: Written
