"""The Neuron page: a neuron of a finished run, what is on disk of it, and what is asked of the model."""

import json
import shutil
from dataclasses import replace

import pytest

from neuron_core.engine.engine import Engine
from neuron_core.runs.neuron_findings import finding_of, findings_folder, save_finding, shipped_folder
from neuron_core.runs.run_folder import RunFolder
from neuron_core.runs.store import Store
from neuron_core.service.job_steps import steps_of
from neuron_core.service.jobs import NeuronJob
from pages.shared.frame.engine import engine
from pages.shared.views import neuron_saved
from tests.pages.conftest import faults, figures, texts


@pytest.fixture
def good(full):
    """The run's second best neuron, as its name."""
    layer, index = full.ranking().neurons[1].tolist()
    return layer, index, f"{layer}.{index}"


@pytest.fixture
def asked(full, good, tiny_model):
    """Everything that the page can ask, carried out before."""
    layer, index, _ = good
    for what in ("tokens", "effect", "contexts"):
        job = NeuronJob(what, str(full.path), str(full.path / "neurons"), layer, index, examples=40)
        assert list(steps_of(job, Engine.of(tiny_model("llama"))))[-1].done > 0
    return full


def open_neuron(open_page, run, name):
    app = open_page("neuron", run=run.id)
    return app.text_input(key="neuron").set_value(name).run()


def labels(app):
    return [button.label for button in app.button]


def test_a_page_without_any_run_says_what_to_do_first(open_page):
    app = open_page("neuron")
    assert faults(app) == []
    assert app.get("page_link")


def test_without_a_name_the_strongest_neurons_are_offered(open_page, full):
    app = open_page("neuron", run=full.id)
    assert faults(app) == []
    strongest_ones = next(frame.value for frame in app.dataframe if "layer" in frame.value)
    assert strongest_ones["id"].tolist()[1] == ".".join(map(str, full.ranking().neurons[1].tolist()))
    # The page is not empty: it opens at the strongest.
    strongest = ".".join(map(str, full.ranking().neurons[0].tolist()))
    assert app.header[0].value.startswith(f"Neuron {strongest} ")
    assert len(figures(app)) == 1


@pytest.mark.parametrize("name", ["nonsense", "4.0", "0.48", "1"])
def test_what_is_no_neuron_of_the_model_is_one_error_box(open_page, full, name):
    app = open_neuron(open_page, full, name)
    (fault,) = faults(app)
    assert "no neuron" in fault.lower()


def test_a_neuron_shows_its_place_and_its_score_by_task_and_question_without_a_model(open_page, full, good):
    layer, index, name = good
    app = open_neuron(open_page, full, name)
    assert faults(app) == []
    assert app.header[0].value.startswith(f"Neuron {name} ")
    cards = {metric.label: metric.value for metric in app.metric}
    assert (cards["Role"], cards["Rank"]) == ("good", "2")
    standings = next(frame.value for frame in app.dataframe if "task" in frame.value)
    assert standings["rank"].tolist() == [2]
    assert standings["shown"].tolist() == ["this run"]
    (bars,) = figures(app)
    expected = [float(full.scores(n).of("ace")[layer, index]) for n in range(12)]
    assert bars["data"][0]["y"] == pytest.approx(expected)
    assert {"Show its tokens", "Measure its effect", "Search your data"} <= set(labels(app))
    assert engine().worker_pid() is None


def test_what_was_found_before_is_shown_again(open_page, asked, good):
    _, _, name = good
    app = open_neuron(open_page, asked, name)
    assert faults(app) == []
    assert {"Show its tokens", "Measure its effect", "Search your data"} & set(labels(app)) == set()
    assert "Search again" in labels(app)
    promoted, suppressed, effect, _ = figures(app)
    assert len(promoted["data"][0]["x"]) == len(suppressed["data"][0]["x"]) == 10
    words = next(frame.value for frame in app.dataframe if "token id" in frame.value)
    assert len(words) == 40
    assert len(effect["data"][0]["y"]) == 36
    contexts = next(frame.value for frame in app.dataframe if "before" in frame.value)
    assert contexts["value"].tolist() == sorted(contexts["value"], reverse=True)
    said = texts(app).replace("\\", "")
    assert "position\N{NO-BREAK SPACE}last" in said
    # The story is made from what was measured.
    assert "Number 2 of" in said
    assert "At the answer its value is" in said or "changes sign from question to question" in said
    assert "P(correct) by" in said
    assert "In the task's texts" in said
    (strips,) = [one.proto.body for one in app.get("html") if "strip-text" in one.proto.body.partition("</style>")[2]]
    assert strips.count("<li") == 12
    assert "on 36 evaluation questions" in said


def test_a_question_that_was_clicked_opens_on_its_own_page(open_page, asked, good):
    app = open_neuron(open_page, asked, good[2])
    wanted = asked.setting().evaluation[4].id
    app.session_state["question_to_open"] = wanted
    app.run()
    assert faults(app) == []
    assert app.title[0].value == "Question"
    assert app.selectbox(key="question").value == wanted
    assert app.query_params["from"] in (good[2], [good[2]])


def test_the_address_that_back_leads_to_shows_the_neuron_until_another_is_named(open_page, asked, good):
    question = asked.setting().evaluation[4].id
    app = open_page("neuron", run=asked.id, q=question, **{"from": good[2]})
    assert faults(app) == []
    assert app.text_input(key="neuron").value == good[2]
    assert any(good[2] in heading.value for heading in app.header)
    # Another entry of the browser's history would be made by writing it into the address.
    assert "neuron" not in app.query_params
    app.text_input(key="neuron").set_value("0.1").run()
    assert "from" not in app.query_params
    assert app.text_input(key="neuron").value == "0.1"
    assert any("Neuron 0.1 in" in heading.value for heading in app.header)


def test_an_effect_on_questions_that_the_run_no_longer_has_is_measured_anew(open_page, asked, good):
    path = asked.path / "neurons" / f"{good[2]}.effect.json"
    first = asked.setting().evaluation[0].id
    path.write_text(path.read_text().replace(first, "gone#1"))
    assert "Measure its effect" in labels(open_neuron(open_page, asked, good[2]))


def test_a_damaged_finding_is_an_error_box_beside_the_rest(open_page, asked, good):
    (asked.path / "neurons" / f"{good[2]}.tokens.json").write_text("{}")
    app = open_neuron(open_page, asked, good[2])
    (fault,) = faults(app)
    assert "tokens" in fault
    assert "Show its tokens" in labels(app)


def test_texts_of_the_data_stay_text(open_page, asked, good):
    path = asked.path / "neurons" / f"{good[2]}.contexts.json"
    found = json.loads(path.read_text().replace('"before":"', '"before":"<b onclick=alert(1)>**x**'))
    del found["sealed"]
    path.write_text(json.dumps(found))
    app = open_neuron(open_page, asked, good[2])
    assert faults(app) == []
    assert "onclick" not in texts(app)
    contexts = next(frame.value for frame in app.dataframe if "before" in frame.value)
    assert contexts["before"].str.contains("<b onclick").any() or contexts["before"].str.startswith("…").all()


def test_tokens_of_the_data_are_no_markup_in_the_strips(open_page, asked, good):
    path = asked.path / "neurons" / f"{good[2]}.contexts.json"
    found = json.loads(path.read_text())
    found["highest"][0]["tokens"][found["highest"][0]["place"]] = "<img src=x onerror=alert(1)>"
    del found["sealed"]
    path.write_text(json.dumps(found))
    app = open_neuron(open_page, asked, good[2])
    assert faults(app) == []
    shown = "".join(one.proto.body for one in app.get("html"))
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img" not in shown


def test_findings_that_came_with_a_run_are_shown_until_others_are_asked_for(open_page, asked, good, tmp_path):
    # A run that lies outside the app's folder is only read.
    shipped = tmp_path / "demo_run"
    shutil.copytree(asked.path, shipped)
    run = RunFolder(shipped)
    store = Store(asked.path.parent)
    assert findings_folder(store, run) != shipped_folder(run)
    first = finding_of(store, run, good[0], good[1], "contexts")
    assert first is not None
    save_finding(findings_folder(store, run), good[0], good[1], "contexts", replace(first, n_texts=7))
    assert finding_of(store, run, good[0], good[1], "contexts").n_texts == 7
    assert finding_of(store, run, good[0], good[1], "tokens") is not None


def test_the_button_asks_the_worker_and_the_answer_is_shown(open_page, full, good, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    app = open_neuron(open_page, full, good[2])
    app.button(key="ask_tokens").click().run()
    assert faults(app) == []
    job = NeuronJob("tokens", str(full.path.resolve()), str((full.path / "neurons").resolve()), good[0], good[1])
    assert engine().jobs.wait(job, 60).failure is None
    app.run()
    assert faults(app) == []
    assert len(figures(app)) == 3


def test_layers_open_the_neuron_that_was_asked_for(open_page, full, good):
    app = open_page("layers", run=full.id)
    app.text_input(key="neuron").set_value(good[2]).run()
    app.button(key="open_named").click()
    app.run()
    assert faults(app) == []
    assert app.title[0].value == "Neuron"
    assert app.header[0].value.startswith(f"Neuron {good[2]} ")


def test_the_script_to_copy_asks_the_same(open_page, full, good, monkeypatch, capsys):
    app = open_neuron(open_page, full, good[2])
    script = next(code.value for code in app.code if "engine.neuron_tokens" in code.value)
    exec(compile(script, "script", "exec"), {})
    said = capsys.readouterr().out
    assert "Standing(method='ace', role='good', rank=2" in said
    assert said.count("unmodified, silenced, doubled:") == 36


def test_next_goes_to_the_neuron_of_the_next_rank(open_page, full, good):
    app = open_neuron(open_page, full, good[2])
    app.button(key="next_neuron").click().run()
    assert app.text_input(key="neuron").value == ".".join(map(str, full.ranking().neurons[2].tolist()))


def test_a_note_in_the_source_of_a_page_is_not_shown(open_page, full):
    app = open_page("neuron", run=full.id)
    assert faults(app) == []
    assert "of the address" not in texts(app).lower()


def test_of_very_many_questions_the_first_are_read_and_the_page_says_so(open_page, full, good, monkeypatch):
    monkeypatch.setattr(neuron_saved, "MOST_QUESTIONS", 2)
    n_all = len(full.setting().attribution)
    assert n_all > 2
    app = open_neuron(open_page, full, good[2])
    assert faults(app) == []
    said = texts(app)
    assert f"of the first 2 of {n_all} attribution questions" in said
    assert f"in the first 2 of {n_all} questions" in said
    assert [len(frame.value) for frame in app.dataframe if "question_id" in frame.value] == [2]
