"""Baichuan as a Llama, against a forward of our own on the packed weights as they lie on disk."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import import_protobuf

from neuron_core.errors import ModelError
from neuron_core.models.baichuan import register_baichuan
from neuron_core.models.letters import tokenize_prompt
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec
from tests.builders import HEADS, HIDDEN, LAYERS, tokens

CLASSES = {1: "BaiChuanForCausalLM", 2: "BaichuanForCausalLM"}


@pytest.fixture
def published(checkpoint, tmp_path):
    """`published(version, **values)`: the tiny checkpoint with a config as the hub has it."""

    def build(version, **values):
        folder = tmp_path / f"baichuan-{version}"
        shutil.copytree(checkpoint("baichuan"), folder)
        weights = load_file(folder / "model.safetensors")
        # Saving made the head's rows of one length; published ones are not.
        weights["lm_head.weight"] *= torch.linspace(0.5, 2, len(weights["lm_head.weight"]))[:, None]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        saved = json.loads((folder / "config.json").read_text())
        sizes = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
        config = {
            "architectures": [CLASSES[version]],
            "auto_map": {
                "AutoConfig": "configuration_baichuan.BaichuanConfig",
                "AutoModelForCausalLM": f"modeling_baichuan.{CLASSES[version]}",
            },
            **{name: saved[name] for name in sizes},
            "hidden_act": "silu",
            "max_position_embeddings": 1024,
            "model_max_length": 1024,
            "model_type": "baichuan",
            "rms_norm_eps": 1e-06,
            "tie_word_embeddings": False,
            "torch_dtype": "bfloat16",
        }
        (folder / "config.json").write_text(json.dumps(config | values))
        return folder

    return build


def turned(x):
    """Rotary positions of (heads, T, size)."""
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[1])[:, None] / 10000 ** (torch.arange(half) / half)
    cos, sin = angle.cos().to(x), angle.sin().to(x)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def packed_logits(weights, ids, *, unit_rows):
    """The packed model, straight from its files."""

    def norm(x, name):
        return weights[name] * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    x = weights["model.embed_tokens.weight"][ids]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        packed = norm(x, at + "input_layernorm.weight") @ weights[at + "self_attn.W_pack.weight"].T
        q, k, v = packed.reshape(len(ids), 3, HEADS, HIDDEN // HEADS).permute(1, 2, 0, 3)
        mixed = functional.scaled_dot_product_attention(turned(q)[None], turned(k)[None], v[None], is_causal=True)
        x = x + mixed[0].transpose(0, 1).reshape(len(ids), HIDDEN) @ weights[at + "self_attn.o_proj.weight"].T
        y = norm(x, at + "post_attention_layernorm.weight")
        gate, up = y @ weights[at + "mlp.gate_proj.weight"].T, y @ weights[at + "mlp.up_proj.weight"].T
        x = x + (functional.silu(gate) * up) @ weights[at + "mlp.down_proj.weight"].T
    head = weights["lm_head.weight"]
    head = head / head.norm(dim=1, keepdim=True) if unit_rows else head
    return norm(x, "model.norm.weight") @ head.T


@pytest.mark.parametrize("version", [1, 2])
def test_its_logits_are_those_of_the_packed_weights(published, version):
    folder = published(version)
    weights = load_file(folder / "model.safetensors")
    assert weights["model.layers.0.self_attn.W_pack.weight"].shape == (3 * HIDDEN, HIDDEN)
    assert not any("q_proj" in name for name in weights)
    loaded = load_model(ModelSpec(source=str(folder), device="cpu"))
    ids = torch.tensor(tokens(loaded).token_ids)
    expected = packed_logits(weights, ids, unit_rows=version == 2)
    other = packed_logits(weights, ids, unit_rows=version == 1)
    with torch.no_grad():
        found = loaded.model(ids[None]).logits[0]
    scale = expected.abs().max()
    assert (found - expected).abs().max() / scale < 1e-5
    assert (found - other).abs().max() / scale > 0.05
    assert loaded.architecture.name == "baichuan"


def test_weights_in_a_pickle_file_are_converted_too(published):
    folder = published(2)
    expected = load_model(ModelSpec(source=str(folder), device="cpu")).fingerprint
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert load_model(ModelSpec(source=str(folder), device="cpu")).fingerprint == expected


def test_13b_with_its_other_positions_is_refused(published):
    folder = published(2, hidden_size=5120, num_attention_heads=40)
    with pytest.raises(ModelError, match=r"Baichuan 13B has ALiBi.*Baichuan 7B"):
        load_model(ModelSpec(source=str(folder), device="cpu"))


# Its tokenizer

PIECES = [
    "▁",
    "A",
    "B",
    "C",
    "D",
    "n",
    "s",
    "w",
    "e",
    "r",
    ":",
    "▁A",
    "▁B",
    "▁C",
    "▁D",
    "An",
    "sw",
    "er",
    "Answ",
    "Answer",
]


@pytest.fixture
def sentencepiece(tmp_path):
    """`sentencepiece(space_in_front)`: a tokenizer by a tokenizer.model alone, in the published config."""

    def build(space_in_front):
        proto = import_protobuf()
        model = proto.ModelProto()
        control, byte = proto.ModelProto.SentencePiece.CONTROL, proto.ModelProto.SentencePiece.BYTE
        model.pieces.add(piece="<unk>", score=0, type=proto.ModelProto.SentencePiece.UNKNOWN)
        model.pieces.add(piece="<s>", score=0, type=control)
        model.pieces.add(piece="</s>", score=0, type=control)
        for value in range(256):
            model.pieces.add(piece=f"<0x{value:02X}>", score=0, type=byte)
        for rank, piece in enumerate(PIECES):
            model.pieces.add(piece=piece, score=-rank)
        model.trainer_spec.model_type = 2  # BPE
        model.trainer_spec.byte_fallback = True
        model.normalizer_spec.add_dummy_prefix = space_in_front
        (tmp_path / "tokenizer.model").write_bytes(model.SerializeToString())
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "baichuan"}))
        (tmp_path / "tokenizer_config.json").write_text(
            json.dumps(
                {
                    "tokenizer_class": "BaichuanTokenizer",
                    "auto_map": {"AutoTokenizer": ["tokenization_baichuan.BaichuanTokenizer", None]},
                    "add_bos_token": False,
                    "add_eos_token": False,
                }
            )
        )
        register_baichuan()
        return AutoTokenizer.from_pretrained(tmp_path)

    return build


@pytest.mark.parametrize(("space_in_front", "first"), [(False, ["Answer"]), (True, ["▁A", "n", "sw", "er"])])
def test_its_tokenizer_is_read_from_the_sentencepiece_file(sentencepiece, space_in_front, first):
    tokenizer = sentencepiece(space_in_front)
    ids = tokenizer("Answer: B\né")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == [*first, ":", "▁B", "<0x0A>", "<0xC3>", "<0xA9>"]
    assert tokenizer.decode(ids) == "Answer: B\né"
    letters = tokenize_prompt(tokenizer, "Answer:").letter_ids
    assert tokenizer.convert_ids_to_tokens(list(letters)) == ["▁A", "▁B", "▁C", "▁D"]
