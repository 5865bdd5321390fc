import { z } from 'zod';
import { Id } from '../../events/values.ts';

export const PersonView = z
  .strictObject({ id: Id, username: z.string().nullable(), full_name: z.string() })
  .meta({ id: 'Person', description: 'Somebody with an account. After an erasure the name is "Deleted user".' });
export type PersonView = z.output<typeof PersonView>;

export type People = ReadonlyMap<string, PersonView>;

/** What is shown of a person where only a username is. */
export function nameOf({ username, full_name: fullName }: PersonView): string {
  return username ?? fullName;
}

/** Who is not among the people is unknown or erased. */
export function personIn(people: People, id: string): PersonView {
  return people.get(id) ?? { id, username: null, full_name: 'Deleted user' };
}
