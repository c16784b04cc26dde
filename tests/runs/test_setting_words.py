"""How a sample of evaluation examples was chosen, in words."""

from neuron_core.runs.setting import Sample

RIGHT = {"a": 3, "b": 0, "c": 2, "d": 1, "e": 3}


def test_a_sample_says_what_was_chosen_by_whom_and_what_is_missing():
    full = Sample("balanced", "tiny", 4, RIGHT, True)
    assert full.in_words == (
        "balanced sample: 2 examples that tiny comprehends on another option shuffle and 2 it does not, from 5 asked"
    )
    short = Sample("comprehended", "other", 4, RIGHT, True)
    assert short.in_words == (
        "comprehended sample: 3 examples that other comprehends on another option shuffle, from 5 asked; 4 were asked "
        "for and the task has no more"
    )
