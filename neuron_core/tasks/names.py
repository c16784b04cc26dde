"""What columns go by: names that other datasets give to the columns of a task kind."""

import re

from neuron_core.tasks.kinds.base import CONTEXT

LIST_COLUMNS = ("choices", "distractors")
ANSWERS = (
    *("answer", "correctanswer", "bestanswer", "answerkey", "gold", "correct", "correctoption", "solution"),
    *("rightanswer", "goldanswer", "groundtruth", "target", "cop"),
)
SENTENCES = ("sentence", "text", "context", "passage", "utterance", "input")
_TEXTS = ("text", "review", "reviewtext", "content", "comment", "tweet")
_LONG = ("description", "abstract", "summary")
_CLASSES = ("label", "labels", "sentiment", "class", "category", "polarity", "emotion", "intent", "stance")
_LABELS = ("label", "labels", "class", "category", "type", "tag")
# The kind's own name first, then what other datasets call it, the most telling first.
SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    "classification": {
        "text": (*_TEXTS, "sentence", "document", "body", "message", "utterance", *_LONG, "headline", "title", "input"),
        "label": (
            *(*_CLASSES, "topic", "stars", "rating", "score", "queue", "verdict", "type", "tag", "target"),
            *("labeltext", "labelname", "goldlabel", "coarselabel", "finelabel", "isduplicate", "relation"),
            *("entailment", "classindex", "quality", "answer"),
        ),
    },
    "span_typing": {
        "sentence": SENTENCES,
        "entity": ("entity", "span", "mention", "entityname", "phrase", "term", "word", "aspect"),
        "label": (*_LABELS, "entitytype", "nertag", "sentiment", "polarity"),
    },
    "chunking": {
        "sentence": SENTENCES,
        "answer": ("answer", "chunks", "chunked", "chunking", "segmentation", "brackets", "bracketed", "gold"),
    },
    "multiple_choice": {
        "question": (
            *("question", "stem", "questionstem", "query", "prompt", "problem", "ctx", "context", "goal"),
            *("sentence", "premise"),
        ),
        "choices": ("choices", "options", "candidates", "alternatives", "endings", "answers"),
        "answer": (
            *(*ANSWERS, "answeridx", "answerindex", "answerid", "correctidx", "correctindex", "correctid"),
            *("correctanswerid", "correctansweridx", "correctanswerindex", "labelidx", "goldidx", "label"),
        ),
    },
    "question_answer": {
        "question": ("question", "query", "prompt", "problem", "instruction", "input"),
        "answer": (*ANSWERS, "response", "output", "completion"),
    },
}
# Every kind takes them, none needs them.
for _columns in SYNONYMS.values():
    _columns["distractors"] = ("distractors", "wronganswers", "incorrectanswers", "incorrect", "negatives")
# Of a second text: what a question is about.
PASSAGES = ("context", "passage", "article", "paragraph", "story", "support", "background", "premise")
SYNONYMS["classification"][CONTEXT] = ("context",)
SYNONYMS["multiple_choice"][CONTEXT] = PASSAGES
SYNONYMS["question_answer"][CONTEXT] = (*PASSAGES, "input")
PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentencea", "sentenceb"),
    ("text1", "text2"),
    ("texta", "textb"),
    ("question1", "question2"),
    ("string1", "string2"),
    ("1string", "2string"),
    ("claim", "evidence"),
    ("query", "document"),
    ("query", "passage"),
    ("question", "passage"),
    ("question", "sentence"),
)
"two texts of which a label says how they belong together: they are joined"


def plain_name(column: str) -> str:
    """A column's name without case and signs."""
    return re.sub(r"[\W_]", "", column).lower()
