"""Starts a run; shows the neurons it found and how far the attribution can be trusted."""

from collections.abc import Sequence

import streamlit as st

from neuron_core.analysis.layers import neuron_rows
from neuron_core.cni.methods import METHODS, RANKED
from neuron_core.cni.neurons import NeuronRanking, NeuronSet
from neuron_core.cni.quadrature import RULES
from neuron_core.cni.selection import preset
from neuron_core.estimates.arithmetic import TWO_CORES
from neuron_core.estimates.estimate import Estimate, estimate, facts_from_runs, pace_from_runs
from neuron_core.figures.layers import completeness_bars
from neuron_core.figures.theme import counted
from neuron_core.qatt.draws import draw
from neuron_core.qatt.prompt import check_wording
from neuron_core.runs.config import AttributionConfig, RunConfig
from neuron_core.runs.results import Attribution
from neuron_core.runs.setting import ModelFacts, Setting
from neuron_core.runs.store import RunFolder
from pages.shared.frame import session
from pages.shared.frame.engine import engine
from pages.shared.frame.guard import guard, plain
from pages.shared.frame.navigation import through_frame
from pages.shared.inputs.submit import submit
from pages.shared.inputs.wording import wording_of
from pages.shared.views.figures import CARD_WIDTH, competence, empty_state, figure, provenance, recipes, table
from pages.shared.views.results import attribution_of, evaluation_of, model_size, reading_of, setting_of
from pages.shared.views.tables import NEURON_COLUMNS, SCORE, neuron_table
from pages.shared.views.words import changes, duration, size

COLUMNS = [name for name in NEURON_COLUMNS if name != "role"]


def form() -> None:
    """Everything that a new run is made from, what it will cost, and the button."""
    spec = session.model_spec()
    runs = engine().store.runs()
    loaded = engine().model()
    # The finished demo knows its model, but not how fast this machine is.
    known = [*runs, *([session.open_run(session.DEMO)] if session.has_demo() else [])]
    facts = facts_from_runs(spec, known) or (loaded if loaded and loaded.title == spec.title else None)
    task = reading_of(session.task_name()).task
    st.markdown(f"Task **{plain(task.name)}**, model **{plain(spec.title)}**: both are chosen in the sidebar.")
    if changed := changes(wording_of(session.task_name())):
        st.caption(f"Its prompts have another {changed}, as the page Questions says.")
    one, two, three = st.columns(3)
    examples = one.number_input(
        "Examples",
        1,
        value=5,
        key="examples",
        persist_state="session",
        help="Three questions each. The paper takes 5.",
    )
    steps = two.number_input("m (steps)", 1, value=16, key="steps", persist_state="session", help="m of Eq. 1.")
    rule = three.selectbox("Rule", RULES, key="rule", persist_state="session", help="`right` is the paper's.")
    z, k = (
        column.number_input(
            f"{name} (empty: preset)",
            1,
            value=None,
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
        ),
    )
    on_gpu = spec.device.startswith(("cuda", "mps")) or (loaded is not None and loaded.device != "cpu")
    cost = estimate(config, facts, pace_from_runs(spec, runs), model_size(spec), None if on_gpu else TWO_CORES)
    st.caption(cost_in_words(cost))
    if st.button("Start", type="primary", key="start", icon=":material/play_arrow:"):
        with guard():
            # Too few examples, a stem that does not fit: said now, not after the model is loaded.
            draws = draw(task, config.attribution.examples, 0, config.seed, config.prompt.demonstration)
            check_wording(task, draws.attribution, config.seed, config.prompt)
            session.show(submit(config))
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
            f"m = {cost.pace.steps} in run {cost.pace.run_id}."
        )
    if cost.weight_bytes:
        work = f", a pass {size(cost.working_bytes)} more" if cost.working_bytes else ""
        said.append(f"The weights take {size(cost.weight_bytes)} of memory{work}.")
    else:
        said.append("What the weights take isn't known before they are loaded.")
    if cost.disk_bytes:
        said.append(f"Scores take {size(cost.disk_bytes)} on disk.")
    return plain(" ".join(said))


def result(run: RunFolder, setting: Setting, found: Attribution) -> None:
    competence(run)
    name = choose_method(found)
    ranking = found.rankings[name]
    cut = ranking.cut(setting.k)
    roles = ("good", "bad") if METHODS[name].sides == "both" else ("good",)
    numbers(setting, ranking, found.guard, cut, roles)
    good, bad = st.columns(2)
    with good:
        neurons("good", cut, "Good neurons", "speak for the correct letter")
    with bad:
        if "bad" not in roles:
            st.info(f"{METHODS[name].title} names helpful neurons only.")
        else:
            neurons("bad", cut, "Bad neurons", "speak against it")
    provenance(run)
    if st.button(
        "Evaluate these neurons" if evaluation_of(run) is None else "See their evaluation",
        key="evaluate",
        type="primary",
        icon=":material/tune:",
    ):
        st.switch_page(session.CONTROL, query_params={"run": session.shown_id() or ""})
    st.subheader("Does the attribution add up?")
    st.markdown(
        "The scores of a layer should sum to what the model loses without that layer. The bars show by how "
        f"much they don't: mean and standard deviation over {found.gaps.n_questions} questions. With the "
        "right rule and few steps, tens of percent are no surprise."
    )
    figure(completeness_bars(found.gaps.mean, found.gaps.spread), "gap", f"completeness-{run.id}")
    provenance(run)
    recipes(run)


def choose_method(found: Attribution) -> str:
    """The run's first method, or another of its methods where it has several."""
    names = list(found.rankings)
    if len(names) == 1:
        return names[0]
    chosen = st.segmented_control(
        "Method",
        names,
        default=names[0],
        required=True,
        key="method_shown",
        format_func=lambda name: METHODS[name].title,
    )
    note = found.rankings[chosen].note
    st.caption(METHODS[chosen].description + (f" Here: {plain(note)}." if note else ""))
    return str(chosen)


def numbers(setting: Setting, ranking: NeuronRanking, guard: float, cut: NeuronSet, roles: Sequence[str]) -> None:
    total = setting.model.n_total
    cards: list[tuple[str, object, str, str | None]] = [
        ("K", setting.k, f"{setting.k / total:.3%} of {total:,}", None),
        ("z", setting.z, f"{setting.z / total:.2%}, preset: {setting.preset}", None),
        (
            "Ambiguous neurons",
            ranking.n_ambiguous,
            "set to 0",
            "Among the top z of one example and the bottom z of another.",
        ),
        (
            "Guard",
            f"{guard:.1e}",
            "largest distance",
            "Rows at full value are the unmodified model; this is the largest difference found. "
            "A run stops where it is too large.",
        ),
    ]
    with st.container(horizontal=True, horizontal_alignment="distribute", key="numbers"):
        for name, value, more, meaning in cards:
            st.metric(
                name, value, more, delta_color="off", delta_arrow="off", border=True, help=meaning, width=CARD_WIDTH
            )
    for role, there in (("good", len(cut.good)), ("bad", len(cut.bad))):
        if role in roles and there < setting.k:
            st.info(f"Only {counted(there, f'{role} neuron')} can be shown; K is {setting.k}.")


def neurons(role: str, cut: NeuronSet, title: str, meaning: str) -> None:
    st.subheader(title)
    st.caption(f"They {meaning}.")
    rows = [row for row in neuron_rows(cut) if row.role == role]
    table(
        neuron_table(rows),
        f"{role}_neurons",
        f"{role}-neurons-{session.shown_id()}",
        f"{counted(len(rows), f'{role} neuron')} by score".capitalize(),
        column_order=COLUMNS,
        column_config={"score": st.column_config.NumberColumn(format=SCORE)},
    )


through_frame()
run = session.shown_run()
setting = setting_of(run) if run else None
found = attribution_of(run) if run else None
with st.expander("New run", expanded=run is None, key="new_run", icon=":material/add:"), guard():
    form()
if run is None:
    empty_state("Nothing has been attributed yet. Start a run above, or run the demo.", session.START)
elif setting is None or found is None:
    goes_on = session.is_active(session.shown_id() or run.id)
    empty_state(
        "The neurons of this run appear here when its attribution is finished."
        + ("" if goes_on else " It does not go on by itself: resume it above, or start another run.")
    )
else:
    result(run, setting, found)
