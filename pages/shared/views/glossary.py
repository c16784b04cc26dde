"""The field's words, each explained where it stands first."""

GLOSSARY = {
    "RAC": "Relative change of accuracy: the change of accuracy in percent of the unmodified model's, positive in the "
    "intended direction.",
    "RCC": "Relative change of comprehension: the same for the share of examples with most of their questions right.",
    "ACE": "Additive-Cross-Entropy scoring, the paper's method: how much each neuron adds to the probability of the "
    "correct letter among the four, by integrated gradients.",
    "QATT": "Question-Answering-based Task Transformation: each example of a task becomes several four-option "
    "questions that differ in the order of the options.",
    "K": "Budget K: how many neurons are changed, good and bad together.",
    "z": "How many neurons are kept at either end of an example's ranking, before the examples are put together.",
    "proxy": "A proxy question: one of the four-option questions that stand for an example.",
    "direction": "enhancer: good neurons doubled, bad ones silenced. degrader: the reverse.",
    "ratio": "The share of good neurons in the budget K; the rest are bad ones.",
    "content margin": "How much higher the correct option is scored than the others, averaged over the letters it "
    "stood on, in nats: no preference of letters moves it.",
}
