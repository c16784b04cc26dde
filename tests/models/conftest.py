import pytest

from tests.builders import checkpoint, one_thread, tiny_model

__all__ = ["checkpoint", "one_thread", "tiny_model"]


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """Every test here works on tiny tensors."""
