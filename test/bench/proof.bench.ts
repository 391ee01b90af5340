/**
 * The proof: how much a language model loses by each method and each way to share the budget, at 20, 40 and 60 % fewer
 * parameters. Writes `RESULTS.md` beside this file. EIGENSCOPE_PROOF names the list of models (`proof/proofModels.py` makes
 * one); EIGENSCOPE_PROOF_CACHE the folder of finished rows.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { repositoryRoot } from '../harness/shared';
import { claimLines, orderLines, rowsTable, sensitivityLines, type ProofRow } from './proof/proofTable';
import { proofModels, type ProofModel } from './proof/proofModels';
import { ProofRuns, type Asked } from './proof/proofRuns';

const RATIOS = [0.8, 0.6, 0.4];
const METHODS = ['svd', 'asvd', 'svd-llm', 'afm', 'cospadi'];
const ALLOCATIONS = ['uniform', 'alphapruning', 'farms-alpha', 'welore', 'optimal', 'optimal-gram', 'block-influence'];
/** Errors relative to each layer's own norm: what the sums above leave to the layers of large weights or outputs. */
const RELATIVE = ['optimal, relative', 'optimal-gram, relative'];
/** Equal k in all blocks; q and k by svd-llm. */
const GROUPS = 'nystrom + vo';
const ORDER = ['svd', 'asvd', 'svd-llm', GROUPS];
/** These methods cost much, or their sizes do not follow a rank freely: uniform alone. */
const UNIFORM_ALONE = ['afm', 'cospadi'];

/** Of each layer's parameters, one layer at a time. */
const SENSITIVITY_RATIO = 0.5;

const RESULTS = path.join(repositoryRoot, 'test', 'bench', 'RESULTS.md');

async function proof(): Promise<void> {
  const list = process.env.EIGENSCOPE_PROOF;
  if (list === undefined) {
    console.log(
      'The proof is left out: EIGENSCOPE_PROOF names no list of models (test/bench/proof/proofModels.py makes one).',
    );
    return;
  }
  const runs = new ProofRuns(process.env.EIGENSCOPE_PROOF_CACHE ?? path.join(tmpdir(), 'eigenscope-proof'));
  const sections: string[] = [];
  for (const model of proofModels(list)) {
    sections.push(...(await sectionOf(model, runs)));
    writeResults([...HEAD, ...sections].join('\n'));
    execFileSync(path.join(repositoryRoot, 'node_modules', '.bin', 'prettier'), ['--write', RESULTS]);
  }
  console.log(sections.join('\n'));
}

/** Other benchmarks have their own parts of the file. */
const [BEGINNING, END] = [
  '<!-- proof: made by `npm run bench -- proof`, not edited by hand -->',
  '<!-- end of proof -->',
];

function writeResults(text: string): void {
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Results of benchmarks\n';
  const [start, end] = [before.indexOf(BEGINNING), before.indexOf(END)];
  const part = `${BEGINNING}\n\n${text}\n${END}`;
  const whole = start < 0 ? `${before}\n${part}\n` : before.slice(0, start) + part + before.slice(end + END.length);
  writeFileSync(RESULTS, whole);
}

const HEAD = [
  '## What language models lose',
  '',
  'Every method and allocation is planned by `eigenscope plan` at a target',
  'of parameters, and run by `eigenscope evaluate` beside the dense model. Brackets are 95 % intervals: 2000 bootstrap draws of',
  'windows. Embedding and output matrix stay dense, and count. `alphapruning` shares by alpha of whole matrices, `farms-alpha` by',
  'alpha of FARMS. The models are small: what holds here need not hold for models of billions of parameters.',
  '',
];

async function sectionOf(model: ProofModel, runs: ProofRuns): Promise<string[]> {
  const statistics = runs.statistics(model);
  const { methods = METHODS, allocations = ALLOCATIONS } = model.only ?? {};
  const rows: ProofRow[] = [];
  let dense: string | undefined;
  const { ratios = RATIOS } = model.only ?? {};
  for (const ratio of ratios) {
    const runsOf = [...methods, GROUPS].map((method) => [method, allocations] as const);
    const relative = model.only ? [] : methods.filter((method) => !UNIFORM_ALONE.includes(method));
    for (const [method, some] of [...runsOf, ...relative.map((method) => [method, RELATIVE] as const)]) {
      const asked = await askedFor(model, ratio, method, some);
      const planned = asked.map((each) => ({ each, plan: runs.plan(model, statistics, each) }));
      const files = planned.flatMap(({ plan }) => ('file' in plan ? [plan.file] : []));
      console.error(`${model.name}: ${method} at ${ratio}, ${files.length} plans`);
      const report = files.length > 0 ? runs.evaluation(model, statistics, files) : undefined;
      const first = report?.models[0];
      dense ??= first && `dense: perplexity ${first.perplexity.toPrecision(5)}, ${report.tokens} tokens scored`;
      for (const { each, plan } of planned) {
        const evaluated = 'file' in plan ? report!.models[1 + files.indexOf(plan.file)] : undefined;
        const own = { ratio, method, allocation: each.allocation };
        rows.push(
          'file' in plan
            ? { ...own, ...(evaluated && { evaluated }), parameters: plan.parameters }
            : { ...own, why: plan.why.split('\n').at(-1)! },
        );
      }
    }
  }
  const shared = methods.filter((method) => !UNIFORM_ALONE.includes(method));
  return [
    `### ${model.name}`,
    '',
    `${model.origin} Texts: ${model.texts} Windows: ${model.windows} of ${model.length} tokens each, for calibration and for`,
    `evaluation, from different texts; ${dense ?? 'nothing was run'}.`,
    '',
    ...(model.statistics === undefined
      ? []
      : ['Statistics of the calibration text: by the PyTorch hook of `extension/compression/README.md`.', '']),
    '#### The claim: FARMS-alpha beats alpha and uniform',
    '',
    ...claimLines(rows, ratios, shared),
    '',
    '#### The order of the methods, uniform',
    '',
    '| fewer parameters | before | method | difference of KL | the method is |',
    '| --- | --- | --- | --- | --- |',
    ...orderLines(rows, ratios, ORDER),
    '',
    ...(model.only ? [] : sensitivityLines(runs.sensitivity(model, SENSITIVITY_RATIO))),
    '#### All rows',
    '',
    ...rowsTable(rows),
    '',
  ];
}

async function askedFor(
  model: ProofModel,
  ratio: number,
  method: string,
  allocations: readonly string[],
): Promise<Asked[]> {
  if (method === GROUPS) {
    const share = (await shareOfBlocks(model, ratio)).toFixed(4);
    const groups = [`nystrom:${share}`, `vo:${share}`];
    return [{ ratio, method: 'svd-llm', allocation: 'uniform', groups }];
  }
  const some = UNIFORM_ALONE.includes(method) ? ['uniform'] : allocations;
  return some.map((allocation) => ({ ratio, method, allocation }));
}

/** What of the blocks' matrices stays if embedding, output matrix and vectors stay whole. */
async function shareOfBlocks(model: ProofModel, ratio: number): Promise<number> {
  const { all, blocks } = await countsOf(model);
  return (ratio * all - (all - blocks)) / blocks;
}

async function countsOf({ path: file }: ProofModel): Promise<{ all: number; blocks: number }> {
  const opened = await openModel(file);
  try {
    let [all, blocks] = [0, 0];
    for (const { name, shape, sharedWith } of opened.tensors) {
      if (sharedWith !== undefined) continue;
      const count = shape.reduce((product, size) => product * size, 1);
      all += count;
      if (shape.length === 2 && /\.\d+\./.test(name)) blocks += count;
    }
    return { all, blocks };
  } finally {
    await opened.close();
  }
}

void proof();
