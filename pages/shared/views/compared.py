"""What the rankings of several tasks share and what sets them apart, computed once for each state of the files."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from neuron_core.analysis.common import CommonNeurons, common_neurons
from neuron_core.analysis.layers import Role
from neuron_core.analysis.specific import (
    SpecificNeurons,
    opposed_neurons,
    overlap,
    overlap_table,
    specific_neurons,
    specific_table,
)
from neuron_core.cni.neurons import NeuronRanking
from neuron_core.runs.run_folder import RunFolder
from pages.shared.views.comparisons import rankings_of
from pages.shared.views.results import Stamp, rankings_stamp

Ranked = tuple[tuple[str, str, Stamp], ...]
"task, folder of its run, state of its rankings"


def specific_of(runs: Mapping[str, RunFolder], k: int) -> SpecificNeurons:
    """Each task's K neurons of its own."""
    return _specific(_ranked(runs), k)


def specific_table_of(runs: Mapping[str, RunFolder], k: int) -> pd.DataFrame:
    return _specific_table(_ranked(runs), k)


def common_of(runs: Mapping[str, RunFolder], k: int) -> CommonNeurons:
    """The K neurons that at least two tasks share."""
    return _common(_ranked(runs), k)


def overlap_of(runs: Mapping[str, RunFolder], k: int, one: Role, two: Role) -> pd.DataFrame:
    """Jaccard of every two tasks' sets of these roles."""
    return _overlap(_ranked(runs), k, one, two)


def overlap_table_of(runs: Mapping[str, RunFolder], k: int) -> pd.DataFrame:
    return _overlap_table(_ranked(runs), k)


def opposed_of(runs: Mapping[str, RunFolder], k: int) -> pd.DataFrame:
    """Neurons good for one task and bad for another."""
    return _opposed(_ranked(runs), k)


def _ranked(runs: Mapping[str, RunFolder]) -> Ranked:
    return tuple((task, str(run.path), rankings_stamp(run)) for task, run in runs.items())


def _rankings(ranked: Ranked) -> dict[str, NeuronRanking]:
    return rankings_of({task: RunFolder(Path(path)) for task, path, _ in ranked})


@st.cache_resource(show_spinner=False, max_entries=32)
def _specific(ranked: Ranked, k: int) -> SpecificNeurons:
    return specific_neurons(_rankings(ranked), k)


@st.cache_resource(show_spinner=False, max_entries=32)
def _specific_table(ranked: Ranked, k: int) -> pd.DataFrame:
    return specific_table(_specific(ranked, k))


@st.cache_resource(show_spinner=False, max_entries=32)
def _common(ranked: Ranked, k: int) -> CommonNeurons:
    return common_neurons(_rankings(ranked), k)


@st.cache_resource(show_spinner=False, max_entries=128)
def _overlap(ranked: Ranked, k: int, one: Role, two: Role) -> pd.DataFrame:
    return overlap(_rankings(ranked), k, one, two)


@st.cache_resource(show_spinner=False, max_entries=32)
def _overlap_table(ranked: Ranked, k: int) -> pd.DataFrame:
    return overlap_table(_rankings(ranked), k)


@st.cache_resource(show_spinner=False, max_entries=32)
def _opposed(ranked: Ranked, k: int) -> pd.DataFrame:
    return opposed_neurons(_rankings(ranked), k)
