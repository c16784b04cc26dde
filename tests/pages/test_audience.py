"""How often pages refresh themselves follows the number of sessions that look."""

import streamlit as st

from pages.shared.frame import audience


def test_parts_are_refreshed_less_often_for_many_sessions(monkeypatch):
    monkeypatch.setattr(audience, "_seen", {})
    clock = [100.0]
    monkeypatch.setattr(audience.time, "monotonic", lambda: clock[0])
    for number in range(50):
        monkeypatch.setattr(st, "session_state", {"owner": f"session {number}"})
        spoken = audience.every(2.0)
        assert spoken == (2.0 if number < audience.FEW else 2.0 * (number + 1) / audience.FEW)
    # Sessions that have gone no longer count.
    clock[0] += audience.AWAY_S + 1
    assert audience.every(2.0) == 2.0
