"""The size of passes through the model, chosen from the free memory when a run starts and kept with it. No torch."""

from dataclasses import dataclass, replace

DEFAULT_LAYERS = 8
"layers per pass if the free memory is not known"
SHARED_LAYERS = 8
"most layers of a pass that share the row at full value; each such row is compared with the unmodified model"
SHARE = 0.5
"share of the free memory that a pass may take by this estimate, which is rather too high"
MOST_ROWS = 1024
HEAD_ROWS = 64
"rows whose logits over the whole vocabulary are in memory at the same time"
FLOAT32 = 4
"bytes per value"
MOST_QUESTIONS = 4
"most questions per attribution pass: those of one example"
POSITIONS = {"cpu": 1024, "cuda": 8192}


@dataclass(frozen=True)
class Passes:
    """The pass sizes of a run. Runs with equal sizes agree bit for bit, others within rounding."""

    layers: int
    "layers whose rows share an attribution pass"
    rows: int
    "rows per pass at the last position, over all interventions and questions"
    positions: int
    "tokens per pass at position `all`, over all interventions"
    questions: int = 1
    "questions whose rows share an attribution pass; 1 on a CPU, where one question already fills a pass"

    def smaller_attribution(self) -> "Passes | None":
        """The next smaller plan: one question instead of several, then half of the layers. None below one layer."""
        if self.questions > 1:
            return replace(self, questions=1)
        return replace(self, layers=(self.layers + 1) // 2) if self.layers > 1 else None

    def smaller_evaluation(self) -> "Passes | None":
        """A plan with half of the rows. None if there are only two: one intervention and the row without any."""
        if self.rows <= 2:
            return None
        return replace(self, rows=max(2, self.rows // 2), positions=max(1, self.positions // 2))


@dataclass(frozen=True)
class PassShape:
    """What the memory of a pass depends on."""

    n_layers: int
    n_neurons: int
    hidden_size: int
    n_heads: int
    n_vocabulary: int
    "size of the vocabulary if a target needs all of its logits, else 0"
    n_tokens: int
    itemsize: int
    "bytes of one value"
    own_attention: bool
    "whether attention scores between rows are computed as well"
    batch: bool
    "whether every row has its own copy of the cached keys and values"
    device: str

    def row_values(self, n_rows: int) -> int:
        """Upper estimate of the values that one row keeps in one layer until its backward pass."""
        seen = self.n_tokens + (n_rows if self.own_attention else 0)
        # The feed-forward block with activation and gate; norms, projections and residuals; attention weights.
        values = 6 * self.n_neurons + 12 * self.hidden_size + 3 * self.n_heads * seen
        return values + (2 * self.hidden_size * self.n_tokens if self.batch else 0)

    def attribution_bytes(self, layers: int, n_steps: int) -> int:
        """Bytes of the largest attribution pass, that of the lowest layers, in which rows are added layer by layer."""
        n_rows = layers * n_steps
        row_layers = n_steps * sum(self.n_layers - layer for layer in range(layers))
        # Logits are at least float32. In half precision, the logits of all rows are in memory at the same time.
        head_rows = n_rows if self.itemsize < FLOAT32 else min(n_rows, HEAD_ROWS)
        head = 3 * max(FLOAT32, self.itemsize) * head_rows * self.n_vocabulary
        return self.itemsize * row_layers * self.row_values(n_rows) + head


def choose(shape: PassShape, n_steps: int, free: int) -> Passes:
    """The largest passes that fit into SHARE of the free memory, with layers divided evenly between them."""
    room = SHARE * free
    fitting = [n for n in range(1, shape.n_layers + 1) if shape.attribution_bytes(n, n_steps) <= room]
    n_passes = -(-shape.n_layers // max(fitting, default=1))
    questions = 1
    if n_passes == 1 and shape.device != "cpu" and not shape.batch:
        questions = min(MOST_QUESTIONS, int(room / shape.attribution_bytes(shape.n_layers, n_steps)))
    one_row = shape.itemsize * shape.row_values(MOST_ROWS)
    rows = max(2, min(MOST_ROWS, int(room / one_row)))
    positions = max(1, min(POSITIONS.get(shape.device, POSITIONS["cpu"]), int(room / one_row)))
    return Passes(-(-shape.n_layers // n_passes), rows, positions, questions)
