"""What an attribution found: the layers, good beside bad, and how it was computed."""

from collections.abc import Callable

import streamlit as st

from neuron_core.analysis.layers import Role, layer_counts, neuron_rows
from neuron_core.cni.methods import METHODS
from neuron_core.figures.theme import counted, significant
from neuron_core.runs.results import Attribution
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.setting import Setting
from pages.shared.frame import session
from pages.shared.frame.folds import unfolded
from pages.shared.frame.guard import plain
from pages.shared.views.drawn import completeness_bars, layer_heatmap, neuron_bars
from pages.shared.views.figures import figure, open_neuron, table
from pages.shared.views.glossary import GLOSSARY
from pages.shared.views.tables import NEURON_COLUMNS, SCORE, neuron_table

SHOWN = 13
"bars; the preset K of the demo model"
COLUMNS = [name for name in NEURON_COLUMNS if name != "role"]
SIDES: tuple[tuple[Role, str, str], ...] = (
    ("good", "Good neurons", "raise the score of the correct answer"),
    ("bad", "Bad neurons", "lower it"),
)


def strip(setting: Setting, found: Attribution, name: str) -> None:
    """Where the K good and K bad neurons sit."""
    ranking = found.rankings[name]
    counts = layer_counts(ranking.cut(setting.k), ranking.n_layers)
    figure(layer_heatmap(counts, setting.k), "attribution_layers", f"layers-{session.shown_id()}")


def good_and_bad(setting: Setting, found: Attribution, name: str) -> None:
    """The strongest of both kinds as bars, each kind with all of its neurons as a table."""
    ranking = found.rankings[name]
    rows = neuron_rows(ranking.cut(setting.k))
    both = METHODS[name].sides == "both"
    for column, (role, title, meaning) in zip(st.columns(2, gap="medium"), SIDES, strict=True):
        own = [row for row in rows if row.role == role]
        with column:
            st.header(title, anchor=False)
            if role == "bad" and not both:
                st.info(f"{METHODS[name].title} names helpful neurons only.")
                continue
            st.markdown(f"They {meaning}." + (f" The {SHOWN} strongest:" if len(own) > SHOWN else ""))
            if len(own) < setting.k:
                st.info(f"Only {counted(len(own), f'{role} neuron')} can be shown; K is {setting.k}.")
            figure(
                neuron_bars(own[:SHOWN], role),
                f"{role}_bars",
                f"{role}-neurons-{session.shown_id()}",
                take_bar_click(role),
            )
            if fold := unfolded(f"All {counted(len(own), f'{role} neuron')} as a table", f"{role}_all"):
                with fold:
                    table(
                        neuron_table(own),
                        f"{role}_neurons",
                        f"{role}-neurons-{session.shown_id()}",
                        f"{counted(len(own), f'{role} neuron')} by score",
                        opens={"id": open_neuron},
                        column_order=COLUMNS,
                        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
                    )


def take_bar_click(role: Role) -> Callable[[], None]:
    """Callback of the bars: the page of the neuron that was clicked opens."""

    def take() -> None:
        points = st.session_state[f"{role}_bars"].selection.points
        if points:
            open_neuron(points[0]["customdata"]["neuron"])

    return take


def how_computed(run: RunFolder, setting: Setting, found: Attribution, name: str) -> None:
    """K, z, ambiguous, guard, completeness."""
    if fold := unfolded("How it was computed", "how_computed", ":material/info:"):
        with fold:
            numbers(setting, found, name)
            note = found.rankings[name].note
            st.markdown(METHODS[name].description + (f" Here: {plain(note)}." if note else ""))
            st.markdown(
                "**Does the attribution add up?** The scores of a layer should sum to what the model loses without "
                "that layer. The bars show by how much they don't: mean and standard deviation over "
                f"{counted(found.gaps.n_questions, 'question')}. With the right rule and few steps, tens of percent "
                "are no surprise."
            )
            figure(completeness_bars(found.gaps.mean, found.gaps.spread), "gap", f"completeness-{run.id}")


def numbers(setting: Setting, found: Attribution, name: str) -> None:
    """The numbers of the selection as cards."""
    total, ranking = setting.model.n_total, found.rankings[name]
    cards: list[tuple[str, object, str, str]] = [
        ("K", setting.k, f"{setting.k / total:.3%} of {total:,}", GLOSSARY["K"]),
        ("z", setting.z, f"{setting.z / total:.2%}, preset: {setting.preset}", GLOSSARY["z"]),
        (
            "Ambiguous neurons",
            ranking.n_ambiguous,
            "set to 0",
            "Among the top z of one example and the bottom z of another.",
        ),
        (
            "Guard",
            significant(found.guard, 2),
            "largest distance",
            "Rows at full value are the unmodified model; this is the largest difference found. "
            "A run stops where it is too large.",
        ),
    ]
    with st.container(horizontal=True, key="numbers"):
        for title, value, more, meaning in cards:
            st.metric(title, value, more, delta_color="off", delta_arrow="off", border=True, help=meaning, width=210)
