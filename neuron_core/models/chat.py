"""A model's chat template as two texts: the one before a user's message and the one after it. No torch."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from neuron_core.errors import ModelError
from neuron_core.models.limited import limited

PROBES = ("Question: one or two?\nA. one\n\nAnswer:", "Say {this}, <that> or 'the other' [one].\nAnswer: B")
# Llama's templates take a date as an option. This is the date that they use without one. Thinking is switched off,
# because it would come before the letter.
OPTIONS = {"date_string": "26 Jul 2024", "enable_thinking": False}
DIRECTIVES = (*"aAwdbBmyYHIpMSfjUWcxXGuVeDFTR", "-d", "-m", "-H", "-I", "%")
"the letters of strftime"
USUAL_DATE = date(2024, 7, 26)
"the date in prompts that belong to no run"


@dataclass(frozen=True)
class ChatTemplate:
    """A template for one message of a user, up to the beginning of the model's answer."""

    before: str = ""
    after: str = ""
    problem: str | None = None
    "why there is no template that can be used"
    date: str | None = None
    "the day, YYYY-MM-DD, that the template writes; None if it writes no date"

    def wrap(self, message: str) -> str:
        """The text that the model gets for this message, without white space around it.
        ModelError without a template.
        """
        if self.problem is not None:
            raise ModelError(f"no chat prompt can be made: {self.problem}", accepted="plain text, or a chat model")
        return f"{self.before}{message.strip()}{self.after}"


def day_of(seconds: float) -> date:
    """The day, in UTC, of a time in seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).date()


def chat_template_of(tokenizer: Any, day: date | None = None) -> ChatTemplate:
    """The template of a tokenizer, checked on two messages.

    day: the date that the template gets if it asks for today's (`strftime_now`). Without one: today, in UTC.
    """
    day = day or datetime.now(UTC).date()
    if not getattr(tokenizer, "chat_template", None):
        return ChatTemplate(problem="the model's tokenizer has no chat template")
    try:
        texts = [_rendered(tokenizer, probe, day) for probe in PROBES]
        # After 400 days the day, month, year and day of the week have changed, so any date in the text has too.
        dated = _rendered(tokenizer, PROBES[0], day + timedelta(days=400)) != texts[0]
    # A template is a program by the model's author. It may fail in any way.
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return ChatTemplate(problem=f"the model's chat template fails: {first}")
    before, found, after = texts[0].partition(PROBES[0])
    if not found or before + PROBES[1] + after != texts[1]:
        return ChatTemplate(problem="the model's chat template changes the message")
    return ChatTemplate(before, after, date=day.isoformat() if dated else None)


def _rendered(tokenizer: Any, message: str, day: date) -> str:
    turns, template = [{"role": "user", "content": message}], str(tokenizer.get_chat_template())
    if "strftime_now" in template:
        template = _on(day) + template
    asked = {"chat_template": template, "tokenize": False, "add_generation_prompt": True, **OPTIONS}
    # Jinja compiles templates under this name.
    with limited("<template>"):
        return str(tokenizer.apply_chat_template(turns, **asked))


def _on(day: date) -> str:
    """A beginning for a template, which defines `strftime_now` for midnight of this day."""
    midnight = datetime(day.year, day.month, day.day)
    said = {f"%{letter}": midnight.strftime(f"%{letter}") for letter in DIRECTIVES}
    steps = "".join(f"|replace({json.dumps(form)}, {json.dumps(value)})" for form, value in said.items())
    # Jinja drops a line break after a block. The empty text keeps one that the template may begin with.
    return f"{{% macro strftime_now(form) %}}{{{{ form{steps} }}}}{{% endmacro %}}{{{{ '' }}}}"
