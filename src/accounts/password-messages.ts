/** What the service and the process that hashes its passwords say to each other. */
export type PasswordTask = { do: 'hash'; password: string } | { do: 'verify'; password: string; digest: string };

export interface Verified {
  matches: boolean;
  /** The digest was made with weaker parameters than today's. */
  isOutdated: boolean;
}

export type PasswordRequest = PasswordTask & { id: number };
export type PasswordReply = { id: number } & ({ result: string | Verified } | { error: string });
