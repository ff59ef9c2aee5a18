import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import {
  propertiesFile,
  readYarnProperties,
  removeYarnProperties,
  writeYarnProperties,
} from '../../../src/deployment/yarn/client/properties-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-properties-'));
const config = Configuration.of({ 'yarn.properties-file.location': directory });
const id = 'application_1795576057449_0001';
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('what is written is read, whatever the values hold', () => {
  const key = fc.stringMatching(/^[a-z][a-z.-]{0,12}$/);
  const value = fc
    .string({ maxLength: 20, unit: fc.constantFrom('a', ' ', '=', ':', '\\', '#', '!', '@', 'ü', '/') })
    .filter((text) => !text.includes('@@') && !text.startsWith('@') && !text.endsWith('@'));
  fc.assert(
    fc.property(fc.dictionary(key, value), (dynamicProperties) => {
      writeYarnProperties(config, id, dynamicProperties);
      expect(readYarnProperties(config)).toMatchObject({ applicationId: id, dynamicProperties });
    }),
  );
});

test('its form is that of Java’s property files, with the first line that Flink writes', () => {
  writeYarnProperties(config, id, { 'a.b': 'x=y:z', c: 'd' });
  expect(readFileSync(propertiesFile(config), 'utf8')).toMatch(
    /^#Generated YARN properties file\n#.+\napplicationID=application_1795576057449_0001\ndynamicPropertiesString=a\.b\\=x\\=y\\:z@@c\\=d\n$/,
  );
});

test('a file of Flink’s own is read', () => {
  writeFileSync(
    propertiesFile(config),
    `#Generated YARN properties file\n#Mon Nov 30 16:02:29 CET 2020\ndynamicPropertiesString=env.java.opts\\=-Dx\\=y@@taskmanager.numberOfTaskSlots\\=2\napplicationID=${id}\n`,
  );
  expect(readYarnProperties(config)).toMatchObject({
    applicationId: id,
    dynamicProperties: { 'env.java.opts': '-Dx=y', 'taskmanager.numberOfTaskSlots': '2' },
  });
});

test('a session removes its own file only', () => {
  writeYarnProperties(config, id, {});
  removeYarnProperties(config, 'application_1795576057449_0002');
  expect(readYarnProperties(config)).toBeDefined();
  removeYarnProperties(config, id);
  expect(readYarnProperties(config)).toBeUndefined();
});
