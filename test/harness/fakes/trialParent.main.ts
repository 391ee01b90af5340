/** Begins a trial that hangs, prints its process id, and ends: for a test of what becomes of the trial. */
import path from 'node:path';
import { trialProcess } from '../../../extension/engine/resources/trialProcess';
import type { Accelerator } from '../../../extension/linalg/devices/providers';

const script = path.join(__dirname, 'fakeTrial.main.js');
const trial = trialProcess(script, ({ pid }) => process.stdout.write(`${pid}\n`, () => process.exit(0)));
void trial('hang' as Accelerator, 2 ** 30);
