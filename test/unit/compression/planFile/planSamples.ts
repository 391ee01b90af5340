/** Texts of plans, good ones and bad ones: the parser and the schema must think the same of each. */
import type { CompressionPlan } from '../../../../extension/shared/compression/plans';

export const PLAN: CompressionPlan = {
  version: 1,
  checkpoint: { name: 'model.safetensors', fingerprint: 'ab'.repeat(32) },
  target: { kind: 'size', value: 0.5 },
  allocation: 'optimal',
  method: { method: 'svd' },
  exclude: ['lm_head'],
  multiple: 8,
  layers: {
    'model.layers.0.self_attn.q_proj.weight': { method: 'svd', rank: 16 },
    'model.layers.0.mlp.up_proj.weight': { method: 'lost', rank: 8, sparse: 0.02, rounds: 3 },
    'model.layers.0.mlp.down_proj.weight': { method: 'quantise', quantiser: 'nf4', block: 64 },
    'lm_head.weight': { keep: 'dense', why: 'is the output matrix' },
  },
};

type Fields = Record<string, unknown>;

type Change = (
  plan: Fields & { target: Fields; method: Fields; checkpoint: Fields; layers: Record<string, Fields> },
) => void;

/** What must be refused, by what the message must name. */
export const BAD: readonly [names: string, change: Change][] = [
  ['extra is no key of this format', (plan) => (plan.extra = 1)],
  ['targt is no key of this format; did you mean target?', (plan) => (plan.targt = plan.target)],
  ['version is 2', (plan) => (plan.version = 2)],
  ['target is missing', (plan) => delete (plan as Fields).target],
  ['target.kind is "speed"; possible are size, parameters, error', (plan) => (plan.target.kind = 'speed')],
  ['target.value is 1.5, not a number from 0 to 1', (plan) => (plan.target.value = 1.5)],
  ['target.value is "0.5", not a number from 0 to 1', (plan) => (plan.target.value = '0.5')],
  ['allocation is "optimum"', (plan) => (plan.allocation = 'optimum')],
  ['relative is 1, not true or false', (plan) => (plan.relative = 1)],
  [
    'method.method is "svd-lm"; did you mean svd-llm, svd or asvd? Possible are svd, ',
    (plan) => (plan.method.method = 'svd-lm'),
  ],
  ['exclude is "lm_head", not a list', (plan) => (plan.exclude = 'lm_head')],
  ['exclude[0] is 3, not a text', (plan) => (plan.exclude = [3])],
  ['exclude[0] cannot be used: "(" is no regular expression', (plan) => (plan.exclude = ['('])],
  ['multiple is 16; possible are 1, 8, 32, 64', (plan) => (plan.multiple = 16)],
  ['checkpoint.fingerprint is "abc", not 64', (plan) => (plan.checkpoint.fingerprint = 'abc')],
  ['checkpoint.fingerprint is missing', (plan) => delete plan.checkpoint.fingerprint],
  ['statistics is "x", not an object', (plan) => (plan.statistics = 'x')],
  ['layers is a list, not an object', (plan) => ((plan as Fields).layers = [])],
  ['layers["lm_head.weight"] is null, not an object', (plan) => (plan.layers['lm_head.weight'] = null as never)],
  ['layers["lm_head.weight"].keep is "sparse"', (plan) => (plan.layers['lm_head.weight']!.keep = 'sparse')],
  ['layers["lm_head.weight"].why is missing', (plan) => delete plan.layers['lm_head.weight']!.why],
  ['layers["lm_head.weight"].rank is no key', (plan) => (plan.layers['lm_head.weight']!.rank = 3)],
  ['layers.a has no method', (plan) => (plan.layers.a = {})],
  ['layers.a.rank is missing', (plan) => (plan.layers.a = { method: 'svd' })],
  ['layers.a.rank is 0, not a whole number of at least 1', (plan) => (plan.layers.a = { method: 'svd', rank: 0 })],
  ['layers.a.rank is 1.5', (plan) => (plan.layers.a = { method: 'svd', rank: 1.5 })],
  ['layers.a.rank is "8"', (plan) => (plan.layers.a = { method: 'svd', rank: '8' })],
  ['layers.a.rank is no key', (plan) => (plan.layers.a = { method: 'quantise', rank: 8 })],
  ['layers.a.block is no key', (plan) => (plan.layers.a = { method: 'svd', rank: 8, block: 64 })],
  ['layers.a.quantiser is "nf5"', (plan) => (plan.layers.a = { method: 'quantise', quantiser: 'nf5' })],
  ['layers.a.bits is 9', (plan) => (plan.layers.a = { method: 'quantise', quantiser: 'bipolar', bits: 9 })],
  ['layers.a.sparse is 2', (plan) => (plan.layers.a = { method: 'lost', rank: 1, sparse: 2 })],
  ['groups.mlp.method is "svd"', (plan) => (plan.groups = { mlp: { method: 'svd', rank: 1 } })],
  ['groups.mlp.rank is missing', (plan) => (plan.groups = { mlp: { method: 'nystrom' } })],
];

export const GOOD: readonly Change[] = [
  () => undefined,
  (plan) => (plan.$schema = './eigenplan.schema.json'),
  (plan) => (plan.relative = true),
  (plan) => (plan.statistics = { name: 'stats.safetensors', fingerprint: '0'.repeat(64) }),
  (plan) => (plan.groups = { 'model.layers.0.mlp': { method: 'nystrom', rank: 96 } }),
  (plan) => (plan.layers = {}),
  (plan) => (plan.method = { method: 'pissa', rank: 16 }),
  (plan) => (plan.layers['a "quoted" name'] = { method: 'cur', rank: 3, scores: 'lewis', seed: 7 }),
];

export function changed(change: Change): unknown {
  const copy = JSON.parse(JSON.stringify(PLAN)) as Parameters<Change>[0];
  change(copy);
  return copy;
}
