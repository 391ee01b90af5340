import assert from 'node:assert/strict';
import Module from 'node:module';
import type * as PercentText from '../../../extension/host/percentText';

async function loaded(language: string): Promise<typeof PercentText> {
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const { _load } = loader;
  loader._load = (request, ...rest) => (request === 'vscode' ? { env: { language } } : _load(request, ...rest));
  try {
    return await import('../../../extension/host/percentText');
  } finally {
    loader._load = _load;
  }
}

describe('a share in percent', () => {
  it('has no space in English, and one digit after the point', async () => {
    const { percentText } = await loaded('en');
    assert.deepEqual(
      [0.95, 0.3142].map((share) => percentText(share)),
      ['95%', '31.4%'],
    );
  });

  it('keeps a small error apart from none with significant digits', async () => {
    const { percentText } = await loaded('en');
    const digits = { maximumSignificantDigits: 3 };
    assert.deepEqual(
      [0.60592, 0.000123456, 0].map((share) => percentText(share, digits)),
      ['60.6%', '0.0123%', '0%'],
    );
  });
});
