"""How much one pass holds: chosen once a run from the memory that is free, and kept with it. No torch."""

from dataclasses import dataclass, replace

USUAL_LAYERS = 8
"layers a pass where nothing is known of the memory"
SHARE = 0.5
"of the free memory that a pass may take by this estimate, which errs on the large side"
MOST_ROWS = 1024
HEAD_ROWS = 64
"whose logits over the whole vocabulary are there at once"
FLOAT32 = 4
"bytes"
MOST_QUESTIONS = 4
"an example's"
POSITIONS = {"cpu": 1024, "cuda": 8192}


@dataclass(frozen=True)
class Passes:
    """The chunk plan of a run. Across different plans numbers agree within rounding; within one, bit for bit."""

    layers: int
    "whose rows share an attribution pass"
    rows: int
    "of all interventions and questions of a pass at the last position"
    positions: int
    "tokens of all interventions of a pass at position `all`"
    questions: int = 1
    "whose rows share an attribution pass; on a CPU, where all layers of one fill it, they would only delay a stop"

    def smaller_attribution(self) -> "Passes | None":
        """One question instead of several, then half of the layers; None when it is one layer already."""
        if self.questions > 1:
            return replace(self, questions=1)
        return replace(self, layers=(self.layers + 1) // 2) if self.layers > 1 else None

    def smaller_evaluation(self) -> "Passes | None":
        """Half of it; None when it is two rows already: one intervention, and one row without any."""
        if self.rows <= 2:
            return None
        return replace(self, rows=max(2, self.rows // 2), positions=max(1, self.positions // 2))


@dataclass(frozen=True)
class PassShape:
    """What the size of a pass depends on."""

    n_layers: int
    n_neurons: int
    hidden_size: int
    n_heads: int
    n_vocabulary: int
    "size of the vocabulary where a target needs all its logits, else 0"
    n_tokens: int
    itemsize: int
    "bytes of one value"
    own_attention: bool
    "scores among rows too"
    batch: bool
    "every row repeats the cached keys and values"
    device: str

    def row_values(self, n_rows: int) -> int:
        """Values that one row keeps in one layer until its backward pass, an upper estimate."""
        seen = self.n_tokens + (n_rows if self.own_attention else 0)
        # Inner values and their activation and gate; norms, projections, residual; attention weights.
        values = 6 * self.n_neurons + 12 * self.hidden_size + 3 * self.n_heads * seen
        return values + (2 * self.hidden_size * self.n_tokens if self.batch else 0)

    def attribution_bytes(self, layers: int, n_steps: int) -> int:
        """Memory of the largest attribution pass, the lowest layers': rows join layer after layer."""
        n_rows = layers * n_steps
        row_layers = n_steps * sum(self.n_layers - layer for layer in range(layers))
        # Logits are float32 at least; of a model in half precision those of all rows are there at once.
        head_rows = n_rows if self.itemsize < FLOAT32 else min(n_rows, HEAD_ROWS)
        head = 3 * max(FLOAT32, self.itemsize) * head_rows * self.n_vocabulary
        return self.itemsize * row_layers * self.row_values(n_rows) + head


def choose(shape: PassShape, n_steps: int, free: int) -> Passes:
    """The largest passes that fit into a share of the free memory; equal ones rather than a small last one."""
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
