"""Makes tiny random models with golden states, from Hugging Face transformers 5.23 or 5.24 in float64.

python3 make_golden.py FOLDER [CASE ...]

The tensors of a golden file: input_ids, attention_mask [sentences, tokens]; hidden.L, activation.L,
neuron.L [sentences, tokens, width], zero at padded positions.
"""

import os, sys
import torch
import transformers as T
from safetensors.torch import save_file

LENGTHS = [9, 1, 4]


def parts(model, family):
    """(prefix, blocks, activation of a block, down projection of a block, final norm) a stack."""
    if family in ("bert", "roberta", "xlm-roberta", "electra"):
        return [("", model.encoder.layer, lambda b: b.intermediate.intermediate_act_fn, lambda b: b.output.dense, None)]
    if family == "distilbert":
        return [("", model.transformer.layer, lambda b: b.ffn.activation, lambda b: b.ffn.lin2, None)]
    if family == "gpt2":
        return [("", model.h, lambda b: b.mlp.act, lambda b: b.mlp.c_proj, model.ln_f)]
    if family in ("llama", "qwen2", "qwen3"):
        return [("", model.layers, lambda b: b.mlp.act_fn, lambda b: b.mlp.down_proj, model.norm)]
    if family == "gpt_neox":
        return [("", model.layers, lambda b: b.mlp.act, lambda b: b.mlp.dense_4h_to_h, model.final_layer_norm)]
    if family == "modernbert":
        return [("", model.layers, lambda b: b.mlp.act, lambda b: b.mlp.Wo, model.final_norm)]
    if family == "t5":
        dense = lambda b: b.layer[-1].DenseReluDense
        return [(s + ".", getattr(model, s).block, lambda b: dense(b).act, lambda b: dense(b).wo,
                 getattr(model, s).final_layer_norm) for s in ("encoder", "decoder") if hasattr(model, s)]
    raise ValueError(family)


def randomize(model, seed):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g, dtype=torch.float64)
            if p.ndim >= 2:
                is_table = "embed" in name or "wte" in name or "wpe" in name or "shared" in name or "bias" in name
                v = r * (0.7 if is_table else 1.2 / p.shape[0 if "c_" in name else -1] ** 0.5)
            else:
                is_gain = "norm" in name.lower() or "ln_" in name
                v = (1 + 0.3 * r) if is_gain and name.endswith("weight") else 0.2 * r
            p.copy_(v.to(torch.float32))


def make(out, cls, config, lengths=LENGTHS, dtype=torch.float32, shards=None, seed=0, lowest_id=3):
    os.makedirs(out, exist_ok=True)
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    top = cls(config).eval()
    randomize(top, seed + 1)
    if dtype != torch.float32:
        top.to(dtype).to(torch.float32)
        top = top.to(dtype)
    top.save_pretrained(out, **({"max_shard_size": shards} if shards else {}))
    top = cls.from_pretrained(out, dtype=torch.float64, attn_implementation="eager").eval()
    family = config.model_type
    model = top.base_model
    g = torch.Generator().manual_seed(seed + 2)
    longest = max(lengths)
    ids = torch.zeros((len(lengths), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    if config.pad_token_id is not None:
        ids += config.pad_token_id
    for i, n in enumerate(lengths):
        ids[i, :n] = torch.randint(lowest_id, config.vocab_size, (n,), generator=g)
        mask[i, :n] = 1
    states = {}

    def keep(name):
        return lambda m, a, o: states.__setitem__(name, o[0] if isinstance(o, tuple) else o)

    for prefix, blocks, act, down, final in parts(model, family):
        n = len(blocks)
        blocks[0].register_forward_pre_hook(
            lambda m, a, k, p=prefix: states.__setitem__(p + "hidden.0", a[0] if a else k["hidden_states"]), with_kwargs=True)
        for l, b in enumerate(blocks):
            b.register_forward_hook(keep(f"{prefix}hidden.{l + 1}"))
            act(b).register_forward_hook(keep(f"{prefix}activation.{l}"))
            down(b).register_forward_pre_hook(lambda m, a, nm=f"{prefix}neuron.{l}": states.__setitem__(nm, a[0]))
        if final is not None:
            final.register_forward_hook(keep(f"{prefix}hidden.{n + 1}"))
    # Sentence by sentence: with sliding windows the padded positions of a batch turn into NaN.
    rows = {}
    for i, n in enumerate(lengths):
        one = ids[i : i + 1, :n]
        with torch.no_grad():
            if hasattr(model, "decoder"):
                moved = torch.cat([torch.zeros_like(one[:, :1]), one[:, :-1]], dim=1)
                model(input_ids=one, decoder_input_ids=moved, use_cache=False)
            else:
                model(input_ids=one)
        for name, s in states.items():
            padded = torch.zeros((longest, s.shape[-1]), dtype=torch.float32)
            padded[:n] = s[0]
            rows.setdefault(name, []).append(padded)
    tensors = {"input_ids": ids.to(torch.int32), "attention_mask": mask.to(torch.int32)}
    tensors.update((name, torch.stack(list)) for name, list in rows.items())
    assert all(t.isfinite().all() for t in tensors.values())
    save_file(tensors, f"{out}/golden.safetensors")
    print(out, len(states), "states, largest", max(float(s.abs().max()) for s in states.values()),
          sum(os.path.getsize(f"{out}/{f}") for f in os.listdir(out)) // 1000, "kB", flush=True)


base = dict(vocab_size=23, hidden_size=12, intermediate_size=14, num_hidden_layers=2)
heads = dict(num_attention_heads=4, num_key_value_heads=2)
rope = lambda **k: {"rope_theta": 10000.0, **k}
llama3 = rope(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8)
longrope = rope(rope_type="longrope", short_factor=[1.5, 2.0], long_factor=[3.0, 4.0], original_max_position_embeddings=16)
yarn = rope(rope_theta=100.0, rope_type="yarn", factor=4.0, mscale=1.5, mscale_all_dim=0.5, truncate=False, beta_fast=4.0, beta_slow=0.5, original_max_position_embeddings=64)
CASES = {
    "bert": lambda o: make(o, T.BertForMaskedLM, T.BertConfig(**base, num_attention_heads=2, max_position_embeddings=10)),
    "distilbert": lambda o: make(o, T.DistilBertForSequenceClassification, T.DistilBertConfig(vocab_size=23, dim=12, hidden_dim=14, n_layers=2, n_heads=3, max_position_embeddings=10)),
    "electra": lambda o: make(o, T.ElectraForSequenceClassification, T.ElectraConfig(**base, embedding_size=7, num_attention_heads=4, max_position_embeddings=12)),
    "roberta": lambda o: make(o, T.RobertaForMaskedLM, T.RobertaConfig(**{**base, "vocab_size": 5}, num_attention_heads=2, max_position_embeddings=11, type_vocab_size=1), lowest_id=0),
    "gpt2": lambda o: make(o, T.GPT2LMHeadModel, T.GPT2Config(vocab_size=23, n_embd=12, n_head=3, n_layer=2, n_inner=14, n_positions=12, bos_token_id=0, eos_token_id=0, scale_attn_by_inverse_layer_idx=True)),
    "llama": lambda o: make(o, T.LlamaForCausalLM, T.LlamaConfig(**base, **heads, head_dim=6, attention_bias=True, rope_parameters=llama3, max_position_embeddings=32), dtype=torch.bfloat16, shards="3KB"),
    "longrope": lambda o: make(o, T.LlamaModel, T.LlamaConfig(**base, **heads, head_dim=4, rope_parameters=longrope, max_position_embeddings=32)),
    "linear": lambda o: make(o, T.LlamaModel, T.LlamaConfig(**base, **heads, head_dim=4, rope_parameters=rope(rope_type="linear", factor=4.0))),
    "yarn": lambda o: make(o, T.LlamaModel, T.LlamaConfig(**base, **heads, head_dim=8, rope_parameters=yarn)),
    "yarn_defaults": lambda o: make(o, T.LlamaModel, T.LlamaConfig(**base, num_attention_heads=1, num_key_value_heads=1, head_dim=32, max_position_embeddings=4096, rope_parameters=rope(rope_type="yarn", factor=4.0))),
    "qwen2": lambda o: make(o, T.Qwen2ForCausalLM, T.Qwen2Config(**base, num_attention_heads=2, num_key_value_heads=1, use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3": lambda o: make(o, T.Qwen3Model, T.Qwen3Config(**base, **heads, head_dim=14, rms_norm_eps=0.01), dtype=torch.float16),
    "gpt_neox": lambda o: make(o, T.GPTNeoXForCausalLM, T.GPTNeoXConfig(**base, num_attention_heads=2, rope_parameters=rope(partial_rotary_factor=0.6))),
    "modernbert": lambda o: make(o, T.ModernBertForSequenceClassification, T.ModernBertConfig(**base, num_attention_heads=2, local_attention=4, pad_token_id=0, mlp_bias=True)),
    "t5": lambda o: make(o, T.T5ForConditionalGeneration, T.T5Config(vocab_size=23, d_model=12, d_kv=5, d_ff=14, num_layers=2, num_decoder_layers=1, num_heads=3, relative_attention_num_buckets=8, relative_attention_max_distance=10)),
    "t5_encoder": lambda o: make(o, T.T5EncoderModel, T.T5Config(vocab_size=23, d_model=12, d_kv=5, d_ff=14, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu")),
}

if __name__ == "__main__":
    out, *names = sys.argv[1:]
    for name in names or CASES:
        CASES[name](f"{out}/{name}")
