/**
 * How a GGUF's `tokenizer.ggml.pre` cuts texts before merges are looked for: expressions that are applied one after the
 * other, each within the pieces that the ones before left.
 *
 * @see https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
 */
import { GPT2_WORDS } from './libraryForm';

export interface PreTokenizerKind {
  readonly regexes: readonly string[];
  /** A whole word that is a token is not put together from merges. */
  readonly ignoresMerges?: boolean;
  /** Texts begin with the beginning-of-sequence token, where the file does not say. */
  readonly addsBos?: boolean;
}

/** Llama 3's words, with as many digits in a number as `digits` says. */
function words(digits: string): string {
  const contractions = String.raw`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`;
  const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  return String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}|${rest}`;
}

const THREE_DIGITS = '[0-9][0-9][0-9]';

const GPT2: PreTokenizerKind = { regexes: [GPT2_WORDS] };
const QWEN2: PreTokenizerKind = { regexes: [words(String.raw`\p{N}`)] };
const LLAMA3: PreTokenizerKind = { regexes: [words(String.raw`\p{N}{1,3}`)] };
const SMOLLM: PreTokenizerKind = { regexes: [String.raw`\p{N}`, GPT2_WORDS] };
const DEEPSEEK: PreTokenizerKind = {
  regexes: [
    String.raw`\p{N}{1,3}`,
    '[一-龥぀-ゟ゠-ヿ]+',
    String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_\x60{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
};

const KINDS: readonly { readonly names: readonly string[]; readonly kind: PreTokenizerKind }[] = [
  {
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
    kind: { ...LLAMA3, ignoresMerges: true, addsBos: true },
  },
  { names: ['dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'], kind: LLAMA3 },
  { names: ['gpt-2', 'phi-2', 'mpt', 'olmo', 'jais', 'exaone4', 'trillion', 'granite-docling'], kind: GPT2 },
  { names: ['qwen2', 'deepseek-r1-qwen', 'stablelm2', 'hunyuan'], kind: QWEN2 },
  { names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'], kind: SMOLLM },
  { names: ['falcon'], kind: { regexes: [String.raw`[\p{P}$+<=>^~|\x60]+`, GPT2_WORDS, THREE_DIGITS] } },
  { names: ['deepseek-v3'], kind: DEEPSEEK },
  {
    names: ['default'],
    kind: { regexes: [String.raw`[\p{P}$+<=>^~|]+`, GPT2_WORDS, String.raw`\p{N}+`, THREE_DIGITS] },
  },
];

/** Undefined where the name is not known. */
export function preTokenizerKind(name: string): PreTokenizerKind | undefined {
  return KINDS.find(({ names }) => names.includes(name))?.kind;
}
