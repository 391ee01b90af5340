/**
 * Statistics of a made LLaMA of 1.1 billion parameters, in BF16, from 8 windows of 512 tokens: how fast beside onnxruntime's
 * own products of the same shapes, and how much memory. The peer is each kind of product once, times how often it occurs.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { calibrateDecoderFile } from '../../extension/engine/decoders/calibrateDecoderFile';
import { openSingleProducts } from '../../extension/linalg/products/singleProducts';
import { randomMatrix } from '../harness/numbers/denseReference';
import { LLAMA_1B, LLAMA_1B_BLOCKS, makeLlama1b } from '../harness/checkpoints/madeCheckpoints';
import { benchTable, median, type BenchRow } from './benchTable';

const WINDOWS = 8;
const LENGTH = 512;

/** Tokens that the runner multiplies at a time. */
const TOKENS_AT_ONCE = 2048;

const TIMES = 3;

const HEADS = 32;
const KEY_HEADS = 4;

/** Bytes that the Gram matrices of one block may take: all of them fit. */
const GRAM_BYTES = 1e9;

/** rows × inner times inner × columns. */
interface Product {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** The products of a block for one batch of tokens: by its weights, and those of the Gram matrices. */
function productsOf({ hidden, feedForward, keyValue }: typeof LLAMA_1B): { weights: Product[]; grams: Product[] } {
  const by = (inner: number, columns: number): Product => ({ rows: TOKENS_AT_ONCE, inner, columns });
  const gram = (size: number): Product => ({ rows: size, inner: TOKENS_AT_ONCE, columns: size });
  return {
    weights: [
      ...[by(hidden, hidden), by(hidden, keyValue), by(hidden, keyValue), by(hidden, hidden)],
      ...[by(hidden, feedForward), by(hidden, feedForward), by(feedForward, hidden)],
    ],
    grams: [gram(hidden), gram(hidden), gram(hidden), gram(feedForward)],
  };
}

/** Seconds of each product, the median of a few times, added up. */
async function secondsOf(products: readonly Product[]): Promise<number> {
  const runtime = await openSingleProducts();
  let sum = 0;
  for (const { rows, inner, columns } of products) {
    const [a, b] = [
      Float32Array.from(randomMatrix(rows, inner, 1)),
      Float32Array.from(randomMatrix(inner, columns, 2)),
    ];
    const times: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      const started = performance.now();
      await runtime.multiply(a, b, rows, columns, inner, false, false);
      times.push((performance.now() - started) / 1000);
    }
    sum += median(times);
  }
  await runtime.dispose();
  return sum;
}

const operations = (products: readonly Product[]): number =>
  products.reduce((sum, { rows, inner, columns }) => sum + 2 * rows * inner * columns, 0);

function makeModel(folder: string): string {
  const { hidden, feedForward, vocabulary } = LLAMA_1B;
  makeLlama1b(folder);
  const config = {
    ...{
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: hidden,
      intermediate_size: feedForward,
    },
    ...{ num_hidden_layers: LLAMA_1B_BLOCKS, num_attention_heads: HEADS, num_key_value_heads: KEY_HEADS },
    ...{ vocab_size: vocabulary, max_position_embeddings: 2048, rms_norm_eps: 1e-5, tie_word_embeddings: false },
  };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** Most resident memory of this process so far, in megabytes of 10⁶ bytes. @see proc(5), VmHWM */
function peakMegabytes(): number {
  return (Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024) / 1e6;
}

async function rows(folder: string): Promise<BenchRow[]> {
  const model = makeModel(path.join(folder, 'model'));
  const tokens = path.join(folder, 'tokens.bin');
  // Numbers that look random, of 16 bits each: the ids have no meaning, and products take as long for any.
  const ids = Uint16Array.from({ length: WINDOWS * LENGTH }, (_, i) => (i * 7919 + 11) % LLAMA_1B.vocabulary);
  writeFileSync(tokens, new Uint8Array(ids.buffer));
  const { weights, grams } = productsOf(LLAMA_1B);
  const times = ((WINDOWS * LENGTH) / TOKENS_AT_ONCE) * LLAMA_1B_BLOCKS;
  const peer = times * (await secondsOf([...weights, ...grams]));
  const started = performance.now();
  const request = { model, tokens: { path: tokens, windows: WINDOWS, length: LENGTH }, gramBytes: GRAM_BYTES };
  const target = path.join(folder, 'statistics.safetensors');
  const report = await calibrateDecoderFile({ ...request, target, overwrite: false }, () => undefined);
  const seconds = (performance.now() - started) / 1000;
  const rate = (times * operations([...weights, ...grams])) / seconds / 1e9;
  return [
    {
      work: 'statistics of all layers, written',
      ours: seconds,
      peer,
      bounds: 'ratio',
      limit: 2,
      note: `${rate.toFixed(0)} GFLOP/s in products; a file of ${(report.bytes / 1e9).toFixed(1)} GB`,
    },
    { work: 'peak memory', ours: peakMegabytes(), bounds: 'value', limit: 3000, unit: 'MB', note: 'resident set' },
  ];
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-bench-'));
  try {
    const title = `Statistics of a model of 1.1 billion parameters, BF16, ${WINDOWS} windows of ${LENGTH} tokens`;
    process.stdout.write(benchTable(title, await rows(folder)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
