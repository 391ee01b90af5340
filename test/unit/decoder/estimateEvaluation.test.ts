import assert from 'node:assert/strict';
import path from 'node:path';
import { openModel } from '../../../extension/checkpoint/openModel';
import { estimateEvaluation } from '../../../extension/decoder/estimateEvaluation';
import { openDecoder } from '../../../extension/decoder/openDecoder';
import { Sessions } from '../../../extension/decoder/pass/sessions';
import type { WeightSource } from '../../../extension/decoder/weights/weightSource';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { repositoryRoot } from '../../harness/shared';

const FOLDERS = ['llama', 'mixtral', 'gpt2'];

describe('the estimate of an evaluation', function () {
  if (!onnxruntimeExists) return;

  for (const folder of FOLDERS) {
    it(`runs the first block of ${folder} and no other`, async () => {
      const model = await openModel(path.join(repositoryRoot, 'test', 'unit', 'decoder', 'golden', folder));
      const sessions = await Sessions.open();
      try {
        const { description, weights } = await openDecoder(model);
        const read = new Set<string>();
        const source: WeightSource = {
          linear: (linear, signal) => {
            read.add(linear.name);
            return weights.linear(linear, signal);
          },
          norm: (...args) => weights.norm(...args),
          tableSize: (name) => weights.tableSize(name),
          table: (...args) => weights.table(...args),
        };
        const windows = Array.from({ length: 300 }, (_, i) => Int32Array.of(1, 2, 3, i % 40, 5, 6, 7, 8));
        const options = { sessions, models: 1 };
        const piece = await estimateEvaluation({ name: folder, description, source }, windows, options);
        assert.ok(piece.seconds > 0 && Number.isFinite(piece.seconds));
        // Batches have 2048 tokens, and there are no more windows.
        assert.equal(piece.windows, 300);
        const [first, second] = description.blocks;
        const names = (block: typeof first): string[] => Object.values(block!.linears).map(({ name }) => name);
        assert.ok(names(first).every((name) => read.has(name)));
        assert.ok(names(second).every((name) => !read.has(name)));
      } finally {
        await sessions.release();
        await model.close();
      }
    });
  }
});
