/** What the terminal prints about real checkpoints, beside what FARMS and WeightWatcher printed about them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { InspectReport } from '../../extension/shared/inspectReport';
import { cli } from '../harness/commandLine';
import { compareWithGolden, goldenFiles } from '../harness/golden';
import { CHECKPOINT_ENDINGS } from '../../extension/shared/names/checkpointNames';
import { sharedFolder } from '../harness/shared';

/** FARMS settings that the golden numbers were made with. */
const SETTINGS = [
  ['--farms-rows', '2000', '--farms-q', '1', '--farms-ops', '10', '--fit', 'peak'],
  ['--farms-rows', '32', '--farms-q', '1', '--farms-ops', '8', '--fit', 'mid'],
];

function inspected(checkpoint: string, settings: string[]): InspectReport {
  const args = [cli, 'inspect', checkpoint, '--json', '--no-cache', ...settings];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as InspectReport;
}

/** How many layers are judged; the evidence stands in the report of each. */
function verdicts({ layers }: InspectReport): { judged: number; of: number } {
  const spectral = layers.filter(({ matrices }) => matrices > 0);
  for (const { name, verdict, verdict_reason: reason, verdict_evidence: evidence } of spectral) {
    assert.ok(reason && evidence && evidence.length > 0, name);
    assert.equal(
      verdict === 'no verdict',
      evidence.some(({ holds }) => !holds),
      `${name}: ${reason}`,
    );
  }
  return { judged: spectral.filter(({ verdict }) => verdict !== 'no verdict').length, of: spectral.length };
}

/** What is said of the model is true of its layers. */
function checkModel({ layers, model }: InspectReport): void {
  const listed = (kind: string): string[] =>
    model.findings.flatMap((finding) => (finding.kind === kind ? finding.layers : [])).sort();
  const judged = (word: string): string[] =>
    layers.flatMap(({ name, verdict, tiedWith }) =>
      tiedWith === undefined && verdict?.startsWith(`typical of ${word}`) === true ? [name] : [],
    );
  assert.deepEqual(listed('under'), judged('under').sort());
  assert.deepEqual(listed('over'), judged('over').sort());
  const all = model.findings.flatMap((finding) => finding.layers.map((name) => `${finding.kind} ${name}`));
  assert.equal(new Set(all).size, all.length, 'no layer is in two groups of a kind');
  const { over, well, under } = model.verdict_evidence!.judged;
  assert.deepEqual(
    [over, well, under],
    ['over', 'well', 'under'].map((word) => judged(word).length),
  );
  assert.equal(model.verdict === 'no verdict', model.next_step !== undefined);
}

describe('printed numbers of the reference checkpoints', () => {
  if (!sharedFolder) {
    console.log('The reference checkpoints are not beside the repository: printed numbers are not compared with them.');
    return;
  }
  const shared = sharedFolder;
  const judged = new Map<string, { judged: number; of: number }>();
  for (const { golden } of goldenFiles(shared, CHECKPOINT_ENDINGS)) {
    it(golden.checkpoint, () => {
      for (const settings of SETTINGS) {
        const report = inspected(path.join(shared, 'checkpoints', golden.checkpoint), settings);
        const { checked, failures } = compareWithGolden(golden, report);
        assert.deepEqual(failures, []);
        assert.ok(checked > Object.keys(golden.layers).length);
        judged.set(golden.checkpoint, verdicts(report));
        checkModel(report);
      }
    });
  }

  it('judges layers of trained models, and a fixed Fourier basis in none', () => {
    for (const [checkpoint, { judged: given, of }] of judged) {
      console.log(`      verdicts on ${checkpoint}: ${given} of ${of} layers`);
    }
    const transformer = judged.get('hbar-symbolic-flax/model_params.msgpack')!;
    assert.ok(transformer.judged >= transformer.of / 3, `${transformer.judged} of ${transformer.of}`);
    const silero = inspected(path.join(shared, 'checkpoints/silero-vad/silero_vad_16k.safetensors'), ['--no-farms']);
    const basis = silero.layers.find(({ name }) => name.includes('stft'))!;
    assert.equal(basis.verdict, 'no verdict');
    assert.match(basis.verdict_reason!, /D 0\.247 is beyond/);
  });
});
