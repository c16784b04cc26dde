"""Neuron sets as files: one out of a run, one into a run."""

import hashlib
import json
import re
from dataclasses import replace

import streamlit as st

from neuron_core.cni.methods import METHODS
from neuron_core.cni.sets import NeuronSetFile, from_json, set_of, to_json
from neuron_core.errors import ConfigError
from neuron_core.figures.theme import counted
from neuron_core.models.fingerprint import same_model
from neuron_core.runs.config import RunConfig, SetUse, config_to_json
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import write_file
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.inputs.submit import submit, usual_evaluation
from pages.shared.views.results import rankings_of_run, setting_of


def set_json(run: RunFolder) -> str:
    """The top and bottom K of the run's first method. ConfigError before its neurons are found."""
    setting, rankings = setting_of(run), rankings_of_run(run)
    if setting is None or not rankings:
        raise ConfigError("this run has no neurons", where=run.id, accepted="a finished attribution")
    method, ranking = next(iter(rankings.items()))
    found = set_of(
        ranking,
        setting.k,
        name=f"{setting.task_name}-{method}-k{setting.k}",
        task=setting.task_name,
        method=method,
        model=setting.model,
        config=json.loads(config_to_json(run.config())),
    )
    return to_json(found)


def import_set(runs: list[RunFolder]) -> None:
    """A neuron set from a file, tried on the task of the sidebar."""
    with st.expander("Import a neuron set", key="import_set", icon=":material/upload_file:"):
        st.markdown("A JSON file of good and bad neurons, as the export above writes it.")
        file = st.file_uploader("Neuron set", type="json", key="set_file")
        if file is None:
            return
        with guard():
            found = from_json(file.getvalue(), file.name)
            describe(found)
            config = config_for(found, runs)
            k = int(st.number_input("K", 1, value=max(1, n_of(found, "good")), key="set_k", width=160))
            if st.button(f"Try them on {plain(session.task_name().rpartition('/')[2])}", type="primary", key="try_set"):
                session.show(submit(with_set(config, found, k)))
                st.rerun()


def describe(found: NeuronSetFile) -> None:
    good, bad = n_of(found, "good"), n_of(found, "bad")
    st.markdown(
        f"**{plain(found.name)}**: {good} good and {counted(bad, 'bad neuron')} of {plain(found.model_title)}, "
        f"found on {plain(found.task)} by {plain(found.method)}."
    )


def n_of(found: NeuronSetFile, role: str) -> int:
    return sum(one.role == role for one in found.neurons)


def config_for(found: NeuronSetFile, runs: list[RunFolder]) -> RunConfig:
    """The newest run of the set's model says how to load it; without one, the sidebar does, and the worker checks."""
    task = session.task_name()
    for run in runs:
        setting = setting_of(run)
        if setting is not None and same_model(setting.model.fingerprint, found.model_fingerprint):
            return replace(run.config(), task=task)
    return RunConfig(task, model=session.model_spec())


def with_set(config: RunConfig, found: NeuronSetFile, k: int) -> RunConfig:
    """The config as an evaluation of this set alone; the file goes beside the runs."""
    text = to_json(found)
    name = re.sub(r"[^\w.+ -]", "-", found.name)[:50] or "set"
    if name in METHODS or name.startswith("random"):
        name = f"set-{name}"
    path = engine().store.root / "sets" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text.encode())
    return replace(
        config,
        attribution=replace(config.attribution, methods=()),
        evaluation=usual_evaluation(config, (k,)),
        sets=(SetUse(str(path), name),),
    )
