import type { ReactNode } from 'react';
import { basePath, pathEnd } from '../../lib/config/routes.ts';
import styles from './sign-in.module.css';
import { StatusMasthead } from './status-masthead.tsx';

type SignInProps = {
  /** Why the last try was refused: `token` or `tries`; any other value counts as no try. */
  readonly refused: unknown;
  /** How long an address waits for its next try after many wrong ones. */
  readonly secondsPerTry: number;
};

/** The form that asks for the publish token. It is an ordinary form, so it works without JavaScript. */
export function SignIn({ refused, secondsPerTry }: SignInProps) {
  const reason = refusals(secondsPerTry).get(String(refused));
  return (
    <Notice title="Sign in to see the status" tone={reason === undefined ? 'resting' : 'stopped'}>
      <form action={`${basePath}/status/session${pathEnd}`} className={styles.form} method="post">
        <label className={styles.label} htmlFor="token">
          Publish token
        </label>
        <input
          aria-describedby="hint"
          aria-invalid={reason !== undefined}
          autoComplete="current-password"
          className={styles.token}
          id="token"
          name="token"
          required
          spellCheck={false}
          type="password"
        />
        <button className={styles.button} type="submit">
          Sign in
        </button>
        <p className={styles.hint} id="hint" role={reason === undefined ? undefined : 'alert'}>
          {reason ?? 'The value of PUBLISH_TOKEN on this server. This browser then stays signed in for 12 h.'}
        </p>
      </form>
    </Notice>
  );
}

function refusals(secondsPerTry: number): ReadonlyMap<string, string> {
  return new Map([
    [
      'token',
      'This is not the publish token of this server. Copy the value of PUBLISH_TOKEN, and try again.',
    ],
    ['tries', `Too many wrong tokens came from your address. Try again in ${secondsPerTry} s.`],
  ]);
}

/** The page where there is nothing to show, and the reason. */
export function NoStatus({ detail }: { readonly detail: string }) {
  return (
    <Notice title="There is no status to show" tone="stopped">
      <p role="alert">{detail}</p>
    </Notice>
  );
}

function Notice(props: {
  readonly title: string;
  readonly tone: 'resting' | 'stopped';
  readonly children: ReactNode;
}) {
  return (
    <>
      <StatusMasthead />
      <main className={styles.main} data-tone={props.tone}>
        <section className={styles.notice}>
          <h2 className={styles.title}>{props.title}</h2>
          {props.children}
        </section>
      </main>
    </>
  );
}
