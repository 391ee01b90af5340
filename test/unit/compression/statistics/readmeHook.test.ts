/** The README's hook, run by PyTorch where it is installed: what it writes is what numpy sums, and what we read. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { openStatistics } from '../../../../extension/compression/statistics/statisticsSource';
import { pythonWith } from '../../../harness/python';
import { readmeProgram } from '../readmeProgram';
import { temporaryFolder } from '../../../harness/temporaryFolder';

/** A model of a Linear and of GPT-2's Conv1D; its inputs are kept, and summed by numpy. */
const SCRIPT = `
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from hook import write_statistics
from safetensors.torch import save_file

torch = __import__("torch")
torch.manual_seed(14)

class Conv1D(torch.nn.Module):
    def __init__(self, outputs, inputs):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inputs, outputs))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))
    def forward(self, x):
        return x @ self.weight + self.bias

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(11, 5)
        self.fc = torch.nn.Linear(5, 3)
        self.c_proj = Conv1D(4, 3)
        self.norm = torch.nn.LayerNorm(4)
    def forward(self, ids):
        self.seen = self.table(ids)
        self.between = torch.tanh(self.fc(self.seen))
        return self.norm(self.c_proj(self.between))

model = Model()
batches = [{"ids": torch.randint(0, 11, (2, 7))} for _ in range(3)]
inputs, squares = {"fc": [], "c_proj": []}, {"fc": 0, "c_proj": 0}
for batch in batches:
    model.zero_grad()
    model(**batch).pow(2).sum().backward()
    inputs["fc"].append(model.seen.detach().numpy().reshape(-1, 5).astype(np.float64))
    inputs["c_proj"].append(model.between.detach().numpy().reshape(-1, 3).astype(np.float64))
    for name in squares:
        squares[name] = squares[name] + getattr(model, name).weight.grad.numpy().astype(np.float64) ** 2
write_statistics(model, batches, sys.argv[1] + "/statistics.safetensors", lambda model, batch: model(**batch).pow(2).sum())
write_statistics(model, batches, sys.argv[1] + "/plain.safetensors")
save_file(model.state_dict(), sys.argv[1] + "/model.safetensors")
expected = {}
for name, xs in inputs.items():
    x = np.concatenate(xs)
    fisher = squares[name] if name == "fc" else squares[name].T
    expected[name] = {"gram": (x.T @ x).ravel().tolist(), "mean": x.mean(0).tolist(), "absMean": np.abs(x).mean(0).tolist(),
                      "fisher": fisher.ravel().tolist(), "tokens": len(x)}
print(json.dumps(expected))
`;

type Expected = Record<string, Record<'gram' | 'mean' | 'absMean' | 'fisher', number[]> & { tokens: number }>;

describe('the hook of the README', () => {
  const folder = temporaryFolder();

  it('writes what numpy sums, and nothing but what is read', async () => {
    const python = pythonWith('torch', 'safetensors', 'numpy');
    if (python === undefined) {
      console.log('      PyTorch is not installed: the hook of the README is not run');
      return;
    }
    writeFileSync(path.join(folder, 'hook.py'), readmeProgram('write_statistics'));
    const { status, stdout, stderr } = spawnSync(python, ['-c', SCRIPT, folder], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const expected = JSON.parse(stdout) as Expected;
    const checkpoint = await openModel(path.join(folder, 'model.safetensors'));
    for (const file of ['statistics', 'plain']) {
      const statistics = await openStatistics(path.join(folder, `${file}.safetensors`), checkpoint);
      assert.deepEqual([statistics.summary.problems, statistics.summary.unknown], [[], []]);
      assert.deepEqual(statistics.summary.covered.map(({ layer, tokens }) => [layer, tokens]).sort(), [
        ['c_proj.weight', 42],
        ['fc.weight', 42],
      ]);
      for (const [name, { tokens, fisher, ...arrays }] of Object.entries(expected)) {
        const found = await statistics.layer(`${name}.weight`);
        assert.equal(found.tokens, tokens);
        for (const [field, values] of Object.entries(file === 'plain' ? arrays : { ...arrays, fisher })) {
          const own = found[field as keyof typeof arrays]!;
          assert.equal(own.length, values.length, field);
          const largest = Math.max(...values.map(Math.abs));
          values.forEach((value, i) => assert.ok(Math.abs(own[i]! - value) <= 1e-5 * largest, `${name} ${field} ${i}`));
        }
        assert.equal(found.fisher === undefined, file === 'plain');
      }
      await statistics.close();
    }
    await checkpoint.close();
  }).timeout(120_000);
});
