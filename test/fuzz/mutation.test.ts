/** The bounded run of the fuzzer: the same cases every time. `npm run fuzz` runs more and others. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { fuzz, type FuzzReport } from './fuzzer';
import { mutate } from './mutate';
import { PLANTED } from './planted';
import { Random } from './random';
import { reportLines } from './report';
import { fuzzSources } from './sources';
import { twoAtATime } from './twoAtATime';

const SEED = 20261123;
const CASES = 500;

/** Enough for the planted allocation. */
const PATIENT = { hangMilliseconds: 15_000 };

/** Begins beside the others: it mostly waits. */
let plantedRun: Promise<FuzzReport>;

describe('fuzzing damaged checkpoints', function () {
  // The fuzzer ends what hangs. The rest is a fixed amount of work, however long a busy machine takes for it.
  this.timeout(0);
  const finished: FuzzReport[] = [];
  let reports: ReadonlyMap<string, Promise<FuzzReport>>;

  before(() => {
    const run = (format: string) => () => fuzz({ format, origin: 'random', seed: SEED, from: 0, to: CASES });
    reports = twoAtATime(new Map([...fuzzSources().keys()].map((format) => [format, run(format)])));
    plantedRun = fuzz({ format: 'onnx', origin: 'planted', seed: SEED, from: 0, to: PLANTED.length + 1, ...PATIENT });
    // Told by the test that awaits it.
    plantedRun.catch(() => undefined);
  });

  after(() => {
    for (const report of finished) for (const line of reportLines(report)) console.log(`      ${line}`);
  });

  for (const format of fuzzSources().keys()) {
    it(`${format}: ${CASES} damaged files each open, open in part, or are refused`, async () => {
      const report = await reports.get(format)!;
      finished.push(report);
      assert.deepEqual(report.failures, []);
      const { opened, partial, refused } = report.counts;
      assert.equal(opened + partial + refused, CASES);
      assert.ok(partial + refused > CASES / 20, 'the damage does damage');
    });
  }
});

describe('the fuzzer', function () {
  this.timeout(0);

  it('makes the same damage from the same seed, and other damage from another', () => {
    const original = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
    const copy = new Uint8Array(original);
    const made = (seed: number) =>
      Array.from({ length: 50 }, (_, index) => mutate(original, new Random(seed, 'any', index)).description);
    assert.deepEqual(made(1), made(1));
    assert.notDeepEqual(made(1), made(2));
    assert.equal(new Set(made(1)).size, 50);
    assert.deepEqual(new Uint8Array(original), copy);
  });

  it('finds every fault that is planted, says which, keeps the files and goes on', async () => {
    const report = await plantedRun;
    try {
      const faults = new Map(report.failures.map(({ index, fault }) => [PLANTED[index], fault]));
      assert.deepEqual([...faults.keys()], PLANTED.slice(1));
      assert.match(faults.get('throws a TypeError')!, /TypeError: planted/);
      assert.equal(faults.get('never ends'), 'never ended');
      assert.match(faults.get('takes much memory')!, /^took \d{3} MB of memory$/);
      assert.equal(faults.get('writes to the checkpoint'), 'changed the files of the checkpoint');
      assert.match(faults.get('ends the process')!, /^the process ended \(3\)/);
      assert.match(faults.get('is slow')!, /^took \d{4,} ms$/);
      assert.match(faults.get('rejects behind the back')!, /planted/);
      assert.match(
        faults.get('reads another file')!,
        /^read outside of the checkpoint's folder: openSync\(.*outside\)$/,
      );
      assert.match(faults.get('writes elsewhere')!, /^wrote by writeFileSync\(/);
      if (process.platform === 'linux') assert.equal(faults.get('leaves a file open'), 'left 1 files open');
      assert.deepEqual(report.counts, { opened: 1, partial: 0, refused: 1 });
      for (const { kept, description } of report.failures) {
        assert.ok(existsSync(kept) && readdirSync(kept).length > 0);
        assert.match(description, /\.onnx/);
      }
    } finally {
      for (const { kept } of report.failures) rmSync(kept, { recursive: true, force: true });
    }
  });
});
