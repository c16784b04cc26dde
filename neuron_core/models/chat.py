"""A model's chat template as two texts: what stands before a user's message and what after it. No torch."""

from dataclasses import dataclass
from typing import Any

from neuron_core.errors import ModelError
from neuron_core.models.letters import encode

PROBES = ("Question: one or two?\nA. one\n\nAnswer:", "Say {this}, <that> or 'the other' [one].\nAnswer: B")
# Templates that write a date write today's; this is the one that Llama's falls back on. Thinking would come before the
# letter.
OPTIONS = {"date_string": "26 Jul 2024", "enable_thinking": False}


@dataclass(frozen=True)
class ChatTemplate:
    """A template for one message of a user, up to where the model's answer begins."""

    before: str = ""
    after: str = ""
    problem: str | None = None
    "why there is none to use"

    def wrap(self, message: str) -> str:
        """The text that the model gets for this message; white space around it is dropped. ModelError: no template."""
        if self.problem is not None:
            raise ModelError(f"no chat prompt can be made: {self.problem}", accepted="plain text, or a chat model")
        return f"{self.before}{message.strip()}{self.after}"


def chat_template_of(tokenizer: Any) -> ChatTemplate:
    """The template of a tokenizer, checked on two messages: their texts, and that they are tokenized as meant."""
    if not getattr(tokenizer, "chat_template", None):
        return ChatTemplate(problem="the model's tokenizer has no chat template")
    try:
        texts = [_rendered(tokenizer, probe) for probe in PROBES]
    # A template is a program of the model's author and may fail in any way.
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return ChatTemplate(problem=f"the model's chat template fails: {first}")
    before, found, after = texts[0].partition(PROBES[0])
    if not found or before + PROBES[1] + after != texts[1]:
        return ChatTemplate(problem="the model's chat template changes the message")
    bos = getattr(tokenizer, "bos_token_id", None)
    for text in texts:
        meant = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
        # Some tokenizers put a first token before every text, whether the template has it or not.
        if encode(tokenizer, text) not in (meant, (bos, *meant)):
            return ChatTemplate(problem="the model's tokenizer adds tokens to its own chat template")
    return ChatTemplate(before, after)


def _rendered(tokenizer: Any, message: str) -> str:
    turns = [{"role": "user", "content": message}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **OPTIONS))
