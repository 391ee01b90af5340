import assert from 'node:assert/strict';
import type { LayerResult, PowerLawFit } from '../../../../extension/shared/layers';
import { farmsSpectrumInput, wholeSpectrumInput } from '../../../../webview/layer/spectrumInputs';

const fit: PowerLawFit = {
  ...{ rule: 'KS', status: 'success', alpha: 3, D: 0.1, xmin: 2, xmax: 4, num_pl_spikes: 3, sigma: 1 },
};
const layer: LayerResult = {
  ...{ name: 'conv.weight', tensor: 'conv.weight', shape: [8, 4, 3, 3], dtype: 'F32', matrices: 9, N: 8, M: 4 },
  ...{ metrics: { alpha: 3, lambda_plus: 1.5 }, missing: {}, fits: { KS: fit }, ranks: {}, problems: [] },
  ...{ farms: null, statistics: null },
};
const tensor = { name: 'conv.weight', shape: [8, 4, 3, 3] };
const eigenvalues = Float64Array.of(1, 2, 3, 4);

describe('what the spectra of a layer are drawn from', () => {
  it('is one truth for the view and the report: title, edge and aspect ratio', () => {
    const whole = wholeSpectrumInput(layer, tensor, eigenvalues)!.input;
    assert.deepEqual([whole.title, whole.edge, whole.Q], ['Kernel, pooled', 1.5, 2]);
    const single = wholeSpectrumInput({ ...layer, matrices: 1 }, tensor, eigenvalues)!.input;
    assert.equal(single.title, 'Whole matrix');
  });

  it('has no law of the bulk without the sizes of the matrix, and is none without a fit or values', () => {
    const { N: _, ...without } = layer;
    assert.equal('Q' in wholeSpectrumInput(without, tensor, eigenvalues)!.input, false);
    assert.equal(wholeSpectrumInput({ ...layer, fits: {} }, tensor, eigenvalues), null);
    assert.equal(wholeSpectrumInput(layer, tensor, new Float64Array(0)), null);
  });

  it('asks for what was found since whenever it judges, and not before', () => {
    let asked = 0;
    const found = (): object => {
      asked += 1;
      return {};
    };
    const { judge } = wholeSpectrumInput(layer, tensor, eigenvalues, found)!.input;
    assert.equal(asked, 0);
    judge!();
    judge!();
    assert.equal(asked, 2);
  });

  it('says how FARMS sampled', () => {
    const farms = { ...fit, windows: 3, windows_total: 12, window: [4, 2], interval: [2.5, 3.5] } as const;
    const found = farmsSpectrumInput({ ...layer, farms } as unknown as LayerResult, eigenvalues)!.input;
    assert.equal(found.sampling, '3 of 12, each 4 × 2');
    assert.deepEqual(found.interval, [2.5, 3.5]);
    assert.equal(farmsSpectrumInput(layer, eigenvalues), null);
  });
});
