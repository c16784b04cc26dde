"""What an evaluation will ask, before it starts."""

from neuron_core.cni.methods import METHODS, RANKED
from neuron_core.control.interventions import DIRECTIONS, RATIOS
from neuron_core.runs.run_folder import RunFolder


def interventions(run: RunFolder, n_budgets: int, n_random: int, methods: tuple[str, ...] | None) -> tuple[int, str]:
    """How many each question is asked under, and whose neurons they take; as `plan_of` makes them."""
    config = run.config()
    names = config.attribution.methods if methods is None else methods
    found = [name for name in names if name in RANKED]
    whole = (
        sum(METHODS[name].sides == "both" for name in found)
        + len(config.sets)
        + n_random * (1 + ("random-loud" in names))
    )
    # Without bad neurons there is one ratio only.
    single = sum(METHODS[name].sides != "both" for name in found) + n_random * ("random" in names)
    sources = len(found) + len(config.sets)
    of_whom = "these neurons" if sources == 1 else f"those of {sources} methods or sets"
    return n_budgets * len(DIRECTIONS) * (whole * len(RATIOS) + single), of_whom
