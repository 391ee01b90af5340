import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { mismatch, type SettingSchema } from '../../../extension/host/settingValues';
import { repositoryRoot } from '../../harness/shared';

interface Manifest {
  capabilities: { untrustedWorkspaces: { supported: unknown; restrictedConfigurations: string[] } };
  contributes: { configuration: { properties: Record<string, SettingSchema & { scope: string }> } };
}

/** What workspaces were seen to hold, and worse. */
const NEVER = [{}, [], null, -4, 1e99, '2000', 'xmin', ''];

describe('settings', () => {
  const manifest = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8')) as Manifest;
  const { properties } = manifest.contributes.configuration;

  it('count with a value as package.json declares it, its default above all', () => {
    for (const [name, schema] of Object.entries(properties)) {
      assert.equal(mismatch(schema, schema.default), undefined, name);
      for (const value of schema.enum ?? []) assert.equal(mismatch(schema, value), undefined, name);
      const { minimum, maximum } = schema;
      if (minimum !== undefined) assert.equal(mismatch(schema, minimum), undefined, name);
      if (maximum !== undefined) assert.equal(mismatch(schema, maximum), undefined, name);
    }
  });

  it('do not count with another, and say what is wanted', () => {
    for (const [name, schema] of Object.entries(properties)) {
      for (const value of [...NEVER, Number.NaN, (schema.maximum ?? 1) + 0.5, (schema.minimum ?? 1) - 0.5]) {
        assert.ok(mismatch(schema, value), `${name} of ${JSON.stringify(value)}`);
      }
    }
    assert.equal(mismatch(properties['eigenscope.farms.rows']!, -4), 'a whole number from 16 to 65536');
    assert.equal(mismatch(properties['eigenscope.farms.fit']!, 'x'), 'one of KS, xmin_mid, xmin_peak');
    assert.equal(mismatch(properties['eigenscope.randomise']!, 1), 'true or false');
  });

  it('of a workspace do not count in Restricted Mode', () => {
    const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    assert.equal(supported, 'limited', 'else VS Code takes no notice of the list');
    const settable = Object.keys(properties).filter((name) => properties[name]!.scope !== 'machine');
    assert.deepEqual([...restrictedConfigurations].sort(), settable.sort());
  });
});
