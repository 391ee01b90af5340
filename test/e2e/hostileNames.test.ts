/** Names that are Markdown, in a checkpoint that is only hovered: nothing of them may be fetched, linked or run. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { Workbench } from './workbench';

const COMMAND = 'command:workbench.action.terminal.new';

/** Asks for a page of ours when it is shown as Markdown; the editor's policy lets pictures come by https only. */
function attacks(origin: string): string[] {
  const picture = `![p](${origin}/p.png)`;
  return [
    `w\n\n${picture}\n\n[Repair](${COMMAND})\n\n`,
    `\`${picture}[Repair](${COMMAND})\``,
    `x\`\`\`** ${picture} [Repair](${COMMAND})\`\``,
    `** [Repair](${COMMAND}) ${picture}\r\n\r\n<img src="${origin}/i.png">`,
    `) ${picture} [Repair](${COMMAND} "`,
  ];
}

describe('names that are Markdown', function () {
  let folder: string;
  let server: net.Server;
  let workbench: Workbench;
  let names: string[];
  let connections = 0;

  before(async () => {
    server = net.createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-markdown-'));
    names = attacks(`https://127.0.0.1:${port}`).map((attack, index) => `${attack}.layer${index}.fc.weight`);
    const file = path.join(folder, `net" [Repair](${COMMAND}) \`*.safetensors`);
    writeSafetensors(
      file,
      names.map((name, index) => ({ name, shape: [8, 6], values: uniform(48, index + 1) })),
    );
    const lines = names.map((_, index) => `w = state["layer${index}.fc.weight"]\n`);
    writeFileSync(path.join(folder, 'train.py'), lines.join(''));
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('markdown-failed');
  });

  async function hoverOf(index: number): Promise<Locator> {
    const { page } = workbench;
    const line = page.locator('.view-line', { hasText: `layer${index}.fc` });
    const hover = page.locator('.monaco-hover:visible', { hasText: `layer${index}.fc.weight` });
    await workbench.untilHover(hover, async () => {
      await page.keyboard.press('Escape');
      await line.click();
      await page.keyboard.press('Home');
      for (let column = 0; column < 'w = state["lay'.length; column++) await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Control+K');
      await page.keyboard.press('Control+I');
    });
    return hover;
  }

  it('are text in a hover, with our own links only', async () => {
    await workbench.explorerItem('train.py').dblclick();
    for (const [index, name] of names.entries()) {
      const hover = await hoverOf(index);
      await workbench.screenshot(`markdown-${index}`);
      const links = await Promise.all(
        (await hover.locator('a').all()).map(
          async (link) => (await link.getAttribute('data-href')) ?? (await link.getAttribute('href')),
        ),
      );
      assert.ok(links.length >= 2, `links ${JSON.stringify(links)}`);
      for (const link of links) assert.match(link ?? '', /^command:eigenscope\.inspectWeights\?/);
      assert.equal(await hover.locator('img').count(), 0);
      const text = (await hover.innerText()).replace(/\s+/g, '');
      const shown = name.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replace(/\s+/g, '');
      assert.ok(text.includes(shown), `${text} has ${shown}`);
    }
    assert.equal(connections, 0, 'nothing was fetched');
  });

  it('open their own layer by the link', async () => {
    const hover = await hoverOf(4);
    await hover.getByText('Inspect').first().click();
    const view = await workbench.view(`net" [Repair](${COMMAND}) \`*.safetensors`);
    await view.locator('.layer h2', { hasText: 'layer4.fc.weight' }).waitFor();
    assert.equal(connections, 0, 'nothing was fetched');
  });
});
