"""How the tokenizer of a GGUF file splits text into words before it merges characters into tokens.

The file only names the way, in `tokenizer.ggml.pre`. transformers knows some of the names. For all others it splits as
GPT-2 does, without saying so.
"""

from typing import Any

from tokenizers import Regex, pre_tokenizers
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from neuron_core.models.gguf_header import GgufHeader

AS_GPT2 = ("gpt-2", "phi-2", "olmo", "mpt", "jais", "trillion")
ONE_DIGIT_A_TOKEN = ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b")
"as GPT-2, each digit alone"
AS_QWEN2 = ("stablelm2", "hunyuan")
AS_LLAMA3 = ("llama3", "llama-v3", "llama-bpe", "tekken")
"""a word of the vocabulary is one token, whatever the merges say; a text begins with the first token unless the file
says otherwise (`add_bos_token`)"""


def cut_as_the_file_says(tokenizer: Any, header: GgufHeader) -> tuple[str, ...]:
    """Makes the tokenizer split text as the file says. Returns a note if the way is not known."""
    if header.keys.get("tokenizer.ggml.model") != "gpt2":
        return ()
    pre, backend = header.keys.get("tokenizer.ggml.pre"), tokenizer.backend_tokenizer
    if pre in ONE_DIGIT_A_TOKEN:
        digits = pre_tokenizers.Digits(individual_digits=True)
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
        )
    elif pre in AS_QWEN2:
        cut = pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS["qwen2"]), behavior="isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    elif pre not in GGUF_PRE_TOKENIZER_SPLITS and pre not in AS_GPT2:
        how = f"the way {pre!r} to cut text into words is not known" if pre else "the file does not say how to cut text"
        return (f"{how} (tokenizer.ggml.pre): it is cut as GPT-2 cuts it, and tokens may differ",)
    if pre in AS_LLAMA3:
        backend.model.ignore_merges = True
        if "tokenizer.ggml.add_bos_token" not in header.keys and tokenizer.bos_token:
            tokenizer.add_bos_token = True
    return ()
