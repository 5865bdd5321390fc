import { ConfigError, loadConfig, readEnvironment, secretsOf } from './config.ts';
import { configWarnings } from './config-warnings.ts';
import { logConsole } from './platform/console-log.ts';
import { DataDirectoryUnusable } from './platform/data-directory.ts';
import { createLog } from './platform/logging.ts';
import { startService } from './service.ts';
import { startUntilReachable } from './start-until-reachable.ts';

/** Above what stopping may take: a part that hangs must not keep the process. */
const SPARE_MS = 3_000;

async function main(): Promise<void> {
  const environment = readEnvironment();
  const config = loadConfig(environment);
  const log = createLog(config.log);
  logConsole(log, secretsOf(environment));
  for (const warning of configWarnings(config)) log.warn({}, warning);
  const stopping = new AbortController();
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        stopping.abort();
        resolve(signal);
      });
    }
  });
  process.on('exit', () => log.flush());
  process.on('unhandledRejection', (error) => log.error({ error }, 'a fault that nobody waited for'));

  try {
    const service = await startUntilReachable(() => startService(config, log, stopping.signal), { signal: stopping.signal, log });
    log.info(
      { host: service.host, port: service.port },
      `listening on http://${service.host.includes(':') ? `[${service.host}]` : service.host}:${service.port}`,
    );
    log.info({ signal: await stopped }, 'stopping');
    setTimeout(() => process.exit(1), config.shutdownSeconds * 1000 + SPARE_MS).unref();
    await service.stop(config.shutdownSeconds * 0.7);
    log.info({}, 'stopped');
    process.exit(0);
  } catch (error) {
    if (stopping.signal.aborted) process.exit(0);
    // Where the stack leads belongs to the code; a directory belongs to the operator.
    const facts = error instanceof DataDirectoryUnusable ? {} : { error };
    log.error(facts, `the service could not start: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exit(1);
});
