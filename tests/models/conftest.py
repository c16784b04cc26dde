from tests.builders import checkpoint, tiny_model

__all__ = ["checkpoint", "tiny_model"]
