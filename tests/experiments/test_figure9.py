"""Figure 9 on a tiny model: what is measured, never how fast it is."""

from neuron_core.experiments import figure9
from neuron_core.experiments.figure9 import FAST_QATT, FAST_TEXT, SLOW_QATT, SLOW_TEXT, CostSetting, answer_cost
from neuron_core.figures.experiments import cost_lines
from tests.builders import checkpoint, tiny_model, tokens

__all__ = ["checkpoint", "tiny_model"]

SMALL = CostSetting(lengths=(1, 3), repeats=2, steps=4, slow_steps=2, layers=2)


def test_every_form_has_a_mean_and_a_range_at_every_length(tiny_model):
    loaded = tiny_model("llama")
    progress = []
    table = answer_cost(loaded, tokens(loaded), 1, SMALL, lambda done, total: progress.append((done, total)))
    assert table[["form", "length"]].to_records(index=False).tolist() == [
        (form, length) for form in (SLOW_TEXT, SLOW_QATT, FAST_TEXT, FAST_QATT) for length in (1, 3)
    ]
    assert (table["seconds_low"] <= table["seconds"]).all()
    assert (table["seconds"] <= table["seconds_high"]).all()
    assert (table["seconds_low"] > 0).all()
    assert set(table[table["form"].str.startswith("full")]["steps_timed"]) == {2}
    # A letter is one token: its time does not depend on the answer's length.
    with_qatt = table[table["form"] == FAST_QATT]
    assert with_qatt["seconds"].nunique() == 1
    assert progress[-1] == (6, 6)
    assert len(cost_lines(table).data) == 4


def test_the_slow_form_is_scaled_from_the_steps_timed_and_counts_every_token(tiny_model, monkeypatch):
    # A clock on which every piece of work takes one second.
    monkeypatch.setattr(figure9, "_timed", lambda loaded, work: (work(), 1.0))
    loaded = tiny_model("llama")
    table = answer_cost(loaded, tokens(loaded), 1, SMALL).set_index(["form", "length"])["seconds"]
    # One second for the neurons' values, and one for two of four steps: 1 + 1 · 4 / 2.
    assert table[SLOW_QATT, 1] == 3.0
    assert table[SLOW_TEXT, 3] == 9.0
    assert table[FAST_TEXT, 3] == 0.5


def test_a_long_answer_s_slow_form_is_timed_on_tokens_spread_over_it(tiny_model, monkeypatch):
    loaded, prompt, lengths = tiny_model("llama"), None, []
    monkeypatch.setattr(figure9, "_timed", lambda loaded, work: (work(), 1.0))
    whole = figure9.last_neurons

    def noted(loaded, extended, layer):
        lengths.append(len(extended.token_ids) - len(prompt.token_ids))
        return whole(loaded, extended, layer)

    monkeypatch.setattr(figure9, "last_neurons", noted)
    prompt = tokens(loaded)
    setting = CostSetting(lengths=(2, 8), repeats=1, steps=4, slow_steps=2, slow_tokens=2, layers=2)
    table = answer_cost(loaded, prompt, 1, setting).set_index(["form", "length"])["seconds"]
    # The letter, once untimed; both tokens of the short answer; of eight those in the middle of either half.
    assert lengths[-4:] == [0, 1, 2, 6]
    assert table[SLOW_TEXT, 8] == 8 * 3.0
