import { Rejection, type RejectionCode } from '../rejection.ts';

/** Carries a command out; a refusal with this code names the key of the request that it is about, which the command does not know. */
export async function namingKey<T>(work: Promise<T>, code: RejectionCode, key: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Rejection) || error.code !== code) throw error;
    throw new Rejection(
      code,
      error.message,
      error.details.map((detail) => ({ ...(detail as object), path: key })),
    );
  }
}
