/**
 * Where a layer stands in a model of repeated blocks, read from its name alone: `model.layers.3.mlp.up_proj.weight` is `up` of
 * block 3 of `layers`. Spellings are those of Hugging Face's transformers and diffusers, timm, torchvision, OpenAI's
 * Whisper and CLIP, llama.cpp, Keras and TensorFlow. What none of them calls by a known role keeps its own name as its role.
 */
import { PROJECTION_NAMES } from './projectionNames';

/** A place in a block. */
export interface LayerPlace {
  /** Which of the model's rows of blocks: the words before and between the numbers, `encoder.layers`. */
  readonly stack: string;
  /** The block's number; a stage and the number within it: `layer1.0` of a ResNet is [1, 0]. */
  readonly numbers: readonly number[];
  /** `q`, `k`, `v`, `qkv`, `o`, `gate`, `up`, `down`, …; else the name of the module within its block. */
  readonly role: string;
  /** The module's own name within its block: `mlp.up_proj`. */
  readonly module: string;
  /** Its number among the experts, or the heads, that share the role. */
  readonly expert?: number;
}

/** Parts of a name that say how a matrix is stored, not which it is. */
const KINDS =
  /^(weight|kernel|kernel:0|bias|part_\d+|Tensordot|Reshape(_\d+)?|ConcatPartitions|concat|base_layer|default|qweight|original\d)$/;

/** Wrappers around a whole model. */
const WRAPPERS = /^(module|module_apply_default|model|_orig_mod|base_model|state_dict|params|transformer)$/;

/** Modules of a block: numbers within them count sublayers, heads or experts, not blocks. */
const WITHIN_BLOCK =
  /(^|_)(self_?|cross_?|multihead_?)?(att|attn\d?|attention|crossattention)$|^attn_|mlp|ffn|feed_?forward|^ff$|expert|moe/i;
const T5_SUBLAYER = /(Attention|DenseReluDense)$/;

/** A word for a block that carries its number: `layer1`, `Layer_0`, `denseblock2`, `encoderblock_3`. */
const NUMBERED =
  /^(layers?|blocks?|stages?|groups?|denseblock|denselayer|transition|encoderblock|encoder_layer|transformer_?block|resblock|h|level|unit)_?(\d+)$/i;
/** Keras: `conv2_block1_1_conv`, `block3_conv2`. */
const KERAS = /^(?:conv(\d+)_)?block(\d+)_(.+)$/;

const ATTENTION = /att(n|ention)/i;
const CROSS = /cross|encoder_attn|EncDec|^attn2$/i;
const SHARED_EXPERT = /shared_?experts?|_shexp$/i;
const FEED_FORWARD = /mlp|ffn|feed_?forward|^ff$|expert|moe|DenseReluDense/i;
const ADAPTER = /^(lora_\w+|delta_weight)$/;

/** Roles by the module's last name; `within` says what must stand around it. */
const ROLES: readonly {
  readonly role: string;
  readonly name: RegExp;
  readonly within?: 'attention' | 'feedForward';
}[] = [
  {
    role: 'qkv',
    name: /^(c_attn|qkv|qkv_proj|query_key_value|w_?pack|w_?qkv|in_proj|attn_qkv|qkv_transform_single)$/i,
    within: 'attention',
  },
  { role: 'qkv', name: /^(query_key_value|w_pack|wqkv|qkv)$/i },
  { role: 'kv', name: /^(kv_proj|to_kv|wkv|kv)$/i, within: 'attention' },
  ...PROJECTION_NAMES.map(({ projection, pattern }) => ({
    role: projection,
    name: pattern,
    within: 'attention' as const,
  })),
  { role: 'q', name: /^(to_q|w_q)$/i },
  { role: 'k', name: /^(to_k|w_k)$/i },
  { role: 'v', name: /^(to_v|w_v)$/i },
  { role: 'o', name: /^(to_out|w_o|output_transform_single)$/i },
  { role: 'router', name: /^(gate|router|shared_expert_gate|ffn_gate_inp|ffn_gate_inp_shexp)$/, within: 'feedForward' },
  { role: 'router', name: /^(ffn_gate_inp|ffn_gate_inp_shexp|router)$/ },
  { role: 'gate+up', name: /^(gate_up_proj|gate_up|wi_fused)$/ },
  { role: 'gate', name: /^(gate_proj|wi_0|ffn_gate)$/ },
  { role: 'gate', name: /^w1$/, within: 'feedForward' },
  { role: 'up', name: /^(up_proj|wi_1|wi|c_fc|fc1|lin1|linear1|dense_h_to_4h|fc_in|ffn_up)$/ },
  { role: 'up', name: /^(w3|conv1|Dense_0)$/, within: 'feedForward' },
  { role: 'down', name: /^(down_proj|fc2|lin2|linear2|dense_4h_to_h|fc_out|ffn_down)$/ },
  { role: 'down', name: /^(w2|wo|c_proj|conv2|Dense_1)$/, within: 'feedForward' },
];

/** Roles by the last two names. */
const PAIRED_ROLES: Readonly<Record<string, string>> = {
  'intermediate.dense': 'up',
  'output.dense': 'down',
  'mlp.0': 'up',
  'mlp.2': 'down',
  'net.2': 'down',
};

/** Texts whose meaning is kept at hand: 100 000 names are made of the same few words. */
const MOST_REMEMBERED = 5000;

function remembered<T extends object>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found) return found;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const made = make(text);
    known.set(text, made);
    return made;
  };
}

/** What one part of a name may be. */
const partOf = remembered((part) => ({
  isNumber: /^\d+$/.test(part),
  isKind: KINDS.test(part),
  isWithinBlock: WITHIN_BLOCK.test(part) && !NUMBERED.test(part),
  isSublayer: T5_SUBLAYER.test(part),
  holdsMembers: /^(experts?|heads?)$/i.test(part),
  numbered: NUMBERED.exec(part),
  keras: KERAS.exec(part),
}));

/** In which roles stand in a list; others follow. */
export const ROLE_ORDER: readonly string[] = [
  ...['q', 'k', 'v', 'qkv', 'kv', 'o', 'cross q', 'cross k', 'cross v', 'cross qkv', 'cross kv', 'cross o'],
  ...['router', 'gate', 'up', 'gate+up', 'down', 'shared gate', 'shared up', 'shared gate+up', 'shared down'],
];

/**
 * The place of a layer in its block.
 *
 * @param name a tensor's, or a layer's of a stack (`experts.w1[3]`)
 * @returns undefined for a layer in no block
 */
export function placeOf(name: string): LayerPlace | undefined {
  const stacked = /\[(\d+)\]$/.exec(name);
  const parts = modulesOf(stacked ? name.slice(0, stacked.index) : name);
  const found = blockOf(parts);
  if (!found) return undefined;
  const { stack, numbers, tail } = found;
  const memberAt = tail.findIndex((part, i) => isMember(tail, i, part));
  const modules = memberAt < 0 ? tail : tail.filter((_, i) => i !== memberAt);
  const { role, module } = roleOf(modules.join(SEPARATOR));
  const member = memberAt < 0 ? stacked?.[1] : tail[memberAt];
  return { stack, numbers, role, module, ...(member !== undefined && { expert: Number(member) }) };
}

/** The modules that a name leads through, the matrix's own last. */
function modulesOf(name: string): string[] {
  const parts = name.split(/[./]/).filter((part) => part !== '');
  const wrapped = parts.indexOf('parametrizations');
  const kept = (wrapped < 0 ? parts : parts.slice(0, wrapped)).filter((part) => !partOf(part).isKind);
  const last = kept.pop();
  return last === undefined ? [] : [...kept, last.replace(/_weight$/, (end) => (last === 'delta_weight' ? end : ''))];
}

function blockOf(parts: readonly string[]): { stack: string; numbers: number[]; tail: string[] } | undefined {
  const lastWord = parts.findLastIndex((part) => !isNumber(part));
  let numbers: number[] = [];
  let words: string[] = [];
  let tail: readonly string[] = [];
  let open: string[] = [];
  for (const [i, part] of parts.entries()) {
    const { keras, numbered, isWithinBlock } = partOf(part);
    if (keras) {
      const [, stage, block, own = ''] = keras;
      numbers = numbers.concat(stage === undefined ? [] : [Number(stage)], [Number(block)]);
      words = words.concat(open, ['block']);
      tail = [own];
      break;
    }
    if (isWithinBlock) break;
    const digits = isNumber(part) ? part : numbered?.[2];
    const isSub = numbers.length > 0 && partOf(parts[i + 1] ?? '').isSublayer;
    if (digits !== undefined && lastWord > i && !isSub) {
      numbers.push(Number(digits));
      words = words.concat(open, numbered ? [numbered[1]!] : []);
      open = [];
      tail = parts.slice(i + 1);
    } else open.push(part);
  }
  if (numbers.length === 0) return undefined;
  const own = tail.filter(
    (part, i) => !(part === 'layer' && partOf(tail[i + 2] ?? '').isSublayer) && !isSublayer(tail, i),
  );
  const start = words.findIndex((word) => !WRAPPERS.test(word));
  return { stack: words.slice(start < 0 ? words.length : start).join('.'), numbers, tail: own };
}

/** T5 numbers attention and feed-forward of a block: `layer.1.DenseReluDense`. */
function isSublayer(tail: readonly string[], i: number): boolean {
  return isNumber(tail[i]!) && tail[i - 1] === 'layer' && partOf(tail[i + 1] ?? '').isSublayer;
}

function isNumber(part: string): boolean {
  return partOf(part).isNumber;
}

function isMember(tail: readonly string[], i: number, part: string): boolean {
  return i > 0 && isNumber(part) && partOf(tail[i - 1]!).holdsMembers;
}

/** Splits names, so that no part of one has it. */
const SEPARATOR = '/';

const roleOf = remembered((joined) => {
  const modules = joined.split(SEPARATOR);
  const adapterAt = modules.findIndex((part, i) => i > 0 && ADAPTER.test(part));
  const adapter = adapterAt < 0 ? '' : modules[adapterAt] === 'delta_weight' ? ' ΔW' : ` ${modules[adapterAt]!}`;
  const own = adapterAt < 0 ? modules : modules.slice(0, adapterAt);
  return { role: `${knownRole(own) ?? own.join('.')}${adapter}`, module: modules.join('.') };
});

function knownRole(modules: readonly string[]): string | undefined {
  const words =
    isNumber(modules.at(-1) ?? '') && /^(to_out|proj)$/.test(modules.at(-2) ?? '') ? modules.slice(0, -1) : modules;
  const last = (words.at(-1) ?? '').replace(/_(exps|shexp)$/, '');
  const around = words.slice(0, -1);
  const attention = around.some((part) => ATTENTION.test(part)) || last.startsWith('attn_');
  const feedForward = !attention && around.some((part) => FEED_FORWARD.test(part));
  const prefix = words.some((part) => SHARED_EXPERT.test(part) && part !== 'shared_expert_gate')
    ? 'shared '
    : around.some((part) => CROSS.test(part))
      ? 'cross '
      : '';
  if (words.slice(-4).join('.').endsWith('net.0.proj')) return `${prefix}up`;
  const paired = attention ? undefined : PAIRED_ROLES[words.slice(-2).join('.')];
  if (paired !== undefined) return prefix + paired;
  const found = ROLES.find(
    ({ name, within }) =>
      name.test(last) && (within === undefined || (within === 'attention' ? attention : feedForward)),
  );
  return found && (found.role === 'router' ? found.role : prefix + found.role);
}
