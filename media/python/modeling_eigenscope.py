"""Loads a model whose weights Eigenscope compressed. Lies beside config.json and is used by

    AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)

with whichever Auto class `auto_map` in config.json names. The architecture is transformers' own. Only the modules that
config.json lists are replaced, by the names that their weights had in the original checkpoint:

    truncation_ranks  {module: r}       y = A(Bx) + bias: `module.ALinear.weight` (out x r) and `module.BLinear.weight` (r x in)
    added_biases      [module, ...]     their ALinear has a bias, although the original module had none
    module_sizes      {module: [o, i]}  a linear module of i inputs and o outputs, unlike the architecture's
    kept_outputs      {module: n}       it makes the outputs `module.kept_outputs` of n; the others are 0
    kept_inputs       {module: n}       it takes the inputs `module.kept_inputs` of n

MIT License, https://opensource.org/license/mit
"""

import os
import shutil

import torch
import transformers
from torch import nn
from torch.utils._pytree import tree_map
from transformers.pytorch_utils import Conv1D


class ProductWeight:
    """Stands where a model reads the `weight` of a pair. Type, shape and device are known; arithmetic multiplies it out."""

    def __init__(self, a, b):
        self.factors = (a, b)
        self.dtype, self.device, self.shape = a.dtype, a.device, torch.Size((a.shape[0], *b.shape[1:]))

    def dense(self):
        a, b = self.factors
        return (a.flatten(1) @ b.flatten(1)).view(self.shape)

    @property
    def data(self):
        # transformers 4 writes initial numbers into it; a pair has its own.
        return self.dense().detach()

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        args, kwargs = tree_map(lambda each: each.dense() if isinstance(each, cls) else each, (args, kwargs or {}))
        return function(*args, **kwargs)


class Pair(nn.Module):
    """Two modules in place of one: A after B, of rank r."""

    def __init__(self, a, b):
        super().__init__()
        self.ALinear = a
        self.BLinear = b

    @property
    def weight(self):
        return ProductWeight(self.ALinear.weight, self.BLinear.weight)

    @property
    def bias(self):
        return getattr(self.ALinear, "bias", None)

    def __setattr__(self, name, value):
        # BERT before transformers 5 ties the bias of its output layer so.
        if name == "bias":
            self.ALinear.bias = value
        else:
            super().__setattr__(name, value)

    def forward(self, x):
        weight = self.BLinear.weight
        # T5 keeps some weights in float32, and then expects the module to take what comes in 16 bits.
        return self.ALinear(self.BLinear(x.to(weight.dtype) if weight.is_floating_point() else x))


class LinearPair(Pair):
    def __init__(self, outputs, inputs, rank, bias):
        super().__init__(nn.Linear(rank, outputs, bias=bias), nn.Linear(inputs, rank, bias=False))
        self.in_features, self.out_features = inputs, outputs


class EmbeddingPair(Pair):
    """The rows of A, times B: the shapes of a LinearPair, so that a tied output layer has the same two weights."""

    def __init__(self, table, rank):
        count, width = table.num_embeddings, table.embedding_dim
        super().__init__(nn.Embedding(count, rank, table.padding_idx), nn.Linear(width, rank, bias=False))
        self.num_embeddings, self.embedding_dim, self.padding_idx = count, width, table.padding_idx

    def forward(self, ids):
        return self.ALinear(ids) @ self.BLinear.weight


class ConvPair(Pair):
    """B has the kernel, stride and padding; A is 1 x 1."""

    def __init__(self, conv, rank, bias):
        kind, places = type(conv), ("kernel_size", "stride", "padding", "dilation", "padding_mode")
        b = kind(conv.in_channels, rank, bias=False, **{place: getattr(conv, place) for place in places})
        super().__init__(kind(rank, conv.out_channels, 1, bias=bias), b)


class KeptLinear(nn.Linear):
    """Some rows or columns of a linear module; which ones is stored beside the weight."""

    def __init__(self, outputs, inputs, bias, all_outputs=None, all_inputs=None):
        super().__init__(inputs, outputs, bias=bias)
        self.all_outputs = all_outputs
        if all_outputs is not None:
            self.register_buffer("kept_outputs", torch.arange(outputs))
        if all_inputs is not None:
            self.register_buffer("kept_inputs", torch.arange(inputs))

    def forward(self, x):
        y = super().forward(x[..., self.kept_inputs] if hasattr(self, "kept_inputs") else x)
        if self.all_outputs is None:
            return y
        return y.new_zeros(*y.shape[:-1], self.all_outputs).index_copy(-1, self.kept_outputs, y)


def _sizes(module, name):
    if type(module) is nn.Linear:
        return module.out_features, module.in_features
    if type(module) is Conv1D:
        return module.nf, module.weight.shape[0]
    raise ValueError(f"{name} is a {type(module).__name__}, which {__file__} cannot replace")


def _pair(module, name, rank, added_bias):
    bias = added_bias or getattr(module, "bias", None) is not None
    if type(module) is nn.Embedding and module.max_norm is None and not added_bias:
        return EmbeddingPair(module, rank)
    if type(module) in (nn.Conv1d, nn.Conv2d, nn.Conv3d) and module.groups == 1:
        return ConvPair(module, rank, bias)
    return LinearPair(*_sizes(module, name), rank, bias)


def _module_name(model, name, renamings):
    """The name in this model of a module of the checkpoint; None if the model lacks that part, such as another task's head."""
    key = f"{name}.ALinear.weight"
    for renaming in renamings:
        key = renaming.rename_source_key(key)[0]
    name = key.removesuffix(".ALinear.weight")
    modules = dict(model.named_modules(remove_duplicate=False))
    prefix = f"{model.base_model_prefix}."
    for candidate in (name, name.removeprefix(prefix), prefix + name):
        if candidate in modules:
            return candidate
    if name.startswith(prefix):
        raise ValueError(f"config.json names the module {name}, which {type(model).__name__} does not have")
    return None


def _renamings(model):
    """How transformers 5 renames a checkpoint's weights for this architecture; earlier versions keep the names."""
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
        from transformers.core_model_loading import WeightRenaming
    except ImportError:
        return []
    return [each for each in get_model_conversion_mapping(model) if isinstance(each, WeightRenaming)]


def _ties(model):
    """Pairs of module names whose weights are one: (tied, source)."""
    keys = getattr(model, "all_tied_weights_keys", None)  # transformers 5
    if keys is not None:
        weights = [pair for pair in keys.items() if all(key.endswith(".weight") for key in pair)]
        return [tuple(key.removesuffix(".weight") for key in pair) for pair in weights]
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    if head is None or table is None or not getattr(model.config, "tie_word_embeddings", False):
        return []
    names = {id(module): name for name, module in model.named_modules()}
    return [(names[id(head)], names[id(table)])]


def _replace(model, name, replacement):
    """Puts the replacement wherever the module stands: T5 before transformers 5 has one table in three places."""
    old = model.get_submodule(name)
    replacement.train(old.training)
    for parent in list(model.modules()):
        for child, module in list(parent.named_children()):
            if module is old:
                setattr(parent, child, replacement)


def _replace_listed(model):
    config = model.config
    renamings = _renamings(model)

    def listed(key):
        entries = getattr(config, key, None) or {}
        entries = entries.items() if isinstance(entries, dict) else [(name, True) for name in entries]
        found = [(_module_name(model, name, renamings), value) for name, value in entries]
        return {name: value for name, value in found if name is not None}

    ranks, added, sizes = listed("truncation_ranks"), listed("added_biases"), listed("module_sizes")
    kept_outputs, kept_inputs = listed("kept_outputs"), listed("kept_inputs")
    for tied, source in _ties(model):
        rank = ranks.get(source, ranks.get(tied))
        if rank is not None:
            ranks[tied] = ranks[source] = rank
    for name, (outputs, inputs) in sizes.items():
        module = model.get_submodule(name)
        full_outputs, full_inputs = _sizes(module, name)
        for key, full in ((kept_outputs.get(name), full_outputs), (kept_inputs.get(name), full_inputs)):
            if key is not None and key != full:
                raise ValueError(f"config.json says that {name} had a side of {key}; {type(model).__name__} has {full}")
        bias = module.bias is not None or name in added
        if type(module) is Conv1D and name not in kept_outputs and name not in kept_inputs:
            _replace(model, name, Conv1D(outputs, inputs))
        else:
            kept = KeptLinear(outputs, inputs, bias, kept_outputs.get(name), kept_inputs.get(name))
            _replace(model, name, kept)
    for name, rank in ranks.items():
        module = model.get_submodule(name)
        if not isinstance(module, Pair):
            _replace(model, name, _pair(module, name, rank, name in added))


def _tied_pairs(model, keys):
    """The tied parameters of transformers 5, {tied: source}, with those of pairs under their own names."""
    modules = dict(model.named_modules(remove_duplicate=False))

    def renamed(key):
        name, _, parameter = key.rpartition(".")
        if not isinstance(modules.get(name), Pair) or parameter not in ("weight", "bias"):
            return [key]
        sides = ("ALinear", "BLinear") if parameter == "weight" else ("ALinear",)
        return [f"{name}.{side}.{parameter}" for side in sides]

    return {each: other for pair in keys.items() for each, other in zip(*map(renamed, pair), strict=True)}


class _Compressed:
    """Before a model class of transformers, replaces what config.json lists. Inside the model, so that whatever builds it
    from its configuration (vLLM's transformers backend, AutoModel.from_config) has the same modules."""

    def __init__(self, config, *args, **kwargs):
        super().__init__(config, *args, **kwargs)
        _replace_listed(self)
        if getattr(self, "all_tied_weights_keys", None) is not None:
            self.all_tied_weights_keys = _tied_pairs(self, self.all_tied_weights_keys)
            self._tied_weights_keys = {**(self._tied_weights_keys or {}), **self.all_tied_weights_keys}
        else:
            tied = getattr(self, "_tied_weights_keys", None) or []
            sides = {".weight": (".ALinear.weight", ".BLinear.weight"), ".bias": (".ALinear.bias",)}
            of_pairs = [
                key.removesuffix(end) + side for key in tied for end in sides if key.endswith(end) for side in sides[end]
            ]
            self._tied_weights_keys = [*tied, *of_pairs]
            self.tie_weights()

    @classmethod
    def is_custom_code(cls):
        # transformers 5 renames the weights of its own architectures, and this is one.
        return False

    def save_pretrained(self, save_directory, *args, **kwargs):
        super().save_pretrained(save_directory, *args, **kwargs)
        # Some versions copy this file only if the model came from the Hub.
        shutil.copyfile(__file__, os.path.join(save_directory, os.path.basename(__file__)))

    def get_expanded_tied_weights_keys(self, all_submodels=False):
        return _tied_pairs(self, super().get_expanded_tied_weights_keys(all_submodels))

    def _tie_or_clone_weights(self, output_embeddings, input_embeddings):
        """transformers 4."""
        if not isinstance(output_embeddings, Pair):
            return super()._tie_or_clone_weights(output_embeddings, input_embeddings)
        output_embeddings.ALinear.weight = input_embeddings.ALinear.weight
        output_embeddings.BLinear.weight = input_embeddings.BLinear.weight


def __getattr__(name):
    """`auto_map` names the classes of transformers; each is made when it is asked for."""
    original = None if name.startswith("_") else getattr(transformers, name, None)
    if not (isinstance(original, type) and issubclass(original, transformers.PreTrainedModel)):
        raise AttributeError(f"transformers {transformers.__version__} has no model class {name}")
    made = type(name, (_Compressed, original), {"__module__": __name__})
    globals()[name] = made
    return made
