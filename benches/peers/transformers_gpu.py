"""Transformers on a graphics processor: reading prompts, and writing for one sequence and for several, random weights.

    python3 transformers_gpu.py CONFIG [--prompts 512,2048,6000] [--sequences 1,4,8,32] [--written 64] [--repeats 3]

CONFIG is the config.json of a model of the llama family. It prints what `longhand models bench --random-weights CONFIG --json`
prints, so that the two can be laid side by side. Sequences are written by a plain loop over `forward` with SDPA attention and
a dynamic cache; the likeliest token is chosen on the processor.
"""

import argparse
import json
import statistics
import time

import torch
from transformers import AutoConfig, AutoModelForCausalLM


def numbers(text):
    return [int(part) for part in text.split(",") if part]


parser = argparse.ArgumentParser()
parser.add_argument("config")
parser.add_argument("--prompts", type=numbers, default=[512, 2048, 6000])
parser.add_argument("--sequences", type=numbers, default=[1, 4, 8, 32])
parser.add_argument("--written", type=int, default=64)
parser.add_argument("--repeats", type=int, default=3)
args = parser.parse_args()

config = AutoConfig.from_pretrained(args.config)
torch.set_default_dtype(torch.bfloat16)
torch.set_default_device("cuda")
model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
torch.set_default_device("cpu")


def rate(of, rates):
    return {"of": of, "median": statistics.median(rates), "least": min(rates), "most": max(rates)}


def clock():
    torch.cuda.synchronize()
    return time.perf_counter()


@torch.inference_mode()
def read(tokens):
    ids = torch.randint(config.vocab_size, (1, tokens), device="cuda")
    began = clock()
    model(ids, use_cache=True, logits_to_keep=1)
    return tokens / (clock() - began)


@torch.inference_mode()
def write(sequences):
    ids = torch.randint(config.vocab_size, (sequences, 512), device="cuda")
    out = model(ids, use_cache=True, logits_to_keep=1)
    cache, rates = out.past_key_values, []
    warm = 4
    for _ in range(args.repeats):
        for at in range(args.written):
            if at == warm:
                began = clock()
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            out = model(token, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
        rates.append(sequences * (args.written - warm) / (clock() - began))
    return rates


read(64)
reading = [rate(tokens, [read(tokens) for _ in range(args.repeats)]) for tokens in args.prompts]
writing = [rate(sequences, write(sequences)) for sequences in args.sequences]
print(json.dumps({"model": args.config, "device": torch.cuda.get_device_name(), "reading": reading, "writing": writing}))
