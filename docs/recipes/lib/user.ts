import { cookies } from 'next/headers';

/** Who is signed in; null: nobody. Stands in for the sign-in of your app: everyone can write this cookie. */
export async function currentUser(): Promise<{ readonly id: string } | null> {
  const id = (await cookies()).get('user')?.value ?? '';
  return isUserId(id) ? { id } : null;
}

/** An id without a dot: the dot ends the id in the names of channels. */
export function isUserId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,50}$/.test(id);
}
