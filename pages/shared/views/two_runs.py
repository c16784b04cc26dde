"""Two runs beside each other: settings, metrics, neurons that both have."""

import streamlit as st

from neuron_core.reports.comparison import config_differences, metric_differences, set_overlaps
from neuron_core.reports.run_page import OVERLAP_KS, runs_html
from neuron_core.runs.run_folder import RunFolder
from pages.shared.frame import session
from pages.shared.frame.guard import guard, plain
from pages.shared.views.comparisons import run_name
from pages.shared.views.figures import table
from pages.shared.views.results import attribution_of, evaluation_of
from pages.shared.views.run_export import download


def two_runs(one: RunFolder, two: RunFolder) -> None:
    """What differs between two runs, and what their neurons share."""
    names = [run_name(run) for run in (one, two)]
    st.header("Two runs beside each other")
    st.markdown(plain(f"First: {session.run_title(names[0])}. Second: {session.run_title(names[1])}."))
    if all(attribution_of(run) is not None or evaluation_of(run) is not None for run in (one, two)):
        both = dict(zip(names, (one, two), strict=True))
        download("Report of both, HTML", lambda: runs_html(both), f"report-{names[0]}-{names[1]}.html", "text/html")
    differences = config_differences(one.config(), two.config())
    st.markdown("**Settings that differ**" if len(differences) else "**No setting differs.**")
    name = f"{names[0]}-{names[1]}"
    if len(differences):
        table(differences, "settings", f"settings-{name}", "Settings that differ between two runs")
    evaluations = [evaluation_of(run) for run in (one, two)]
    if evaluations[0] is not None and evaluations[1] is not None:
        st.markdown("**Metrics** (percent; RAC and RCC positive in the intended direction)")
        metrics = metric_differences(evaluations[0], evaluations[1])
        number = st.column_config.NumberColumn(format="%.1f")
        table(
            metrics,
            "metrics",
            f"metrics-{name}",
            "Baselines, RAC and RCC of two runs",
            height=320,
            column_config={"first": number, "second": number, "difference": number},
        )
        st.caption("The best ratio was chosen on the same questions, so these numbers are optimistic.")
    else:
        st.caption("Metrics are compared when both runs have an evaluation.")
    found = [attribution_of(run) for run in (one, two)]
    if found[0] is not None and found[1] is not None:
        st.markdown("**Neurons that both have** (Jaccard: shared over all)")
        with guard():
            overlaps = set_overlaps(found[0].ranking, found[1].ranking, OVERLAP_KS)
            table(
                overlaps,
                "overlaps",
                f"overlap-{name}",
                "Overlap of the neuron sets of two runs",
                column_config={"jaccard": st.column_config.NumberColumn(format="%.2f")},
            )
