"""The results of the benchmark as text for a terminal. No torch."""

from typing import Any


def bench_text(result: dict[str, Any]) -> str:
    """The measured numbers, one line for each part."""
    a, e = result["attribution"], result["evaluation"]
    worst = "no score to compare" if a["max_rel_diff"] is None else f"{a['max_rel_diff']:.1e} of max|IG|"
    shared = ", ".join(
        f"{n}: {seconds:.3g} s ({a['shared_to_floor'][n]:.2f})" for n, seconds in a["by_questions"].items()
    )
    return "\n".join(
        [
            f"{result['model']}, {result['dtype']} on {result['device']}, {result['threads']} threads, "
            f"T = {result['T']}, m = {result['m']}",
            f"attribution of one question: {a['fast_s']:.3g} s; full-sequence reference {a['reference_s']:.3g} s, "
            f"scaled from layers {a['reference_layers']}: {a['ratio']:.0f} times as long; largest difference {worst}",
            f"Captum, the same scores and layers: {_captum(a)}; bare matrix multiplications {a['floor_s']:.3g} s: "
            f"the fast form takes {a['ratio_to_floor']:.2f} times as long",
            "seconds per question, and the work as a multiple of the bare matrix multiplications, by the number of "
            f"questions that share a prefix: {shared}",
            f"the same examples by ACE in three shuffles: {a['content']['ace']:.3g} s; by content in four rotations "
            f"{a['content']['content']:.3g} s: {a['content']['ratio']:.2f} times as long",
            f"grid of {e['interventions']} interventions on one question: {e['grid_s']:.3g} s; one plain pass "
            f"{e['baseline_s']:.3g} s: {e['ratio_to_baseline']:.1f} times",
            *(_setting(setting) for setting in result["settings"]),
            f"peak memory {result['peak_memory_gib']:.2f} GiB",
        ]
    )


def _setting(s: dict[str, Any]) -> str:
    return (
        f"{s['model']}, T = {s['T']}, m = {s['m']}: {s['fast_s']:.3g} s; reference {s['reference_s']:.3g} s, "
        f"{s['ratio']:.0f} times as long, scaled from layers {s['reference_layers']}; Captum {_captum(s)}; "
        f"{s['ratio_to_floor']:.2f} times the floor of {s['floor_s']:.3g} s"
    )


def _captum(measured: dict[str, Any]) -> str:
    return "not installed" if measured["captum_s"] is None else f"{measured['captum_s']:.3g} s"
