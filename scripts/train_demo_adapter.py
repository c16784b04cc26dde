"""Trains the demo adapter: the multiple-choice form of template version 1, for the four bundled kinds of task.

    python scripts/train_demo_adapter.py --train DIR --out DIR [--device cuda] [--minutes 8]

DIR holds {sentiment,ner,chunking,commonsense}_train.jsonl. Every sample is a function of (seed, its number), the state
is written every few minutes, and the same command goes on where it stopped. Two stages: letter binding ("which option
says …") until its held-out accuracy is 0.95, then the four tasks with a share of binding mixed in. The adapter with the
best held-out mean over the tasks is kept. The bundled tasks are never read.
"""

import argparse
import json
import math
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from neuron_core.models.adapter import Adapter, write_adapter
from neuron_core.models.loaded import LoadedModel
from neuron_core.models.loading import load_model
from neuron_core.models.spec import EMBEDDED_SHA256, PLAIN, ModelSpec
from neuron_core.qatt.prompt import RULE, TEMPLATE_VERSION, block, proxy_questions
from neuron_core.qatt.proxies import Option, option_orders
from neuron_core.tasks.kinds import get_kind
from neuron_core.tasks.load import load_task
from neuron_core.tasks.task import LETTERS, Task

TASKS = ("sentiment", "ner", "commonsense", "chunking")
WEIGHTS = {"binding": 3, "sentiment": 4, "ner": 3, "commonsense": 4, "chunking": 4}
MODULES = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
           "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")  # fmt: skip
BINDING_ROLE = "You are an expert in reading options."
BINDING_GOAL = 0.95


class LowRank(nn.Module):
    """A frozen Linear plus a trainable low-rank addition."""

    def __init__(self, base: nn.Linear, rank: int, scale: float, dropout: float) -> None:
        super().__init__()
        self.base, self.scale, self.dropout = base, scale, nn.Dropout(dropout)
        self.a = nn.Parameter(
            torch.randn(rank, base.in_features, device=base.weight.device) / math.sqrt(base.in_features)
        )
        self.b = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scale * nn.functional.linear(nn.functional.linear(self.dropout(x), self.a), self.b)


class Samples(Dataset[tuple[list[list[int]], list[list[tuple[int, int]]]]]):
    """Batch number → token sequences, and for each its (position, letter token) pairs that carry the loss."""

    def __init__(self, tasks: dict[str, Task], tokenizer: Any, stage: str, seed: int, tokens: int, start: int) -> None:
        self.tasks, self.tokenizer, self.stage, self.seed, self.tokens = tasks, tokenizer, stage, seed, tokens
        self.start = start
        self.words = sorted({w.strip(".,;:!?\"'()").lower() for e in tasks["sentiment"].examples
                             for w in str(e.fields["text"]).split() if w.isascii() and len(w) > 2})  # fmt: skip
        self.words += [label for task in tasks.values() for label in task.labels] * 20

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, number: int) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
        draw = random.Random(f"{self.seed}|{self.stage}|{number + self.start}")
        sequences: list[list[int]] = []
        places: list[list[tuple[int, int]]] = []
        while sum(map(len, sequences)) < self.tokens:
            kind = "binding" if self.stage == "binding" else draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            ids, marks = self._encode(*self._text(kind, draw))
            sequences.append(ids)
            places.append(marks)
        return sequences, places

    def _text(self, kind: str, draw: random.Random) -> tuple[str, list[tuple[str, str]]]:
        """Head of the prompt, and (block, letter) pairs. Half of the sequences have the exact form: two blocks."""
        if kind == "binding":
            return f"{BINDING_ROLE}\n{RULE}\n\n", [self._binding(draw) for _ in range(draw.choice((2, 6, 12)))]
        task = self.tasks[kind]
        several = draw.choice((2, 2, 2, 5) if kind != "chunking" else (2, 2, 2, 3))
        blocks = []
        for example in draw.sample(task.examples, several):
            order = draw.choice(option_orders(example, task, draw.randrange(1 << 30)))
            letter = next(option.letter for option in order if option.correct)
            blocks.append((block(get_kind(task.kind).stem(example, task.wording), order), letter))
        return f"{task.wording.role}\n{RULE}\n\n", blocks

    def _binding(self, draw: random.Random) -> tuple[str, str]:
        texts: list[str] = []
        while len(texts) < 4:
            text = " ".join(draw.choices(self.words, k=draw.choice((1, 1, 2, 4))))
            if text not in texts:
                texts.append(text)
        place = draw.randrange(4)
        options = tuple(
            Option(letter, text, i == place) for i, (letter, text) in enumerate(zip(LETTERS, texts, strict=True))
        )
        return block(f'Which option says "{texts[place]}"?', options), LETTERS[place]

    def _encode(self, head: str, blocks: list[tuple[str, str]]) -> tuple[list[int], list[tuple[int, int]]]:
        ids: list[int] = []
        marks: list[tuple[int, int]] = []
        for i, (text, letter) in enumerate(blocks):
            ids += self.tokenizer((head if i == 0 else "\n\n") + text)["input_ids"]
            (token,) = self.tokenizer(f" {letter}")["input_ids"]
            marks.append((len(ids) - 1, token))
            ids.append(token)
        return ids[:-1], marks


def add_gradients(loaded: LoadedModel, batch: tuple[list[list[int]], list[list[tuple[int, int]]]]) -> float:
    """Backward through the mean cross entropy (over the vocabulary, at the answer positions); returns it.

    Sequences of like length go through the model together, so that little of it is padding.
    """
    sequences, places = batch
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    n_answers = sum(map(len, places))
    third = max(1, math.ceil(len(order) / 3))
    total = 0.0
    for start in range(0, len(order), third):
        part = order[start : start + third]
        width = len(sequences[part[-1]])
        ids = torch.zeros(len(part), width, dtype=torch.long)
        mask = torch.zeros(len(part), width, dtype=torch.long)
        rows, columns, targets = [], [], []
        for row, i in enumerate(part):
            ids[row, : len(sequences[i])] = torch.tensor(sequences[i])
            mask[row, : len(sequences[i])] = 1
            for position, token in places[i]:
                rows.append(row)
                columns.append(position)
                targets.append(token)
        device = loaded.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            hidden = loaded.model.base_model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
            picked = hidden.last_hidden_state[torch.tensor(rows, device=device), torch.tensor(columns, device=device)]
            logits = loaded.model.get_output_embeddings()(picked).float()
            loss = (
                nn.functional.cross_entropy(logits, torch.tensor(targets, device=device), reduction="sum") / n_answers
            )
        loss.backward()
        total += loss.item()
    return total


@torch.no_grad()
def accuracy(loaded: LoadedModel, prompts: list[tuple[str, int]], batch: int = 48) -> tuple[float, float]:
    """Share of right letters and the share of the commonest letter."""
    loaded.model.eval()
    letters = torch.tensor([loaded.tokenizer(f" {letter}")["input_ids"][0] for letter in LETTERS])
    right, chosen = 0, [0] * 4
    for start in range(0, len(prompts), batch):
        part = [loaded.tokenizer(prompt)["input_ids"] for prompt, _ in prompts[start : start + batch]]
        width = max(map(len, part))
        ids = torch.tensor([p + [0] * (width - len(p)) for p in part], device=loaded.device)
        mask = torch.tensor([[1] * len(p) + [0] * (width - len(p)) for p in part], device=loaded.device)
        hidden = loaded.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        last = hidden[torch.arange(len(part)), [len(p) - 1 for p in part]]
        found = loaded.model.get_output_embeddings()(last)[:, letters.to(loaded.device)].argmax(1).tolist()
        for letter, (_, target) in zip(found, prompts[start : start + batch], strict=True):
            right += letter == target
            chosen[letter] += 1
    loaded.model.train()
    return right / len(prompts), max(chosen) / len(prompts)


def held_out_prompts(tasks: dict[str, Task], held: dict[str, Task], seed: int) -> dict[str, list[tuple[str, int]]]:
    """Exact template prompts of the held-out examples, the demonstration drawn from the training part."""
    prompts: dict[str, list[tuple[str, int]]] = {}
    for name, task in held.items():
        draw = random.Random(f"{seed}|held-out|{name}")
        prompts[name] = [
            (question.prompt, question.target)
            for example in task.examples
            for question in proxy_questions(example, task, draw.choice(tasks[name].examples), seed)[:2]
        ]
    return prompts


def main() -> None:
    """Trains until the time or the number of steps is used up."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", type=Path, required=True, help="folder with the four training files")
    parser.add_argument("--out", type=Path, required=True, help="folder for state, log and adapter")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--scale", type=float, default=2.0)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate at its highest")
    parser.add_argument("--tokens", type=int, default=12_000, help="tokens a step")
    parser.add_argument("--binding-steps", type=int, default=400, help="at most; ends at held-out accuracy 0.95")
    parser.add_argument("--task-steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time; the same command resumes")
    parser.add_argument("--check-every", type=int, default=200, help="steps between held-out evaluations")
    parser.add_argument("--held-out", type=int, default=150, help="examples a task, kept out of training")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    train(options)


def train(options: argparse.Namespace) -> None:
    """Both stages; state, log.jsonl and adapter.safetensors go to options.out."""
    began = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    loaded = load_model(ModelSpec(PLAIN, device=options.device))
    # After the load, whose own check of the letter head is stricter than such products.
    torch.set_float32_matmul_precision("high")
    full = {name: load_task(str(options.train / f"{name}_train.jsonl")).task for name in TASKS}
    tasks = {n: replace(t, examples=t.examples[: -options.held_out]) for n, t in full.items()}
    held = {n: replace(t, examples=t.examples[-options.held_out :]) for n, t in full.items()}
    prompts = held_out_prompts(tasks, held, options.seed)
    binding = Samples(tasks, loaded.tokenizer, "binding", options.seed + 1, 1, 0)
    binding_draw = random.Random(f"{options.seed}|binding held-out")
    prompts["binding"] = [
        (f"{BINDING_ROLE}\n{RULE}\n\n{one[0]} {one[1]}\n\n{two[0]}", LETTERS.index(two[1]))
        for one, two in (
            (binding._binding(binding_draw), binding._binding(binding_draw)) for _ in range(options.held_out)
        )
    ]
    parts: dict[str, LowRank] = {}
    for i, layer in enumerate(loaded.layers):
        for path in MODULES:
            parent, leaf = layer.get_submodule(path.rsplit(".", 1)[0]), path.rsplit(".", 1)[1]
            part = LowRank(getattr(parent, leaf), options.rank, options.scale, options.dropout)
            setattr(parent, leaf, part)
            parts[f"model.layers.{i}.{path}"] = part
    weights = [p for part in parts.values() for p in (part.a, part.b)]
    optimizer = torch.optim.AdamW(weights, lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    state: dict[str, Any] = {"stage": "binding", "step": 0, "best": 0.0}
    saved = options.out / "state.pt"
    if saved.exists():
        kept = torch.load(saved, map_location=loaded.device, weights_only=True)
        state = kept["state"]
        optimizer.load_state_dict(kept["optimizer"])
        for weight, value in zip(weights, kept["weights"], strict=True):
            weight.data.copy_(value)
        torch.set_rng_state(kept["random"].cpu())
        say(options, {"resumed": state})

    def save() -> None:
        temporary = saved.with_suffix(".part")
        torch.save({"state": state, "optimizer": optimizer.state_dict(), "weights": [w.detach() for w in weights],
                    "random": torch.get_rng_state()}, temporary)  # fmt: skip
        temporary.replace(saved)

    def check(loss: float) -> dict[str, Any]:
        found = {name: accuracy(loaded, part) for name, part in prompts.items()}
        mean = sum(found[name][0] for name in TASKS) / len(TASKS)
        say(options, {**state, "loss": round(loss, 4), "mean": round(mean, 4),
                      **{n: [round(v, 3) for v in pair] for n, pair in found.items()},
                      "minutes": round((time.monotonic() - began) / 60, 2)})  # fmt: skip
        if state["stage"] == "tasks" and mean > state["best"]:
            state["best"] = mean
            factors = {name: (part.a.detach(), part.b.detach()) for name, part in parts.items()}
            notes = {"rank": str(options.rank), "step": str(state["step"]), "seed": str(options.seed),
                     "template_version": str(TEMPLATE_VERSION),
                     "held_out": json.dumps({n: round(p[0], 4) for n, p in found.items()})}  # fmt: skip
            write_adapter(options.out / "adapter.safetensors", Adapter(options.scale, EMBEDDED_SHA256, factors), notes)
        save()
        return found

    def out_of_time() -> bool:
        return (time.monotonic() - began) / 60 > options.minutes

    for stage, last in (("binding", options.binding_steps), ("tasks", options.task_steps)):
        if state["stage"] != stage:
            continue
        samples = Samples(tasks, loaded.tokenizer, stage, options.seed, options.tokens, state["step"])
        loader = DataLoader(samples, batch_size=None, num_workers=options.workers, collate_fn=lambda batch: batch)
        loaded.model.train()
        average = 0.0
        for batch in loader:
            done = state["step"] / last
            warm = min(1.0, (state["step"] + 1) / 20)
            rate = options.rate * warm * (1.0 if stage == "binding" else 0.5 * (1 + math.cos(math.pi * done)) + 0.01)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = add_gradients(loaded, batch)
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            state["step"] += 1
            average = 0.95 * average + 0.05 * loss if average else loss
            ended = state["step"] >= last or out_of_time()
            if state["step"] % (options.check_every if stage == "tasks" else 40) == 0 or ended:
                found = check(average)
                ended = ended or (stage == "binding" and found["binding"][0] >= BINDING_GOAL)
            if ended:
                break
        if out_of_time():
            return
        if stage == "binding":
            state.update(stage="tasks", step=0)
            save()
    say(options, {"finished": state})


def say(options: argparse.Namespace, line: dict[str, Any]) -> None:
    """One line to the log and the terminal."""
    text = json.dumps(line)
    with (options.out / "log.jsonl").open("a") as file:
        file.write(text + "\n")
    print(text, flush=True)


if __name__ == "__main__":
    main()
