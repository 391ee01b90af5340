/** Writes the schema of plans anew, after a table of methods or options has changed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PLAN_SCHEMA } from '../../../../extension/shared/compression/planKeys';
import { planSchemaText } from '../../../../extension/compression/planFile/planSchema';
import { repositoryRoot } from '../../../harness/shared';

const folder = path.join(repositoryRoot, 'media', 'schemas');
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, PLAN_SCHEMA), planSchemaText());
