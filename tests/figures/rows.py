"""Rows of an evaluation written by hand."""

from collections.abc import Sequence

from neuron_core.control.interventions import Direction
from neuron_core.control.measures import Interval
from neuron_core.control.results import Baseline, Best, Evaluation, GridRow, RandomBest, RandomRow

LETTERS = {"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25}


def baseline(letters: dict[str, float] = LETTERS) -> Baseline:
    return Baseline(
        acc=0.5,
        com=0.4,
        n_examples=20,
        n_questions=60,
        acc_interval=(0.4, 0.6),
        com_interval=(0.3, 0.5),
        letters=letters,
        letter_accuracy={"A": 0.5, "B": 0.4, "C": 0.6, "D": None},
        competent=True,
        complaint=None,
    )


def grid_row(
    k: int,
    ratio: float,
    direction: Direction = "enhancer",
    rac: float | None = 10.0,
    interval: Interval | None = (5.0, 20.0),
    rcc: float | None = -2.0,
    neurons: tuple[int, int] = (4, 6),
    source: str = "ace",
) -> GridRow:
    return GridRow(
        k=k,
        ratio=ratio,
        direction=direction,
        position="last",
        source=source,
        n_good=neurons[0],
        n_bad=neurons[1],
        acc=0.55,
        com=0.392,
        rac=rac,
        rcc=rcc,
        rac_interval=interval,
        rcc_interval=None if rcc is None else (rcc - 3, rcc + 3),
        mean_p_correct=0.5,
        letters=LETTERS,
        verdict="undefined" if rac is None or rcc is None else "ok" if min(rac, rcc) >= 0 else "fail",
    )


def random_row(
    k: int,
    ratio: float,
    direction: Direction = "enhancer",
    rac: tuple[float, float, float] | None = (-1.0, 0.5, 2.0),
) -> RandomRow:
    """rac: lowest, mean and highest of five seeds."""
    low, mean, high = rac or (None, None, None)
    return RandomRow(
        **vars(grid_row(k, ratio, direction, mean, source="random+")),
        n_seeds=5,
        acc_low=0.4,
        acc_high=0.6,
        com_low=0.3,
        com_high=0.5,
        rac_low=low,
        rac_high=high,
        rcc_low=-4.0,
        rcc_high=4.0,
    )


def best(
    k: int,
    direction: Direction = "enhancer",
    ratio: float = 0.4,
    rac: float | None = 30.0,
    heldout_rac: float | None = 12.0,
) -> Best:
    return Best(
        k=k,
        direction=direction,
        source="ace",
        ratio=ratio,
        rac=rac,
        rcc=5.0,
        verdict="ok",
        heldout_rac=heldout_rac,
        heldout_rcc=1.0,
        heldout_ratios=(0.3, 0.5),
        rac_interval=(20.0, 45.0),
        rcc_interval=(1.0, 9.0),
        heldout_rac_interval=(2.0, 22.0),
        heldout_rcc_interval=(-3.0, 4.0),
    )


def random_best(k: int, direction: Direction = "enhancer") -> RandomBest:
    return RandomBest(
        source="random+",
        k=k,
        direction=direction,
        n_seeds=5,
        rac=3.0,
        rcc=8.0,
        heldout_rac=-1.0,
        heldout_rcc=0.0,
        rac_low=1.0,
        rac_high=6.0,
        rcc_low=2.0,
        rcc_high=12.0,
        heldout_rac_low=-5.0,
        heldout_rac_high=2.5,
        heldout_rcc_low=-6.0,
        heldout_rcc_high=6.0,
    )


def evaluation(
    grid: Sequence[GridRow] = (),
    random: Sequence[RandomRow] = (),
    chosen: Sequence[Best] = (),
    random_chosen: Sequence[RandomBest] = (),
) -> Evaluation:
    return Evaluation(baseline(), tuple(grid), tuple(random), tuple(chosen), tuple(random_chosen))
