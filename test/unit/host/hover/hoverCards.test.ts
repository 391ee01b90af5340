import assert from 'node:assert/strict';
import Module from 'node:module';
import type * as HoverCards from '../../../../extension/host/hover/hoverCards';
import type { CheckpointHead } from '../../../../extension/host/workspace/indexedFiles';

/** What the cards use of VS Code. */
const vscode = {
  env: { language: 'en' },
  workspace: { asRelativePath: (file: string) => file },
  Uri: { file: (file: string) => `file://${file}` },
  MarkdownString: class {
    constructor(readonly value: string) {}
  },
};

async function cards(): Promise<typeof HoverCards> {
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const { _load } = loader;
  loader._load = (request, ...rest) => (request === 'vscode' ? vscode : _load(request, ...rest));
  try {
    return await import('../../../../extension/host/hover/hoverCards');
  } finally {
    loader._load = _load;
  }
}

describe('the hover of a checkpoint', () => {
  const text = async (head: Partial<CheckpointHead>): Promise<string> => {
    const about = {
      format: 'safetensors',
      architecture: '',
      bytes: 4,
      dtypes: [],
      ...head,
    } as unknown as CheckpointHead;
    return (await cards()).checkpointCard('/model.safetensors', about).value;
  };

  it('says 1 tensor, 1 parameter and 1 problem', async () => {
    const one = await text({ tensorCount: 1, parameters: 1, problems: 1 });
    assert.match(one, /\b1 tensor · 1 parameter · /);
    assert.match(one, /\n1 problem; open it to read it\b/);
  });

  it('says 2 tensors, 614 parameters and 2 problems', async () => {
    const more = await text({ tensorCount: 2, parameters: 614, problems: 2 });
    assert.match(more, /\b2 tensors · 614 parameters · /);
    assert.match(more, /\n2 problems; open it to read them\b/);
  });
});
