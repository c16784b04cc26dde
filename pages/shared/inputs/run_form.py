"""The form that a new run is started with, and what it will cost."""

import streamlit as st

from neuron_core.cni.methods import METHODS, RANKED
from neuron_core.cni.quadrature import MOST_STEPS, RULES
from neuron_core.cni.selection import AMBIGUOUS, preset
from neuron_core.cni.sets import MOST_NEURONS
from neuron_core.estimates.arithmetic import TWO_CORES
from neuron_core.estimates.estimate import Estimate, estimate, facts_from_runs, pace_from_runs
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import check_wording
from neuron_core.qatt.proxies import PROXIES, ROTATIONS
from neuron_core.runs.config import MOST_EXAMPLES, AttributionConfig, RunConfig
from neuron_core.runs.setting import ModelFacts
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.once import summary_of
from pages.shared.inputs.executor import executor
from pages.shared.inputs.submit import submit
from pages.shared.inputs.wording import wording_of
from pages.shared.views.results import model_size, reading_of
from pages.shared.views.words import changes, duration, size

MOST_RUNS = 200
"newest runs that are looked at for this model's facts and pace"


def form() -> None:
    """Everything that a new run is made from, what it will cost, and the button."""
    spec = session.model_spec()
    runs = [run for run in engine().store.runs(MOST_RUNS) if not summary_of(run).damage]
    # The finished demo knows its model, but not how fast this machine is.
    known = [*runs, *([session.open_run(session.DEMO)] if session.has_demo() else [])]
    facts = facts_from_runs(spec, known) or engine().model(spec)
    task = reading_of(session.task_name()).task
    st.markdown(f"Task **{plain(task.name)}**, model **{plain(spec.title)}**: both are chosen in the sidebar.")
    if changed := changes(wording_of(session.task_name())):
        st.caption(f"The {changed} {'was' if ',' not in changed else 'were'} changed on the Questions page.")
    one, two, three = st.columns(3)
    examples = one.number_input(
        "Examples",
        1,
        MOST_EXAMPLES,
        5,
        key="examples",
        persist_state="session",
        help="The paper takes 5. Three questions each, four with rotations.",
    )
    steps = two.number_input("m (steps)", 1, MOST_STEPS, 16, key="steps", persist_state="session", help="m of Eq. 1.")
    rule = three.selectbox("Rule", RULES, key="rule", persist_state="session", help="`right` is the paper's.")
    z, k = (
        column.number_input(
            f"{name} (empty: preset)",
            1,
            MOST_NEURONS,
            None,
            placeholder=usual,
            key=f"new_{name.lower()}",
            persist_state="session",
            help=meaning,
        )
        for column, name, usual, meaning in zip(
            (one, two),
            "zK",
            usual_numbers(facts),
            ("Neurons kept at either end of an example's ranking.", "Budget shown first."),
            strict=True,
        )
    )
    seed = three.number_input("Seed", 0, value=0, key="seed", persist_state="session")
    methods = st.multiselect(
        "Methods",
        RANKED,
        default=["ace"],
        key="methods",
        persist_state="session",
        format_func=lambda name: METHODS[name].title,
        help="One pass scores for all of them; the first is shown first. "
        + " ".join(f"**{METHODS[name].title}**: {METHODS[name].description}" for name in RANKED),
    )
    proxies = one.segmented_control(
        "Proxies",
        PROXIES,
        default=PROXIES[0],
        required=True,
        key="new_proxies",
        persist_state="session",
        help="The questions made of an example. shuffles: three orders of the options, as in the paper. rotations: "
        "four, every option on every letter once, so that a preference of letters cancels.",
    )
    if "content" in methods and proxies != ROTATIONS:
        st.caption("The method content cancels a preference of letters only with rotations.")
    ambiguous = two.segmented_control(
        "Ambiguous neurons",
        AMBIGUOUS,
        default=AMBIGUOUS[0],
        required=True,
        key="new_ambiguous",
        persist_state="session",
        help="Good in one example and bad in another. drop: their score is 0, the paper's rule. keep: its sum. "
        "The method content has no such neurons.",
    )
    config = RunConfig(
        task=session.task_name(),
        model=spec,
        seed=int(seed),
        prompt=wording_of(session.task_name()),
        attribution=AttributionConfig(
            methods=tuple(methods),
            steps=int(steps),
            rule=rule,
            examples=int(examples),
            z=None if z is None else int(z),
            k=None if k is None else int(k),
            proxies=proxies,
            ambiguous=ambiguous,
        ),
    )
    # Whichever model is loaded, it says what `auto` means on this machine.
    loaded = engine().model()
    on_gpu = spec.device.startswith(("cuda", "mps")) or (loaded is not None and loaded.device != "cpu")
    cost = estimate(config, facts, pace_from_runs(spec, runs), model_size(spec), None if on_gpu else TWO_CORES)
    st.caption(cost_in_words(cost))
    cluster, can_start = executor()
    if st.button("Start", type="primary", key="start", icon=":material/play_arrow:", disabled=not can_start):
        with guard():
            # Too few examples, a stem that does not fit: said now, not after the model is loaded.
            draws = draw(task, config.attribution.examples, 0, config.seed, config.prompt.demonstration)
            check_wording(task, draws.attribution, config.seed, config.prompt)
            session.show(submit(config, cluster))
            st.rerun()


def usual_numbers(facts: ModelFacts | None) -> tuple[str, str]:
    """The preset's z and K, as far as the model's size is known."""
    if facts is None:
        return "by the model's size", "by the model's size"
    usual = preset(facts.n_total)
    return f"{usual.z} ({usual.z / facts.n_total:.2%})", f"{usual.k} ({usual.k / facts.n_total:.3%})"


def cost_in_words(cost: Estimate) -> str:
    said = [f"{cost.n_questions} questions."]
    if cost.seconds is not None and cost.pace is None:
        said.append(f"About {duration(cost.seconds)} besides loading on two processor cores, by arithmetic.")
    elif cost.seconds is None or cost.pace is None:
        said.append("How long they take isn't known before a first run with this model.")
    else:
        said.append(
            f"About {duration(cost.seconds)} besides loading: a question took {cost.pace.seconds:.1f} s with "
            f"m = {cost.pace.steps} in the run {session.run_title(cost.pace.run_id)}."
        )
    if cost.weight_bytes:
        work = f", a pass {size(cost.working_bytes)} more" if cost.working_bytes else ""
        said.append(f"The weights take {size(cost.weight_bytes)} of memory{work}.")
    else:
        said.append("What the weights take isn't known before they are loaded.")
    if cost.disk_bytes:
        said.append(f"Scores take {size(cost.disk_bytes)} on disk.")
    return plain(" ".join(said))
