"""The column names that datasets use for each column of each task kind."""

import re

from neuron_core.tasks.kinds.base import CONTEXT

LIST_COLUMNS = ("choices", "distractors")
"columns of a kind that hold a list of texts"
ANSWERS = (
    *("answer", "correctanswer", "bestanswer", "answerkey", "gold", "correct", "correctoption", "solution"),
    *("rightanswer", "goldanswer", "groundtruth", "target", "cop"),
)
SENTENCES = ("sentence", "text", "context", "passage", "utterance", "input")
_TEXTS = ("text", "review", "reviewtext", "content", "comment", "tweet")
_LONG = ("description", "abstract", "summary")
_CLASSES = ("label", "labels", "sentiment", "class", "category", "polarity", "emotion", "intent", "stance")
_LABELS = ("label", "labels", "class", "category", "type", "tag")
# Kind → its column → names that datasets use for that column, the clearest first.
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
# Every kind accepts a column of distractors; no kind requires one.
for _columns in SYNONYMS.values():
    _columns["distractors"] = ("distractors", "wronganswers", "incorrectanswers", "incorrect", "negatives")
# Names of a column with a second text, the passage that a question is about.
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
"pairs of columns whose label describes how the two texts relate; their texts are joined"


def plain_name(column: str) -> str:
    """A column's name in lower case, without spaces and punctuation."""
    return re.sub(r"[\W_]", "", column).lower()
