import type { Launch } from './run-as.ts';

/**
 * Waits for the end of its input, which the kernel closes with the process that holds the other end, however that ends; then it stops the
 * server, whose number is its first argument: in order, and after five seconds at once.
 */
const script = 'cat >/dev/null; kill -INT "$0" && sleep 5 && kill -QUIT "$0"';

/**
 * Stops a server when this process ends without having stopped it, by SIGKILL to its whole process group too. The watching process has the
 * server's account and a group of its own. Where there is no shell, the server is stopped by the next start instead.
 * @returns what ends the watching; to be called as soon as the server has ended, before another process can have its number
 */
export function endWithParent(pid: number, launch: Launch): () => void {
  const watching = launch('sh', ['-c', script, String(pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watching.on('error', () => {});
  watching.stdin?.on('error', () => {});
  watching.unref();
  (watching.stdin as unknown as { unref?(): void } | null)?.unref?.();
  return () => {
    watching.kill('SIGKILL');
    watching.stdin?.destroy();
  };
}
