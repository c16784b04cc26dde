"""Results about single neurons and generated texts, as frozen values that can be stored as JSON. No torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenLogit:
    """A token of the vocabulary with the number by which it is ranked."""

    token_id: int
    token: str
    value: float


@dataclass(frozen=True)
class NeuronTokens:
    """The tokens that a neuron's write vector promotes and suppresses most."""

    promoted: tuple[TokenLogit, ...]
    "tokens with the highest logits: what a positive value of the neuron promotes"
    suppressed: tuple[TokenLogit, ...]
    "tokens with the lowest logits: what a positive value suppresses"
    write_norm: float
    "Euclidean length of the write vector"
    layer_norm: float
    "mean length of the layer's write vectors"


@dataclass(frozen=True)
class NeuronEffect:
    """The option probabilities of a run's questions: unmodified, with one neuron silenced, and with it doubled."""

    source: str
    "the run's questions that were used: evaluation, or attribution if there is no evaluation"
    question_ids: tuple[str, ...]
    examples: tuple[str, ...]
    "number of each question's example"
    targets: tuple[int, ...]
    "place of the correct letter of each question"
    unmodified: tuple[tuple[float, ...], ...]
    "softmax over the four letters of each question"
    silenced: tuple[tuple[float, ...], ...]
    doubled: tuple[tuple[float, ...], ...]
    values: tuple[float, ...] = ()
    "the neuron's own value at the last token of each question; empty in findings made before it was kept"


@dataclass(frozen=True)
class Text:
    """A text to read, with the id of its example."""

    example_id: str
    text: str


@dataclass(frozen=True)
class Context:
    """A token with its context, and the neuron's value at this token."""

    example_id: str
    position: int
    "position of the token in the text, counted from 0"
    before: str
    token: str
    after: str
    value: float
    tokens: tuple[str, ...] = ()
    "the tokens of before, token and after, one by one; empty in findings made before they were kept"
    values: tuple[float, ...] = ()
    "the neuron's value at each of `tokens`, to four significant digits"
    place: int = 0
    "place of `token` among `tokens`"


@dataclass(frozen=True)
class NeuronContexts:
    """The positions in texts at which a neuron's value is highest and lowest."""

    highest: tuple[Context, ...]
    "positions with the highest values, highest first"
    lowest: tuple[Context, ...]
    "positions with the lowest values, lowest first; no position is in both lists"
    n_texts: int
    n_positions: int
    "number of different positions; a beginning that several texts share counts once"
    mean: float
    "mean value over all positions"
    share_positive: float
    "share of positions with a value above 0"


@dataclass(frozen=True)
class Steering:
    """The neurons, as (layer, index), that are changed while a model writes a text."""

    excited: tuple[tuple[int, int], ...]
    "neurons whose value is doubled"
    silenced: tuple[tuple[int, int], ...]
    "neurons whose value is set to zero"


@dataclass(frozen=True)
class Written:
    """The text that a model wrote after a prompt."""

    token_ids: tuple[int, ...]
    text: str
    next_tokens: tuple[TokenLogit, ...]
    "the most probable tokens right after the prompt, with their probabilities"
    ended: bool
    "whether the model itself ended the text"
    ends: tuple[int, ...] = ()
    "length of the text, in characters, after each of its tokens"


@dataclass(frozen=True)
class Generation:
    """Continuations of one prompt by the unmodified model and by the steered model."""

    plain: Written
    steered: Written
