"""Peer of families.test.ts: tiny random models of every family, with the logits that transformers gives.

golden FOLDER          the models that are kept beside the test
peer FOLDER            more of them, larger, with longer windows
gguf FOLDER GOLDEN     the kept models as GGUF files, as llama.cpp's convert script writes them
stories FOLDER FILES   logits of Llama models in GGUF files, their weights decoded by the package gguf
"""

import os
import re
import sys

import torch
import transformers as t
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

SEED = 22
WINDOWS = 2


def configurations(golden):
    """By name: a configuration. The golden ones are as small as they can be."""
    hidden, inner, vocabulary = (16, 24, 48) if golden else (48, 80, 96)
    heads = 4
    plain = dict(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=2,
        num_attention_heads=heads,
        max_position_embeddings=64,
        bos_token_id=1,
        eos_token_id=2,
    )
    base = dict(plain, num_key_value_heads=2)
    head = hidden // heads
    rope = lambda kind, **more: dict(rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **more))
    gpt2 = dict(vocab_size=vocabulary, n_embd=hidden, n_layer=2, n_head=heads, n_positions=64, n_inner=inner)
    opt = dict(
        vocab_size=vocabulary,
        hidden_size=hidden,
        ffn_dim=inner,
        num_hidden_layers=2,
        num_attention_heads=heads,
        max_position_embeddings=64,
    )
    kinds = ["sliding_attention", "full_attention"]
    moe = dict(base, moe_intermediate_size=inner // 2, num_experts=4, num_experts_per_tok=2)
    kept = {
        "llama": t.LlamaConfig(
            **base,
            **rope(
                "llama3",
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
        ),
        "mistral": t.MistralConfig(**base, sliding_window=5, head_dim=head + 2),
        "qwen2": t.Qwen2Config(**base, tie_word_embeddings=True),
        "qwen3": t.Qwen3Config(**base, head_dim=head + 4),
        "phi3": t.Phi3Config(
            **base,
            pad_token_id=0,
            original_max_position_embeddings=8,
            **rope(
                "longrope",
                partial_rotary_factor=0.5 if head % 4 == 0 else 1.0,
                short_factor=[1.0, 1.1, 1.2][: head // 4],
                long_factor=[1.5, 2.5, 3.5][: head // 4],
            ),
        ),
        "gemma": t.GemmaConfig(**base, head_dim=head + 4),
        "gemma2": t.Gemma2Config(
            **base,
            head_dim=head + 4,
            query_pre_attn_scalar=24,
            sliding_window=5,
            attn_logit_softcapping=5.0,
            final_logit_softcapping=3.0,
        ),
        "gemma3": t.Gemma3TextConfig(
            **base, head_dim=head + 4, query_pre_attn_scalar=24, sliding_window=5, layer_types=kinds
        ),
        "gpt2": t.GPT2Config(**gpt2),
        "gpt_neox": t.GPTNeoXConfig(**plain, **rope("default", partial_rotary_factor=0.5)),
        "opt": t.OPTConfig(**opt, word_embed_proj_dim=hidden),
        "mixtral": t.MixtralConfig(**base, num_local_experts=4),
        "qwen2_moe": t.Qwen2MoeConfig(**moe, shared_expert_intermediate_size=inner),
        "qwen3_moe": t.Qwen3MoeConfig(**moe, head_dim=head, norm_topk_prob=True),
    }
    if golden:
        return kept
    yarn = dict(factor=4.0, original_max_position_embeddings=16)
    return {
        **kept,
        "llama_plain": t.LlamaConfig(**base, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
        "llama_linear": t.LlamaConfig(**base, **rope("linear", factor=3.0)),
        "llama_dynamic": t.LlamaConfig(**dict(base, max_position_embeddings=16), **rope("dynamic", factor=2.0)),
        "llama_yarn": t.LlamaConfig(**base, **rope("yarn", **yarn)),
        "llama_yarn_scaled": t.LlamaConfig(
            **base, **rope("yarn", **yarn, mscale=1.5, mscale_all_dim=0.7, beta_fast=20.0, beta_slow=2.0)
        ),
        "mistral_whole": t.MistralConfig(**base, sliding_window=None),
        "qwen2_windows": t.Qwen2Config(**base, use_sliding_window=True, sliding_window=6, max_window_layers=1),
        "qwen3_bias": t.Qwen3Config(**base, head_dim=head, attention_bias=True),
        "phi3_short": t.Phi3Config(
            **dict(base, max_position_embeddings=256),
            pad_token_id=0,
            original_max_position_embeddings=128,
            **rope("longrope", short_factor=[1.0 + i / 9 for i in range(6)], long_factor=[2.0 + i for i in range(6)]),
        ),
        "phi3_window": t.Phi3Config(**base, pad_token_id=0, sliding_window=7),
        "gemma2_open": t.Gemma2Config(
            **base, head_dim=head, attn_logit_softcapping=None, final_logit_softcapping=None
        ),
        "gemma3_scaled": t.Gemma3TextConfig(
            **dict(base, num_hidden_layers=7),
            head_dim=head,
            sliding_window=9,
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            },
        ),
        "gpt2_layers": t.GPT2Config(**gpt2, scale_attn_by_inverse_layer_idx=True, activation_function="gelu"),
        "gpt_neox_in_turn": t.GPTNeoXConfig(
            **plain, use_parallel_residual=False, attention_bias=False, **rope("default", partial_rotary_factor=1.0)
        ),
        "opt_behind": t.OPTConfig(**opt, word_embed_proj_dim=hidden // 2, do_layer_norm_before=False),
        "mixtral_window": t.MixtralConfig(**base, num_local_experts=6, num_experts_per_tok=3, sliding_window=6),
        "qwen2_moe_dense": t.Qwen2MoeConfig(
            **dict(moe, num_hidden_layers=3),
            shared_expert_intermediate_size=inner,
            mlp_only_layers=[0],
            decoder_sparse_step=1,
            norm_topk_prob=True,
        ),
        "qwen3_moe_loose": t.Qwen3MoeConfig(**moe, head_dim=head),
    }


def randomised(model, generator):
    """Weights large enough for every part to matter."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name or ".ln_" in name:
                ones = name.endswith("weight") and "gemma" not in model.config.model_type
                parameter.copy_(float(ones) + 0.3 * noise)
            elif parameter.dim() < 2:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise / parameter.shape[-1] ** 0.5)
    return model.eval()


def hooked(model):
    """Collects XᵀX and means of the inputs of a block's modules, and the influence of blocks, until it is called."""
    found, handles = {}, []

    def inputs(name):
        def hook(module, arguments):
            x = arguments[0].detach().reshape(-1, arguments[0].shape[-1]).double()
            found[f"{name}.gram"] = x.T @ x
            found[f"{name}.mean"], found[f"{name}.abs_mean"] = x.mean(0), x.abs().mean(0)

        return hook

    def block(name):
        def hook(module, arguments, output):
            before, after = arguments[0].double(), (output if torch.is_tensor(output) else output[0]).double()
            cosine = torch.nn.functional.cosine_similarity(before, after, dim=-1)
            found[f"{name}.influence"] = (1 - cosine.mean()).reshape(1)

        return hook

    for name, module in model.named_modules():
        if re.search(r"\.(layers|h)\.\d+$", name):
            handles.append(module.register_forward_hook(block(name)))
        elif re.search(r"\.(layers|h)\.", name) and isinstance(module, (torch.nn.Linear, Conv1D)):
            # Others have the same inputs.
            if not re.search(r"\.(k_proj|v_proj|up_proj|shared_expert_gate)$", name):
                handles.append(module.register_forward_pre_hook(inputs(name)))

    def collected():
        for handle in handles:
            handle.remove()
        return {name: value.to(torch.float32 if "gram" in name else value.dtype).contiguous() for name, value in found.items()}

    return collected


def made(folder, golden):
    length = 12 if golden else 40
    for index, (name, config) in enumerate(configurations(golden).items()):
        generator = torch.Generator().manual_seed(SEED + index)
        config._attn_implementation = "eager"
        model = randomised(t.AutoModelForCausalLM.from_config(config), generator)
        place = os.path.join(folder, name)
        model.save_pretrained(place)
        generation = os.path.join(place, "generation_config.json")
        if os.path.exists(generation):
            os.remove(generation)
        tokens = torch.randint(0, config.vocab_size, (WINDOWS, length), generator=generator)
        hooks = hooked(model)
        with torch.no_grad():
            logits = model(tokens).logits
        expected = dict(tokens=tokens.to(torch.int32), logits=logits.contiguous(), **hooks())
        yield name, model, tokens, expected, place


def keep(folder, golden):
    for _, _, _, expected, place in made(folder, golden):
        save_file(expected, os.path.join(place, "expected.safetensors"))


def llama_of(file):
    """transformers' model of a GGUF file: rows of q and k as LlamaModel.permute of llama.cpp's script had them before."""
    import gguf

    reader = gguf.GGUFReader(file)
    value = lambda key: reader.fields[f"llama.{key}"].contents()
    tensors = {
        tensor.name: torch.tensor(gguf.dequantize(tensor.data, tensor.tensor_type)).float()
        for tensor in reader.tensors
    }
    heads, key_heads = value("attention.head_count"), value("attention.head_count_kv")
    config = t.LlamaConfig(
        vocab_size=tensors["token_embd.weight"].shape[0],
        hidden_size=value("embedding_length"),
        intermediate_size=value("feed_forward_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=value("context_length"),
        rms_norm_eps=value("attention.layer_norm_rms_epsilon"),
    )
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    model = t.AutoModelForCausalLM.from_config(config)
    state = {}
    for name in model.state_dict():
        weight = tensors[names.get_name(name, try_suffixes=(".weight",))]
        for part, count in (("q_proj", heads), ("k_proj", key_heads)):
            if part in name:
                rows = weight.shape[0]
                weight = weight.reshape(count, rows // count // 2, 2, -1).swapaxes(1, 2).reshape(rows, -1)
        state[name] = weight
    model.load_state_dict(state)
    return model.eval()


def permuted(weight, heads):
    """LlamaModel.permute of llama.cpp's convert_hf_to_gguf.py."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


# By model_type: architecture, and what the convert script does to weights.
ARCHITECTURES = dict(
    llama="llama",
    mixtral="llama",
    qwen2="qwen2",
    qwen3="qwen3",
    qwen2_moe="qwen2moe",
    qwen3_moe="qwen3moe",
    phi3="phi3",
    gemma="gemma",
    gemma2="gemma2",
    gemma3_text="gemma3",
    gpt2="gpt2",
    gpt_neox="gptneox",
)


def as_gguf(folder, golden):
    import gguf

    os.makedirs(folder, exist_ok=True)
    for name in sorted(os.listdir(golden)):
        place = os.path.join(golden, name)
        config = t.AutoConfig.from_pretrained(place)
        kind = ARCHITECTURES.get(config.model_type)
        if kind is None:
            continue
        if kind in ("gemma2", "gemma3"):
            # llama.cpp knows both of the models themselves: files do not say them.
            config.query_pre_attn_scalar = config.head_dim
            config.layer_types = ["sliding_attention", "sliding_attention" if kind == "gemma3" else "full_attention"]
        config._attn_implementation = "eager"
        model = t.AutoModelForCausalLM.from_pretrained(place, config=config, dtype=torch.float32).eval()
        tokens = load_file(os.path.join(place, "expected.safetensors"))["tokens"]
        own = os.path.join(folder, name)
        os.makedirs(own, exist_ok=True)
        with torch.no_grad():
            expected = dict(tokens=tokens, logits=model(tokens.long()).logits.contiguous())
        save_file(expected, os.path.join(own, "expected.safetensors"))
        arch = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == kind)
        writer = gguf.GGUFWriter(os.path.join(own, "model.gguf"), kind)
        layers, heads = config.num_hidden_layers, config.num_attention_heads
        key_heads = getattr(config, "num_key_value_heads", heads)
        head = getattr(config, "head_dim", None) or config.hidden_size // heads
        rope = getattr(config, "rope_parameters", None) or {}
        full = rope.get("full_attention", rope)
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(layers)
        writer.add_feed_forward_length(getattr(config, "intermediate_size", None) or config.n_inner)
        writer.add_head_count(heads)
        writer.add_head_count_kv(key_heads)
        if hasattr(config, "rms_norm_eps"):
            writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        else:
            writer.add_layer_norm_eps(getattr(config, "layer_norm_eps", None) or config.layer_norm_epsilon)
        if getattr(config, "head_dim", None):
            writer.add_key_length(head)
            writer.add_value_length(head)
        if "rope_theta" in full:
            writer.add_rope_freq_base(full["rope_theta"])
            writer.add_rope_dimension_count(int(head * full.get("partial_rotary_factor", 1)))
        if full.get("rope_type") == "longrope":
            writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
            writer.add_rope_scaling_attn_factors(model.model.rotary_emb.attention_scaling)
            for which in ("long", "short"):
                factors = torch.tensor(full[f"{which}_factor"], dtype=torch.float32).numpy()
                writer.add_tensor(f"rope_factors_{which}.weight", factors)
        if full.get("rope_type") == "llama3":
            plain = 1.0 / (full["rope_theta"] ** (torch.arange(0, head, 2).float() / head))
            writer.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq).numpy())
        if getattr(config, "sliding_window", None):
            writer.add_sliding_window(config.sliding_window)
        if getattr(config, "attn_logit_softcapping", None):
            writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
            writer.add_final_logit_softcapping(config.final_logit_softcapping)
        if kind == "gptneox":
            writer.add_parallel_residual(config.use_parallel_residual)
        experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
        if experts:
            writer.add_expert_count(experts)
            writer.add_expert_used_count(config.num_experts_per_tok)
        names = gguf.get_tensor_name_map(arch, layers)
        state = load_file(os.path.join(place, "model.safetensors"))
        stacks = {}
        for key, weight in state.items():
            if "gemma" in config.model_type and key.endswith("norm.weight"):
                weight = weight + 1
            if kind == "llama" and re.search(r"\.(q|k)_proj\.", key):
                weight = permuted(weight, heads if "q_proj" in key else key_heads)
            if kind == "gpt2" and re.search(r"\.(c_attn|c_proj|c_fc)\.weight$", key):
                weight = weight.T
            if kind == "gptneox" and "query_key_value" in key:
                weight = weight.reshape(heads, 3, head, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)
            expert = re.search(r"\.experts\.(\d+)\.", key)
            if expert:
                stacks.setdefault(key.replace(expert[0], ".experts."), {})[int(expert[1])] = weight
                continue
            found = names.get_name(key, try_suffixes=(".weight", ".bias"))
            writer.add_tensor(found, weight.contiguous().numpy())
        for key, stack in stacks.items():
            weight = torch.stack([stack[index] for index in range(len(stack))])
            found = names.get_name(key, try_suffixes=(".weight",))
            writer.add_tensor(found, weight.contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def stories(folder, files):
    os.makedirs(folder, exist_ok=True)
    generator = torch.Generator().manual_seed(SEED)
    # The opening of a story by hand, in the vocabulary of stories260K, and then any tokens.
    start = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426]
    tokens = torch.tensor([start + torch.randint(3, 512, (48,), generator=generator).tolist()])
    long = torch.randint(3, 512, (1, 2048), generator=generator)
    kept = dict(tokens=tokens.to(torch.int32), long_tokens=long.to(torch.int32))
    for file in files:
        with torch.no_grad():
            kept[os.path.basename(file)] = llama_of(file)(tokens).logits[:, ::8].contiguous()
    with torch.no_grad():
        kept["long"] = llama_of(files[0])(long).logits[:, 63::128].contiguous()
    save_file(kept, os.path.join(folder, "expected.safetensors"))


if __name__ == "__main__":
    t.logging.set_verbosity_error()
    command, folder, *files = sys.argv[1:]
    if command == "stories":
        stories(folder, files)
    elif command == "gguf":
        as_gguf(folder, *files)
    else:
        keep(folder, command == "golden")
