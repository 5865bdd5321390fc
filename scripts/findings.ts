import { z } from 'zod';

const Severity = z.enum(['info', 'low', 'moderate', 'high', 'critical']);
const Finding = z.object({
  name: z.string(),
  severity: Severity,
  range: z.string(),
  fixAvailable: z.union([z.boolean(), z.looseObject({})]),
});

/** What `npm audit --json` prints, as far as it is read here. */
export const AuditReport = z.object({ vulnerabilities: z.record(z.string(), Finding) });

/** Findings in words, and whether they must fail a check: a high or critical one that another version mends does, every other is a warning. */
export function judgeFindings({ vulnerabilities }: z.output<typeof AuditReport>): { lines: string[]; mustFail: boolean } {
  const judged = Object.values(vulnerabilities).map((finding) => ({
    ...finding,
    isFixable: finding.fixAvailable !== false,
    isSerious: finding.severity === 'high' || finding.severity === 'critical',
  }));
  return {
    lines: judged.map(
      ({ name, range, severity, isFixable, isSerious }) =>
        `${isSerious && isFixable ? 'error' : 'warning'}: ${name} ${range}: ${severity}, ${isFixable ? 'a fix is available' : 'no fix yet'}`,
    ),
    mustFail: judged.some(({ isFixable, isSerious }) => isFixable && isSerious),
  };
}
