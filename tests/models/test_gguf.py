"""GGUF files against the same weights as a checkpoint folder, and files that are refused by their header."""

import json
import shutil
import struct
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import transformers as configs
from tokenizers import Regex, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from neuron_core.bench.gguf_files import write_gguf
from neuron_core.cni.attribution import attribute
from neuron_core.errors import ModelError
from neuron_core.models.gguf_config import gguf_config
from neuron_core.models.gguf_header import GgufHeader, GgufTensor, read_gguf_header
from neuron_core.models.letters import encode, tokenize_prompt
from neuron_core.models.loading import load_model, load_tokenizer
from neuron_core.models.prompt_pass import run_prompt
from neuron_core.models.size import size_of
from neuron_core.models.spec import ModelSpec
from neuron_core.models.trees import can_run
from tests.builders import FAMILIES, HIDDEN, LLAMA_LIKE, NEURONS, PROMPT, WINDOW, built_checkpoint, byte_level_tokenizer

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64}
GEMMA = {**LLAMA_LIKE, "head_dim": 256, "sliding_window": WINDOW, "query_pre_attn_scalar": 256}
GEMMA3 = {"full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0}}
GEMMA3["sliding_attention"] = {"rope_type": "default", "rope_theta": 1e4}
PHI4 = {
    **LLAMA_LIKE,
    "hidden_size": 64,
    "sliding_window": 262144,
    "tie_word_embeddings": True,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "partial_rotary_factor": 0.75,
        "original_max_position_embeddings": 100,
        "short_factor": [1.0, 1.1, 1.2, 1.3, 1.0, 1.0],
        "long_factor": [3.0, 5.0, 7.0, 9.0, 9.0, 9.0],
    },
    "original_max_position_embeddings": 100,
}
CASES = {
    **{name: FAMILIES[name] for name in ("llama", "gpt2", "bloom", "falcon", "falcon:grouped", "stablelm")},
    **{name: FAMILIES[name] for name in ("phi3", "phi3:longrope", "qwen2:unwindowed", "qwen3:unwindowed")},
    "llama:frequencies": (configs.LlamaConfig, {**LLAMA_LIKE, "rope_parameters": LLAMA3}),
    "llama:linear": (configs.LlamaConfig, {**LLAMA_LIKE, "rope_parameters": LINEAR}),
    "llama:yarn": (configs.LlamaConfig, {**LLAMA_LIKE, "rope_parameters": YARN}),
    "llama:biases": (configs.LlamaConfig, {**LLAMA_LIKE, "attention_bias": True, "mlp_bias": True}),
    "llama:tied": (configs.LlamaConfig, {**LLAMA_LIKE, "tie_word_embeddings": True, "head_dim": 12}),
    "mistral:unwindowed": FAMILIES["mistral:unwindowed"],
    "qwen2:linear": (configs.Qwen2Config, {**LLAMA_LIKE, "rope_parameters": LINEAR}),
    "qwen2:yarn": (configs.Qwen2Config, {**LLAMA_LIKE, "rope_parameters": YARN}),
    "qwen3:yarn": (configs.Qwen3Config, {**LLAMA_LIKE, "head_dim": 12, "rope_parameters": YARN}),
    "stablelm:rotary": (configs.StableLmConfig, {**LLAMA_LIKE, "partial_rotary_factor": 0.5, "use_qkv_bias": True}),
    "stablelm:parallel": (configs.StableLmConfig, {**LLAMA_LIKE, "use_parallel_residual": True}),
    "phi3:partial": (configs.Phi3Config, PHI4),
    "gemma2": (configs.Gemma2Config, {**GEMMA, "final_logit_softcapping": 2.0, "attn_logit_softcapping": 1.0}),
    "gemma2:27b": (
        configs.Gemma2Config,
        {**GEMMA, "head_dim": 128, "hidden_size": 4 * 144, "query_pre_attn_scalar": 144, "num_hidden_layers": 2},
    ),
    "gemma3:27b": (
        configs.Gemma3TextConfig,
        {**GEMMA, "head_dim": 128, "hidden_size": 4 * 168, "query_pre_attn_scalar": 168, "num_hidden_layers": 2},
    ),
    "gemma3:linear": (configs.Gemma3TextConfig, {**GEMMA, "num_hidden_layers": 7, "rope_parameters": GEMMA3}),
    "gpt2:sizes": (configs.GPT2Config, {**FAMILIES["gpt2"][1], "n_positions": 512}),
}


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """`files(case)`: the case's folder, and its GGUF file."""
    root = tmp_path_factory.getbasetemp() / "gguf"
    root.mkdir(exist_ok=True)

    def made(case):
        folder = root / case.replace(":", "-")
        path = folder.with_suffix(".gguf")
        if not path.is_file():
            write_gguf(path, built_checkpoint(folder, *CASES[case]))
        return folder, path

    return made


def load(path):
    return load_model(ModelSpec(str(path), device="cpu"))


def refusal(path):
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def changed(files, tmp_path, case="llama", **changes):
    return write_gguf(tmp_path / "changed.gguf", files(case)[0], **changes)


@pytest.mark.parametrize("case", CASES)
def test_a_file_computes_what_the_same_weights_in_a_folder_do(files, case):
    folder, path = files(case)
    of_folder, of_file = load(folder), load(path)
    ids = of_folder.tokenizer(PROMPT)["input_ids"]
    assert of_file.tokenizer(PROMPT)["input_ids"] == ids
    assert of_file.notes == ()
    # Longer than every window, every original context and the lengths at which frequencies change.
    tokens = torch.tensor([(ids * 3)[:290]])
    with torch.no_grad():
        wanted, found = of_folder.model(tokens).logits, of_file.model(tokens).logits
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    assert of_file.context_length == of_folder.context_length == load_tokenizer(of_file.spec)[1]


def test_the_cases_would_notice_scaling_that_is_left_out(files, tmp_path):
    # Each of them, written as if the file had no scaling, is another model.
    for case, keys, tensors in (
        ("llama:linear", {"llama.rope.scaling.type": "none"}, {}),
        ("llama:yarn", {"llama.rope.scaling.type": "none"}, {}),
        ("llama:frequencies", {}, {"rope_freqs.weight": None}),
        ("gemma3:linear", {"gemma3.rope.scaling.factor": 1.0}, {}),
    ):
        other = load(changed(files, tmp_path, case, keys=keys, tensors=tensors))
        tokens = torch.tensor([other.tokenizer(PROMPT)["input_ids"]])
        with torch.no_grad():
            wanted, found = load(files(case)[1]).model(tokens).logits, other.model(tokens).logits
        assert (found - wanted).abs().max() > 1e-2 * wanted.abs().max(), case


def test_a_quantised_file_is_its_dequantised_weights(tmp_path):
    folder = built_checkpoint(tmp_path / "plain", configs.LlamaConfig, {**LLAMA_LIKE, "head_dim": 16})
    kind = gguf.GGMLQuantizationType.Q8_0
    found = load(write_gguf(tmp_path / "q8.gguf", folder, quantized=kind)).model.state_dict()
    wanted = load(folder).model.state_dict()
    # The key of a weight's up projection is not permuted, its rows of 32 are whole blocks.
    name = "model.layers.1.mlp.up_proj.weight"
    values = gguf.dequantize(gguf.quantize(wanted[name].numpy(), kind), kind)
    assert np.array_equal(found[name].numpy(), values)
    assert not torch.equal(found[name], wanted[name])


def test_a_window_in_the_file_makes_a_llama_a_mistral(files, tmp_path):
    folder = built_checkpoint(tmp_path / "windowed", *FAMILIES["mistral"])
    path = write_gguf(tmp_path / "windowed.gguf", folder, keys={"llama.attention.sliding_window": WINDOW})
    found, wanted = load(path), load(folder)
    assert found.architecture.name == "mistral"
    tokens = torch.tensor([wanted.tokenizer(PROMPT)["input_ids"]])
    with torch.no_grad():
        assert torch.equal(found.model(tokens).logits, wanted.model(tokens).logits)


@pytest.mark.parametrize(
    ("case", "keys", "said"),
    [
        ("llama", {"llama.residual_scale": 0.5}, "the key is not understood: llama.residual_scale"),
        ("llama", {"llama.rope.scaling.type": "dynamic"}, "rope.scaling.type 'dynamic' is not understood"),
        ("llama", {"llama.rope.scaling.alpha": 1000.0}, "not understood: llama.rope.scaling.alpha"),
        ("llama", {"llama.rope.scaling.type": "longrope"}, "rope.scaling.type 'longrope' is not understood"),
        ("llama:yarn", {"llama.rope.scaling.yarn_log_multiplier": 0.1}, "yarn_log_multiplier is not understood"),
        ("llama:frequencies", {"llama.rope.scaling.type": "yarn"}, "'yarn' beside rope_freqs.weight"),
        ("llama", {"llama.rope.dimension_count": 4}, "rope.dimension_count is 4, the size of a head 8"),
        ("llama", {"llama.attention.causal": False}, "not understood: llama.attention.causal"),
        ("llama", {"llama.vocab_size": 11}, "vocab_size is 11, the embedding has"),
        ("llama", {"llama.expert_count": 8}, "family 'llama' with experts is not supported"),
        ("llama", {"llama.block_count": None}, "the file lacks the key llama.block_count"),
        (
            "llama",
            {"llama.block_count": 1_000_000_000},
            "block_count is 1000000000, and the file has tensors of 4 layers",
        ),
        ("llama", {"llama.block_count": 3}, "block_count is 3, and the file has tensors of 4 layers"),
        ("llama", {"llama.attention.head_count": 0}, "can't be loaded"),
        ("phi3", {"phi3.attention.key_length": 0}, "make no model|equal ones"),
        ("llama", {"llama.block_count": "four"}, "the value 'four' for the key llama.block_count"),
        ("llama", {"general.type": "adapter"}, "the file is no model: its general.type is 'adapter'"),
        (
            "llama",
            {"llama.feed_forward_length": 40},
            r"ffn_\w+.weight has the shape \(\d+, \d+\), the keys of the file",
        ),
        ("llama", {"split.count": 3}, "one of 3 parts.*llama-gguf-split --merge"),
        ("phi3:longrope", {"phi3.rope.scaling.original_context_length": None}, "original_context_length"),
        ("gemma2", {"gemma2.attention.key_length": 64, "gemma2.attention.value_length": 64}, "query_pre_attn_scalar"),
    ],
)
def test_a_key_that_is_not_understood_is_refused_and_named(files, tmp_path, case, keys, said):
    path = changed(files, tmp_path, case, keys=keys)
    with pytest.raises(ModelError, match=said):
        load(path)


def test_a_gemma_of_no_published_size_is_refused_until_it_says_its_scale(tmp_path):
    folder = built_checkpoint(tmp_path / "small", *FAMILIES["gemma2"])
    path = write_gguf(tmp_path / "small.gguf", folder)
    assert "does not carry the scale of attention (query_pre_attn_scalar), and heads of 12" in refusal(path)
    path = write_gguf(tmp_path / "small.gguf", folder, keys={"gemma2.attention.scale": 12**-0.5})
    assert load(path).model.config.query_pre_attn_scalar == 12


@pytest.mark.parametrize("name", ["blk.0.attn_q.bias", "blk.1.attn_q_norm.weight", "blk.2.ffn_gate_inp.weight"])
def test_a_tensor_that_the_layers_have_no_place_for_is_refused_and_named(files, tmp_path, name):
    path = changed(files, tmp_path, "gpt2", tensors={name: np.ones(HIDDEN, dtype=np.float32)})
    assert f"its layers have no place for {name}" in refusal(path)


def test_what_nothing_uses_outside_the_layers_is_a_note(files, tmp_path):
    path = changed(
        files,
        tmp_path,
        keys={"vendor.note": "x", "llama.vision.block_count": 3},
        tensors={"v.blk.0.attn_q.weight": np.ones(HIDDEN, dtype=np.float32)},
    )
    assert load(path).notes == (
        "keys of the GGUF file that nothing uses: llama.vision.block_count, vendor.note",
        "tensors of the GGUF file that nothing uses: v.blk.0.attn_q.weight",
    )


@pytest.mark.parametrize("name", ["blk.3.ffn_down.weight", "output_norm.weight"])
def test_a_missing_tensor_is_named_before_a_weight_is_read(files, tmp_path, name):
    assert "lacks 1 weights, model." in refusal(changed(files, tmp_path, tensors={name: None}))


def test_half_of_the_factors_and_factors_of_another_length_are_refused(files, tmp_path):
    path = changed(files, tmp_path, "phi3:longrope", tensors={"rope_factors_short.weight": None})
    assert "rope_factors_short.weight is missing" in refusal(path)
    path = changed(files, tmp_path, "phi3:partial", keys={"phi3.rope.dimension_count": 16})
    assert "8 factors as F32" in refusal(path)
    path = changed(files, tmp_path, tensors={"rope_freqs.weight": np.ones(7, dtype=np.float32)})
    assert "rope_freqs.weight is F32 of shape (7,)" in refusal(path)
    path = changed(files, tmp_path, tensors={"rope_freqs.weight": np.zeros(4, dtype=np.float32)})
    assert "no positive number" in refusal(path)


def test_factors_in_a_family_with_two_sets_of_frequencies_are_refused(files, tmp_path):
    factors = {"rope_freqs.weight": np.full(128, 2, dtype=np.float32)}
    said = refusal(changed(files, tmp_path, "gemma3:linear", tensors=factors))
    assert "factors of the rotary frequencies are not understood in a family with two sets" in said


@pytest.mark.parametrize(
    "family",
    [
        "starcoder2",
        "gemma",
        "olmo2",
        "phi2",
        "gptneox",
        "command-r",
        "granite",
        "smollm3",
        "qwen2vl",
        "qwen2moe",
        "mamba",
    ],
)
def test_a_family_that_is_not_read_is_refused_by_its_name(tmp_path, family):
    writer = gguf.GGUFWriter(tmp_path / "other.gguf", family)
    writer.add_block_count(1)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_ti_data_to_file):
        write()
    writer.close()
    assert f"the GGUF family {family!r} is not supported" in refusal(tmp_path / "other.gguf")


def test_a_family_is_refused_by_the_header_alone(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "mamba.gguf", "mamba")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    said = refusal(tmp_path / "mamba.gguf")
    assert "the GGUF family 'mamba' is not supported" in said
    assert "llama, qwen2, qwen3, gemma2" in said
    for ask in (size_of, load_tokenizer):
        with pytest.raises(ModelError, match="'mamba' is not supported"):
            ask(ModelSpec(str(tmp_path / "mamba.gguf")))


def text(value):
    return struct.pack("<Q", len(value)) + value


def header(n_tensors=0, n_keys=1, rest=b""):
    known = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_keys) + known + rest


MANY = 1 << 40
HOSTILE = {
    "keys": header(n_keys=MANY),
    "tensors": header(n_tensors=MANY),
    "numbers": header(n_keys=2, rest=text(b"a") + struct.pack("<IIQ", 9, 4, MANY)),
    "texts": header(n_keys=2, rest=text(b"a") + struct.pack("<IIQ", 9, 8, MANY)),
    "lists of lists": header(n_keys=2, rest=text(b"a") + struct.pack("<IIQ", 9, 9, MANY)),
    "very many numbers": header(n_keys=2, rest=text(b"a") + struct.pack("<IIQ", 9, 0, 70_000) + bytes(70_000)),
    "a long text": header(n_keys=2, rest=text(b"a") + struct.pack("<IQ", 8, 1 << 62)),
    "a long name": header(n_keys=2, rest=struct.pack("<Q", (1 << 64) - 1)),
    "dimensions": header(1, 1, text(b"t") + struct.pack("<I", 1 << 31)),
    "a large tensor": header(1, 1, text(b"t") + struct.pack("<IQQIQ", 2, MANY, MANY, 0, 0)),
    "a far tensor": header(1, 1, text(b"t") + struct.pack("<IQIQ", 1, 1, 0, 1 << 62)),
    "no type": header(1, 1, text(b"t") + struct.pack("<IQIQ", 1, 1, 999, 0)),
    "half a block": header(1, 1, text(b"t") + struct.pack("<IQIQ", 1, 33, 8, 0)),
    "no text": header(n_keys=2, rest=text(b"a") + struct.pack("<I", 8) + text(b"\xff\xfe")),
    "twice": header(n_keys=2, rest=text(b"general.architecture") + struct.pack("<I", 8) + text(b"gpt2")),
    "no alignment": header(n_keys=2, rest=text(b"general.alignment") + struct.pack("<II", 4, 0)),
    "nothing": b"GGUF" + struct.pack("<IQQ", 3, 0, 0),
    "an old version": b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_header_that_claims_too_much_is_refused_before_anything_is_allocated(tmp_path, case):
    path = tmp_path / "hostile.gguf"
    path.write_bytes(HOSTILE[case])
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=r"can't be loaded.*hostile\.gguf"):
            read_gguf_header(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(ModelError, match="can't be loaded"):
        size_of(ModelSpec(str(path)))
    refusal(path)


def test_a_large_file_does_not_make_a_large_header_right(tmp_path):
    # Texts of no length, as many as a sparse file of 100 GB has room for.
    path = tmp_path / "sparse.gguf"
    path.write_bytes(header(n_keys=2, rest=text(b"a") + struct.pack("<IIQ", 9, 8, 10**10)))
    with path.open("r+b") as file:
        file.truncate(100 * 10**9)
    assert "damaged" in refusal(path)


def test_a_cut_off_file_names_the_tensor_that_it_ends_in(files, tmp_path):
    path = shutil.copy(files("llama")[1], tmp_path / "cut.gguf")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert "the file ends before its tensor" in refusal(path)


def test_a_safetensors_header_has_a_bound(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint("llama"), tmp_path / "llama")
    for length in (1 << 40, (1 << 63) + 5):
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", length) + b"{}")
        with pytest.raises(ModelError, match="the header of the weights file is damaged"):
            size_of(ModelSpec(str(folder)))
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 200_000) + b"[" * 200_000)
    with pytest.raises(ModelError, match="the header of the weights file is damaged"):
        size_of(ModelSpec(str(folder)))


def test_the_name_of_a_file_may_be_in_capitals(files, tmp_path):
    path = shutil.copy(files("llama")[1], tmp_path / "MODEL.GGUF")
    assert load(path).fingerprint == load(files("llama")[1]).fingerprint


def test_the_size_of_a_file_is_that_of_its_folder(files):
    for case in ("llama", "gpt2", "gemma3:linear", "falcon:grouped", "phi3:partial"):
        folder, path = files(case)
        found, wanted = size_of(ModelSpec(str(path))).dimensions, size_of(ModelSpec(str(folder))).dimensions
        assert found == wanted, case
    config = json.loads((files("llama")[0] / "config.json").read_text())
    assert size_of(ModelSpec(str(files("llama")[1]))).dimensions.n_neurons == config["intermediate_size"]


@pytest.mark.parametrize(
    ("pre", "make"),
    [
        ("gpt-2", lambda: pre_tokenizers.ByteLevel(add_prefix_space=False)),
        (
            "smollm",
            lambda: pre_tokenizers.Sequence(
                [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
            ),
        ),
        (
            "stablelm2",
            lambda: pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            ),
        ),
    ],
)
def test_text_is_cut_as_the_model_s_own_tokenizer_cuts_it(tmp_path, pre, make):
    texts = ("In 2024 it cost 1234 or 56789.", "I'LL see  two   spaces\n\nand lines", "don't 7x8=56")
    own = byte_level_tokenizer([text.replace("\n", " ") for text in texts for _ in range(9)], vocab_size=500)
    folder = built_checkpoint(tmp_path / "folder", configs.LlamaConfig, LLAMA_LIKE)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|end|>")
    tokenizer.save_pretrained(folder)
    model = configs.LlamaForCausalLM(configs.LlamaConfig(vocab_size=len(tokenizer), eos_token_id=0, **LLAMA_LIKE))
    model.save_pretrained(folder)
    own.pre_tokenizer = make()
    found = load(write_gguf(tmp_path / "model.gguf", folder, keys={"tokenizer.ggml.pre": pre}))
    assert found.notes == ()
    for text in texts:
        assert found.tokenizer(text)["input_ids"] == own.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(("pre", "said"), [("novel", "the way 'novel' to cut text"), (None, "does not say how to cut")])
def test_a_way_to_cut_text_that_is_not_known_is_a_note(files, tmp_path, pre, said):
    (note,) = load(changed(files, tmp_path, keys={"tokenizer.ggml.pre": pre})).notes
    assert said in note
    assert "tokens may differ" in note


def test_a_file_of_llama_3_means_a_first_token_unless_it_says_otherwise(files, tmp_path):
    keys = {"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.bos_token_id": 0}
    for said, n_first in ((None, 1), (True, 1), (False, 0)):
        path = changed(files, tmp_path, keys={**keys, "tokenizer.ggml.add_bos_token": said})
        tokenizer, _ = load_tokenizer(ModelSpec(str(path)))
        assert encode(tokenizer, "A word").count(0) == n_first
        assert tokenizer.backend_tokenizer.model.ignore_merges


def test_a_type_that_can_not_be_dequantised_is_named(files, tmp_path):
    values = np.ones((NEURONS, HIDDEN), dtype=np.int8)
    assert "blk.1.ffn_up.weight has the type I8, which can't be dequantised" in refusal(
        changed(files, tmp_path, tensors={"blk.1.ffn_up.weight": values})
    )


@pytest.mark.parametrize(
    ("base", "context", "family"), [(1e4, 32768, "mistral"), (1e6, 32768, "llama"), (5e5, 8192, "llama")]
)
def test_a_file_of_mistral_7b_v0_1_gets_the_window_that_it_leaves_out(base, context, family):
    sizes = {"block_count": 32, "context_length": context, "embedding_length": 4096, "feed_forward_length": 14336}
    sizes |= {"attention.head_count": 32, "attention.head_count_kv": 8, "rope.freq_base": base}
    keys = {f"llama.{name}": value for name, value in sizes.items()}
    keys |= {"general.architecture": "llama", "llama.attention.layer_norm_rms_epsilon": 1e-5}
    tensors = {f"blk.{layer}.ffn_up.weight": GgufTensor((14336, 4096), "F16", 0, 0) for layer in range(32)}
    found = gguf_config(GgufHeader(Path("mistral.gguf"), keys, {}, tensors))
    assert found["model_type"] == family
    assert found.get("sliding_window") == (4096 if family == "mistral" else None)


@pytest.mark.parametrize("case", ["llama:frequencies", "gemma3:linear", "phi3:partial"])
def test_scores_from_a_file_are_those_of_the_folder(files, case):
    found = []
    for path in files(case):
        loaded = load(path)
        assert can_run(loaded) == (case != "phi3:partial")
        prompt = tokenize_prompt(loaded.tokenizer, PROMPT)
        found.append(attribute(loaded, run_prompt(loaded, prompt), "q", 1, steps=4))
    wanted, scores = (one.of("ace") for one in found)
    assert np.abs(scores - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert found[1].guard < 1e-4


def test_factors_that_can_not_be_used_are_not_passed_over(files, tmp_path):
    factors = {"rope_freqs.weight": np.full(4, 2, dtype=np.float32)}
    assert "rope_freqs.weight stands beside LongRoPE's factors" in refusal(
        changed(files, tmp_path, "phi3:longrope", tensors=factors)
    )
    (note,) = load(changed(files, tmp_path, "gpt2", tensors=factors)).notes
    assert note == "tensors of the GGUF file that nothing uses: rope_freqs.weight"


@pytest.mark.parametrize(
    ("case", "turned"), [("qwen2:unwindowed", 8), ("qwen3:unwindowed", 12), ("falcon", 8), ("stablelm:rotary", 4)]
)
def test_factors_turn_the_frequencies_of_every_rotary_family(files, tmp_path, case, turned):
    folder, _ = files(case)
    linear = shutil.copytree(folder, tmp_path / "linear")
    content = json.loads((linear / "config.json").read_text())
    content["rope_parameters"] |= {"rope_type": "linear", "factor": 4.0}
    (linear / "config.json").write_text(json.dumps(content))
    factors = {"rope_freqs.weight": np.full(turned // 2, 4, dtype=np.float32)}
    wanted, found = load(linear), load(changed(files, tmp_path, case, tensors=factors))
    tokens = torch.tensor([wanted.tokenizer(PROMPT)["input_ids"]])
    with torch.no_grad():
        off = (found.model(tokens).logits - wanted.model(tokens).logits).abs().max()
        assert off <= 1e-5 * wanted.model(tokens).logits.abs().max()
