import { text } from 'node:stream/consumers';
import { AuditReport, judgeFindings } from './findings.ts';

// npm audit --omit=dev --json | node scripts/audit.ts
// Prints a line for each finding. Exit codes: 0 nothing that must be mended now, 1 a high or critical finding with a fix, 2 no report.

const report = AuditReport.safeParse(parseJson(await text(process.stdin)));
if (!report.success) {
  console.error('error: npm audit gave no report; is its registry reachable?');
  process.exit(2);
}
const { lines, mustFail } = judgeFindings(report.data);
for (const line of lines) console.log(line);
console.log(`${lines.length} findings`);
process.exit(mustFail ? 1 : 0);

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
