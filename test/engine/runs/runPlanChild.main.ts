/**
 * A run of a plan in a process of its own, for `runPlanKilled.test.ts` to kill: arguments are the model, the target, and
 * the plan as JSON. Goes on with an earlier run. Prints `begin`, a line for each step, then `end`.
 */
import type { CompressionPlan } from '../../../extension/shared/compression/plans';
import { runInProcess } from '../../harness/planRuns';

const [model, target, plan] = process.argv.slice(2);

async function main(): Promise<void> {
  process.stdout.write('begin\n');
  const request = { plan: JSON.parse(plan!) as CompressionPlan, layout: 'safetensors', existing: 'resume' } as const;
  await runInProcess(model!, { ...request, target: target!, shardBytes: 1e6 }, () => process.stdout.write('step\n'));
  process.stdout.write('end\n');
}

main().catch((error: unknown) => {
  process.stdout.write(`failed ${String(error)}\n`);
  process.exitCode = 1;
});
