"""Tiny real checkpoints and tasks on disk, so that tests go through the same doors as a user.

Default sizes and a fresh initialisation let wrong code pass: weights are drawn wide, biases and norms are
moved off 0 and 1, a layer has more neurons than hidden size, and keys and values are shared by two heads.
"""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as configs
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from neuron_core.models.baichuan import BaichuanConfig, register_baichuan
from neuron_core.models.letters import TokenizedPrompt, tokenize_prompt
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec

LAYERS, HIDDEN, NEURONS, HEADS, KV_HEADS, CONTEXT = 4, 32, 48, 4, 2, 1024

LLAMA_LIKE = {
    "num_hidden_layers": LAYERS,
    "hidden_size": HIDDEN,
    "intermediate_size": NEURONS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
}
GPT2_LIKE = {
    "n_layer": LAYERS,
    "n_embd": HIDDEN,
    "n_inner": NEURONS,
    "n_head": HEADS,
    "n_positions": CONTEXT,
    "initializer_range": 0.2,
}
WINDOW = 40
"tokens that a windowed layer sees: fewer than any prompt here has, fewer than it has with its rows"
ALTERNATING = ["sliding_attention", "full_attention"] * (LAYERS // 2)
SLIDING = {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": ALTERNATING}
HEAD_SIZE = {"head_dim": 12}
FALCON_LIKE = {
    "num_hidden_layers": LAYERS,
    "hidden_size": HIDDEN,
    "ffn_hidden_size": NEURONS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    "bias": True,
}
OPT_LIKE = {
    "num_hidden_layers": LAYERS,
    "hidden_size": HIDDEN,
    "ffn_dim": NEURONS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": CONTEXT,
    "init_std": 0.2,
}
# A case is one line: its config class and its small sizes, in the family's own names. `family:what` is a further
# form of a family, which other code of its own or another row mode serves.
FAMILIES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "llama": (configs.LlamaConfig, LLAMA_LIKE),
    "gpt2": (configs.GPT2Config, GPT2_LIKE),
    "gpt_neo": (
        configs.GPTNeoConfig,
        {
            "num_layers": LAYERS,
            "hidden_size": HIDDEN,
            "intermediate_size": NEURONS,
            "num_heads": HEADS,
            "max_position_embeddings": CONTEXT,
            "initializer_range": 0.2,
            "window_size": WINDOW,
            "attention_types": [[["global", "local"], LAYERS // 2]],
        },
    ),
    "gptj": (configs.GPTJConfig, {**GPT2_LIKE, "rotary_dim": 4}),
    "gpt_neox": (configs.GPTNeoXConfig, LLAMA_LIKE),
    "gpt_neox:sequential": (configs.GPTNeoXConfig, {**LLAMA_LIKE, "use_parallel_residual": False}),
    # Bloom's block is four times its width, whatever the config says.
    "bloom": (configs.BloomConfig, {"n_layer": LAYERS, "hidden_size": 12, "n_head": 3, "initializer_range": 0.2}),
    "falcon": (configs.FalconConfig, FALCON_LIKE),
    "falcon:grouped": (
        configs.FalconConfig,
        {**FALCON_LIKE, "new_decoder_architecture": True, "num_kv_heads": KV_HEADS},
    ),
    "falcon:alibi": (
        configs.FalconConfig,
        {**FALCON_LIKE, "alibi": True, "multi_query": False, "parallel_attn": False},
    ),
    "opt": (configs.OPTConfig, OPT_LIKE),
    "opt:projected": (
        configs.OPTConfig,
        {**OPT_LIKE, "word_embed_proj_dim": 20, "do_layer_norm_before": False},
    ),
    "phi": (configs.PhiConfig, {**LLAMA_LIKE, "partial_rotary_factor": 0.5, "qk_layernorm": True}),
    "phi3": (configs.Phi3Config, {**LLAMA_LIKE, "sliding_window": WINDOW}),
    "phi3:unwindowed": (configs.Phi3Config, LLAMA_LIKE),
    # Other rotary frequencies for a prompt longer than 100 tokens than for its prefix.
    "phi3:longrope": (
        configs.Phi3Config,
        {
            **LLAMA_LIKE,
            "original_max_position_embeddings": 100,
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "original_max_position_embeddings": 100,
                "short_factor": [1.0, 1.0, 1.0, 1.0],
                "long_factor": [3.0, 5.0, 7.0, 9.0],
            },
        },
    ),
    "mistral": (configs.MistralConfig, {**LLAMA_LIKE, **HEAD_SIZE, "sliding_window": WINDOW}),
    "mistral:unwindowed": (configs.MistralConfig, {**LLAMA_LIKE, "sliding_window": None}),
    "qwen2": (configs.Qwen2Config, {**LLAMA_LIKE, **SLIDING}),
    "qwen2:unwindowed": (configs.Qwen2Config, LLAMA_LIKE),
    "qwen3": (configs.Qwen3Config, {**LLAMA_LIKE, **HEAD_SIZE, **SLIDING}),
    "qwen3:unwindowed": (configs.Qwen3Config, {**LLAMA_LIKE, **HEAD_SIZE}),
    "gemma": (configs.GemmaConfig, {**LLAMA_LIKE, **HEAD_SIZE}),
    "gemma2": (
        configs.Gemma2Config,
        {
            **LLAMA_LIKE,
            **HEAD_SIZE,
            "query_pre_attn_scalar": 12,
            "sliding_window": WINDOW,
            "layer_types": ALTERNATING,
            "final_logit_softcapping": 2.0,
            "attn_logit_softcapping": 1.0,
        },
    ),
    "gemma3_text": (
        configs.Gemma3TextConfig,
        {
            **LLAMA_LIKE,
            **HEAD_SIZE,
            "query_pre_attn_scalar": 12,
            "sliding_window": WINDOW,
            "layer_types": ALTERNATING,
        },
    ),
    "gemma3_text:capped": (
        configs.Gemma3TextConfig,
        {
            **LLAMA_LIKE,
            **HEAD_SIZE,
            "final_logit_softcapping": 2.0,
            "layer_types": ALTERNATING,
            "sliding_window": WINDOW,
        },
    ),
    "olmo2": (configs.Olmo2Config, LLAMA_LIKE),
    "stablelm": (configs.StableLmConfig, {**LLAMA_LIKE, "use_qkv_bias": True}),
    "stablelm:parallel": (
        configs.StableLmConfig,
        {**LLAMA_LIKE, "use_parallel_residual": True, "qk_layernorm": True},
    ),
    # Saving packs queries, keys and values as Baichuan's own files have them.
    "baichuan": (BaichuanConfig, {**LLAMA_LIKE, "num_key_value_heads": HEADS}),
}
# The two on which every property of attribution is tested; test_families takes all the way.
BASIC = ("llama", "gpt2")

PROMPT = (
    "You are an expert in sentiment analysis.\n"
    "Read the question and the four options. Answer with the letter of the correct option: A, B, C or D.\n\n"
    "Question: What is the overall sentiment of this text?\n"
    "Text: The soup was warm and the bread was fresh.\n"
    "A. neutral\nB. positive\nC. not sure\nD. negative\nAnswer: B\n\n"
    "Question: What is the overall sentiment of this text?\n"
    "Text: The train was late again.\n"
    "A. negative\nB. positive\nC. neutral\nD. not sure\nAnswer:"
)
OTHER_PROMPT = PROMPT.replace("The train was late again.", "I would watch this quiet film again tomorrow.")
SHORT_PROMPT = "Question: Which letter?\nAnswer:"
_CORPUS = [PROMPT, OTHER_PROMPT, *[f"Answer: {letter}\n" for letter in "ABCD" for _ in range(20)]]

SENTENCES = (
    "The soup was warm and the bread was fresh",
    "The train was late again",
    "I would watch this quiet film twice",
    "The office opens at nine on weekdays",
    "My new phone broke within a week",
    "The river runs north through the town",
    "The choir sang beautifully",
    "Nobody answered my letter",
)


def byte_level_tokenizer(corpus: Sequence[str] = _CORPUS, *, regex: bool = True, vocab_size: int = 420) -> Tokenizer:
    """A byte-level BPE tokenizer trained on `corpus`; without `regex`, merges may cross words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=["<|end|>"],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer


def tiny_checkpoint(tmp_path: Path, family: str) -> Path:
    """A checkpoint of `family` in `tmp_path/family`, by the family's own classes; built once a folder."""
    folder = tmp_path / family.replace(":", "-")
    if (folder / "config.json").is_file():
        return folder
    return built_checkpoint(folder, *FAMILIES[family])


def built_checkpoint(folder: Path, make_config: Callable[..., Any], sizes: dict[str, Any]) -> Path:
    """A checkpoint of this config in `folder`, its weights drawn wide."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level_tokenizer(), eos_token="<|end|>")
    register_baichuan()
    config = make_config(vocab_size=len(tokenizer), bos_token_id=None, eos_token_id=0, pad_token_id=None, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 1:
                    parameter += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Tiny tensors on one thread: threads that wait for each other make them ten times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`checkpoint(family)`: the session's tiny checkpoint of that family."""
    root = tmp_path_factory.getbasetemp() / "checkpoints"
    return lambda family: tiny_checkpoint(root, family)


@pytest.fixture(scope="session")
def tiny_model(checkpoint: Callable[[str], Path]) -> Callable[..., LoadedModel]:
    """`tiny_model(family, dtype="float32")`: the session's tiny model, loaded once a dtype."""

    @functools.cache
    def load(family: str, dtype: str = "float32") -> LoadedModel:
        return load_model(ModelSpec(source=str(checkpoint(family)), dtype=dtype, device="cpu"))

    return load


def tokens(loaded: LoadedModel, prompt: str = PROMPT) -> TokenizedPrompt:
    """A prompt in the model's own tokens."""
    return tokenize_prompt(loaded.tokenizer, prompt)


def n_hooks(loaded: LoadedModel) -> int:
    """Forward hooks and forward overrides anywhere in the model."""
    return sum(
        len(module._forward_pre_hooks) + len(module._forward_hooks) + ("forward" in module.__dict__)
        for module in loaded.model.modules()
    )


def write_jsonl(path: Path, rows: Sequence[object]) -> Path:
    """One JSON value a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def classification_rows(n: int, labels: Sequence[str] = ("positive", "neutral", "negative")) -> list[dict[str, str]]:
    """`n` rows of different text, labels in turn."""
    return [
        {"text": f"{SENTENCES[i % len(SENTENCES)]}, number {i}.", "label": labels[i % len(labels)]} for i in range(n)
    ]
