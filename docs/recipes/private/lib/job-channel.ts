import { sessionOf } from './session.ts';

/** The channel of a job: `canRead` lets only its user read it. @returns null: nobody is signed in. */
export function jobChannel(id: string, headers: Headers): string | null {
  const session = sessionOf(headers);
  return session === null ? null : `user.${session.userId}.job.${id}`;
}
